// A decoder's tokens and cache as a file, to be taken up in another process. A GGUF file, so that
// every count in it is checked by the reader that also guards models. Used by heed::Session.
#pragma once

#include <cstdint>
#include <filesystem>

#include "engine/decode/decoder.h"
#include "engine/format/gguf.h"

namespace heed {

/// A number that files of different content have in common with a chance of 1 in 2^64, as far as
/// header, sizes and the beginning of every tensor tell them apart.
uint64_t fingerprint(const GgufFile& model);

/// Writes what `decoder`, which runs `model`, has in its cache. Throws Error(io).
void save_state(Decoder& decoder, const GgufFile& model, const std::filesystem::path& path);

/// Fills the cache of `decoder`. Throws Error(io), Error(format) for a file that is damaged or no
/// state, Error(unsupported) naming what differs for one of another version, model or type of keys
/// and values, Error(limit) where the context is too small. The cache is empty then.
void restore_state(Decoder& decoder, const GgufFile& model, const std::filesystem::path& path);

}  // namespace heed
