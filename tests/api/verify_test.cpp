// heed::verify on what the converter makes of small models, whole and spoiled.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "engine/api/library.h"
#include "engine/convert/record.h"
#include "engine/format/gguf.h"
#include "tests/convert/model_directory.h"

namespace heed {
namespace {

/// A directory as a file of `type`.
std::string made_of(const ModelDirectory& model, const std::string& type) {
  convert(model.path(), model.out(), {.type = type, .threads = 2});
  return model.out().string();
}

VerifyReport verified(const std::string& file, bool exact = false) {
  return verify(Model::load(file, {.exact = exact}), {.threads = 2});
}

double largest_error(const VerifyReport& report) {
  return std::ranges::max(report.layers, {}, &VerifyReport::Layer::error).error;
}

/// Sets the data of a tensor of a file to zeros.
void erase(const std::string& path, const std::string& tensor) {
  std::string text = read_text(path);
  const GgufFile file = GgufFile::open(path, FileAccess::read);
  const TensorView& view = file.require(tensor);
  const std::string_view data(reinterpret_cast<const char*>(view.data.data()), view.data.size());
  const size_t at = text.find(data);
  REQUIRE(at != text.npos);
  std::fill_n(text.begin() + static_cast<ptrdiff_t>(at), data.size(), '\0');
  write_text(path, text);
}

std::string problem_with(const std::string& file) {
  try {
    verified(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a file of the source's own values computes what the source does") {
  for (const char* name : {"tiny-llama", "tiny-gpt2", "tiny-qwen2", "tiny-bert", "tiny-marian"}) {
    CAPTURE(name);
    const ModelDirectory model(name);
    const VerifyReport report = verified(made_of(model, "f32"), /*exact=*/true);
    CHECK(report.drifting == "");
    CHECK(report.texts == 6);
    CHECK(largest_error(report) < 1e-5);
    CHECK(report.agreements == report.tokens);
    CHECK(report.divergence < 1e-9);
    CHECK(report.similarity == doctest::Approx(1).epsilon(1e-9));
    CHECK((report.tokens > 0) == (std::string_view(name) != "tiny-bert"));
  }
}

TEST_CASE("rounding is no drift, and shows") {
  for (const char* name : {"tiny-llama", "tiny-gpt2", "tiny-qwen2", "tiny-bert", "tiny-marian"}) {
    for (const char* type : {"f32", "f16", "q8_0", "q4_0"}) {
      CAPTURE(name);
      CAPTURE(type);
      const ModelDirectory model(name);
      const VerifyReport report = verified(made_of(model, type));
      CHECK(report.drifting == "");
      if (std::string_view(type) == "q4_0") CHECK(largest_error(report) > 1e-3);
    }
  }
}

TEST_CASE("the record outlives requantisation and edits, which it tells apart") {
  const ModelDirectory model("tiny-llama");
  const std::string first = made_of(model, "f32");
  const std::string again = (model.path() / "again.gguf").string();
  convert(first, again, {.type = "q8_0"});
  CHECK(read_record(GgufFile::open(again).metadata()) ==
        read_record(GgufFile::open(first).metadata()));
  CHECK(verified(again).drifting == "");
  convert(first, again, {.metadata = {{"llama.rope.freq_base", "3"}}});
  const VerifyReport turned = verified(again, /*exact=*/true);
  CHECK(turned.drifting == "blk.0.attn_output");
  convert(first, again, {.metadata = {{"llama.attention.layer_norm_rms_epsilon", "0.5"}}});
  CHECK(verified(again).drifting == "blk.0.attn_output");
}

TEST_CASE("a tensor that is lost is where drift begins") {
  const ModelDirectory model("tiny-llama");
  const std::string file = made_of(model, "q8_0");
  SUBCASE("feed-forward") {
    erase(file, "blk.1.ffn_down.weight");
    const VerifyReport report = verified(file);
    CHECK(report.drifting == "blk.1.ffn_down");
    CHECK(report.divergence > 0);
  }
  SUBCASE("attention") {
    erase(file, "blk.0.attn_v.weight");
    CHECK(verified(file).drifting == "blk.0.attn_output");
  }
  SUBCASE("norm of the head") {
    erase(file, "output_norm.weight");
    CHECK(verified(file).drifting == "output");
  }
  SUBCASE("table") {
    erase(file, "token_embd.weight");
    CHECK(verified(file).drifting == "token_embd");
  }
}

TEST_CASE("drift in an encoder, and in both halves of an encoder-decoder") {
  const ModelDirectory bert("tiny-bert");
  const std::string encoder = made_of(bert, "f16");
  erase(encoder, "blk.1.attn_output.weight");
  const VerifyReport report = verified(encoder);
  CHECK(report.drifting == "blk.1.attn_output");
  CHECK(report.similarity < 0.999);
  const ModelDirectory marian("tiny-marian");
  const std::string translator = made_of(marian, "f16");
  erase(translator, "dec.blk.1.cross_attn_v.weight");
  CHECK(verified(translator).drifting == "dec.blk.1.cross_attn_output");
  erase(translator, "enc.blk.0.ffn_up.weight");
  CHECK(verified(translator).drifting == "enc.blk.0.ffn_down");
}

TEST_CASE("progress comes after each text, up to all; what it throws ends the work") {
  for (const char* name : {"tiny-llama", "tiny-bert", "tiny-marian"}) {
    CAPTURE(name);
    const ModelDirectory directory(name);
    const Model model = Model::load(made_of(directory, "f16"));
    std::vector<int64_t> seen;
    int64_t last = 0;
    verify(model, {.progress = [&](int64_t done, int64_t all) {
             seen.push_back(done);
             last = all;
           }});
    CHECK(seen.size() == 6);
    CHECK(std::ranges::is_sorted(seen));
    CHECK(seen.front() > 0);
    CHECK(seen.back() == last);
    CHECK_THROWS_AS(verify(model, {.progress = [](int64_t, int64_t) { throw 7; }}), int);
  }
}

TEST_CASE("files without a record, and with one that is not theirs") {
  const ModelDirectory model("tiny-llama"), other("tiny-gpt2");
  const std::string file = model.out().string();
  convert(model.path(), file, {.type = "f32", .record = false});
  CHECK(problem_with(file) ==
        file +
            ": has no record of what it was made of: expected key 'heed.record.version', which "
            "heed convert writes");
  made_of(other, "f32");
  Metadata metadata = GgufFile::open(file).metadata();
  Record record = *read_record(GgufFile::open(other.out()).metadata());
  const auto write = [&] {
    write_record(record, metadata);
    const GgufFile source = GgufFile::open(file, FileAccess::read);
    std::vector<GgufWriter::Tensor> tensors;
    for (const TensorView& t : source.tensors()) tensors.push_back({t.name, t.type, t.shape});
    GgufWriter writer(file, metadata, tensors);
    for (const TensorView& t : source.tensors()) writer.write(t.name, t.data);
    writer.commit();
  };
  std::string name = "blk.7.ffn_down";
  record.texts.assign(record.texts.size(), std::vector<Token>(32, 1));
  record.texts.resize(6);
  record.kept = 1;
  record.likeliest.assign(6 * 32, 1);
  record.log_probs.assign(6 * 32, -1);
  std::swap(record.layers.back().name, name);
  write();
  CHECK(problem_with(file) ==
        file + ": its record has a layer 'blk.7.ffn_down' that the model does not");
  record.likeliest[3] = 1'000'000;
  write();
  CHECK(problem_with(file) == file + ": its record is of another model");
  record.likeliest[3] = 1;
  std::swap(record.layers.back().name, name);
  record.texts[2][5] = -4;
  write();
  CHECK(problem_with(file) == "token -4: expected 0 to 95");
}

}  // namespace heed
