#include "engine/core/aligned.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/error.h"

namespace heed {

TEST_CASE("buffers are aligned and zero, large ones to huge pages") {
  for (const int64_t bytes : {1, 4096, 100000, (2 << 20) + 1, 10 << 20}) {
    AlignedBuffer buffer(bytes);
    CHECK(buffer.size() == bytes);
    CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % (bytes >= (2 << 20) ? 2 << 20 : 64) == 0);
    CHECK(std::all_of(buffer.data(), buffer.data() + bytes,
                      [](std::byte b) { return b == std::byte{0}; }));
    buffer.data()[bytes - 1] = std::byte{1};
  }
}

TEST_CASE("small pages: as aligned and zero") {
  AlignedBuffer buffer(10 << 20, "a cache", Pages::small);
  CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % 64 == 0);
  CHECK(std::all_of(buffer.data(), buffer.data() + buffer.size(),
                    [](std::byte b) { return b == std::byte{0}; }));
}

TEST_CASE("moving hands the memory over; an empty buffer is fine") {
  AlignedBuffer empty(0);
  AlignedBuffer a(64);
  std::byte* data = a.data();
  empty = std::move(a);
  CHECK(empty.data() == data);
  CHECK(empty.size() == 64);
}

TEST_CASE("what cannot be had is an error that says how much") {
  CHECK_THROWS_WITH_AS(AlignedBuffer(int64_t{1} << 60),
                       "no memory for a buffer of 1152921504606846976 bytes", Error);
  CHECK_THROWS_WITH_AS(AlignedBuffer(-1, "a cache"), "no memory for a cache of -1 bytes", Error);
}

}  // namespace heed
