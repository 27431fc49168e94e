// Values as text: Python's str() and repr(), and json.dumps(). Used by the jinja_* files.
// Reference: docs.python.org/3/library/json.html#json.dumps.
#pragma once

#include <optional>
#include <string>

#include "engine/text/jinja_value.h"

namespace heed::jinja {

/// repr(float): the shortest digits that read back as the same number.
std::string real_text(double value);
/// str(value). Throws Error(unsupported) for what would print an address, such as a generator.
void print(TextBuilder& out, const Value& value);
std::string to_text(const Value& value, Budget& budget);
/// repr(value); errors as print().
void print_repr(TextBuilder& out, const Value& value);

/// The arguments of json.dumps that templates use.
struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  ///< of one level; without it all stands on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
/// json.dumps(value). Throws Error(argument) for what JSON cannot hold.
void print_json(TextBuilder& out, const Value& value, const JsonStyle& style);

}  // namespace heed::jinja
