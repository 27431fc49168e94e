// Kernels for quantised weights over Vec, Bytes and Ints; how they are used: matmul.inl.
//
// A tile is a list of the records its rows have a rest for (Q8Rows::rest), then its own records:
// one for each record of the weights, then one for each on the list, zero for rows without a rest
// there. A tile's record: for each of its rows 32 int8 values; then of each row the scale; then for
// each scale group of the weights and each row the offset: what a dot product of codes must start
// from (weights with a zero: -zero * sum of values, an integer), or what the weights' minimum is
// multiplied by (scale * sum of values, a float).
//
// An unpacked panel's record: 8 quads of codes as bytes, then for each scale group 16 float scales,
// then likewise minima.
#pragma once

#include "engine/kernels/generic/matmul.inl"

namespace heed {
namespace {

inline constexpr int kRecordBytes = kRecordQuads * kVectorBytes;  // of an unpacked record's codes

/// What the arithmetic needs to know of a type.
struct CodeKind {
  int groups;
  bool has_min;
  int bits;  // as far as Dot cares

  constexpr int unpacked_bytes() const {
    return kRecordBytes + kVectorBytes * groups * (has_min ? 2 : 1);
  }
  constexpr int tile_row_bytes() const { return kRecordColumns + 4 + 4 * groups; }
};

constexpr CodeKind code_kind(DType type) {
  const PanelFormat f = panel_format(type);
  const int bits = f.zero == 128 ? 8 : f.low_bits + f.high_bits;
  return {.groups = f.groups, .has_min = f.has_min, .bits = dot_bits(bits)};
}

/// Whether codes are unpacked to signed bytes, without the zero.
constexpr bool is_signed(DType type) {
  return kSignedBytes && panel_format(type).zero == 128;
}

// ---- input tiles --------------------------------------------------------------------------------

/// The records that rows of a tile have a rest for, each once: at most as many as there are rows.
struct Rests {
  int32_t count;
  int32_t record[kDirectTileRows];
};
inline constexpr int64_t kRestsBytes = kPanelAlign;
static_assert(sizeof(Rests) <= kRestsBytes);

inline Rests rests_of(const std::byte* tile) {
  Rests rests;
  __builtin_memcpy(&rests, tile, sizeof rests);
  return rests;
}

template <DType type>
int64_t tile_row_bytes(int64_t columns) {
  const int64_t records = columns / kRecordColumns + kDirectTileRows;
  return kRestsBytes + records * code_kind(type).tile_row_bytes();
}

/// Brings block `block` of row `row` of the input into place `t` of a tile's record of `rows` rows.
template <DType type>
inline void pack_block(const Q8Rows& q8, int64_t row, int64_t block, int64_t t, int64_t rows,
                       std::byte* record) {
  constexpr CodeKind kind = code_kind(type);
  constexpr int32_t zero = is_signed(type) ? 0 : panel_format(type).zero;
  const int64_t at = row * q8.blocks() + block;
  const int32_t* sums = q8.sums + at * 2;
  __builtin_memcpy(record + t * kRecordColumns, q8.values + at * kRecordColumns, kRecordColumns);
  std::byte* scale = record + rows * kRecordColumns + t * 4;
  __builtin_memcpy(scale, q8.scales + at, 4);
  for (int g = 0; g < kind.groups; ++g) {
    const int32_t sum = kind.groups == 2 ? sums[g] : sums[0] + sums[1];
    const float scaled = q8.scales[at] * static_cast<float>(sum);
    const int32_t start = -zero * sum;
    std::byte* offset = scale + (1 + g) * rows * 4;
    __builtin_memcpy(offset, kind.has_min ? static_cast<const void*>(&scaled) : &start, 4);
  }
}

/// Appends a record for each of the records that rows have a rest for.
template <DType type>
inline Rests pack_rests(const Q8Rows& q8, int64_t first_row, int64_t rows, std::byte* record) {
  Rests rests = {};
  for (int64_t t = 0; t < rows; ++t) {
    const int32_t mine = q8.rest[first_row + t];
    if (mine < 0) continue;
    int32_t i = 0;
    while (i < rests.count && rests.record[i] != mine) ++i;
    std::byte* at = record + i * rows * code_kind(type).tile_row_bytes();
    if (i == rests.count) {
      rests.record[rests.count++] = mine;
      __builtin_memset(at, 0, static_cast<size_t>(rows * code_kind(type).tile_row_bytes()));
    }
    pack_block<type>(q8, first_row + t, q8.blocks() - 1, t, rows, at);
  }
  return rests;
}

template <DType type>
void pack_quantized_tile(const MatmulInput& input, int64_t first_row, int64_t rows, int64_t columns,
                         std::byte* tile) {
  const int64_t records = columns / kRecordColumns;
  const int64_t record_bytes = rows * code_kind(type).tile_row_bytes();
  std::byte* record = tile + kRestsBytes;
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t i = 0; i < records; ++i)
      pack_block<type>(input.q8, first_row + t, i, t, rows, record + i * record_bytes);
  }
  const Rests rests = pack_rests<type>(input.q8, first_row, rows, record + records * record_bytes);
  __builtin_memcpy(tile, &rests, sizeof rests);
}

// ---- one record ---------------------------------------------------------------------------------

/// A part of an unpacked record in memory.
struct InMemory {
  const std::byte* at;

  Bytes quad(int q) const { return load_bytes(at + q * kVectorBytes); }
  template <CodeKind kind>
  Vec scale(int g) const {
    return floats(g);
  }
  template <CodeKind kind>
  Vec min(int g) const {
    return floats(kind.groups + g);
  }
  Vec floats(int i) const {
    return load(reinterpret_cast<const float*>(at + kRecordBytes + i * kVectorBytes));
  }
};

/// A part of a record in registers.
struct InRegisters {
  Bytes codes[kRecordQuads];
  Vec scales[2], mins[2];

  Bytes quad(int q) const { return codes[q]; }
  template <CodeKind kind>
  Vec scale(int g) const {
    return scales[g];
  }
  template <CodeKind kind>
  Vec min(int g) const {
    return mins[g];
  }
};

inline Vec broadcast_float(const std::byte* p) {
  float value;
  __builtin_memcpy(&value, p, sizeof value);
  return broadcast(value);
}

/// sums += the products of `parts` parts of a record with `rows` rows of a tile. The order of the
/// multiply-adds is that of the scalar kernel.
template <CodeKind kind, int parts, int rows, typename Weights>
[[gnu::always_inline]] inline void add_record(const Weights (&w)[parts], const std::byte* tile,
                                              Vec (&sums)[parts][rows]) {
  const std::byte* scales = tile + rows * kRecordColumns;
  constexpr int kQuads = kRecordQuads / kind.groups;  // of a group
#pragma GCC unroll 2
  for (int g = 0; g < kind.groups; ++g) {
    const std::byte* offsets = scales + (1 + g) * rows * 4;
    Dot<kind.bits, kQuads> dots[parts][rows];
#pragma GCC unroll 16
    for (int t = 0; t < rows; ++t) {
      const Ints start = kind.has_min ? zero_ints() : broadcast_int(offsets + t * 4);
#pragma GCC unroll 4
      for (int p = 0; p < parts; ++p) dots[p][t].sum = start;
    }
#pragma GCC unroll 8
    for (int i = 0; i < kQuads; ++i) {
      const int q = g * kQuads + i;
      Bytes codes[parts];
#pragma GCC unroll 4
      for (int p = 0; p < parts; ++p) codes[p] = w[p].quad(q);
#pragma GCC unroll 16
      for (int t = 0; t < rows; ++t) {
        const Bytes values = broadcast_quad(tile + t * kRecordColumns + q * 4);
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) dots[p][t].add(codes[p], values, i);
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < parts; ++p) {
      const Vec scale = w[p].template scale<kind>(g);
#pragma GCC unroll 16
      for (int t = 0; t < rows; ++t) {
        const Vec product = to_float(dots[p][t].sum) * scale;
        sums[p][t] = fma(product, broadcast_float(scales + t * 4), sums[p][t]);
        if constexpr (kind.has_min)
          sums[p][t] =
              fma(w[p].template min<kind>(g), broadcast_float(offsets + t * 4), sums[p][t]);
      }
    }
  }
}

// ---- unpacking ----------------------------------------------------------------------------------

/// Adds the quads that vector j of a plane holds to codes: `bits` bits of each, moved up by `to`.
template <int bits, int to, int j, int shift = 0>
inline void add_quads(Bytes vector, Bytes (&codes)[kRecordQuads]) {
  constexpr int q = j + shift;  // shift = bits * (q / bits), as bits divides 8
  constexpr auto mask = static_cast<uint8_t>(((1 << bits) - 1) << to);
  const Bytes moved = shift_right<shift - to>(vector);
  if constexpr (bits == 8) {
    codes[q] = moved;
  } else if constexpr (to == 0) {
    codes[q] = masked(moved, mask);
  } else {
    codes[q] = masked_or(moved, mask, codes[q]);
  }
  if constexpr (shift + bits < 8) add_quads<bits, to, j, shift + bits>(vector, codes);
}

template <int bits, int to, int j = 0>
inline void add_plane(const std::byte* plane, Bytes (&codes)[kRecordQuads]) {
  add_quads<bits, to, j>(load_bytes(plane + j * kVectorBytes), codes);
  if constexpr (j + 1 < bits) add_plane<bits, to, j + 1>(plane, codes);
}

/// What IQ4_NL's codes stand for, plus 128 to be unsigned.
struct Iq4NlCodes {
  alignas(16) uint8_t code[16] = {};

  constexpr Iq4NlCodes() {
    for (int i = 0; i < 16; ++i)
      code[i] = static_cast<uint8_t>(kIq4NlLevels[i] + panel_format(DType::iq4_nl).zero);
  }
};
inline constexpr Iq4NlCodes kIq4NlCodes;

/// The d and -dmin of a super-block.
struct Header {
  Vec d, minus_dmin;
};

/// Reads part `part` of a record; `header` matters to K types only.
template <DType type>
inline InRegisters load_record(const std::byte* record, int part, const Header& header) {
  constexpr PanelFormat f = panel_format(type);
  InRegisters r;
  const std::byte* planes = record + part * kLanes * 4;
  add_plane<f.low_bits, 0>(planes, r.codes);
  if constexpr (f.high_bits != 0)
    add_plane<f.high_bits, f.low_bits>(planes + f.low_bits * kVectorBytes, r.codes);
  if constexpr (type == DType::iq4_nl) {
    for (Bytes& codes : r.codes) codes = look_up(kIq4NlCodes.code, codes);
  }
  if constexpr (is_signed(type)) {
    for (Bytes& codes : r.codes) codes = to_signed(codes);
  }

  const std::byte* scales = record + f.plane_bytes() + part * kLanes * (f.super_block ? 1 : 2);
  if constexpr (!f.super_block) {
    r.scales[0] = load_f16(scales);
    if constexpr (f.has_min) r.mins[0] = load_f16(scales + 2 * kPanelRows);
  } else if constexpr (type == DType::q2_k) {
    for (int g = 0; g < 2; ++g) {
      const Ints both = load_u8(scales + g * kPanelRows);
      r.scales[g] = header.d * to_float(low_nibble(both));
      r.mins[g] = header.minus_dmin * to_float(high_nibble(both));
    }
  } else if constexpr (f.has_min) {
    r.scales[0] = header.d * to_float(load_u8(scales));
    r.mins[0] = header.minus_dmin * to_float(load_u8(scales + kPanelRows));
  } else {
    for (int g = 0; g < 2; ++g) r.scales[g] = header.d * to_float(load_i8(scales + g * kPanelRows));
  }
  return r;
}

template <int bytes>
inline void prefetch(const std::byte* p) {
  for (int i = 0; i < bytes; i += kPanelAlign) __builtin_prefetch(p + i, 0, kPrefetchTo);
}

/// The d and -dmin of the super-block with a record.
inline Header load_header(const std::byte* d) {
  return {.d = load_f16(d), .minus_dmin = load_f16(d + 2 * kPanelRows) * broadcast(-1)};
}

/// Where the super-block with a record of a K type begins: with its header.
template <DType type>
inline const std::byte* super_block_at(const std::byte* panel, int64_t index) {
  constexpr int64_t kBytes = kSuperHeaderBytes + kSuperRecords * panel_format(type).record_bytes();
  return panel + index / kSuperRecords * kBytes;
}

template <DType type>
inline const std::byte* record_at(const std::byte* panel, int64_t index) {
  constexpr PanelFormat f = panel_format(type);
  if constexpr (!f.super_block) return panel + index * f.record_bytes();
  return super_block_at<type>(panel, index) + kSuperHeaderBytes +
         index % kSuperRecords * f.record_bytes();
}

/// Calls step(p, i, part, InRegisters) for the parts of all records i of `count` panels p, in
/// order, and then for those that rows have a rest for, which are counted on. The panels are read
/// side by side: several streams, each of which the processor foresees, come faster from memory
/// than one.
template <DType type, typename Step>
[[gnu::always_inline]] inline void for_each_record(const Panels& w, int64_t first, int64_t count,
                                                   const Rests& rests, Step step) {
  constexpr PanelFormat f = panel_format(type);
  const int64_t records = w.columns / kRecordColumns;
  Header headers[kDirectPanels][kParts] = {};
  for (int64_t i = 0; i < records + rests.count; ++i) {
    const int64_t index = i < records ? i : rests.record[i - records];
    for (int64_t p = 0; p < count; ++p) {
      const std::byte* panel = w.panel(first + p);
      const std::byte* record = record_at<type>(panel, index);
      if (f.super_block && (i >= records || i % kSuperRecords == 0)) {
        const std::byte* super = super_block_at<type>(panel, index);
        for (int part = 0; part < kParts; ++part)
          headers[p][part] = load_header(super + part * kLanes * 2);
      }
      prefetch<f.record_bytes()>(record + bytes_ahead(w, record - panel, count));
      for (int part = 0; part < kParts; ++part)
        step(p, i, part, load_record<type>(record, part, headers[p][part]));
    }
  }
}

template <DType type>
int64_t unpacked_bytes(int64_t columns) {
  return columns / kRecordColumns * code_kind(type).unpacked_bytes();
}

template <DType type>
void unpack(const Panels& w, int64_t panel, int64_t count, std::byte* out) {
  constexpr CodeKind kind = code_kind(type);
  for (int64_t i = 0; i < count; ++i, out += unpacked_bytes<type>(w.columns)) {
    for_each_record<type>(
        w, panel + i, 1, {}, [&](int64_t, int64_t record, int part, const InRegisters& r) {
          std::byte* at = out + record * kind.unpacked_bytes() + part * kLanes * 4;
          for (int q = 0; q < kRecordQuads; ++q) store_bytes(r.codes[q], at + q * kVectorBytes);
          auto* floats = reinterpret_cast<float*>(at + kRecordBytes);
          for (int g = 0; g < kind.groups; ++g) {
            store(r.scales[g], floats + g * kPanelRows);
            if (kind.has_min) store(r.mins[g], floats + (kind.groups + g) * kPanelRows);
          }
        });
  }
}

// ---- kernels ------------------------------------------------------------------------------------

template <DType type, int rows>
void direct(const Panels& w, int64_t panel, int64_t count, const std::byte* tile, float* acc) {
  constexpr CodeKind kind = code_kind(type);
  const Rests rests = rests_of(tile);
  tile += kRestsBytes;
  // Sums of panels side by side go through memory: too many for a few rows, which take longer to
  // multiply than to read.
  constexpr int64_t kAtOnce = rows <= kMostRowsBeside ? kDirectPanels : 1;
  for (int64_t i = 0; i < count; i += kAtOnce) {
    Vec sums[kAtOnce * kParts][1][rows];
    for (auto& part : sums) clear(part);
    const auto add = [&](int64_t p, int64_t record, int part, const InRegisters& r)
        __attribute__((always_inline)) {
      const InRegisters weights[1] = {r};
      add_record<kind>(weights, tile + record * rows * kind.tile_row_bytes(),
                       sums[p * kParts + part]);
    };
    const int64_t n = kAtOnce == 1 ? 1 : count;
    for_each_record<type>(w, panel + i, n, rests, add);
    for (int64_t part = 0; part < n * kParts; ++part)
      store_sums(sums[part], i * kParts + part, acc);
  }
}

/// `parts` parts of unpacked panels, from part `first`, with a tile.
template <CodeKind kind, int parts, int rows>
inline void tile_of_parts(const std::byte* panels, int64_t stride, int64_t first, int64_t records,
                          const std::byte* tile, float* acc) {
  const std::byte* base[parts];
  for (int p = 0; p < parts; ++p)
    base[p] = panels + (first + p) / kParts * stride + (first + p) % kParts * kLanes * 4;
  const Rests rests = rests_of(tile);
  tile += kRestsBytes;
  Vec sums[parts][rows];
  clear(sums);
  for (int64_t i = 0; i < records + rests.count; ++i, tile += rows * kind.tile_row_bytes()) {
    const int64_t record = i < records ? i : rests.record[i - records];
    InMemory w[parts];
    for (int p = 0; p < parts; ++p) w[p].at = base[p] + record * kind.unpacked_bytes();
    add_record<kind>(w, tile, sums);
  }
  store_sums(sums, first, acc);
}

template <CodeKind kind, int rows>
void quantized_tile(const std::byte* panels, int64_t stride, int64_t count, int64_t columns,
                    const std::byte* tile, const Ahead& ahead, float* acc) {
  ask_for(ahead);
  const int64_t records = columns / kRecordColumns;
  int64_t part = 0;
  for (; part + 2 <= count * kParts; part += 2)
    tile_of_parts<kind, 2, rows>(panels, stride, part, records, tile, acc);
  if (part < count * kParts) tile_of_parts<kind, 1, rows>(panels, stride, part, records, tile, acc);
}

/// The kernels of one type.
template <DType type>
struct QuantizedKernels {
  static constexpr MatrixKernels make() {
    MatrixKernels k{.row_bytes = tile_row_bytes<type>,
                    .pack_tile = pack_quantized_tile<type>,
                    .unpacked_bytes = unpacked_bytes<type>,
                    .unpack = unpack<type>,
                    .tile_rows = kQuantizedTileRows};
    fill<1>(k);
    return k;
  }
  template <int rows>
  static constexpr void fill(MatrixKernels& k) {
    k.direct[rows - 1] = direct<type, rows>;
    if constexpr (rows <= kQuantizedTileRows)
      k.tile[rows - 1] = quantized_tile<code_kind(type), rows>;
    if constexpr (rows < kDirectTileRows) fill<rows + 1>(k);
  }
  static_assert(kQuantizedTileRows <= kDirectTileRows && kDirectTileRows <= kDenseTileRows);
  static constexpr MatrixKernels kernels = make();
};

}  // namespace
}  // namespace heed
