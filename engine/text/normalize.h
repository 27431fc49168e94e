// Unicode normalisation, by way of utf8proc. Used by tokenizers whose models were trained on
// normalised text. Reference: Unicode Standard Annex 15.
#pragma once

#include <string_view>

#include "engine/text/edited_text.h"

namespace heed {

/// `source`, which must be valid UTF-8, in normal form C: é is one character however it was
/// written.
EditedText to_nfc(std::string_view source);

}  // namespace heed
