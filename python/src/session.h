// heed::Session as Python's threads may use it.
#pragma once

#include <atomic>
#include <optional>
#include <stdexcept>
#include <utility>

#include "python/src/long_call.h"

namespace heed::python {

/// A second thread, or a callback, calls a session that is at work.
class Busy : public std::runtime_error {
 public:
  Busy() : std::runtime_error("the session is at work, expected one call at a time") {}
};

/// A session, and the answer it is making. Calls that find it at work throw Busy: the library
/// refuses them too, but knows neither the answer nor what else the C++ objects hold.
class OwnedSession {
 public:
  OwnedSession(const Model& model, const SessionOptions& options) : session_(model, options) {}

  /// A call that takes no time.
  template <typename Work>
  auto quick(const Work& work) {
    const InUse in_use(*this);
    return work(session_);
  }
  /// One that may take long.
  template <typename Work>
  auto run(const Work& work) {
    const InUse in_use(*this);
    return long_call(session_.handle(), [&] { return work(session_); });
  }

  /// Reads the prompt and makes the first token.
  void start(const std::vector<Token>& prompt, const GenerateOptions& options);
  /// The next text of the answer, none of which is empty; nothing at its end.
  std::optional<std::string> next();

  void cancel() { session_.cancel(); }

 private:
  struct InUse {
    explicit InUse(OwnedSession& of) : session(of) {
      if (session.at_work_.exchange(true)) throw Busy();
    }
    ~InUse() { session.at_work_ = false; }
    OwnedSession& session;
  };

  Session session_;
  std::optional<TextStream> stream_;
  bool text_is_new_ = false;  ///< made with the prompt, and not handed out yet
  std::atomic<bool> at_work_ = false;
};

}  // namespace heed::python
