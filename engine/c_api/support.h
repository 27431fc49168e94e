// What the functions of heed.h have in common: statuses for exceptions, handles that are checked,
// structs of any version, buffers of the caller. Used by the files of engine/c_api/.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/api/library.h"
#include "engine/core/error.h"
#include "heed.h"

namespace heed::c_api {

/// Keeps the sentence for heed_last_error().
heed_status failed(heed_status status, std::string_view sentence) noexcept;
/// The same of the exception that is being handled.
heed_status failed_with_current_exception() noexcept;

/// What only the C interface has a status for.
class StatusError : public std::exception {
 public:
  StatusError(heed_status status, std::string sentence)
      : status_(status), sentence_(std::move(sentence)) {}
  heed_status status() const { return status_; }
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  heed_status status_;
  std::string sentence_;
};

template <typename... Parts>
[[noreturn]] void refuse(heed_status status, const Parts&... parts) {
  throw StatusError(status, cat(parts...));
}

/// Runs `work`; whatever it throws becomes a status.
template <typename Work>
heed_status guarded(const Work& work) noexcept {
  try {
    work();
    return HEED_OK;
  } catch (...) {
    return failed_with_current_exception();
  }
}

/// What handles stand for. Handles are numbers that are given once, so that one which was freed is
/// known as such for ever; what it stood for lives until the calls that found it have returned.
template <typename T>
class Handles {
 public:
  explicit Handles(const char* name) : name_(name) {}

  void* add(std::shared_ptr<T> object) {
    const std::unique_lock lock(mutex_);
    next_ += kStep;
    objects_.emplace(next_, std::move(object));
    return reinterpret_cast<void*>(next_);
  }

  std::shared_ptr<T> find(const void* handle) const {
    const std::shared_lock lock(mutex_);
    const auto it = objects_.find(reinterpret_cast<uintptr_t>(handle));
    if (it != objects_.end()) return it->second;
    refuse(HEED_INVALID_HANDLE, "the ", name_, handle ? " was freed, or never made" : " is null");
  }

  /// The object dies outside the lock.
  void remove(const void* handle) noexcept {
    std::shared_ptr<T> object;
    const std::unique_lock lock(mutex_);
    const auto it = objects_.find(reinterpret_cast<uintptr_t>(handle));
    if (it == objects_.end()) return;
    object = std::move(it->second);
    objects_.erase(it);
  }

 private:
  static constexpr uintptr_t kStep = 16;  // as far apart as addresses would be

  const char* name_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<uintptr_t, std::shared_ptr<T>> objects_;
  uintptr_t next_ = 0;
};

/// What a heed_model stands for.
struct ModelObject {
  Model model;
  std::string path;
};
Handles<ModelObject>& models();

/// What a heed_session stands for.
struct SessionObject {
  Session session;
  std::mutex at_work = {};
};
Handles<SessionObject>& sessions();

inline heed_model* as_handle(std::shared_ptr<ModelObject> object) {
  return static_cast<heed_model*>(models().add(std::move(object)));
}
inline heed_session* as_handle(std::shared_ptr<SessionObject> object) {
  return static_cast<heed_session*>(sessions().add(std::move(object)));
}

/// Runs work(SessionObject&), which goes on with what the session is at or asks for it, unless
/// another call of the session is at work. What was cancelled stays cancelled.
template <typename Work>
heed_status within_session(heed_session* handle, const Work& work) noexcept {
  return guarded([&] {
    const std::shared_ptr<SessionObject> object = sessions().find(handle);
    const std::unique_lock lock(object->at_work, std::try_to_lock);
    if (!lock) refuse(HEED_BUSY, "the session is at work on another call");
    work(*object);
  });
}

/// The same for work that begins something.
template <typename Work>
heed_status with_session(heed_session* handle, const Work& work) noexcept {
  return within_session(handle, [&](SessionObject& object) {
    object.session.begin_call();
    work(object);
  });
}

/// Throws for a null pointer.
template <typename T>
T& need(T* pointer, const char* name) {
  if (!pointer) refuse(HEED_INVALID_ARGUMENT, name, " is null");
  return *pointer;
}

/// Throws unless a struct's size is one that an init function may have set. T's first size is what
/// it has now; when members are added, the old size goes here.
template <typename T>
void check_size(const T& given, const char* name) {
  constexpr size_t kMost = 4096;  // no version of any struct will be larger
  if (given.size >= sizeof(T) && given.size <= kMost) return;
  refuse(HEED_INVALID_ARGUMENT, name, ".size is ", given.size, ": expected ", sizeof(T), ", as ",
         name, "_init sets it");
}

/// The caller's parameters, whatever version of the struct the caller has; null: the defaults.
/// Members that this library does not know must be zero.
template <typename T>
T take(const T* given, void (*init)(T*), const char* name) {
  T params;
  init(&params);
  if (!given) return params;
  check_size(*given, name);
  const auto* bytes = reinterpret_cast<const char*>(given);
  const auto is_zero = [](char byte) { return byte == 0; };
  if (!std::all_of(bytes + sizeof(T), bytes + given->size, is_zero)) {
    refuse(HEED_UNSUPPORTED, name, " has members that this version of the library lacks");
  }
  std::memcpy(&params, given, sizeof(T));
  return params;
}

/// Fills the caller's struct, of which a newer version has members that stay as they are.
template <typename T>
void give(T* to, T values, const char* name) {
  check_size(need(to, name), name);
  values.size = to->size;
  std::memcpy(to, &values, sizeof(T));
}

/// Copies a result to the caller's buffer; throws HEED_BUFFER_TOO_SMALL if it does not fit.
template <typename T>
void give(std::span<const T> values, T* buffer, size_t* count, const char* name) {
  const size_t room = buffer ? need(count, name) : 0;
  need(count, name) = values.size();
  if (room < values.size()) {
    refuse(HEED_BUFFER_TOO_SMALL, name, " is ", room, ": expected ", values.size());
  }
  std::copy(values.begin(), values.end(), buffer);
}
/// Throws in the same way before a result of `needed` elements is made.
template <typename T>
void check_room(size_t needed, const T* buffer, size_t* count, const char* name) {
  const size_t room = buffer ? need(count, name) : 0;
  if (room >= needed) return;
  need(count, name) = needed;
  refuse(HEED_BUFFER_TOO_SMALL, name, " is ", room, ": expected ", needed);
}
/// The same of a text, with a zero byte behind it where there is room.
void give_text(std::string_view text, char* buffer, size_t* length);
/// The same through a callback, which may be null.
void give_text(std::string_view text, heed_text_callback callback, void* user);

/// A text of the caller; throws for null.
std::string_view text_of(const char* text, size_t length, const char* name);
std::string_view text_of(const char* text, const char* name);
/// The same, but "" for null.
std::string optional_text(const char* text);
std::vector<std::string> texts_of(const char* const* texts, const size_t* lengths, size_t count,
                                  const char* name);

std::vector<Message> messages_of(const heed_message* messages, size_t count);

template <typename T>
std::span<const T> span_of(const T* values, size_t count, const char* name) {
  if (!values && count > 0) refuse(HEED_INVALID_ARGUMENT, name, " is null");
  return {values, count};
}

/// A number that must be one of an enum's, from 0 to `last`.
template <typename Enum>
Enum enum_of(int32_t value, Enum last, const char* name) {
  if (value < 0 || value > static_cast<int32_t>(last)) {
    refuse(HEED_INVALID_ARGUMENT, name, " is ", value, ": expected 0 to ",
           static_cast<int32_t>(last));
  }
  return static_cast<Enum>(value);
}

/// Throws if the caller wants no more. Null: no callback.
inline auto progress_of(heed_progress_callback callback, void* user) {
  return [=](int64_t done, int64_t all) {
    if (!callback || callback(user, done, all) != 0) return;
    refuse(HEED_CANCELLED, "cancelled by a callback");
  };
}

}  // namespace heed::c_api
