#include "engine/format/pickle.h"

#include <doctest/doctest.h>

#include <array>

#include "engine/core/error.h"
#include "tests/support/bytes.h"

namespace heed {
namespace {

using namespace std::string_literals;

constexpr std::array<std::string_view, 2> kAllowed = {"torch.FloatStorage", "m.f"};

/// A pickle and what it stands for.
class Unpickled {
 public:
  explicit Unpickled(const std::string& text)
      : bytes_(Bytes().raw(text).copy()), pickle_(Pickle::parse(bytes_, "m.bin", kAllowed)) {}

  template <typename T>
  const T& root() const {
    REQUIRE(std::holds_alternative<T>(pickle_.root()));
    return std::get<T>(pickle_.root());
  }
  const Pickle& pickle() const { return pickle_; }

 private:
  std::vector<std::byte> bytes_;
  Pickle pickle_;
};

void check_pickle_refused(const std::string& text, const std::string& sentence,
                          Error::Code code = Error::Code::format) {
  CAPTURE(sentence);
  try {
    const Unpickled pickle(text);
    FAIL_CHECK("was accepted");
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()) == "m.bin: pickle: " + sentence);
    CHECK(error.code() == code);
  }
}

}  // namespace

TEST_CASE("plain values") {
  Unpickled("\x80\x02N."s).root<Pickle::None>();
  CHECK(Unpickled("\x88."s).root<bool>());
  CHECK(!Unpickled("\x89."s).root<bool>());
  CHECK(Unpickled("K\xff."s).root<int64_t>() == 255);
  CHECK(Unpickled("M\xff\xfe."s).root<int64_t>() == 0xfeff);
  CHECK(Unpickled("J\xfe\xff\xff\xff."s).root<int64_t>() == -2);
  CHECK(Unpickled("\x8a\x00."s).root<int64_t>() == 0);
  CHECK(Unpickled("\x8a\x01\x80."s).root<int64_t>() == -128);
  CHECK(Unpickled("\x8a\x05\x01\x02\x00\x00\x10."s).root<int64_t>() == 0x1000000201);
  CHECK(Unpickled("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s).root<int64_t>() == INT64_MIN);
  CHECK(Unpickled("G\x3f\xf8\x00\x00\x00\x00\x00\x00."s).root<double>() == 1.5);
  CHECK(Unpickled("X\x02\x00\x00\x00"s + "ab.").root<std::string_view>() == "ab");
  CHECK(Unpickled("\x8c\x02"s + "ab.").root<std::string_view>() == "ab");
  CHECK(Unpickled("\x8d\x02\x00\x00\x00\x00\x00\x00\x00"s + "ab.").root<std::string_view>() ==
        "ab");
}

TEST_CASE("containers, memo, names and calls") {
  CHECK(Unpickled(")."s).root<Pickle::Tuple>().items.empty());
  CHECK(Unpickled("K\x01\x85."s).root<Pickle::Tuple>().items.size() == 1);
  CHECK(Unpickled("K\x01K\x02\x86."s).root<Pickle::Tuple>().items.size() == 2);
  CHECK(Unpickled("NNN\x87."s).root<Pickle::Tuple>().items.size() == 3);
  CHECK(Unpickled("(NNNNt."s).root<Pickle::Tuple>().items.size() == 4);
  CHECK(Unpickled("]Na(NNe."s).root<Pickle::List>().items.size() == 3);
  const Unpickled dict("\x80\x02}\x94\x8c\x01k\x94h\x01s(K\x07h\x01j\x01\x00\x00\x00Nu."s);
  const auto& items = dict.root<Pickle::Dict>().items;
  REQUIRE(items.size() == 3);
  CHECK(*dict.pickle().find<std::string_view>(items[0].first) == "k");
  CHECK(items[0].first == items[0].second);
  CHECK(*dict.pickle().find<int64_t>(items[1].first) == 7);
  CHECK(!dict.pickle().find<int64_t>(items[0].first));
  CHECK(Unpickled("cm\nf\n."s).root<Pickle::Global>().name == "m.f");
  CHECK(Unpickled("\x8c\x01m\x8c\x01"s + "f\x93.").root<Pickle::Global>().name == "m.f");
  const Unpickled call("cm\nf\nK\x05\x85R."s);
  CHECK(call.root<Pickle::Call>().function == "m.f");
  CHECK(call.pickle().find<Pickle::Tuple>(call.root<Pickle::Call>().arguments)->items.size() == 1);
  const Unpickled ordered("ccollections\nOrderedDict\n)RK\x01K\x02s}b."s);
  CHECK(ordered.root<Pickle::Dict>().items.size() == 1);
  const Unpickled outside("K\x03Q."s);
  CHECK(*outside.pickle().find<int64_t>(outside.root<Pickle::PersistentId>().id) == 3);
}

TEST_CASE("values nested as deep as a pickle is long, and in a circle") {
  Unpickled(std::string(1'000'000, ']') + std::string(999'999, 'a') + ".").root<Pickle::List>();
  const Unpickled circle("]q\x00h\x00"s + "a.");
  const auto& items = circle.root<Pickle::List>().items;
  CHECK(&circle.pickle()[items[0]] == &circle.pickle().root());
}

TEST_CASE("names that are not allowed, whatever opcode has them") {
  const auto check_name = [](const std::string& text, const std::string& name) {
    check_pickle_refused(
        text, "refused: it wants to call \"" + name + "\", which is no part of a weights file",
        Error::Code::unsupported);
  };
  check_name("cos\nsystem\n(X\x02\x00\x00\x00lstR."s, "os.system");
  check_name("\x80\x04\x8c\x02os\x8c\x06system\x93."s, "os.system");
  check_name("(X\x02\x00\x00\x00lsios\nsystem\n."s, "os.system");
  check_name("cm\nf.x\n."s, "m.f.x");
  check_name("cm.f\n\n."s, "m.f.");
  check_name("c\x1b[2J\ng\n."s, "\\x1b[2J.g");
  check_pickle_refused("c" + std::string(1000, 'm') + "\nf\n.",
                       cat("refused: it wants to call \"", std::string(60, 'm'),
                           "\"... 1002 bytes in all, which is no part of a weights file"),
                       Error::Code::unsupported);
}

TEST_CASE("opcodes that no file of weights needs") {
  for (const char* text : {"0", "1", "2", "P1\n", "o", "I1\n", "V1\n", "d", "l", "\x81", "\x82\x01",
                           "\x83\x01\x01", "\x92", "\x8f", "\x91", "\x97", "C\x01x", "\xff"}) {
    CAPTURE(text);
    check_pickle_refused("N"s + text + ".",
                         cat("the opcode ", int{static_cast<uint8_t>(text[0])},
                             " at offset 1 is one that no file of weights needs"),
                         Error::Code::unsupported);
  }
}

TEST_CASE("pickles that cannot be") {
  check_pickle_refused("\x80\x06."s, "protocol 6, expected at most 5", Error::Code::unsupported);
  check_pickle_refused("N", "expected 1 more bytes at offset 1, but the file ends at 1");
  check_pickle_refused(".", "expected a value on the stack at offset 1, found none");
  check_pickle_refused("NN.", "expected one value at its end, and no open mark");
  check_pickle_refused("(N.", "expected one value at its end, and no open mark");
  check_pickle_refused("N.N", "expected nothing after its end at offset 2");
  check_pickle_refused("Nt.", "expected a mark before offset 2");
  check_pickle_refused("N(\x85.", "expected a value on the stack at offset 3, found none");
  check_pickle_refused("](NN(e.", "expected a list on the stack at offset 6, found None");
  check_pickle_refused("]}a]s.", "expected a value on the stack at offset 5, found none");
  check_pickle_refused("}(Nu.", "a key without a value before offset 4");
  check_pickle_refused("]NNs.", "expected a dict on the stack at offset 4, found a list");
  check_pickle_refused("Nq\x01.", "expected at most 0 as number in the memo, found 1");
  check_pickle_refused("q\x00."s, "expected a value on the stack at offset 2, found none");
  check_pickle_refused("h\x00."s, "asks for number 0 of a memo with 0 values");
  check_pickle_refused("j\xff\xff\xff\xff.", "asks for number 4294967295 of a memo with 0 values");
  check_pickle_refused("X\xff\xff\xff\xff.",
                       "expected 4294967295 more bytes at offset 5, but the "
                       "file ends at 6");
  check_pickle_refused("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
                       "expected 18446744073709551615 more bytes at offset 9, but the file ends "
                       "at 10");
  check_pickle_refused("\x8a\x09" + std::string(9, '\0') + ".",
                       "an integer of 9 bytes, expected at most 8", Error::Code::unsupported);
  check_pickle_refused("K\x01K\x02\x93.",
                       "expected a name on the stack at offset 5, found an "
                       "integer");
  check_pickle_refused("cm\nf\nNR.",
                       "expected a tuple of arguments on the stack at offset 7, "
                       "found None");
  check_pickle_refused("])R.", "expected a function on the stack at offset 3, found a list");
  check_pickle_refused("ccollections\nOrderedDict\nN\x85R.",
                       "an OrderedDict made from arguments, expected an empty one that is filled "
                       "then",
                       Error::Code::unsupported);
  check_pickle_refused("cm\nf\n)R}b.",
                       "expected a dict whose attributes to set on the stack at "
                       "offset 9, found a call of 'm.f'");
  check_pickle_refused("im\nf\n.", "makes an instance of \"m.f\"", Error::Code::unsupported);
  check_pickle_refused(std::string((1 << 23) + 1, 'N'), "8388609 bytes exceed the cap of 8388608");
}

}  // namespace heed
