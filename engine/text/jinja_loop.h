// The state of a running for loop, which its body sees as `loop`. Used by jinja_eval.
#pragma once

#include <functional>
#include <optional>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

/// Walks through the items of a loop that its filter lets pass, looking ahead only when asked to.
class Loop {
 public:
  /// True for the items the loop takes.
  using Filter = std::function<bool(const Value&)>;

  /// `filter` may be empty. Throws Error(argument) if `source` cannot be iterated over.
  Loop(Value source, Filter filter);

  /// Moves to the next item; nothing at the end.
  std::optional<Value> next();
  /// The loop has ended: its items and filter are gone, and so are its attributes.
  void close();
  /// loop.index, loop.last ... by name; nothing if there is no such attribute. Throws
  /// Error(unsupported) after close().
  std::optional<Value> attribute(std::string_view name);
  /// loop.changed(...): whether the values differ from those of the last call.
  bool changed(List values);
  int64_t index0() const { return index0_; }

 private:
  void require_open() const;
  std::optional<Value> pull();
  const std::optional<Value>& peek();
  int64_t length();

  Value source_;
  Cursor cursor_;
  Filter filter_;
  bool closed_ = false;
  int64_t index0_ = -1;
  std::optional<int64_t> length_;
  std::optional<Value> before_, current_, after_, last_changed_;
};

}  // namespace heed::jinja
