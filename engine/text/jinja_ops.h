// Python's operators on values. Used by jinja_eval and the filters.
#pragma once

#include "engine/text/jinja_ast.h"
#include "engine/text/jinja_text.h"

namespace heed::jinja {

/// left op right. Throws Error(argument) for types that have no such operation and for division by
/// zero, Error(limit) for integers beyond 64 bits.
Value apply(BinaryOp op, const Value& left, const Value& right, Budget& budget);
/// -value or +value.
Value apply(UnaryOp op, const Value& value);
bool compare(CompareOp op, const Value& left, const Value& right, Budget& budget);
/// object[start:stop:step] of a text, list or tuple; the bounds are integers or None.
Value slice(const Value& object, const Value& start, const Value& stop, const Value& step,
            Budget& budget);
/// Where Python's index `i` lies in a sequence of `size`; nothing if outside.
std::optional<size_t> resolve_index(int64_t i, size_t size);
/// Spends what a search for `needle` may cost.
void spend_search(Budget& budget, std::string_view text, std::string_view needle);

/// The text as HTML, as the filter escape has it.
void escape_html(TextBuilder& out, std::string_view text);
/// text.replace(old, replacement, count); a negative count replaces all.
Value replace_text(Budget& budget, std::string_view text, std::string_view old,
                   std::string_view replacement, int64_t count);
/// The text filled up to `width` characters: on its right for Side::left (ljust), on its left for
/// Side::right (rjust), on both for Side::both (center).
std::string pad_text(Budget& budget, std::string_view text, Side side, int64_t width,
                     std::string_view fill);

}  // namespace heed::jinja
