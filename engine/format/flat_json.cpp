// The checks of flat_json.h.
#include "engine/format/flat_json.h"

#include <array>
#include <string_view>
#include <unordered_set>

#include "engine/core/error.h"
#include "engine/format/metadata.h"

namespace heed {

nlohmann::json parse_flat_json(std::span<const std::byte> bytes, const std::string& subject) {
  using Json = nlohmann::json;
  using Event = Json::parse_event_t;
  constexpr int kMaxDepth = 3;  // header, tensor, shape
  const auto refuse = [&](const auto&... parts) {
    fail(Error::Code::format, subject, ": ", parts...);
  };
  std::array<std::unordered_set<std::string>, kMaxDepth> keys;  // of the object open at a depth
  const auto check = [&](int depth, Event event, const Json& parsed) {
    const bool opens = event == Event::object_start || event == Event::array_start;
    if (opens && depth >= kMaxDepth) refuse("nested deeper than ", kMaxDepth, " levels");
    if (event == Event::object_start) keys[depth].clear();
    if (event == Event::key && !keys[depth - 1].insert(parsed.get<std::string>()).second) {
      refuse("has the key ", to_text(parsed.get<std::string>()), " twice");
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(reinterpret_cast<const char*>(bytes.data()),
                       reinterpret_cast<const char*>(bytes.data() + bytes.size()), check);
  } catch (const Json::parse_error& error) {
    refuse("not valid JSON near byte ", error.byte);
  } catch (const Json::exception&) {  // a number beyond every type
    refuse("not valid JSON");
  }
  return json;
}

}  // namespace heed
