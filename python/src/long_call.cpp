#include "python/src/long_call.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace heed::python {
namespace {

// What a signal handler sees can only be global.
std::atomic<heed_session*> session_at_work = nullptr;
std::atomic<bool> pressed = false;
sem_t wake_watcher;
struct sigaction python_action = {};
bool installed = false;   // the main thread's
pid_t watching_pid = -1;  // likewise; a child of fork() has no watcher yet

bool in_main_thread() {
  return gettid() == getpid();
}

/// A handler may not take the locks that cancelling takes: the watcher does it.
void handle(int signal, siginfo_t* info, void* context) {
  pressed = true;
  sem_post(&wake_watcher);
  if (python_action.sa_flags & SA_SIGINFO) {
    python_action.sa_sigaction(signal, info, context);
  } else {
    python_action.sa_handler(signal);
  }
}

/// Again and again, since the session may not have begun its call yet. No session, or one that is
/// gone by now, is a status that nobody needs.
void watch() {
  for (;;) {
    if (sem_wait(&wake_watcher) != 0) continue;
    while (pressed && session_at_work) {
      heed_session_cancel(session_at_work);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

void start_watcher() {
  if (watching_pid == getpid()) return;
  sem_init(&wake_watcher, 0, 0);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for others
  std::thread(watch).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  watching_pid = getpid();
}

bool is_handled(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ||
         (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

}  // namespace

CtrlC::CtrlC(heed_session* session) : in_main_thread_(in_main_thread()) {
  if (!in_main_thread_) return;
  if (!installed) pressed = false;  // before the watcher sees the session
  outer_ = session_at_work.exchange(session);
  if (installed || sigaction(SIGINT, nullptr, &python_action) != 0 || !is_handled(python_action)) {
    return;
  }
  start_watcher();
  struct sigaction ours = python_action;
  ours.sa_flags |= SA_SIGINFO;
  ours.sa_sigaction = handle;
  installed = outermost_ = sigaction(SIGINT, &ours, nullptr) == 0;
}

CtrlC::~CtrlC() {
  if (!in_main_thread_) return;
  session_at_work = outer_;
  if (!outermost_) return;
  sigaction(SIGINT, &python_action, nullptr);
  installed = false;
}

void check_process() {
  static const pid_t first = getpid();
  if (getpid() == first) return;
  throw Error(
      Error::Code::unsupported,
      "this process was forked from one that had used Heed, and lacks its threads: expected "
      "one that was spawned (multiprocessing.get_context(\"spawn\"))");
}

void end_if_pressed() {
  if (in_main_thread() && installed && pressed) {
    throw Error(Error::Code::cancelled, "cancelled by an interrupt");
  }
}

}  // namespace heed::python
