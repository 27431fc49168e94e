// The machine of pickle.h. A pickle is a program for a stack machine; each of its opcodes is at
// least one byte and makes at most one value, which bounds memory and time.
#include "engine/format/pickle.h"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/format/cursor.h"
#include "engine/format/metadata.h"

namespace heed {
namespace {

constexpr uint64_t kMaxPickleBytes = uint64_t{1} << 23;  // 1,000 tensors take less than 2^18
constexpr uint8_t kMaxProtocol = 5;
constexpr uint8_t kStop = '.';
constexpr std::string_view kOrderedDict = "collections.OrderedDict";

}  // namespace

class PickleMachine {
 public:
  using Ref = Pickle::Ref;

  PickleMachine(std::span<const std::byte> bytes, const std::string& file,
                std::span<const std::string_view> globals)
      : cursor_(bytes, file), globals_(globals) {
    cursor_.set_subject("pickle");
    if (bytes.size() > kMaxPickleBytes) {
      cursor_.fail(bytes.size(), " bytes exceed the cap of ", kMaxPickleBytes);
    }
  }

  Pickle run() {
    for (auto code = cursor_.number<uint8_t>(); code != kStop; code = cursor_.number<uint8_t>()) {
      const auto opcode = std::ranges::find(opcodes(), code, &Opcode::code);
      if (opcode == opcodes().end()) {
        unsupported("the opcode ", +code, " at offset ", cursor_.offset() - 1,
                    " is one that no file of weights needs");
      }
      opcode->run(*this);
    }
    pickle_.root_ = pop();
    if (!stack_.empty() || !marks_.empty()) {
      cursor_.fail("expected one value at its end, and no open mark");
    }
    if (cursor_.remaining() != 0) {
      cursor_.fail("expected nothing after its end at offset ", cursor_.offset());
    }
    return std::move(pickle_);
  }

 private:
  using Self = PickleMachine;
  struct Opcode {
    uint8_t code;
    void (*run)(PickleMachine&);
  };
  static std::span<const Opcode> opcodes();

  template <typename... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    cursor_.fail_as(Error::Code::unsupported, parts...);
  }

  // ---- the stack

  void push(Pickle::Value value) {
    stack_.push_back(static_cast<Ref>(pickle_.values_.size()));
    pickle_.values_.push_back(std::move(value));
  }

  /// The value on top, which must lie above the last mark.
  Ref top() const {
    if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) {
      cursor_.fail("expected a value on the stack at offset ", cursor_.offset(), ", found none");
    }
    return stack_.back();
  }

  Ref pop() {
    const Ref value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<Ref> pop_some(size_t count) {
    std::vector<Ref> values(count);
    for (size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) cursor_.fail("expected a mark before offset ", cursor_.offset());
    std::vector<Ref> values = pop_some(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  /// The T on top of the stack.
  template <typename T>
  T& top_as(std::string_view what) {
    Pickle::Value& value = pickle_.values_[top()];
    if (T* held = std::get_if<T>(&value)) return *held;
    cursor_.fail("expected ", what, " on the stack at offset ", cursor_.offset(), ", found ",
                 kind_of(value));
  }

  /// The same, taken off: a copy, so for small types.
  template <typename T>
  T pop_as(std::string_view what) {
    T value = top_as<T>(what);
    stack_.pop_back();
    return value;
  }

  // ---- what opcodes do

  template <typename T>
  T number() {
    return cursor_.number<T>();
  }

  /// Little-endian two's complement of any length; more than 64 bits count nothing here.
  int64_t read_long() {
    const auto length = cursor_.number<uint8_t>();
    if (length > sizeof(int64_t)) {
      unsupported("an integer of ", +length, " bytes, expected at most ", sizeof(int64_t));
    }
    if (length == 0) return 0;
    const auto bytes = cursor_.take(length);
    const bool negative = (bytes.back() & std::byte{0x80}) != std::byte{0};
    int64_t value = negative ? -1 : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  /// Floats, unlike all else, are big-endian.
  double read_float() {
    return std::bit_cast<double>(__builtin_bswap64(cursor_.number<uint64_t>()));
  }

  std::string_view read_text(uint64_t length) {
    const auto text = cursor_.take(length);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  std::string_view read_line() {
    Cursor ahead = cursor_;
    uint64_t length = 0;
    while (ahead.number<char>() != '\n') ++length;
    const std::string_view line = read_text(length);
    cursor_.take(1);
    return line;
  }

  void append(const std::vector<Ref>& values) {
    auto& items = top_as<Pickle::List>("a list").items;
    items.insert(items.end(), values.begin(), values.end());
  }

  void set_items(const std::vector<Ref>& values) {
    auto& items = top_as<Pickle::Dict>("a dict").items;
    if (values.size() % 2 != 0) {
      cursor_.fail("a key without a value before offset ", cursor_.offset());
    }
    for (size_t i = 0; i < values.size(); i += 2) items.emplace_back(values[i], values[i + 1]);
  }

  /// Picklers number the values of the memo as they come.
  void remember(uint64_t number) {
    if (number > memo_.size()) {
      cursor_.fail("expected at most ", memo_.size(), " as number in the memo, found ", number);
    }
    if (number == memo_.size()) memo_.emplace_back();
    memo_[number] = top();
  }

  void recall(uint64_t number) {
    if (number >= memo_.size()) {
      cursor_.fail("asks for number ", number, " of a memo with ", memo_.size(), " values");
    }
    stack_.push_back(memo_[number]);
  }

  void check_protocol(uint8_t protocol) const {
    if (protocol <= kMaxProtocol) return;
    unsupported("protocol ", +protocol, ", expected at most ", +kMaxProtocol);
  }

  /// The name as the list of allowed ones has it.
  std::string_view allowed(std::string_view module, std::string_view name) const {
    const std::string full = cat(module, ".", name);
    if (full == kOrderedDict) return kOrderedDict;
    const auto it = std::ranges::find(globals_, full);
    if (it != globals_.end()) return *it;
    unsupported("refused: it wants to call ", to_text(full),
                ", which is no part of a weights file");
  }

  void push_global() {
    const std::string_view module = read_line();
    push(Pickle::Global{allowed(module, read_line())});
  }

  void push_stack_global() {
    const auto name = pop_as<std::string_view>("a name");
    const auto module = pop_as<std::string_view>("a module's name");
    push(Pickle::Global{allowed(module, name)});
  }

  /// An instance of a class, in a form that picklers left behind with protocol 1.
  void refuse_instance() {
    const std::string_view module = read_line();
    unsupported("makes an instance of ", to_text(std::string(allowed(module, read_line()))));
  }

  void call() {
    const bool none = top_as<Pickle::Tuple>("a tuple of arguments").items.empty();
    const Ref arguments = pop();
    const std::string_view function = pop_as<Pickle::Global>("a function").name;
    if (function != kOrderedDict) {
      push(Pickle::Call{function, arguments});
    } else if (none) {
      push(Pickle::Dict());
    } else {
      unsupported("an OrderedDict made from arguments, expected an empty one that is filled then");
    }
  }

  /// A state dict's state is its versions, which tell nothing about the weights.
  void build() {
    pop();
    top_as<Pickle::Dict>("a dict whose attributes to set");
  }

  Cursor cursor_;
  std::span<const std::string_view> globals_;
  Pickle pickle_;
  std::vector<Ref> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::vector<Ref> memo_;
};

/// What Python's and torch's picklers write for plain values.
std::span<const PickleMachine::Opcode> PickleMachine::opcodes() {
  static constexpr Opcode kOpcodes[] = {
      // plain values
      {'N', [](Self& m) { m.push(Pickle::None()); }},
      {0x88, [](Self& m) { m.push(true); }},
      {0x89, [](Self& m) { m.push(false); }},
      {'J', [](Self& m) { m.push(int64_t{m.number<int32_t>()}); }},
      {'K', [](Self& m) { m.push(int64_t{m.number<uint8_t>()}); }},
      {'M', [](Self& m) { m.push(int64_t{m.number<uint16_t>()}); }},
      {0x8a, [](Self& m) { m.push(m.read_long()); }},
      {'G', [](Self& m) { m.push(m.read_float()); }},
      {'X', [](Self& m) { m.push(m.read_text(m.number<uint32_t>())); }},
      {0x8c, [](Self& m) { m.push(m.read_text(m.number<uint8_t>())); }},
      {0x8d, [](Self& m) { m.push(m.read_text(m.number<uint64_t>())); }},
      // containers
      {'(', [](Self& m) { m.marks_.push_back(m.stack_.size()); }},
      {')', [](Self& m) { m.push(Pickle::Tuple()); }},
      {0x85, [](Self& m) { m.push(Pickle::Tuple{m.pop_some(1)}); }},
      {0x86, [](Self& m) { m.push(Pickle::Tuple{m.pop_some(2)}); }},
      {0x87, [](Self& m) { m.push(Pickle::Tuple{m.pop_some(3)}); }},
      {'t', [](Self& m) { m.push(Pickle::Tuple{m.pop_to_mark()}); }},
      {']', [](Self& m) { m.push(Pickle::List()); }},
      {'a', [](Self& m) { m.append(m.pop_some(1)); }},
      {'e', [](Self& m) { m.append(m.pop_to_mark()); }},
      {'}', [](Self& m) { m.push(Pickle::Dict()); }},
      {'s', [](Self& m) { m.set_items(m.pop_some(2)); }},
      {'u', [](Self& m) { m.set_items(m.pop_to_mark()); }},
      // the memo
      {'q', [](Self& m) { m.remember(m.number<uint8_t>()); }},
      {'r', [](Self& m) { m.remember(m.number<uint32_t>()); }},
      {0x94, [](Self& m) { m.remember(m.memo_.size()); }},
      {'h', [](Self& m) { m.recall(m.number<uint8_t>()); }},
      {'j', [](Self& m) { m.recall(m.number<uint32_t>()); }},
      // names, and what is done with them
      {'c', [](Self& m) { m.push_global(); }},
      {0x93, [](Self& m) { m.push_stack_global(); }},
      {'i', [](Self& m) { m.refuse_instance(); }},
      {'R', [](Self& m) { m.call(); }},
      {'b', [](Self& m) { m.build(); }},
      {'Q', [](Self& m) { m.push(Pickle::PersistentId{m.pop()}); }},
      // the pickle itself
      {0x80, [](Self& m) { m.check_protocol(m.number<uint8_t>()); }},
      {0x95, [](Self& m) { m.number<uint64_t>(); }},  // a frame's length: a hint for streams
  };
  return kOpcodes;
}

Pickle Pickle::parse(std::span<const std::byte> bytes, const std::string& file,
                     std::span<const std::string_view> globals) {
  return PickleMachine(bytes, file, globals).run();
}

std::string kind_of(const Pickle::Value& value) {
  if (const auto* global = std::get_if<Pickle::Global>(&value)) return cat("'", global->name, "'");
  if (const auto* call = std::get_if<Pickle::Call>(&value)) {
    return cat("a call of '", call->function, "'");
  }
  // In the order of the variant.
  constexpr std::array<std::string_view, std::variant_size_v<Pickle::Value>> kKinds = {
      "None",    "a boolean", "an integer", "a float", "a string",       "a name",
      "a tuple", "a list",    "a dict",     "a call",  "a persistent id"};
  return std::string(kKinds[value.index()]);
}

}  // namespace heed
