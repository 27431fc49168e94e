// What heed.hpp is made of: statuses as exceptions, buffers as strings and vectors, callbacks that
// may throw. Included by heed.hpp alone; programs use nothing of it by name.
#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heed.h"
#include "heed_error.hpp"
#include "heed_records.hpp"

namespace heed {
inline namespace v0 {
namespace detail {

inline Error::Code code_of(heed_status status) {
  switch (status) {
    case HEED_IO:
      return Error::Code::io;
    case HEED_FORMAT:
      return Error::Code::format;
    case HEED_UNSUPPORTED:
      return Error::Code::unsupported;
    case HEED_LIMIT:
      return Error::Code::limit;
    case HEED_CANCELLED:
      return Error::Code::cancelled;
    case HEED_INTERNAL:
      return Error::Code::internal;
    default:
      return Error::Code::argument;
  }
}

/// Throws Error for any status but HEED_OK; std::bad_alloc where memory is short.
inline void check(heed_status status) {
  if (status == HEED_OK) return;
  if (status == HEED_OUT_OF_MEMORY) throw std::bad_alloc();
  throw Error(code_of(status), heed_last_error());
}

/// The elements that call(buffer, &count) gives, where `guess` is what most calls need at most.
template <typename Values, typename Call>
Values fetch(size_t guess, const Call& call) {
  Values values(guess, typename Values::value_type{});
  size_t count = guess;
  heed_status status = call(values.data(), &count);
  if (status == HEED_BUFFER_TOO_SMALL) {
    values.resize(count);
    status = call(values.data(), &count);
  }
  check(status);
  values.resize(count);
  return values;
}

/// Where making the text is work, `guess` is generous: what does not fit is made again.
template <typename Call>
std::string fetch_text(const Call& call, size_t guess = 512) {
  return fetch<std::string>(guess, call);
}

/// A function that C calls with itself as `user`. What it throws goes on when the C function has
/// returned: rethrow_or_check().
template <typename Function>
class Callback {
 public:
  explicit Callback(const Function& function) : function_(function) {}

  void* user() { return this; }

  /// Calls the function; 1 to go on, 0 where it returned false or threw.
  template <typename... Arguments>
  static int call(void* user, const Arguments&... arguments) noexcept {
    auto& self = *static_cast<Callback*>(user);
    try {
      if constexpr (std::is_same_v<decltype(self.function_(arguments...)), bool>) {
        return self.function_(arguments...);
      } else {
        self.function_(arguments...);
        return 1;
      }
    } catch (...) {
      self.thrown_ = std::current_exception();
      return 0;
    }
  }

  void rethrow_or_check(heed_status status) {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    check(status);
  }

 private:
  const Function& function_;
  std::exception_ptr thrown_;
};

/// Progress as C reports it.
using Progress = Callback<ProgressCallback>;
inline int report_progress(void* user, int64_t done, int64_t all) {
  return Progress::call(user, done, all);
}

/// A handle that frees itself.
template <typename Handle, void (*free_handle)(Handle*)>
class Owner {
 public:
  explicit Owner(Handle* handle = nullptr) noexcept : handle_(handle) {}
  ~Owner() { free_handle(handle_); }
  Owner(Owner&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owner& operator=(Owner&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  Handle* get() const noexcept { return handle_; }

 private:
  Handle* handle_;
};

/// Texts as C wants them.
class TextList {
 public:
  template <typename Texts>
  explicit TextList(const Texts& texts) {
    for (const std::string_view text : texts) {
      texts_.push_back(text.data() ? text.data() : "");
      lengths_.push_back(text.size());
    }
  }
  const char* const* texts() const { return texts_.data(); }
  const size_t* lengths() const { return lengths_.data(); }
  size_t size() const { return texts_.size(); }

 private:
  std::vector<const char*> texts_;
  std::vector<size_t> lengths_;
};

inline std::vector<heed_pair> as_pairs(
    const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<heed_pair> result;
  result.reserve(pairs.size());
  for (const auto& [name, value] : pairs) result.push_back({name.c_str(), value.c_str()});
  return result;
}

/// Gathers a report that C hands over in a callback.
inline int append_text(void* user, const char* text, size_t length) {
  static_cast<std::string*>(user)->append(text, length);
  return 1;
}

}  // namespace detail
}  // namespace v0
}  // namespace heed
