// Calls that take long: without the interpreter's lock, and ended by Ctrl-C. Used by the bindings.
#pragma once

#include <optional>

#include "python/src/bindings.h"

namespace heed::python {

/// Python's handler of SIGINT only sets a flag, which the interpreter looks at between two of its
/// instructions; a thread at work in the engine does not come to the next. So while one of these
/// lives in the main thread (that alone runs Python's handlers), a handler of ours stands before
/// Python's and has the session's call cancelled.
class CtrlC {
 public:
  explicit CtrlC(heed_session* session);
  ~CtrlC();
  CtrlC(const CtrlC&) = delete;
  CtrlC& operator=(const CtrlC&) = delete;

 private:
  bool in_main_thread_;
  bool outermost_ = false;  ///< others may live in the callbacks of a call
  heed_session* outer_ = nullptr;
};

/// Throws Error(unsupported) in a child of fork() whose parent had called this: it has none of the
/// parent's threads, and would wait for them for ever.
void check_process();

/// Throws Error(cancelled) if Ctrl-C was pressed during the call that is at work: for callbacks of
/// calls that have no session.
void end_if_pressed();

/// Runs `work`, which must not touch Python's objects. Where Ctrl-C ended it, what Python's handler
/// raises is thrown: KeyboardInterrupt.
template <typename Work>
auto long_call(heed_session* session, const Work& work) {
  check_process();
  const CtrlC ctrl_c(session);
  if (PyErr_CheckSignals() != 0) throw nb::python_error();  // pressed before: arguments take time
  try {
    const nb::gil_scoped_release released;
    return work();
  } catch (const Error& error) {
    if (error.code() == Error::Code::cancelled && PyErr_CheckSignals() != 0) {
      throw nb::python_error();
    }
    throw;
  }
}

using OptionalProgress = std::optional<nb::typed<nb::callable, void(double)>>;

/// For use inside long_call: tells the callback, if there is one, the share of the work that is
/// done. Not an owner of it, since it may be copied where the lock is not held.
class Progress {
 public:
  explicit Progress(const OptionalProgress& callback)
      : callback_(callback ? nb::handle(*callback) : nb::handle()) {}

  void operator()(int64_t done, int64_t all) const {
    end_if_pressed();
    if (!callback_.is_valid()) return;
    const nb::gil_scoped_acquire acquired;
    callback_(all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 1.0);
  }

 private:
  nb::handle callback_;
};

}  // namespace heed::python
