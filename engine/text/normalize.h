// Unicode's normal forms, by way of utf8proc. Used by the steps of normalizer.h.
// Reference: Unicode Standard Annex 15.
#pragma once

#include <string_view>

#include "engine/text/edited_text.h"

namespace heed {

enum class NormalForm { c, d, kc, kd };

/// `source`, which must be valid UTF-8, in a normal form. In form C é is one character however it
/// was written.
EditedText to_normal_form(NormalForm form, std::string_view source, EditRules rules = {});

}  // namespace heed
