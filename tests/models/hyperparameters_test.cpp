#include "models/hyperparameters.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"

namespace heed {
namespace {

Metadata metadata() {
  Metadata m("m.gguf");
  m.set("a.embedding_length", uint32_t{64});
  m.set("a.context_length", uint64_t{128});
  m.set("a.block_count", int32_t{2});
  m.set("a.epsilon", 0.5f);
  m.set("a.kind", std::string("x"));
  m.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "c"});
  return m;
}

}  // namespace

TEST_CASE("numbers are read below the architecture's name") {
  const Metadata m = metadata();
  const Hyperparameters h(m, "a");
  CHECK(h.dims() == Dims{.width = 64, .vocab = 3, .context = 128});
  CHECK(h.blocks() == 2);
  CHECK(h.count_or("embedding_length", 7) == 64);
  CHECK(h.count_or("absent", 7) == 7);
  CHECK(h.real("epsilon") == 0.5f);
  CHECK(h.real_or("absent", 0.25f) == 0.25f);
  CHECK(h.text_or("kind", "y") == "x");
  CHECK(h.text_or("absent", "y") == "y");
  CHECK(h.has("kind"));
  CHECK_FALSE(h.has("a.kind"));
}

TEST_CASE("what is missing, of another type or out of range is named") {
  Metadata m = metadata();
  m.set("a.zero", uint32_t{0});
  m.set("a.huge", uint64_t{1} << 31);
  m.set("a.largest", (uint64_t{1} << 31) - 1);
  const Hyperparameters h(m, "a");
  CHECK(h.count("largest") == 2147483647);
  CHECK_THROWS_WITH_AS(h.count("zero"), "key 'a.zero': expected 1 to 2147483647, found 0", Error);
  CHECK_THROWS_WITH_AS(h.count("huge"), "key 'a.huge': expected 1 to 2147483647, found 2147483648",
                       Error);
  CHECK_THROWS_AS(h.count_or("zero", 7), Error);
  CHECK_THROWS_AS(h.count("absent"), Error);
  CHECK_THROWS_AS(h.count("kind"), Error);
  CHECK_THROWS_AS(h.real("kind"), Error);
  CHECK_THROWS_AS(h.text_or("zero", ""), Error);
  m.set("a.block_count", uint32_t{1025});
  CHECK_THROWS_WITH_AS(h.blocks(), "key 'a.block_count': expected 1 to 1024, found 1025", Error);
  CHECK_NOTHROW(h.check_divides("heads", 12, 4));
  CHECK_THROWS_WITH_AS(h.check_divides("heads", 12, 5), "key 'a.heads': 5 does not divide 12",
                       Error);
}

}  // namespace heed
