#include "engine/core/aligned.h"

#include <sys/mman.h>

#include "engine/core/error.h"
#include "engine/core/host.h"

namespace heed {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

/// Sizes from which the machine's memory is asked for: a kernel that overcommits grants anything.
constexpr int64_t kQuestionable = int64_t{1} << 30;

bool beyond_machine(int64_t bytes) {
  if (bytes < kQuestionable) return false;
  const int64_t memory = host().memory;
  return memory > 0 && bytes > memory;
}

size_t round_up(size_t value, size_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

AlignedBuffer::AlignedBuffer(int64_t bytes, std::string_view purpose, Pages pages) : size_(bytes) {
  if (bytes == 0) return;
  const bool huge = pages == Pages::huge && static_cast<size_t>(bytes) >= kHugePage;
  // One huge page more than needed, so that the data can start on the boundary of one.
  mapped_ = round_up(static_cast<size_t>(bytes), huge ? kHugePage : 4096) + (huge ? kHugePage : 0);
  mapping_ = bytes < 0 || beyond_machine(bytes) ? MAP_FAILED
                                                : mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    fail(Error::Code::limit, "no memory for ", purpose, " of ", bytes, " bytes");
  }
  const auto address = reinterpret_cast<size_t>(mapping_);
  data_ = reinterpret_cast<std::byte*>(huge ? round_up(address, kHugePage) : address);
  if (huge) madvise(data_, round_up(static_cast<size_t>(bytes), kHugePage), MADV_HUGEPAGE);
}

AlignedBuffer::~AlignedBuffer() {
  if (mapping_) munmap(mapping_, mapped_);
}

}  // namespace heed
