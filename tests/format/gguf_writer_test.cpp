#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "engine/format/gguf.h"
#include "engine/include/heed_error.hpp"
#include "tests/support/temporary_directory.h"

namespace heed {
namespace {

using Tensor = GgufWriter::Tensor;

/// Bytes of which no two neighbours are equal, different for each `seed`.
std::vector<std::byte> pattern(int64_t size, int seed) {
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
  return bytes;
}

/// A scalar and two arrays of every type, with the extremes of each.
Metadata every_type() {
  Metadata metadata;
  const auto add = [&]<typename T>(T) {
    using Limits = std::numeric_limits<T>;
    const Metadata::Value name = T();
    metadata.set("scalar." + type_name(name), Limits::max());
    metadata.set("array." + type_name(name), std::vector<T>{Limits::lowest(), T(1), Limits::max()});
    metadata.set("empty." + type_name(name), std::vector<T>());
  };
  std::apply([&](auto... values) { (add(values), ...); },
             std::tuple<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                        uint64_t, int64_t, double>());
  metadata.set("scalar.string", std::string("a \"string\"\n\0 of bytes", 20));
  metadata.set("array.string", std::vector<std::string>{"", "\u0120the", std::string(1000, 'x')});
  metadata.set("empty.string", std::vector<std::string>());
  return metadata;
}

void check_same(const Metadata& a, const Metadata& b) {
  REQUIRE(a.entries().size() == b.entries().size());
  for (size_t i = 0; i < a.entries().size(); ++i) {
    CAPTURE(a.entries()[i].key);
    CHECK(a.entries()[i].key == b.entries()[i].key);
    CHECK(a.entries()[i].value == b.entries()[i].value);
  }
}

void check_refused(const Metadata& metadata, const std::vector<Tensor>& tensors,
                   const std::string& sentence) {
  const TemporaryDirectory directory;
  const auto target = directory / "m.gguf";
  CHECK_THROWS_WITH(GgufWriter(target, metadata, tensors), doctest::Contains(sentence.c_str()));
  CHECK(directory.entries() == 0);
}

}  // namespace

TEST_CASE("every metadata type comes back as it was written") {
  const TemporaryDirectory directory;
  const Metadata metadata = every_type();
  CHECK(metadata.entries().size() == 36);
  GgufWriter writer(directory / "m.gguf", metadata, {});
  writer.commit();
  const GgufFile file = GgufFile::open(directory / "m.gguf");
  CHECK(file.version() == 3);
  check_same(file.metadata(), metadata);
}

TEST_CASE("tensors of every type come back as they were written, mapped or read") {
  const TemporaryDirectory directory;
  std::vector<Tensor> tensors;
  for (const DTypeInfo& type : all_dtypes()) {
    tensors.push_back({std::string(type.name), type.type, {3, 5, type.block * 3}});
  }
  tensors.push_back({"scalar", DType::f32, {}});
  tensors.push_back({"four", DType::i8, {2, 3, 4, 5}});
  for (const uint32_t alignment : {0u, 8u, 4096u}) {
    CAPTURE(alignment);
    Metadata metadata;
    if (alignment) metadata.set("general.alignment", alignment);
    GgufWriter writer(directory / "m.gguf", metadata, tensors);
    for (size_t i = 0; i < tensors.size(); ++i) {
      const int64_t size = *checked_bytes(tensors[i].type, tensors[i].shape);
      const auto bytes = pattern(size, static_cast<int>(i));
      writer.write(tensors[i].name, std::span(bytes).first(1));  // in pieces of any size
      writer.write(tensors[i].name, {});
      if (size > 1) writer.write(tensors[i].name, std::span(bytes).subspan(1));
    }
    writer.commit();
    for (const FileAccess access : {FileAccess::map, FileAccess::read}) {
      const GgufFile file = GgufFile::open(directory / "m.gguf", access);
      REQUIRE(file.tensors().size() == tensors.size());
      for (size_t i = 0; i < tensors.size(); ++i) {
        const TensorView& view = file.tensors()[i];
        CAPTURE(view.name);
        CHECK(view.name == tensors[i].name);
        CHECK(view.type == tensors[i].type);
        CHECK(view.shape == tensors[i].shape);
        const auto bytes = pattern(static_cast<int64_t>(view.data.size()), static_cast<int>(i));
        CHECK(std::ranges::equal(view.data, bytes));
        CHECK(reinterpret_cast<uintptr_t>(view.data.data()) % (alignment ? alignment : 32) == 0);
        file.drop(std::array{&view});
        CHECK(std::ranges::equal(view.data, bytes));
      }
    }
  }
}

TEST_CASE("a rewritten file equals its source byte for byte") {
  const TemporaryDirectory directory;
  const auto write = [](const std::filesystem::path& path, const Metadata& metadata,
                        std::span<const TensorView> views) {
    std::vector<Tensor> tensors;
    for (const TensorView& view : views) tensors.push_back({view.name, view.type, view.shape});
    GgufWriter writer(path, metadata, tensors);
    for (const TensorView& view : views) writer.write(view.name, view.data);
    writer.commit();
  };
  const auto bytes = pattern(72, 1);
  const std::vector<TensorView> views = {{"a", DType::f32, {9}, std::span(bytes).first(36)},
                                         {"b", DType::q4_0, {2, 32}, std::span(bytes).last(36)}};
  write(directory / "first.gguf", every_type(), views);
  const GgufFile first = GgufFile::open(directory / "first.gguf");
  write(directory / "second.gguf", first.metadata(), first.tensors());
  CHECK(read_text(directory / "first.gguf") == read_text(directory / "second.gguf"));
}

TEST_CASE("what the reader would refuse is not written") {
  const Metadata none;
  check_refused(
      none, {{"t", DType::q4_0, {2, 33}}},
      "m.gguf: cannot write tensor 't': rows of 33 elements are not whole blocks of q4_0");
  check_refused(none, {{"t", DType::f32, {0, 2}}}, "expected dimensions from 1 to 2^63 - 1");
  check_refused(none, {{"t", DType::f32, {1, 1, 1, 1, 1}}},
                "expected at most 4 dimensions, found 5");
  check_refused(none, {{"", DType::f32, {1}}}, "has an empty name");
  check_refused(none, {{std::string(64, 't'), DType::f32, {1}}}, "64 bytes exceed the cap of 63");
  check_refused(none, {{"t", DType::f32, {1}}, {"t", DType::f32, {1}}},
                "tensor 't': appears twice");
  Metadata bad_key;
  bad_key.set("a\tb", 1);
  check_refused(bad_key, {}, "the name holds a control character");
  Metadata bad_alignment;
  bad_alignment.set("general.alignment", uint32_t{12});
  check_refused(bad_alignment, {}, "expected a u32 power of two");
  Metadata long_string;
  long_string.set("k", std::string((1 << 26) + 1, 'x'));
  check_refused(long_string, {}, "key 'k': 67108865 bytes exceed the cap of 67108864");
}

TEST_CASE("tensors come in order, whole, and not twice") {
  const TemporaryDirectory directory;
  write_text(directory / "m.gguf", "old");
  const std::vector<Tensor> tensors = {{"a", DType::f32, {2}}, {"b", DType::f32, {2}}};
  const auto bytes = pattern(12, 0);
  {
    GgufWriter writer(directory / "m.gguf", Metadata(), tensors);
    CHECK_THROWS_WITH(
        writer.write("b", bytes),
        doctest::Contains("m.gguf: expected 8 bytes of tensor 'a' next, found 12 bytes "
                          "of tensor 'b'"));
    CHECK_THROWS_WITH(writer.write("a", bytes),
                      doctest::Contains("expected 8 bytes of tensor 'a'"));
    writer.write("a", std::span(bytes).first(8));
    writer.write("b", std::span(bytes).first(2));
    CHECK_THROWS_WITH(writer.commit(), doctest::Contains("m.gguf: tensor 'b' lacks 6 bytes"));
    writer.write("b", std::span(bytes).first(6));
    CHECK_THROWS_WITH(writer.write("b", bytes), doctest::Contains("expected no more data next"));
  }
  CHECK(read_text(directory / "m.gguf") == "old");
  CHECK(directory.entries() == 1);
}

TEST_CASE("a full disk is an error that names the file") {
  const std::vector<Tensor> tensors = {{"a", DType::f32, {1'000'000}}};
  GgufWriter writer("/dev/full", Metadata(), tensors);
  CHECK_THROWS_WITH(writer.write("a", pattern(4'000'000, 0)),
                    "cannot write '/dev/full': No space left on device");
}

}  // namespace heed
