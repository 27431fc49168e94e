// Counts what a piece of work allocates, on all threads: operator new, malloc and the like, those
// of libraries too. Two forms, one of which CMakeLists.txt compiles: allocations_glibc.cpp replaces
// malloc, allocations_sanitizer.cpp asks the sanitizer's malloc.
#pragma once

#include <cstdint>
#include <functional>

namespace heed {

/// Allocations made while `work` runs, by whatever thread.
int64_t count_allocations(const std::function<void()>& work);

}  // namespace heed
