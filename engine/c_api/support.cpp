#include "engine/c_api/support.h"

namespace heed::c_api {
namespace {

/// The one thing the library remembers between calls, for each thread by itself.
thread_local std::string last_sentence;

heed_status status_of(Error::Code code) {
  switch (code) {
    case Error::Code::io:
      return HEED_IO;
    case Error::Code::format:
      return HEED_FORMAT;
    case Error::Code::unsupported:
      return HEED_UNSUPPORTED;
    case Error::Code::argument:
      return HEED_INVALID_ARGUMENT;
    case Error::Code::limit:
      return HEED_LIMIT;
    case Error::Code::cancelled:
      return HEED_CANCELLED;
    case Error::Code::internal:
      return HEED_INTERNAL;
  }
  return HEED_INTERNAL;
}

}  // namespace

heed_status failed(heed_status status, std::string_view sentence) noexcept {
  try {
    last_sentence = sentence;
  } catch (...) {
    last_sentence.clear();  // no memory even for that
  }
  return status;
}

heed_status failed_with_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return failed(status_of(error.code()), error.what());
  } catch (const StatusError& error) {
    return failed(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(HEED_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(HEED_INTERNAL, error.what());
  } catch (...) {
    return failed(HEED_INTERNAL, "an exception of another kind");
  }
}

// Never destroyed: a program may free handles while it ends.
Handles<ModelObject>& models() {
  static auto& handles = *new Handles<ModelObject>("model");
  return handles;
}

Handles<SessionObject>& sessions() {
  static auto& handles = *new Handles<SessionObject>("session");
  return handles;
}

void give_text(std::string_view text, char* buffer, size_t* length) {
  const size_t room = buffer && length ? *length : 0;
  give(std::span<const char>(text), buffer, length, "length");
  if (room > text.size()) buffer[text.size()] = '\0';
}

void give_text(std::string_view text, heed_text_callback callback, void* user) {
  if (callback) callback(user, text.data(), text.size());
}

std::string_view text_of(const char* text, size_t length, const char* name) {
  if (!text && length > 0) refuse(HEED_INVALID_ARGUMENT, name, " is null");
  if (!text) return {};
  return length == HEED_TERMINATED ? std::string_view(text) : std::string_view(text, length);
}

std::string_view text_of(const char* text, const char* name) {
  return text_of(text, HEED_TERMINATED, name);
}

std::string optional_text(const char* text) {
  return text ? text : "";
}

std::vector<std::string> texts_of(const char* const* texts, const size_t* lengths, size_t count,
                                  const char* name) {
  std::vector<std::string> result;
  for (const char* text : span_of(texts, count, name)) {
    const size_t i = result.size();
    const size_t length = lengths ? lengths[i] : HEED_TERMINATED;
    if (!text && length > 0) refuse(HEED_INVALID_ARGUMENT, name, "[", i, "] is null");
    result.emplace_back(text_of(text, length, name));
  }
  return result;
}

std::vector<Message> messages_of(const heed_message* messages, size_t count) {
  std::vector<Message> result;
  for (const heed_message& message : span_of(messages, count, "messages")) {
    result.push_back({std::string(text_of(message.role, "a message's role")),
                      std::string(text_of(message.content, "a message's content"))});
  }
  return result;
}

}  // namespace heed::c_api

extern "C" {

const char* heed_last_error(void) {
  return heed::c_api::last_sentence.c_str();
}

const char* heed_status_name(int status) {
  switch (status) {
    case HEED_OK:
      return "HEED_OK";
    case HEED_INVALID_HANDLE:
      return "HEED_INVALID_HANDLE";
    case HEED_INVALID_ARGUMENT:
      return "HEED_INVALID_ARGUMENT";
    case HEED_BUFFER_TOO_SMALL:
      return "HEED_BUFFER_TOO_SMALL";
    case HEED_IO:
      return "HEED_IO";
    case HEED_FORMAT:
      return "HEED_FORMAT";
    case HEED_UNSUPPORTED:
      return "HEED_UNSUPPORTED";
    case HEED_LIMIT:
      return "HEED_LIMIT";
    case HEED_OUT_OF_MEMORY:
      return "HEED_OUT_OF_MEMORY";
    case HEED_BUSY:
      return "HEED_BUSY";
    case HEED_CANCELLED:
      return "HEED_CANCELLED";
    case HEED_INTERNAL:
      return "HEED_INTERNAL";
  }
  return "unknown";
}

const char* heed_version(void) {
  return heed::version().data();
}

}  // extern "C"
