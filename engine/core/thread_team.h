// One persistent team of OpenMP threads, with a barrier of its own that costs some 50 ns. Used to
// pack weights and to run plans: all threads walk the same steps.
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

/// Threads that make sense on this machine (Host::threads).
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
/// the next: several teams, each used by a thread of its own, work side by side. One team serves
/// one run at a time. Threads are not pinned: they may be the application's own OpenMP threads too,
/// and whoever wants pinning has OMP_PROC_BIND or taskset.
class ThreadTeam {
 public:
  static constexpr int kMostThreads = 1024;

  /// 1 to kMostThreads threads; Error(argument) otherwise.
  explicit ThreadTeam(int threads);

  /// Threads of the current run; between runs, those asked for.
  int size() const noexcept { return state_->size.load(std::memory_order_relaxed); }

  /// Calls work(thread) on every thread, 0 being the caller, and returns when all are done. Within
  /// it denormals are zero. The first exception is thrown on; work that uses barrier() must not
  /// throw, since the others would wait for it.
  template <typename Work>
  void run(Work&& work);

  /// Within run: whether some thread's work has thrown. What is left is then done for nobody.
  bool failed() const noexcept { return state_->failed.load(std::memory_order_relaxed); }

  /// Within run: waits until all threads are here. Spins for some 40 microseconds, then sleeps.
  void barrier(int thread) noexcept;

 private:
  struct State {
    /// Generation in the upper half, threads that have arrived in the lower.
    alignas(64) std::atomic<uint32_t> barrier{0};
    /// Counts edges of parallel regions. Orders memory around them: the runtime does so too, but
    /// ThreadSanitizer cannot see it there.
    alignas(64) std::atomic<uint32_t> edges{0};
    std::atomic<int> size{1};
    int asked = 1;
    std::atomic<bool> failed{false};
    std::exception_ptr error;
  };

  template <typename Work>
  static void run_as(int thread, State& state, Work& work) noexcept;

  std::unique_ptr<State> state_;
};

template <typename Work>
void ThreadTeam::run(Work&& work) {
  State* const state = state_.get();
  auto* const what = &work;
  if (state->asked == 1) {
    run_as(0, *state, *what);  // libgomp allocates a region of one thread anew each time
  } else {
    state->edges.fetch_add(1, std::memory_order_release);
#pragma omp parallel num_threads(state->asked) firstprivate(state, what)
    {
      state->edges.load(std::memory_order_acquire);
      // The runtime may give fewer threads, above all inside somebody else's parallel region.
      state->size.store(omp_get_num_threads(), std::memory_order_relaxed);
      run_as(omp_get_thread_num(), *state, *what);
      state->edges.fetch_add(1, std::memory_order_release);
    }
    state->edges.load(std::memory_order_acquire);
  }
  state->size.store(state->asked, std::memory_order_relaxed);
  if (state->failed.exchange(false)) std::rethrow_exception(std::exchange(state->error, nullptr));
}

template <typename Work>
void ThreadTeam::run_as(int thread, State& state, Work& work) noexcept {
  const FlushDenormals flush;
  try {
    work(thread);
  } catch (...) {
    if (!state.failed.exchange(true)) state.error = std::current_exception();
  }
}

}  // namespace heed
