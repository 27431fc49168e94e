#include "engine/decode/session_state.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"

namespace heed {
namespace {

constexpr uint32_t kStateVersion = 1;
constexpr const char* kType = "general.type";
constexpr const char* kTypeName = "heed.session";
constexpr const char* kStateVersionKey = "heed.session.version";
constexpr const char* kModelName = "heed.session.model";
constexpr const char* kFingerprint = "heed.session.model_fingerprint";
constexpr const char* kKvType = "heed.session.kv_type";
constexpr const char* kTokens = "heed.session.tokens";
constexpr const char* kChecksum = "heed.session.checksum";
constexpr const char* kCache = "cache";

/// FNV-1a over 64-bit words and what is left (Fowler, Noll, Vo), mixed once at the end.
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= bytes.size(); i += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + i, sizeof word);
      step(word);
    }
    uint64_t rest = bytes.size();
    for (; i < bytes.size(); ++i) rest = rest << 8 | std::to_integer<uint64_t>(bytes[i]);
    step(rest);
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(int64_t number) { step(static_cast<uint64_t>(number)); }
  uint64_t value() const { return value_ ^ value_ >> 32; }

 private:
  void step(uint64_t word) {
    value_ = (value_ ^ word) * 0x100000001b3;
    value_ ^= value_ >> 29;
  }
  uint64_t value_ = 0xcbf29ce484222325;
};

uint64_t checksum(std::span<const std::span<std::byte>> parts) {
  Hash hash;
  for (const std::span<std::byte> part : parts) hash.add(part);
  return hash.value();
}

int64_t size_of(std::span<const std::span<std::byte>> parts) {
  int64_t size = 0;
  for (const std::span<std::byte> part : parts) size += std::ssize(part);
  return size;
}

std::string model_name(const GgufFile& model) {
  return model.metadata().get_or<std::string>("general.name", "");
}

/// What must be the same in the file as it is here.
void check_same_model(const Metadata& state, const Decoder& decoder, const GgufFile& model) {
  const std::string& file = state.source();
  if (state.get_or<std::string>(kType, "") != kTypeName) {
    fail(Error::Code::format, file, ": is no saved session: expected key '", kType, "' of value ",
         kTypeName);
  }
  const auto version = state.require<uint32_t>(kStateVersionKey);
  if (version != kStateVersion) {
    fail(Error::Code::unsupported, file, ": a session of version ", version, ", expected ",
         kStateVersion);
  }
  if (state.require<uint64_t>(kFingerprint) != fingerprint(model)) {
    fail(Error::Code::unsupported, file, ": a session of another model, '",
         state.require<std::string>(kModelName), "', expected '", model_name(model), "' of ",
         model.name());
  }
  const auto kv_type = state.require<uint32_t>(kKvType);
  if (kv_type != static_cast<uint32_t>(decoder.kv_type())) {
    fail(Error::Code::unsupported, file, ": a session with keys and values of another type (",
         kv_type, "), expected ", static_cast<int>(decoder.kv_type()));
  }
}

}  // namespace

uint64_t fingerprint(const GgufFile& model) {
  constexpr size_t kSample = 256;  // bytes of a tensor
  Hash hash;
  hash.add(model.size());
  for (const Metadata::Entry& entry : model.metadata().entries()) {
    hash.add(entry.key);
    hash.add(to_text(entry.value));
  }
  for (const TensorView& tensor : model.tensors()) {
    hash.add(tensor.name);
    hash.add(static_cast<int64_t>(tensor.type));
    for (const int64_t size : tensor.shape) hash.add(size);
    hash.add(tensor.data.first(std::min(kSample, tensor.data.size())));
  }
  return hash.value();
}

void save_state(Decoder& decoder, const GgufFile& model, const std::filesystem::path& path) {
  const auto parts = decoder.cache_parts(decoder.position());
  Metadata metadata(path.string());
  metadata.set(kType, std::string(kTypeName));
  metadata.set(kStateVersionKey, kStateVersion);
  metadata.set(kModelName, model_name(model));
  metadata.set(kFingerprint, fingerprint(model));
  metadata.set(kKvType, static_cast<uint32_t>(decoder.kv_type()));
  metadata.set(kTokens, decoder.tokens());
  metadata.set(kChecksum, checksum(parts));
  std::vector<GgufWriter::Tensor> tensors;  // an empty cache has none
  if (size_of(parts) > 0) tensors.push_back({kCache, DType::i8, {size_of(parts)}});
  GgufWriter writer(path, metadata, tensors);
  for (const std::span<std::byte> part : parts) {
    if (!part.empty()) writer.write(kCache, part);
  }
  writer.commit();
}

void restore_state(Decoder& decoder, const GgufFile& model, const std::filesystem::path& path) {
  decoder.rewind(0);
  const GgufFile state = GgufFile::open(path, FileAccess::read);
  check_same_model(state.metadata(), decoder, model);
  const auto tokens = state.metadata().require<std::vector<int32_t>>(kTokens);
  decoder.set_tokens(tokens);
  if (tokens.empty()) return;
  const auto parts = decoder.cache_parts(decoder.position());
  const TensorView& cache = state.require(kCache);
  try {
    if (std::ssize(cache.data) != size_of(parts)) {
      fail(Error::Code::format, state.name(), ": tensor '", kCache, "' has ", cache.data.size(),
           " bytes, expected ", size_of(parts));
    }
    const std::byte* at = cache.data.data();
    for (const std::span<std::byte> part : parts) {
      std::copy_n(at, part.size(), part.data());
      at += part.size();
    }
    if (checksum(parts) != state.metadata().require<uint64_t>(kChecksum)) {
      fail(Error::Code::format, state.name(), ": tensor '", kCache, "' is damaged");
    }
  } catch (...) {
    decoder.rewind(0);
    throw;
  }
}

}  // namespace heed
