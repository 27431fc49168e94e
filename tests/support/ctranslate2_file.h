// Builds CTranslate2's model.bin, good and bad ones, without the reader under test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/bytes.h"

namespace heed {

struct CTranslate2Variable {
  std::string name;
  std::vector<uint32_t> shape;
  uint8_t type = 0;  ///< 0 to 5: f32, i8, i16, i32, f16, bf16
  std::string bytes;
};

struct CTranslate2File {
  uint32_t version = 6;
  std::string model = "TransformerSpec";
  std::vector<CTranslate2Variable> variables = {};
  std::vector<std::pair<std::string, std::string>> aliases = {};  ///< another name, the name

  static Bytes& add_name(Bytes& out, std::string_view name) {
    return out.add(static_cast<uint16_t>(name.size() + 1)).raw(name).add('\0');
  }

  std::string text() const {
    Bytes out;
    add_name(out.add(version), model).add(uint32_t{7}).add(static_cast<uint32_t>(variables.size()));
    for (const CTranslate2Variable& variable : variables) {
      add_name(out, variable.name).add(static_cast<uint8_t>(variable.shape.size()));
      for (const uint32_t size : variable.shape) out.add(size);
      out.add(variable.type).add(static_cast<uint32_t>(variable.bytes.size())).raw(variable.bytes);
    }
    out.add(static_cast<uint32_t>(aliases.size()));
    for (const auto& [alias, name] : aliases) add_name(add_name(out, alias), name);
    return out.text();
  }
};

/// The bytes of some numbers.
template <typename... T>
std::string bytes_of(T... numbers) {
  Bytes out;
  (out.add(numbers), ...);
  return out.text();
}

}  // namespace heed
