#include "engine/core/mapped_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/include/heed_error.hpp"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

std::string text_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_refused(const std::filesystem::path& path, const std::string& sentence) {
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    CHECK_THROWS_WITH(MappedFile::open(path, access), doctest::Contains(sentence.c_str()));
    CHECK_THROWS_WITH(MappedFile::open(path, access), doctest::Contains(path.c_str()));
  }
}

}  // namespace

TEST_CASE("a file's bytes are the same mapped and read, and move with their owner") {
  const TemporaryDirectory directory;
  const std::string text(100'000, 'x');
  write_text(directory / "file", text);
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    MappedFile file = MappedFile::open(directory / "file", access);
    CHECK(file.path() == directory / "file");
    CHECK(text_of(file) == text);
    const std::byte* data = file.bytes().data();
    MappedFile moved = std::move(file);
    CHECK(moved.bytes().data() == data);
    write_text(directory / "other", "y");
    MappedFile other = MappedFile::open(directory / "other", access);
    other = std::move(moved);
    CHECK(text_of(other) == text);
  }
}

TEST_CASE("dropped bytes can still be read") {
  const TemporaryDirectory directory;
  const std::string text(100'000, 'x');
  write_text(directory / "file", text);
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    const MappedFile file = MappedFile::open(directory / "file", access);
    file.drop(file.bytes());
    file.drop(file.bytes().subspan(5000, 10));
    file.drop(file.bytes().last(99'999));
    file.drop({});
    CHECK(text_of(file) == text);
  }
}

TEST_CASE("bytes are copied past the mapping, and a file that shrank is named") {
  const TemporaryDirectory directory;
  std::string text(100'000, 'x');
  text.replace(50'000, 3, "abc");
  for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
    write_text(directory / "file", text);
    const MappedFile file = MappedFile::open(directory / "file", access);
    std::string part(5, '.');
    file.copy(file.bytes().subspan(49'999, 5), reinterpret_cast<std::byte*>(part.data()));
    CHECK(part == "xabcx");
    std::filesystem::resize_file(directory / "file", 50'001);
    const auto copy = [&] {
      file.copy(file.bytes().subspan(49'999, 5), reinterpret_cast<std::byte*>(part.data()));
    };
    if (access == FileAccess::read) {
      copy();
      CHECK(part == "xabcx");
    } else {
      CHECK_THROWS_WITH(copy(), doctest::Contains("file' shrank while it was read: expected at "
                                                  "least 50004 bytes, found 50001"));
    }
  }
}

TEST_CASE("what cannot be read is refused with its name and the reason") {
  const TemporaryDirectory directory;
  check_refused(directory / "absent", "No such file or directory");
  check_refused(directory.path(), "is a directory");
  write_text(directory / "empty", "");
  check_refused(directory / "empty", "is empty");
  ::mkfifo((directory / "pipe").c_str(), 0600);
  check_refused(directory / "pipe", "is a device or a pipe");
  check_refused("/dev/null", "is a device or a pipe");
  if (::geteuid() != 0) {  // root reads everything
    write_text(directory / "secret", "x");
    ::chmod((directory / "secret").c_str(), 0);
    check_refused(directory / "secret", "Permission denied");
  }
}

}  // namespace heed
