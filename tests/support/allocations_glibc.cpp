// malloc and its kin, replaced for the whole process: counted, then done by glibc under the names
// it keeps for such replacements (manual, "Replacing malloc").
#include <errno.h>
#include <stdlib.h>

#include <atomic>

#include "tests/support/allocations.h"

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* old, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
}

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> calls{0};

void count() noexcept {
  if (counting.load(std::memory_order_relaxed)) calls.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t bytes) {
  count();
  return __libc_malloc(bytes);
}

void* calloc(size_t number, size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}

void* realloc(void* old, size_t bytes) {
  count();
  return __libc_realloc(old, bytes);
}

void* memalign(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  return memalign(alignment, bytes);
}

int posix_memalign(void** out, size_t alignment, size_t bytes) {
  *out = memalign(alignment, bytes);
  return *out ? 0 : ENOMEM;
}

}  // extern "C"

namespace heed {

int64_t count_allocations(const std::function<void()>& work) {
  calls = 0;
  counting = true;
  work();
  counting = false;
  return calls;
}

}  // namespace heed
