// Numbers and texts as people and programs read them. Used by the verbs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace heed {

/// A JSON object that keeps its fields in the order they were set.
using Json = nlohmann::ordered_json;

/// One line; bytes that are not UTF-8 become U+FFFD.
std::string json_line(const Json& json);

/// "3.14" of (3.14159, 2).
std::string fixed(double value, int digits);

/// The shortest text that reads back as the same float; JSON has no NaN, so that is "null".
void append_float(float value, std::string& out);

/// "98.9 MB", "134.5 M"; thousands are 1,000.
std::string bytes_text(int64_t bytes);
std::string count_text(int64_t count);

/// Characters a terminal shows in one cell each, at least roughly: UTF-8 code points.
int64_t text_width(std::string_view text);

/// `text` on one line: control characters as spaces, cut to `width` with "..." (0: not cut).
std::string one_line(std::string_view text, int64_t width);

/// `text` followed by spaces up to `width`.
std::string padded(std::string text, int64_t width);

struct Statistics {
  double median = 0;
  double mean = 0;
  double sd = 0;  ///< of a sample; 0 for a single value
};
Statistics statistics(std::span<const double> values);

}  // namespace heed
