// A zip archive whose entries lie in it as they are, uncompressed, ZIP64 or not: what torch.save
// writes since 1.6. Used by the reader of torch's checkpoints.
// Reference: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace heed {

/// Every place and length that the archive's directory says has been checked against its size.
/// Checksums are not computed: they would cost more than everything else that reads the weights.
class ZipArchive {
 public:
  struct Entry {
    std::string_view name;  ///< any bytes
    std::span<const std::byte> data;
  };

  /// The archive in somebody else's memory, which must outlive the result; `file` names it in
  /// errors. Throws Error(format), or Error(unsupported) naming an entry that is compressed or
  /// encrypted.
  static ZipArchive parse(std::span<const std::byte> bytes, const std::string& file);

  /// In the order of the archive's directory.
  std::span<const Entry> entries() const { return entries_; }
  const Entry* find(std::string_view name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
  }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace heed
