// Local time and its formatting.
#include "engine/text/jinja_time.h"

#include <clocale>
#include <vector>

#include "engine/core/error.h"
#include "engine/text/jinja_budget.h"

namespace heed::jinja {
namespace {

// Python answers these itself: a time without a zone has no name and offset of one.
std::string without_zone(const std::string& format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
    } else if (const char letter = format[++i]; letter == 'f') {
      out += "000000";
    } else if (letter != 'z' && letter != 'Z') {
      out += '%';
      out += letter;
    }
  }
  return out;
}

}  // namespace

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  localtime_r(&now, &time);
  return time;
}

std::string format_time(const std::tm& time, const std::string& format) {
  constexpr size_t kMaxFormat = 1024;
  if (format.size() > kMaxFormat || format.find('\0') != format.npos) {
    fail(Error::Code::limit, "strftime_now: a format of more than ", kMaxFormat, " characters");
  }
  static const locale_t kPlain = newlocale(LC_ALL_MASK, "C", nullptr);
  const std::string checked = without_zone(format) + ' ';  // never an empty result
  std::vector<char> buffer(kMaxFormat * 128);
  const size_t size = strftime_l(buffer.data(), buffer.size(), checked.c_str(), &time, kPlain);
  if (size == 0) fail(Error::Code::limit, "strftime_now: the result is too long");
  return std::string(buffer.data(), size - 1);
}

}  // namespace heed::jinja
