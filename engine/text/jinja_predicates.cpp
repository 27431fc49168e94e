// Tests: what may stand behind `is`.
// Reference: jinja.palletsprojects.com, "List of Builtin Tests".
#include <algorithm>

#include "engine/text/jinja_eval.h"
#include "engine/text/jinja_ops.h"
#include "engine/text/jinja_print.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {
namespace {

template <CompareOp op>
bool compared(Evaluator& evaluator, const Value& input, const Bound& args) {
  return compare(op, input, args[0], evaluator.budget());
}

template <int remainder>
bool has_parity(Evaluator& evaluator, const Value& input, const Bound&) {
  const Value rest = apply(BinaryOp::modulo, input, Value::integer(2), evaluator.budget());
  return is_equal(rest, Value::integer(remainder));
}

bool is_divisible(Evaluator& evaluator, const Value& input, const Bound& args) {
  return is_equal(apply(BinaryOp::modulo, input, args[0], evaluator.budget()), Value::integer(0));
}

template <bool wanted>
bool is_constant(Evaluator&, const Value& input, const Bound&) {
  return input.as_bool() && *input.as_bool() == wanted;
}

template <bool (*Is)(std::string_view)>
bool text_is(Evaluator& evaluator, const Value& input, const Bound&) {
  return Is(to_text(input, evaluator.budget()));
}

// Python's `is`: the very same object. Equal constants are; of other values only a value itself.
bool is_same(Evaluator&, const Value& input, const Value& other) {
  if (input.data().index() != other.data().index()) return false;
  if (input.is_none()) return true;
  if (input.as_bool()) return *input.as_bool() == *other.as_bool();
  if (input.as_sequence()) return input.as_sequence() == other.as_sequence();
  if (input.as_dict()) return input.as_dict() == other.as_dict();
  if (input.as_namespace()) return input.as_namespace() == other.as_namespace();
  fail(Error::Code::unsupported, "the test 'sameas' is not supported for a ", type_name(input));
}

constexpr Predicate kPredicates[] = {
    {"!=", "other", compared<CompareOp::not_equal>},
    {"<", "other", compared<CompareOp::less>},
    {"<=", "other", compared<CompareOp::less_equal>},
    {"==", "other", compared<CompareOp::equal>},
    {">", "other", compared<CompareOp::greater>},
    {">=", "other", compared<CompareOp::greater_equal>},
    {"boolean", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_bool() != nullptr; }},
    {"callable", "",
     [](Evaluator&, const Value& v, const Bound&) {
       return v.as_function() != nullptr || v.as_loop() != nullptr || v.as_undefined() != nullptr;
     }},
    {"defined", "", [](Evaluator&, const Value& v, const Bound&) { return !v.as_undefined(); }},
    {"divisibleby", "num", is_divisible},
    {"eq", "other", compared<CompareOp::equal>},
    {"equalto", "other", compared<CompareOp::equal>},
    {"escaped", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_safe_text() != nullptr; }},
    {"even", "", has_parity<0>},
    {"false", "", is_constant<false>},
    {"filter", "",
     [](Evaluator&, const Value& v, const Bound&) {
       return v.as_text() && find_filter(*v.as_text());
     }},
    {"float", "", [](Evaluator&, const Value& v, const Bound&) { return v.as_real() != nullptr; }},
    {"ge", "other", compared<CompareOp::greater_equal>},
    {"greaterthan", "other", compared<CompareOp::greater>},
    {"gt", "other", compared<CompareOp::greater>},
    {"in", "seq", compared<CompareOp::in>},
    {"integer", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_integer() && !v.as_bool(); }},
    {"iterable", "",
     [](Evaluator&, const Value& v, const Bound&) { return is_iterable(v) || v.as_safe_text(); }},
    {"le", "other", compared<CompareOp::less_equal>},
    {"lessthan", "other", compared<CompareOp::less>},
    {"lower", "", text_is<is_lower_text>},
    {"lt", "other", compared<CompareOp::less>},
    {"mapping", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_dict() != nullptr; }},
    {"ne", "other", compared<CompareOp::not_equal>},
    {"none", "", [](Evaluator&, const Value& v, const Bound&) { return v.is_none(); }},
    {"number", "", [](Evaluator&, const Value& v, const Bound&) { return v.is_number(); }},
    {"odd", "", has_parity<1>},
    {"sameas", "other",
     [](Evaluator& e, const Value& v, const Bound& args) { return is_same(e, v, args[0]); }},
    {"sequence", "",
     [](Evaluator&, const Value& v, const Bound&) {
       const Sequence* s = v.as_sequence();
       const bool indexed = s && s->kind != Sequence::Kind::dict_keys &&
                            s->kind != Sequence::Kind::dict_values &&
                            s->kind != Sequence::Kind::dict_items;
       return indexed || v.as_any_text() || v.as_dict() || v.as_undefined();
     }},
    {"string", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_any_text() != nullptr; }},
    {"test", "",
     [](Evaluator&, const Value& v, const Bound&) {
       return v.as_text() && find_predicate(*v.as_text());
     }},
    {"true", "", is_constant<true>},
    {"undefined", "",
     [](Evaluator&, const Value& v, const Bound&) { return v.as_undefined() != nullptr; }},
    {"upper", "", text_is<is_upper_text>},
};

}  // namespace

const Predicate* find_predicate(std::string_view name) {
  const auto it = std::ranges::find(kPredicates, name, &Predicate::name);
  return it == std::end(kPredicates) ? nullptr : it;
}

}  // namespace heed::jinja
