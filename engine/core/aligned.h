// Zeroed memory that starts on a cache line, in huge pages where it is large: packed weights,
// caches and arenas. Reference: mmap(2), madvise(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace heed {

/// Large memory that is read from end to end wants huge pages; where a little of it is used here
/// and there, small ones are backed as they are needed, and do not fall on the same cache sets.
enum class Pages { huge, small };

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws Error(limit) that names `purpose` and the number of bytes if there is no memory for
  /// them. Pages are backed as they are first touched. 2 MiB and more start on a huge page, if
  /// such are wanted.
  explicit AlignedBuffer(int64_t bytes, std::string_view purpose = "a buffer",
                         Pages pages = Pages::huge);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  int64_t size() const noexcept { return size_; }

 private:
  void swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  int64_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

}  // namespace heed
