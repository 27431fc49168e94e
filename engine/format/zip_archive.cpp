// Parsing and checking of zip archives: see zip_archive.h.
#include "engine/format/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/format/cursor.h"
#include "engine/format/metadata.h"

namespace heed {
namespace {

// Each record begins with a signature of its own.
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDirectoryHeader = 0x02014b50;
constexpr uint32_t kEndRecord = 0x06054b50;
constexpr uint32_t kEndRecord64 = 0x06064b50;
constexpr uint32_t kEndLocator64 = 0x07064b50;

constexpr uint64_t kDirectoryHeaderBytes = 46;
constexpr uint64_t kEndRecordBytes = 22;
constexpr uint64_t kEndLocator64Bytes = 20;

constexpr uint16_t kEncrypted = 1;  // a flag
constexpr uint16_t kStored = 0;     // a method
constexpr uint16_t kExtra64 = 1;    // the field with what does not fit into 32 bits
constexpr uint32_t kIsIn64 = std::numeric_limits<uint32_t>::max();

/// The list of all entries, at the archive's end.
struct ZipDirectory {
  uint64_t entries;
  uint64_t bytes;
  uint64_t offset;
};

/// What the directory says of an entry.
struct ZipRecord {
  std::string_view name;
  uint16_t flags;
  uint16_t method;
  uint64_t compressed_bytes;
  uint64_t bytes;
  uint64_t offset;  // of the local header
};

std::string_view take_text(Cursor& cursor, uint64_t length) {
  const auto bytes = cursor.take(length);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ZipParser {
 public:
  ZipParser(std::span<const std::byte> bytes, const std::string& file)
      : bytes_(bytes), file_(file) {}

  std::vector<ZipArchive::Entry> parse() {
    const ZipDirectory directory = find_directory();
    Cursor cursor = at(directory.offset, "zip directory");
    std::vector<ZipArchive::Entry> entries;
    entries.reserve(directory.entries);
    for (uint64_t i = 0; i < directory.entries; ++i) {
      const ZipRecord record = read_record(cursor);
      entries.push_back({record.name, data_of(record, directory.offset)});
    }
    if (cursor.offset() != directory.offset + directory.bytes) {
      cursor.fail("expected it to end at offset ", directory.offset + directory.bytes,
                  ", found the end of its ", directory.entries, " entries at ", cursor.offset());
    }
    return entries;
  }

 private:
  Cursor at(uint64_t offset, std::string subject) const {
    Cursor cursor(bytes_, file_);
    cursor.set_subject(std::move(subject));
    cursor.take(offset);
    return cursor;
  }

  bool has_signature(uint64_t offset, uint32_t signature) const {
    return at(offset, "zip archive").number<uint32_t>() == signature;
  }

  /// The end record is the last thing but for a comment of at most 64 KiB.
  uint64_t find_end() const {
    constexpr uint64_t kMaxComment = std::numeric_limits<uint16_t>::max();
    const uint64_t size = bytes_.size();
    for (uint64_t comment = 0; comment <= kMaxComment && comment + kEndRecordBytes <= size;
         ++comment) {
      const uint64_t offset = size - kEndRecordBytes - comment;
      if (has_signature(offset, kEndRecord) &&
          at(offset + kEndRecordBytes - 2, "end record").number<uint16_t>() == comment) {
        return offset;
      }
    }
    fail(Error::Code::format, file_,
         ": not a zip archive, or one that is truncated: expected a record that begins with "
         "\"PK\\x05\\x06\" at its end");
  }

  ZipDirectory find_directory() const {
    const uint64_t end = find_end();
    Cursor cursor = at(end, "zip end record");
    cursor.take(4 + 2 + 2);  // signature, disks: an archive on several has entries elsewhere
    ZipDirectory directory = {};
    const auto entries_here = cursor.number<uint16_t>();
    directory.entries = cursor.number<uint16_t>();
    directory.bytes = cursor.number<uint32_t>();
    directory.offset = cursor.number<uint32_t>();
    if (entries_here != directory.entries) cursor.fail("the archive is one part of several");
    const uint64_t locator = end - kEndLocator64Bytes;
    if (end >= kEndLocator64Bytes && has_signature(locator, kEndLocator64)) {
      directory = read_end64(locator);
    }
    if (directory.bytes > end || directory.offset > end - directory.bytes) {
      cursor.fail("expected the directory before offset ", end, ", found ", directory.bytes,
                  " bytes of it at ", directory.offset);
    }
    if (directory.entries > directory.bytes / kDirectoryHeaderBytes) {
      cursor.fail(directory.entries, " entries do not fit into a directory of ", directory.bytes,
                  " bytes");
    }
    return directory;
  }

  ZipDirectory read_end64(uint64_t locator) const {
    Cursor cursor = at(locator + 4 + 4, "ZIP64 locator");  // signature, disk
    cursor = at(cursor.number<uint64_t>(), "ZIP64 end record");
    if (cursor.number<uint32_t>() != kEndRecord64) {
      cursor.fail("expected \"PK\\x06\\x06\" at offset ", cursor.offset() - 4);
    }
    cursor.take(8 + 2 + 2 + 4 + 4 + 8);  // length, versions, disks, entries on this disk
    ZipDirectory directory = {};
    directory.entries = cursor.number<uint64_t>();
    directory.bytes = cursor.number<uint64_t>();
    directory.offset = cursor.number<uint64_t>();
    return directory;
  }

  ZipRecord read_record(Cursor& cursor) const {
    if (cursor.number<uint32_t>() != kDirectoryHeader) {
      cursor.fail("expected \"PK\\x01\\x02\" at offset ", cursor.offset() - 4);
    }
    ZipRecord record = {};
    cursor.take(2 + 2);  // versions
    record.flags = cursor.number<uint16_t>();
    record.method = cursor.number<uint16_t>();
    cursor.take(2 + 2 + 4);  // time, date, checksum
    record.compressed_bytes = cursor.number<uint32_t>();
    record.bytes = cursor.number<uint32_t>();
    const auto name_length = cursor.number<uint16_t>();
    const auto extra_length = cursor.number<uint16_t>();
    const auto comment_length = cursor.number<uint16_t>();
    cursor.take(2 + 2 + 4);  // disk, attributes
    record.offset = cursor.number<uint32_t>();
    record.name = take_text(cursor, name_length);
    read_extra(cursor.take(extra_length), record);
    cursor.take(comment_length);
    return record;
  }

  /// Lengths and offset that do not fit into 32 bits are in an extra field, in this order.
  void read_extra(std::span<const std::byte> extra, ZipRecord& record) const {
    Cursor cursor(extra, file_);
    cursor.set_subject(cat("extra fields of ", quoted(record)));
    while (cursor.remaining() >= 4) {
      const auto id = cursor.number<uint16_t>();
      const auto length = cursor.number<uint16_t>();
      if (id != kExtra64) {
        cursor.take(length);
        continue;
      }
      for (uint64_t* field : {&record.bytes, &record.compressed_bytes, &record.offset}) {
        if (*field == kIsIn64) *field = cursor.number<uint64_t>();
      }
      return;
    }
  }

  /// The data, which lie after a second header of the entry and before the directory.
  std::span<const std::byte> data_of(const ZipRecord& record, uint64_t directory) const {
    const auto refuse = [&](Error::Code code, const auto&... parts) {
      fail(code, file_, ": zip entry ", quoted(record), ": ", parts...);
    };
    if ((record.flags & kEncrypted) != 0) refuse(Error::Code::unsupported, "is encrypted");
    if (record.method != kStored) {
      refuse(Error::Code::unsupported, "is compressed (method ", record.method,
             "): expected an archive as torch.save writes it, whose entries are stored");
    }
    if (record.compressed_bytes != record.bytes) {
      refuse(Error::Code::format, "expected as many bytes stored as there are, found ",
             record.compressed_bytes, " and ", record.bytes);
    }
    Cursor cursor = at(record.offset, cat("zip entry ", quoted(record)));
    if (cursor.number<uint32_t>() != kLocalHeader) {
      cursor.fail("expected \"PK\\x03\\x04\" at offset ", record.offset);
    }
    cursor.take(2 + 2 + 2 + 2 + 2 + 4 + 4 + 4);  // version to lengths: the directory's hold
    const auto name_length = cursor.number<uint16_t>();
    const auto extra_length = cursor.number<uint16_t>();
    if (take_text(cursor, name_length) != record.name) {
      cursor.fail("has another name in its own header");
    }
    cursor.take(extra_length);
    const uint64_t begin = cursor.offset();
    if (begin > directory || record.bytes > directory - begin) {
      refuse(Error::Code::format, "expected its data before the directory at offset ", directory,
             ", found ", record.bytes, " bytes at ", begin);
    }
    return bytes_.subspan(begin, record.bytes);
  }

  static std::string quoted(const ZipRecord& record) { return to_text(std::string(record.name)); }

  std::span<const std::byte> bytes_;
  const std::string& file_;
};

}  // namespace

ZipArchive ZipArchive::parse(std::span<const std::byte> bytes, const std::string& file) {
  ZipArchive archive;
  archive.entries_ = ZipParser(bytes, file).parse();
  for (size_t i = 0; i < archive.entries_.size(); ++i) {
    const std::string_view name = archive.entries_[i].name;
    if (!archive.index_.try_emplace(name, i).second) {
      fail(Error::Code::format, file, ": zip entry ", to_text(std::string(name)),
           ": is there twice");
    }
  }
  return archive;
}

}  // namespace heed
