#include "engine/format/zip_archive.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"
#include "tests/support/zip_file.h"

namespace heed {
namespace {

void check_zip_refused(const std::string& text, const std::string& sentence,
                       Error::Code code = Error::Code::format) {
  CAPTURE(sentence);
  const auto bytes = Bytes().raw(text).copy();
  try {
    ZipArchive::parse(bytes, "m.zip");
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "m.zip: " + sentence);
    CHECK(error.code() == code);
  }
}

std::string data_of_entry(const ZipArchive::Entry* entry) {
  if (!entry) return "none";
  return {reinterpret_cast<const char*>(entry->data.data()), entry->data.size()};
}

}  // namespace

TEST_CASE("stored entries are found, in ZIP64 and before a comment too") {
  const std::vector<ZipEntry> plain = {{.name = "a/x", .data = "first"}, {.name = "a/y"}};
  const std::vector<ZipEntry> large = {{.name = "a/x", .data = "first", .zip64 = true},
                                       {.name = "a/y", .zip64 = true}};
  for (const std::string& text :
       {zip_file(plain), zip_file(plain, {.comment = "says nothing: PK\x05\x06"}),
        zip_file(plain, {.zip64 = true}), zip_file(large), zip_file(large, {.zip64 = true})}) {
    const auto bytes = Bytes().raw(text).copy();
    const ZipArchive archive = ZipArchive::parse(bytes, "m.zip");
    REQUIRE(archive.entries().size() == 2);
    CHECK(archive.entries()[0].name == "a/x");
    CHECK(data_of_entry(archive.find("a/x")) == "first");
    CHECK(data_of_entry(archive.find("a/y")) == "");
    CHECK(data_of_entry(archive.find("a")) == "none");
  }
  const auto none = Bytes().raw(zip_file({})).copy();
  CHECK(ZipArchive::parse(none, "m.zip").entries().empty());
}

TEST_CASE("entries that are not stored as they are") {
  check_zip_refused(zip_file({{.name = "w"}, {.name = "w\n", .method = 8}}),
                    R"(zip entry "w\n": is compressed (method 8): expected an archive as )"
                    "torch.save writes it, whose entries are stored",
                    Error::Code::unsupported);
  check_zip_refused(zip_file({{.name = "w", .flags = 1}}), R"(zip entry "w": is encrypted)",
                    Error::Code::unsupported);
  check_zip_refused(zip_file({{.name = "w", .data = "abc", .more_stored_bytes = 1}}),
                    R"(zip entry "w": expected as many bytes stored as there are, found 4 and 3)");
}

TEST_CASE("archives whose places and lengths cannot be") {
  check_zip_refused("PK",
                    "not a zip archive, or one that is truncated: expected a record that "
                    R"(begins with "PK\x05\x06" at its end)");
  check_zip_refused(zip_file({{.name = "w"}}, {.comment = "abc"}) + "d",
                    "not a zip archive, or one that is truncated: expected a record that "
                    R"(begins with "PK\x05\x06" at its end)");
  // An entry's header has 30 bytes, 1 of a name and 5 of an extra field.
  check_zip_refused(zip_file({{.name = "w", .data = "abc", .more_bytes = 1}}),
                    R"(zip entry "w": expected its data before the directory at offset 39, found )"
                    "4 bytes at 36");
  check_zip_refused(zip_file({{.name = "w", .data = "abc", .more_bytes = 1, .zip64 = true}}),
                    R"(zip entry "w": expected its data before the directory at offset 39, found )"
                    "4 bytes at 36");
  check_zip_refused(zip_file({{.name = "w", .further = 1}}),
                    R"(zip entry "w": expected "PK\x03\x04" at offset 1)");
  check_zip_refused(zip_file({{.name = "w", .further = 1000}}),
                    R"(zip entry "w": expected 1000 more bytes at offset 0, but the file ends at )"
                    "105");
  check_zip_refused(zip_file({{.name = "w", .local_name = "v"}}),
                    R"(zip entry "w": has another name in its own header)");
  check_zip_refused(zip_file({{.name = "w"}, {.name = "w"}}), R"(zip entry "w": is there twice)");
}

TEST_CASE("directories that cannot be") {
  for (const bool zip64 : {false, true}) {
    CAPTURE(zip64);
    const std::vector<ZipEntry> one = {{.name = "w"}};
    const auto end = [&](ZipEnd lie) {
      lie.zip64 = zip64;
      return zip_file(one, lie);
    };
    const int at_end = 36 + 47 + (zip64 ? 56 + 20 : 0);
    check_zip_refused(end({.more_entries = 1}),
                      "zip end record: 2 entries do not fit into a directory of 47 bytes");
    check_zip_refused(end({.more_entries = -1}),
                      "zip directory: expected it to end at offset 83, found the end of its 0 "
                      "entries at 36");
    check_zip_refused(end({.more_bytes = 100}),
                      cat("zip end record: expected the directory before offset ", at_end,
                          ", found 147 bytes of it at 36"));
    check_zip_refused(end({.further = 100}),
                      cat("zip end record: expected the directory before offset ", at_end,
                          ", found 47 bytes of it at 136"));
    check_zip_refused(end({.further = -1}), R"(zip directory: expected "PK\x01\x02" at offset 35)");
  }
  std::string several = zip_file({{.name = "w"}});
  several[several.size() - 14] = 2;  // entries on this disk
  check_zip_refused(several, "zip end record: the archive is one part of several");
  std::string nowhere = zip_file({{.name = "w"}}, {.zip64 = true});
  nowhere[nowhere.size() - 22 - 12] ^= 1;  // the locator's offset
  check_zip_refused(nowhere, R"(ZIP64 end record: expected "PK\x06\x06" at offset 82)");
}

TEST_CASE("an archive cut off anywhere is refused") {
  const std::string whole =
      zip_file({{.name = "a/x", .data = "first", .zip64 = true}, {.name = "a/y"}}, {.zip64 = true});
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto bytes = Bytes().raw(std::string_view(whole).substr(0, size)).copy();
    CHECK_THROWS_AS(ZipArchive::parse(bytes, "m.zip"), Error);
  }
}

}  // namespace heed
