// What the files of the native module share: the functions that bind heed.hpp's classes, a part in
// each file, and how its records, enums and arrays become Python's. heed/_heed is used by the
// package's Python files alone, which add what is pleasant; here each name means what it means in
// heed.hpp.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heed.hpp"

namespace heed::python {

namespace nb = nanobind;

void bind_errors(nb::module_& module);
void bind_options(nb::module_& module);
void bind_records(nb::module_& module);
void bind_model(nb::module_& module);
void bind_session(nb::module_& module);
void bind_files(nb::module_& module);

/// "ModelInfo(architecture='llama', ...)"; of long lists, how long they are.
nb::str show_record(nb::handle record, const std::vector<const char*>& names);

/// A struct of heed.hpp as a Python class whose attributes are its members; repr() shows them all.
template <typename T>
class Record {
 public:
  Record(nb::module_& module, const char* name) : class_(module, name) {}
  ~Record() {
    class_.def("__repr__", [names = names_](nb::handle self) { return show_record(self, names); });
  }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  template <typename Getter>
  Record& get(const char* name, Getter getter) {
    class_.def_prop_ro(name, getter);
    names_.push_back(name);
    return *this;
  }
  template <typename V>
  Record& get(const char* name, V T::*member) {
    class_.def_ro(name, member);
    names_.push_back(name);
    return *this;
  }

 private:
  nb::class_<T> class_;
  std::vector<const char*> names_;  // literals
};

/// A choice as Python has it, a string: the names stand in the order of the enum's values.
template <typename Enum>
std::string name_of(std::span<const std::string_view> names, Enum value) {
  return std::string(names[static_cast<size_t>(value)]);
}

/// Throws Error(argument) "what: expected a, b or c, found ...".
size_t find_choice(const char* what, std::span<const std::string_view> names,
                   std::string_view value);

template <typename T, size_t Dimensions>
using Array = nb::ndarray<nb::numpy, T, nb::ndim<Dimensions>>;

/// Hands the values over to NumPy, without a copy.
template <typename T, size_t Dimensions>
Array<T, Dimensions> to_array(std::vector<T> values, const size_t (&shape)[Dimensions]) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owned->data();
  nb::capsule owner(owned.get(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  owned.release();
  return Array<T, Dimensions>(data, Dimensions, shape, owner);
}

}  // namespace heed::python
