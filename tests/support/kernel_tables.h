// The kernel tables to test on this machine, and buffers that notice a kernel writing past its row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/tables.h"

namespace heed {

/// The distance from 1 to the next float: what a rounding costs, in relation, is half of it.
inline constexpr double kEps = std::numeric_limits<float>::epsilon();

struct NamedTable {
  std::string name;
  Kernels table;
};

/// The table of every instruction set of this machine; that of avx512 also as a CPU without
/// AVX512_BF16 gets it.
inline std::vector<NamedTable> machine_tables() {
  std::vector<NamedTable> tables;
  for (const Isa isa : machine_isas())
    tables.push_back({std::string(to_string(isa)), kernels(isa)});
  if (machine_has(Isa::avx512)) {
    tables.push_back({"avx512 without bf16", avx512_table(/*with_bf16=*/false)});
  }
  return tables;
}

/// `count` values of T that begin `offset` elements after an aligned address, between canaries.
template <typename T>
class Guarded {
 public:
  explicit Guarded(int64_t count, int64_t offset = 0)
      : bytes_((count + offset) * sizeof(T) + 2 * kGuard + kAlign, kCanary) {
    std::byte* start = bytes_.data() + kGuard;
    start += (kAlign - reinterpret_cast<uintptr_t>(start) % kAlign) % kAlign;
    data_ = reinterpret_cast<T*>(start) + offset;
    count_ = count;
    for (T& value : *this) value = T{};
  }
  Guarded(int64_t count, int64_t offset, const std::vector<T>& values) : Guarded(count, offset) {
    std::copy_n(values.begin(), count, data_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }

  /// Whether nothing outside the values was written.
  bool intact() const {
    const auto untouched = [](std::byte b) { return b == kCanary; };
    const auto* first = reinterpret_cast<const std::byte*>(data_);
    return std::all_of(bytes_.data(), first, untouched) &&
           std::all_of(first + count_ * sizeof(T), bytes_.data() + bytes_.size(), untouched);
  }

 private:
  static constexpr size_t kGuard = 256, kAlign = 64;
  static constexpr std::byte kCanary{0xa5};
  std::vector<std::byte> bytes_;
  T* data_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace heed
