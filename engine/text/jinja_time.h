// Local time for strftime_now. Used by jinja_globals and chat_template.
#pragma once

#include <ctime>
#include <string>

namespace heed::jinja {

/// The local time of this moment.
std::tm local_time();
/// datetime.strftime of a local time without a zone, in the C locale.
std::string format_time(const std::tm& time, const std::string& format);

}  // namespace heed::jinja
