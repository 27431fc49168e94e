#include "engine/convert/type_rules.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/convert/join.h"
#include "engine/core/error.h"
#include "engine/quant/quant.h"
#include "engine/text/jinja_text.h"

namespace heed {

TypeRule TypeRule::parse(std::string_view pattern, std::string_view type) {
  std::vector<std::string> known;
  for (const RowCodec& codec : row_codecs()) known.emplace_back(info(codec.type).name);
  const std::optional<DType> found = dtype_from_name(type);
  if (!found || std::ranges::find(known, info(*found).name) == known.end()) {
    fail(Error::Code::argument, "type '", type, "' of the tensors '", pattern,
         "' is not one that Heed writes; it writes ", join(known, ", "));
  }
  if (!jinja::is_valid_utf8(pattern))
    fail(Error::Code::argument, "the tensors '", pattern, "': not UTF-8");
  return {.pattern = std::string(pattern), .regex = Regex(pattern), .type = *found};
}

void choose_types(std::span<PlannedTensor> tensors, const TypeMix* mix,
                  std::span<const TypeRule> rules) {
  std::vector<GgufWriter::Tensor*> targets;
  Params matrices;
  for (PlannedTensor& tensor : tensors) {
    if (!tensor.is_matrix) continue;
    targets.push_back(&tensor.target);
    matrices.push_back({.name = tensor.target.name, .shape = tensor.target.shape});
  }
  if (mix) {
    const std::vector<DType> types = mixed_types(*mix, matrices);
    for (size_t i = 0; i < types.size(); ++i) targets[i]->type = types[i];
  }
  std::vector<bool> chosen(targets.size());
  for (const TypeRule& rule : rules) {
    bool matches = false;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!jinja::is_valid_utf8(targets[i]->name)) continue;
      if (!Regex::Search(rule.regex, targets[i]->name).next(0)) continue;
      matches = true;
      if (!chosen[i]) targets[i]->type = fitting_type(rule.type, targets[i]->shape.back());
      chosen[i] = true;
    }
    if (!matches) {
      fail(Error::Code::argument, "no matrix has a name in which '", rule.pattern, "' matches");
    }
  }
}

}  // namespace heed
