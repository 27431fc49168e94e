// A restricted reader of Python pickles: it builds a tree of plain values and never calls, imports
// or looks up anything. Used by the reader of torch's checkpoints.
// Reference: Lib/pickletools.py of CPython, protocols 2 to 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace heed {

class Pickle {
 public:
  /// A value by its number. Values refer to one another so, and not by pointer, since a pickle may
  /// share them, nest them without end, or close a circle.
  using Ref = uint32_t;

  struct None {};
  struct Global {
    std::string_view name;  ///< "collections.OrderedDict": one of those that were allowed
  };
  struct Tuple {
    std::vector<Ref> items;
  };
  struct List {
    std::vector<Ref> items;
  };
  /// A dict or an OrderedDict, in the order of the pickle. A key may be there twice.
  struct Dict {
    std::vector<std::pair<Ref, Ref>> items;
  };
  /// What the pickle would call, and with what; nothing has been called.
  struct Call {
    std::string_view function;  ///< one of the names that were allowed
    Ref arguments;              ///< a Tuple
  };
  /// What lies outside of the pickle: torch's storages.
  struct PersistentId {
    Ref id;
  };
  using Value = std::variant<None, bool, int64_t, double, std::string_view, Global, Tuple, List,
                             Dict, Call, PersistentId>;

  /// `bytes` and `globals`, the full names that the pickle may mention beside OrderedDict, must
  /// outlive the result; `file` names it in errors. Throws Error(unsupported) for any other name,
  /// and for what no file of weights needs; Error(format) for a pickle that is damaged. Takes time
  /// and memory in proportion to its length, which is capped.
  static Pickle parse(std::span<const std::byte> bytes, const std::string& file,
                      std::span<const std::string_view> globals);

  const Value& root() const { return values_[root_]; }
  const Value& operator[](Ref ref) const { return values_[ref]; }

  /// The value as a T, or null.
  template <typename T>
  const T* find(Ref ref) const {
    return std::get_if<T>(&values_[ref]);
  }

 private:
  friend class PickleMachine;

  std::vector<Value> values_;
  Ref root_ = 0;
};

/// What a value is, in Python's words: "a dict", "a call of \"torch.Size\"".
std::string kind_of(const Pickle::Value& value);

}  // namespace heed
