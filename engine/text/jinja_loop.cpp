// The for loop's state.
#include "engine/text/jinja_loop.h"

namespace heed::jinja {

Loop::Loop(Value source, Filter filter)
    : source_(std::move(source)), cursor_(source_), filter_(std::move(filter)) {}

std::optional<Value> Loop::pull() {
  while (auto item = cursor_.next()) {
    if (!filter_ || filter_(*item)) return item;
  }
  return std::nullopt;
}

const std::optional<Value>& Loop::peek() {
  if (!after_) after_ = pull();
  return after_;
}

std::optional<Value> Loop::next() {
  std::optional<Value> item = std::exchange(after_, std::nullopt);
  if (!item) item = pull();
  if (!item) return std::nullopt;
  ++index0_;
  before_ = std::exchange(current_, item);
  return item;
}

int64_t Loop::length() {
  if (length_) return *length_;
  if (const auto known = filter_ ? std::nullopt : length_of(source_)) {
    length_ = known;
  } else {
    List rest;
    const int64_t seen = index0_ + 1 + (after_ ? 1 : 0);
    while (auto item = pull()) rest.push_back(std::move(*item));
    length_ = seen + static_cast<int64_t>(rest.size());
    cursor_ = Cursor(Value::list(std::move(rest)));
    filter_ = nullptr;
  }
  return *length_;
}

void Loop::close() {
  // Nothing of it may be asked for any more, and the values may hold this loop or others in turn.
  closed_ = true;
  filter_ = nullptr;
  source_ = Value();
  cursor_ = Cursor(Value::list({}));
  for (auto* value : {&before_, &current_, &after_, &last_changed_}) value->reset();
}

void Loop::require_open() const {
  if (closed_) fail(Error::Code::unsupported, "the variable 'loop' is used behind its loop");
}

std::optional<Value> Loop::attribute(std::string_view name) {
  require_open();
  if (name == "index") return Value::integer(index0_ + 1);
  if (name == "index0") return Value::integer(index0_);
  if (name == "first") return Value::boolean(index0_ == 0);
  if (name == "last") return Value::boolean(!peek());
  if (name == "length") return Value::integer(length());
  if (name == "revindex") return Value::integer(length() - index0_);
  if (name == "revindex0") return Value::integer(length() - index0_ - 1);
  if (name == "depth") return Value::integer(1);
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem") {
    return index0_ == 0 ? Value::undefined("there is no previous item") : *before_;
  }
  if (name == "nextitem") {
    const auto& next = peek();
    return next ? *next : Value::undefined("there is no next item");
  }
  return std::nullopt;
}

bool Loop::changed(List values) {
  require_open();
  Value all = Value::tuple(std::move(values));
  const bool differs = !last_changed_ || !is_equal(*last_changed_, all);
  last_changed_ = std::move(all);
  return differs;
}

}  // namespace heed::jinja
