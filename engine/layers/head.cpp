#include "engine/layers/head.h"

namespace heed {

Params params(const Head& head, const Dims& dims) {
  const Presence own = head.tied.empty() ? Presence::required : Presence::optional;
  const Presence tied = head.tied.empty() ? Presence::optional : Presence::required;
  const std::string table = head.tied.empty() ? head.name : head.tied;
  return {{head.name + ".weight", {dims.vocab, dims.width}, own},
          {table + ".weight", {dims.vocab, dims.width}, tied},
          {head.name + ".bias", {dims.vocab}, Presence::optional}};
}

}  // namespace heed
