// The same under AddressSanitizer, which has replaced malloc itself and calls hooks.
#include <sanitizer/allocator_interface.h>

#include <atomic>

#include "tests/support/allocations.h"

namespace heed {
namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> calls{0};

void on_malloc(const volatile void*, size_t) {
  if (counting.load(std::memory_order_relaxed)) calls.fetch_add(1, std::memory_order_relaxed);
}

void on_free(const volatile void*) {}

}  // namespace

int64_t count_allocations(const std::function<void()>& work) {
  static const bool installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
  calls = installed ? 0 : -1;
  counting = true;
  work();
  counting = false;
  return calls;
}

}  // namespace heed
