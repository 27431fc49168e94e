#include "engine/core/thread_team.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/core/error.h"

namespace heed {

TEST_CASE("split covers all items once, in order") {
  for (const int64_t items : {0, 1, 2, 7, 100}) {
    for (const int threads : {1, 2, 3, 8}) {
      int64_t next = 0;
      for (int t = 0; t < threads; ++t) {
        const Range r = split(items, t, threads);
        CHECK(r.begin == next);
        CHECK(r.end - r.begin <= items / threads + 1);
        next = r.end;
      }
      CHECK(next == items);
    }
  }
}

/// Each thread adds to a shared counter between two barriers, in turns: any missed or early barrier
/// shows as a wrong sum.
int64_t turns(ThreadTeam& team, int rounds) {
  int64_t counter = 0;
  team.run([&](int thread) {
    for (int i = 0; i < rounds; ++i) {
      if (i % team.size() == thread) counter += i;
      team.barrier(thread);
    }
  });
  return counter;
}

int64_t sum_below(int64_t n) {
  return n * (n - 1) / 2;
}

TEST_CASE("barriers order the work of any number of threads") {
  for (const int threads : {1, 2, 3}) {
    ThreadTeam team(threads);
    CHECK(turns(team, 2000) == sum_below(2000));
    CHECK(turns(team, 2000) == sum_below(2000));
  }
  ThreadTeam team(2);
  CHECK(turns(team, 70000) == sum_below(70000));  // more than the barrier counts up to
}

TEST_CASE("more threads than CPUs sleep rather than spin") {
  ThreadTeam team(4 * default_threads());
  const std::clock_t start = std::clock();  // of CPU time: other work on the machine does not count
  CHECK(turns(team, 2000) == sum_below(2000));
  // A thread that only spun would keep the CPU from the others for a time slice, 3 ms or more, at
  // every barrier.
  CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 5);
}

TEST_CASE("a thread that comes late finds the others asleep, and wakes them") {
  ThreadTeam team(3);
  std::atomic<int> passed{0};
  team.run([&](int thread) {
    for (int i = 0; i < 20; ++i) {
      if (i % 3 == thread) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      team.barrier(thread);
    }
    ++passed;
  });
  CHECK(passed == 3);
}

TEST_CASE("teams of several threads work side by side") {
  std::vector<std::thread> users;
  std::vector<int64_t> sums(4);
  for (size_t i = 0; i < sums.size(); ++i) {
    users.emplace_back([&sums, i] {
      ThreadTeam team(2);
      sums[i] = turns(team, 500);
    });
  }
  for (std::thread& user : users) user.join();
  for (const int64_t sum : sums) CHECK(sum == sum_below(500));
}

TEST_CASE("an exception of one thread reaches the caller, and the team works on") {
  ThreadTeam team(2);
  CHECK_THROWS_AS(team.run([](int thread) {
    if (thread == 1) throw std::runtime_error("one");
  }),
                  std::runtime_error);
  CHECK(turns(team, 10) == sum_below(10));
}

TEST_CASE("threads see that the work of another has failed, in that run alone") {
  ThreadTeam team(2);
  std::atomic<int> seen{0};
  const auto work = [&](int thread) {
    if (thread == 0) throw std::runtime_error("one");
    while (!team.failed()) std::this_thread::yield();
    ++seen;
  };
  CHECK_THROWS_AS(team.run(work), std::runtime_error);
  CHECK(seen == 1);
  CHECK(!team.failed());
}

TEST_CASE("inside another parallel region a team shrinks to what it is given") {
  ThreadTeam team(2);
  std::vector<int> sizes;
#pragma omp parallel num_threads(2)
  {
#pragma omp single
    team.run([&](int thread) {
      team.barrier(thread);
      if (thread == 0) sizes.push_back(team.size());
    });
  }
  REQUIRE(sizes.size() == 1);
  CHECK(sizes[0] >= 1);
  CHECK(team.size() == 2);
}

/// Multiplied at run time, in the mode of the thread that calls.
float product(float a, float b) {
  const volatile float x = a, y = b;
  return x * y;
}

TEST_CASE("denormals are zero on every thread of a run, and back afterwards") {
  REQUIRE(product(1e-30f, 1e-10f) != 0);
  ThreadTeam team(2);
  std::vector<float> products(2, 1.0f);
  team.run([&](int thread) { products[thread] = product(1e-30f, 1e-10f); });
  CHECK(products[0] == 0);
  CHECK(products[1] == 0);
  CHECK(product(1e-30f, 1e-10f) != 0);
}

TEST_CASE("numbers of threads out of range are refused") {
  CHECK_THROWS_AS(ThreadTeam(0), Error);
  CHECK_THROWS_AS(ThreadTeam(100000), Error);
  CHECK(default_threads() >= 1);
}

}  // namespace heed
