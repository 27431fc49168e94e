// Zip archives for tests, written byte by byte, without the reader under test.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/bytes.h"

namespace heed {

/// What a test may have wrong in an archive's entry.
struct ZipEntry {
  std::string name = {};
  std::string data = {};
  uint16_t flags = 0;
  uint16_t method = 0;
  int32_t more_bytes = 0;         // that the directory says than there are
  int32_t more_stored_bytes = 0;  // likewise, of the compressed size
  int32_t further = 0;            // than it is, the directory says that the entry is
  std::string local_name = {};    // the name in the entry's own header, if not the same
  bool zip64 = false;             // lengths and offset in an extra field
};

/// What it may have wrong in the end record.
struct ZipEnd {
  int32_t more_entries = 0;
  int32_t more_bytes = 0;
  int32_t further = 0;
  bool zip64 = false;
  std::string comment = {};
};

inline std::string zip_file(const std::vector<ZipEntry>& entries, const ZipEnd& end = {}) {
  constexpr uint32_t kIn64 = 0xFFFFFFFF;
  Bytes file;
  Bytes directory;
  const auto sized = [](size_t size, int32_t more) { return static_cast<uint32_t>(size) + more; };
  for (const ZipEntry& entry : entries) {
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const uint64_t offset = sized(file.text().size(), entry.further);
    const uint64_t stored = sized(entry.data.size(), entry.more_bytes + entry.more_stored_bytes);
    const uint64_t bytes = sized(entry.data.size(), entry.more_bytes);
    const auto half = [&](uint64_t value) {
      return entry.zip64 ? kIn64 : static_cast<uint32_t>(value);
    };
    file.raw("PK\x03\x04").add(uint16_t{20}).add(entry.flags).add(entry.method).add(uint32_t{0});
    file.add(uint32_t{0}).add(half(stored)).add(half(bytes));
    file.add(static_cast<uint16_t>(local.size())).add(uint16_t{5}).raw(local);
    file.raw(std::string("FB\x01\x00Z", 5)).raw(entry.data);
    Bytes extra;
    if (entry.zip64) {
      extra.raw(std::string("FB\x01\x00Z", 5));  // a field that means nothing here
      extra.add(uint16_t{1}).add(uint16_t{24}).add(bytes).add(stored).add(offset);
    }
    directory.raw("PK\x01\x02").add(uint32_t{20}).add(entry.flags).add(entry.method);
    directory.add(uint32_t{0}).add(uint32_t{0}).add(half(stored)).add(half(bytes));
    directory.add(static_cast<uint16_t>(entry.name.size()));
    directory.add(static_cast<uint16_t>(extra.text().size())).add(uint16_t{0});
    directory.add(uint64_t{0}).add(half(offset)).raw(entry.name).raw(extra.text());
  }
  const uint32_t offset = sized(file.text().size(), end.further);
  const uint32_t bytes = sized(directory.text().size(), end.more_bytes);
  const uint32_t count = sized(entries.size(), end.more_entries);
  file.raw(directory.text());
  if (end.zip64) {
    const uint64_t record = file.text().size();
    file.raw("PK\x06\x06").add(uint64_t{44}).add(uint32_t{0}).add(uint64_t{0});
    file.add(uint64_t{count}).add(uint64_t{count}).add(uint64_t{bytes}).add(uint64_t{offset});
    file.raw("PK\x06\x07").add(uint32_t{0}).add(record).add(uint32_t{1});
  }
  const auto low = static_cast<uint16_t>(end.zip64 ? kIn64 : count);
  file.raw("PK\x05\x06").add(uint32_t{0}).add(low).add(low);
  file.add(end.zip64 ? kIn64 : bytes).add(end.zip64 ? kIn64 : offset);
  file.add(static_cast<uint16_t>(end.comment.size())).raw(end.comment);
  return file.text();
}

}  // namespace heed
