// heed::Error as the exceptions of heed/errors.py, and the module itself.
#include <array>

#include "python/src/bindings.h"
#include "python/src/session.h"

namespace heed::python {
namespace {

constexpr std::array<std::string_view, 7> kCodes = {"io",    "format",    "unsupported", "argument",
                                                    "limit", "cancelled", "internal"};

/// Errors are rare: their class is looked up each time.
void raise(std::string_view code, const char* sentence) {
  const nb::object classes = nb::module_::import_("heed.errors").attr("BY_CODE");
  const nb::object type = classes[nb::str(code.data(), code.size())];
  PyErr_SetString(type.ptr(), sentence);
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    raise(kCodes[static_cast<size_t>(error.code())], error.what());
  } catch (const Busy& error) {
    raise("busy", error.what());
  }
}

}  // namespace

size_t find_choice(const char* what, std::span<const std::string_view> names,
                   std::string_view value) {
  std::string expected;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == value) return i;
    expected += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + std::string(names[i]);
  }
  throw Error(Error::Code::argument, std::string(what) + ": expected " + expected + ", found '" +
                                         std::string(value) + "'");
}

void bind_errors(nb::module_&) {
  nb::register_exception_translator(translate);
}

}  // namespace heed::python

NB_MODULE(_heed, module) {
  using namespace heed::python;
  module.doc() = "heed.hpp, as the Python files of this package use it.";
  bind_errors(module);
  bind_options(module);
  bind_records(module);
  bind_model(module);
  bind_session(module);
  bind_files(module);
}
