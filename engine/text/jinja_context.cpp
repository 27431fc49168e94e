// JSON to values, over the event interface of nlohmann's parser: that one tells an integer too
// large from a real number, and keeps no second tree.
#include "engine/text/jinja_context.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace heed::jinja {
namespace {

// Of keys that are given twice the first place and the last value count.
Items without_repeats(Items items) {
  std::unordered_map<std::string_view, size_t> places;
  Items kept;
  for (auto& [key, value] : items) {
    const auto [place, is_new] = places.try_emplace(*key.as_text(), kept.size());
    if (is_new) {
      kept.emplace_back(key, std::move(value));
    } else {
      kept[place->second].second = std::move(value);
    }
  }
  return kept;
}

class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value::boolean(value)); }
  bool number_integer(number_integer_t value) override { return add(Value::integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) refuse_size(std::to_string(value));
    return add(Value::integer(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == text.npos) refuse_size(text);
    return add(Value::real(value));
  }
  bool string(string_t& value) override { return add(Value::text(std::move(value))); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& value) override {
    open_.back().key = Value::text(std::move(value));
    return true;
  }
  bool end_object() override {
    Items items = std::move(open_.back().items);
    open_.pop_back();
    return add(Value::dict(without_repeats(std::move(items))));
  }
  bool end_array() override {
    List items = std::move(open_.back().list);
    open_.pop_back();
    return add(Value::list(std::move(items)));
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    const std::string_view what = e.what();  // "[json.exception...] parse error at ..."
    fail(Error::Code::format, "the variables are not valid JSON:", what.substr(what.find(']') + 1));
  }

  Value take() { return std::move(result_); }

 private:
  struct Open {
    Items items;
    List list;
    Value key;  // None in an array
  };

  [[noreturn]] static void refuse_size(const std::string& number) {
    fail(Error::Code::limit,
         "the variables hold an integer beyond 64 bits: ", number.substr(0, 40));
  }

  bool open() {
    if (open_.size() >= kMaxValueDepth) {
      fail(Error::Code::limit, "the variables are nested deeper than ", kMaxValueDepth, " levels");
    }
    open_.emplace_back();
    return true;
  }

  bool add(Value value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (Open& parent = open_.back(); parent.key.is_none()) {
      parent.list.push_back(std::move(value));
    } else {
      parent.items.emplace_back(std::exchange(parent.key, Value()), std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  Value result_;
};

}  // namespace

Value read_context(std::string_view json) {
  Reader reader;
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  Value context = reader.take();
  if (!context.as_dict()) {
    fail(Error::Code::format, "the variables must be a JSON object, not a ", type_name(context));
  }
  return context;
}

}  // namespace heed::jinja
