#include "tools/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

namespace heed {
namespace {

std::string scaled(double value, std::span<const std::string_view> units) {
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  std::string text = fixed(value, unit == 0 ? 0 : 1);
  if (!units[unit].empty()) text += " " + std::string(units[unit]);
  return text;
}

}  // namespace

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string fixed(double value, int digits) {
  std::array<char, 400> text;  // DBL_MAX has 309 digits
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

void append_float(float value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

std::string bytes_text(int64_t bytes) {
  static constexpr std::array<std::string_view, 5> units = {"B", "kB", "MB", "GB", "TB"};
  return scaled(static_cast<double>(bytes), units);
}

std::string count_text(int64_t count) {
  static constexpr std::array<std::string_view, 4> units = {"", "k", "M", "G"};
  return scaled(static_cast<double>(count), units);
}

int64_t text_width(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

std::string one_line(std::string_view text, int64_t width) {
  std::string line;
  const bool cut = width > 3 && text_width(text) > width;
  int64_t left = cut ? width - 3 : text_width(text);
  for (const char c : text) {
    const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (!continues && left-- == 0) break;
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return cut ? line + "..." : line;
}

std::string padded(std::string text, int64_t width) {
  text.append(static_cast<size_t>(std::max<int64_t>(0, width - text_width(text))), ' ');
  return text;
}

Statistics statistics(std::span<const double> values) {
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  Statistics result{.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2};
  for (const double value : sorted) result.mean += value / static_cast<double>(n);
  for (const double value : sorted) result.sd += (value - result.mean) * (value - result.mean);
  result.sd = n > 1 ? std::sqrt(result.sd / static_cast<double>(n - 1)) : 0;
  return result;
}

}  // namespace heed
