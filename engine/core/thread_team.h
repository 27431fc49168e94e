// One persistent team of OpenMP threads, with a barrier of its own that costs a fraction of a
// microsecond. Used to pack weights and to run plans: all threads walk the same steps.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include <omp.h>

namespace heed {

/// Part [begin, end) of a number of items.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

/// The share of `thread`: as even as can be, in order, the first ones one item longer.
inline Range split(int64_t items, int thread, int threads) {
  const int64_t each = items / threads;
  const int64_t rest = items % threads;
  const int64_t begin = each * thread + (thread < rest ? thread : rest);
  return {begin, begin + each + (thread < rest ? 1 : 0)};
}

/// Threads that make sense here: physical cores among the CPUs this process may use, and no more
/// than its cgroup's quota.
int default_threads();

/// Denormal floats are zero in this thread while the object lives: a product that underflows costs
/// a hundred cycles otherwise, and every thread of a team must round alike.
class FlushDenormals {
 public:
  FlushDenormals() noexcept;
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

/// Threads are those of the OpenMP runtime, which keeps them for the calling thread from one run to
/// the next: several teams, each used by a thread of its own, work side by side.
class ThreadTeam {
 public:
  /// 1 to 1,024 threads; Error(argument) otherwise.
  explicit ThreadTeam(int threads);

  /// Threads of the current run; between runs, those asked for.
  int size() const noexcept { return state_->size; }

  /// Calls work(thread) on every thread, 0 being the caller, and returns when all are done. The
  /// first exception is thrown on; work that uses barrier() must not throw.
  template <typename Work>
  void run(Work&& work);

  /// Within run: waits until all threads are here. Spins for some microseconds, then sleeps.
  void barrier(int thread) noexcept;

 private:
  struct State {
    alignas(64) std::atomic<uint32_t> generation{0};
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<uint32_t> edges{0};  // orders memory around the OpenMP region
    int size = 1;
    int asked = 1;
    std::exception_ptr error;
    std::atomic<bool> failed{false};
  };

  template <typename Work>
  void run_on_this_thread(Work& work) noexcept;

  std::unique_ptr<State> state_;
};

template <typename Work>
void ThreadTeam::run(Work&& work) {
  State& s = *state_;
  s.edges.fetch_add(1, std::memory_order_release);
#pragma omp parallel num_threads(s.asked)
  {
    s.edges.load(std::memory_order_acquire);
    // The runtime may give fewer threads, above all inside somebody else's parallel region.
    if (omp_get_num_threads() != s.asked) {
#pragma omp single
      s.size = omp_get_num_threads();
    }
    run_on_this_thread(work);
    s.edges.fetch_add(1, std::memory_order_release);
  }
  s.edges.load(std::memory_order_acquire);
  s.size = s.asked;
  if (s.failed.exchange(false)) std::rethrow_exception(std::exchange(s.error, nullptr));
}

template <typename Work>
void ThreadTeam::run_on_this_thread(Work& work) noexcept {
  const FlushDenormals flush;
  try {
    work(omp_get_thread_num());
  } catch (...) {
    if (!state_->failed.exchange(true)) state_->error = std::current_exception();
  }
}

}  // namespace heed
