// Packs rows in file form into panels, and reads panels back in plain numbers; layout in pack.h.
// Used at load, by the scalar kernels and by tests. Block formats: engine/quant/blocks.h.
#include "engine/kernels/pack.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/core/half.h"

namespace heed {
namespace {

constexpr int64_t round_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

template <typename T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* bytes, T value) {
  std::memcpy(bytes, &value, sizeof value);
}

/// Where record `index` of a panel starts, and the header above it (K types).
struct RecordPlace {
  int64_t header;
  int64_t record;
};

RecordPlace place(const PanelFormat& format, int64_t index) {
  const int64_t bytes = format.record_bytes();
  if (!format.super_block) return {.header = 0, .record = index * bytes};
  const int64_t header = index / kSuperRecords * (kSuperHeaderBytes + kSuperRecords * bytes);
  return {.header = header, .record = header + kSuperHeaderBytes + index % kSuperRecords * bytes};
}

/// Asks for the rows of the next panel while those of this one are read: a block of each of 16 rows
/// in turn is an order in which no processor foresees them, and memory is waited for at each.
class Ahead {
 public:
  Ahead(const std::byte* rows, int64_t count, int64_t row_bytes)
      : next_(rows + count * row_bytes), count_(count) {}

  /// For the bytes from `first` on, to which each row of this panel has come.
  void ask(int64_t first, int64_t bytes) const {
    const std::byte* from = next_ + first * count_;
    for (int64_t i = 0; i < bytes * count_; i += 64) __builtin_prefetch(from + i);
  }

 private:
  const std::byte* next_;
  int64_t count_;
};

/// Four vectors from 16 bytes of each of 16 rows, 4 x 4 words at a time: rows become columns.
void write_vectors(const __m128i (&rows)[kPanelRows], std::byte* vectors) {
  for (int n = 0; n < kPanelRows; n += 4) {
    const __m128i low_ab = _mm_unpacklo_epi32(rows[n], rows[n + 1]);
    const __m128i low_cd = _mm_unpacklo_epi32(rows[n + 2], rows[n + 3]);
    const __m128i high_ab = _mm_unpackhi_epi32(rows[n], rows[n + 1]);
    const __m128i high_cd = _mm_unpackhi_epi32(rows[n + 2], rows[n + 3]);
    store(vectors + 4 * n, _mm_unpacklo_epi64(low_ab, low_cd));
    store(vectors + 4 * n + kVectorBytes, _mm_unpackhi_epi64(low_ab, low_cd));
    store(vectors + 4 * n + 2 * kVectorBytes, _mm_unpacklo_epi64(high_ab, high_cd));
    store(vectors + 4 * n + 3 * kVectorBytes, _mm_unpackhi_epi64(high_ab, high_cd));
  }
}

// ---- dense -------------------------------------------------------------------------------------

/// [count][columns] -> [columns][16], from column `first` on.
template <typename T>
void pack_columns(const std::byte* rows, int64_t count, int64_t columns, int64_t first,
                  std::byte* panel) {
  const int64_t size = sizeof(T);
  for (int64_t k = first; k < columns; ++k)
    for (int64_t n = 0; n < count; ++n)
      store(panel + (k * kPanelRows + n) * size, load<T>(rows + (n * columns + k) * size));
}

/// [count][columns] -> [columns / 2][16][2], from column `first` on.
void pack_pairs(const std::byte* rows, int64_t count, int64_t columns, int64_t first,
                std::byte* panel) {
  for (int64_t k = first; k < columns; ++k)
    for (int64_t n = 0; n < count; ++n)
      store(panel + ((k / 2 * kPanelRows + n) * 2 + k % 2) * 2,
            load<uint16_t>(rows + (n * columns + k) * 2));
}

/// The same for floats, or pairs of bf16, as far as 16 bytes of each row go. Returns how many bytes
/// of a row that were.
int64_t pack_words(const std::byte* rows, int64_t count, int64_t row_bytes, std::byte* panel) {
  const Ahead ahead(rows, count, row_bytes);
  int64_t done = 0;
  for (; done + 16 <= row_bytes; done += 16) {
    ahead.ask(done, 16);
    __m128i words[kPanelRows] = {};
    for (int64_t n = 0; n < count; ++n) words[n] = load<__m128i>(rows + n * row_bytes + done);
    write_vectors(words, panel + done / 4 * kVectorBytes);
  }
  return done;
}

// ---- codes of a record -------------------------------------------------------------------------

/// The 32 codes of one row of a record, and the f16 bits or bytes of its scales.
struct RowRecord {
  uint16_t d = 0, m = 0;  // f16; not for K types
  uint8_t scale[2] = {};  // K types
  uint8_t min = 0;        // q4_k, q5_k
  uint8_t code[kRecordColumns] = {};
};

/// The two halves of Q4_0's kind of block: low nibbles first.
void split_nibbles(const uint8_t (&qs)[kBlock / 2], uint8_t* code) {
  for (int i = 0; i < kBlock / 2; ++i) {
    code[i] = qs[i] & 15;
    code[i + kBlock / 2] = qs[i] >> 4;
  }
}

void add_fifth_bits(const uint8_t (&qh)[kBlock / 8], uint8_t* code) {
  for (int i = 0; i < kBlock; ++i) code[i] |= (qh[i / 8] >> (i % 8) & 1) << 4;
}

RowRecord row_record(const BlockQ5_0& b, int) {
  RowRecord r{.d = b.d};
  split_nibbles(b.qs, r.code);
  add_fifth_bits(b.qh, r.code);
  return r;
}

RowRecord row_record(const BlockQ5_1& b, int) {
  RowRecord r{.d = b.d, .m = b.m};
  split_nibbles(b.qs, r.code);
  add_fifth_bits(b.qh, r.code);
  return r;
}

// K types: part s (0..7) of the super-block is a record.

RowRecord row_record(const BlockQ2_K& b, int s) {
  RowRecord r{.scale = {b.scales[2 * s], b.scales[2 * s + 1]}};
  const uint8_t* qs = b.qs + 32 * (s / 4);
  for (int i = 0; i < kRecordColumns; ++i) r.code[i] = qs[i] >> 2 * (s % 4) & 3;
  return r;
}

RowRecord row_record(const BlockQ3_K& b, int s) {
  RowRecord r{.scale = {static_cast<uint8_t>(q3_k_scale(b.scales, 2 * s)),
                        static_cast<uint8_t>(q3_k_scale(b.scales, 2 * s + 1))}};
  const uint8_t* qs = b.qs + 32 * (s / 4);
  for (int i = 0; i < kRecordColumns; ++i)
    r.code[i] = (qs[i] >> 2 * (s % 4) & 3) | (b.hmask[i] >> s & 1) << 2;
  return r;
}

RowRecord row_record(const BlockQ4_K& b, int s) {
  const ScaleMin sub = scale_min(b.scales, s);
  RowRecord r{.scale = {sub.scale}, .min = sub.min};
  const uint8_t* qs = b.qs + 32 * (s / 2);
  for (int i = 0; i < kRecordColumns; ++i) r.code[i] = qs[i] >> 4 * (s % 2) & 15;
  return r;
}

RowRecord row_record(const BlockQ5_K& b, int s) {
  const ScaleMin sub = scale_min(b.scales, s);
  RowRecord r{.scale = {sub.scale}, .min = sub.min};
  const uint8_t* qs = b.qs + 32 * (s / 2);
  for (int i = 0; i < kRecordColumns; ++i)
    r.code[i] = (qs[i] >> 4 * (s % 2) & 15) | (b.qh[i] >> s & 1) << 4;
  return r;
}

RowRecord row_record(const BlockQ6_K& b, int s) {
  RowRecord r{
      .scale = {static_cast<uint8_t>(b.scales[2 * s]), static_cast<uint8_t>(b.scales[2 * s + 1])}};
  const uint8_t* ql = b.ql + 64 * (s / 4) + 32 * (s % 2);
  const uint8_t* qh = b.qh + 32 * (s / 4);
  for (int i = 0; i < kRecordColumns; ++i)
    r.code[i] = (ql[i] >> 4 * (s / 2 % 2) & 15) | (qh[i] >> 2 * (s % 4) & 3) << 4;
  return r;
}

// ---- planes ------------------------------------------------------------------------------------

/// Writes row n's quads (4 codes each, one a byte) as a plane of `bits` bits, taken from bit
/// `shift` of each code.
template <int bits>
void write_plane(const uint32_t (&quads)[kRecordQuads], int shift, int n, std::byte* plane) {
  constexpr uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
  uint32_t vectors[bits] = {};
  for (int q = 0; q < kRecordQuads; ++q)
    vectors[q % bits] |= (quads[q] >> shift & mask) << bits * (q / bits);
  for (int j = 0; j < bits; ++j) store(plane + j * kVectorBytes + n * 4, vectors[j]);
}

/// Blocks whose qs have the bytes of the planes as they are: nibbles of code i and code i + 16,
/// which is four quads on; or Q8_0's, but for their sign.
template <DType type, typename Block>
void copy_blocks(const std::byte* rows, int64_t count, int64_t columns, std::byte* panel) {
  constexpr PanelFormat format = panel_format(type);
  constexpr int64_t size = sizeof(Block);
  const int64_t row_bytes = columns / kBlock * size;
  const __m128i sign = _mm_set1_epi8(static_cast<char>(type == DType::q8_0 ? format.zero : 0));
  const Ahead ahead(rows, count, row_bytes);
  for (int64_t at = 0; at < row_bytes; at += size, panel += format.record_bytes()) {
    ahead.ask(at, size);
    const std::byte* blocks = rows + at;
    for (int half = 0; half < format.low_bits / 4; ++half) {
      __m128i codes[kPanelRows] = {};
      for (int64_t n = 0; n < count; ++n) {
        const std::byte* from = blocks + n * row_bytes + offsetof(Block, qs) + 16 * half;
        codes[n] = _mm_xor_si128(load<__m128i>(from), sign);
      }
      write_vectors(codes, panel + 4 * half * kVectorBytes);
    }
    std::byte* scales = panel + format.plane_bytes();
    for (int64_t n = 0; n < count; ++n) {
      const auto block = load<Block>(blocks + n * row_bytes);
      store(scales + 2 * n, block.d);
      if constexpr (requires { block.m; }) store(scales + 32 + 2 * n, block.m);
    }
  }
}

template <DType type>
void write_row(const RowRecord& row, int n, std::byte* record) {
  constexpr PanelFormat format = panel_format(type);
  uint32_t quads[kRecordQuads];
  std::memcpy(quads, row.code, sizeof quads);
  write_plane<format.low_bits>(quads, 0, n, record);
  if constexpr (format.high_bits != 0)
    write_plane<format.high_bits>(quads, format.low_bits, n,
                                  record + format.low_bits * kVectorBytes);
  std::byte* scales = record + format.plane_bytes();
  if constexpr (!format.super_block) {
    store(scales + 2 * n, row.d);
    if (format.has_min) store(scales + 32 + 2 * n, row.m);
  } else {
    store(scales + n, row.scale[0]);
    store(scales + 16 + n, format.groups == 2 ? row.scale[1] : row.min);
  }
}

/// The d and dmin above 8 records of a K type; the other types have them in each record.
template <typename Block>
void write_header(const Block& block, int64_t n, std::byte* header) {
  if constexpr (requires { block.scales; }) store(header + 2 * n, block.d);
  if constexpr (requires { block.dmin; }) store(header + 32 + 2 * n, block.dmin);
}

template <DType type, typename Block>
void pack_blocks(const std::byte* rows, int64_t count, int64_t columns, std::byte* panel) {
  constexpr PanelFormat format = panel_format(type);
  constexpr int records = format.super_block ? kSuperRecords : 1;  // of a block
  const int64_t blocks = columns / (records * kRecordColumns);     // of a row
  const Ahead ahead(rows, count, blocks * int64_t{sizeof(Block)});
  for (int64_t i = 0; i < blocks; ++i) {
    ahead.ask(i * int64_t{sizeof(Block)}, sizeof(Block));
    for (int n = 0; n < count; ++n) {
      const Block block =
          load<Block>(rows + (n * blocks + i) * static_cast<int64_t>(sizeof(Block)));
      write_header(block, n, panel + place(format, i * records).header);
      for (int s = 0; s < records; ++s)
        write_row<type>(row_record(block, s), n, panel + place(format, i * records + s).record);
    }
  }
}

}  // namespace

int64_t panel_bytes(DType type, int64_t columns) noexcept {
  switch (type) {
    case DType::f32:
      return round_up(columns, 2) * kPanelRows * 4;
    case DType::f16:
    case DType::bf16:
      return round_up(columns, 2) * kPanelRows * 2;
    default:
      break;
  }
  if (!is_quantized(type)) return 0;
  const PanelFormat format = panel_format(type);
  return round_up(
      place(format, columns / kRecordColumns).record - (format.super_block ? kSuperHeaderBytes : 0),
      kPanelAlign);
}

void pack_panel(DType type, const std::byte* rows, int64_t count, int64_t columns,
                std::byte* panel) noexcept {
  std::memset(panel, 0, static_cast<size_t>(panel_bytes(type, columns)));
  switch (type) {
    case DType::f32:
      return pack_columns<uint32_t>(rows, count, columns,
                                    pack_words(rows, count, 4 * columns, panel) / 4, panel);
    case DType::f16:
      return pack_columns<uint16_t>(rows, count, columns, 0, panel);
    case DType::bf16:
      return pack_pairs(rows, count, columns, pack_words(rows, count, 2 * columns, panel) / 2,
                        panel);
    case DType::q4_0:
      return copy_blocks<DType::q4_0, BlockQ4_0>(rows, count, columns, panel);
    case DType::q4_1:
      return copy_blocks<DType::q4_1, BlockQ4_1>(rows, count, columns, panel);
    case DType::q5_0:
      return pack_blocks<DType::q5_0, BlockQ5_0>(rows, count, columns, panel);
    case DType::q5_1:
      return pack_blocks<DType::q5_1, BlockQ5_1>(rows, count, columns, panel);
    case DType::q8_0:
      return copy_blocks<DType::q8_0, BlockQ8_0>(rows, count, columns, panel);
    case DType::iq4_nl:
      return copy_blocks<DType::iq4_nl, BlockIQ4_NL>(rows, count, columns, panel);
    case DType::q2_k:
      return pack_blocks<DType::q2_k, BlockQ2_K>(rows, count, columns, panel);
    case DType::q3_k:
      return pack_blocks<DType::q3_k, BlockQ3_K>(rows, count, columns, panel);
    case DType::q4_k:
      return pack_blocks<DType::q4_k, BlockQ4_K>(rows, count, columns, panel);
    case DType::q5_k:
      return pack_blocks<DType::q5_k, BlockQ5_K>(rows, count, columns, panel);
    case DType::q6_k:
      return pack_blocks<DType::q6_k, BlockQ6_K>(rows, count, columns, panel);
    default:
      return;
  }
}

namespace {

/// The code of row n, column k in a plane of `bits` bits; 0 if the format has no such plane.
int plane_code(const std::byte* plane, int bits, int n, int k) {
  if (bits == 0) return 0;
  const int quad = k / 4;
  const auto byte = static_cast<int>(plane[quad % bits * kVectorBytes + n * 4 + k % 4]);
  return byte >> bits * (quad / bits) & ((1 << bits) - 1);
}

/// The d and m of row n, columns 16 g ... of a record; the products of f16 and small integers are
/// exact.
void read_scales(DType type, const std::byte* header, const std::byte* scales, int n, int g,
                 Record& out) {
  const PanelFormat format = panel_format(type);
  const auto half = [](const std::byte* p, int i) { return f16_to_f32(load<uint16_t>(p + 2 * i)); };
  const auto small = [](const std::byte* p) { return static_cast<float>(load<uint8_t>(p)); };
  const auto small_signed = [](const std::byte* p) { return static_cast<float>(load<int8_t>(p)); };
  float& d = out.d[g][n];
  float& m = out.m[g][n];
  m = 0;
  if (!format.super_block) {
    d = half(scales, n);
    if (format.has_min) m = half(scales + 32, n);
  } else if (type == DType::q2_k) {
    const auto both = load<uint8_t>(scales + 16 * g + n);
    d = half(header, n) * static_cast<float>(both & 15);
    m = -half(header + 32, n) * static_cast<float>(both >> 4);
  } else if (format.has_min) {
    d = half(header, n) * small(scales + n);
    m = -half(header + 32, n) * small(scales + 16 + n);
  } else {
    d = half(header, n) * small_signed(scales + 16 * g + n);
  }
}

}  // namespace

void unpack_record(DType type, const std::byte* panel, int64_t index, Record& out) noexcept {
  const PanelFormat format = panel_format(type);
  const std::byte* header = panel + place(format, index).header;
  const std::byte* low = panel + place(format, index).record;
  const std::byte* high = low + format.low_bits * kVectorBytes;
  for (int n = 0; n < kPanelRows; ++n) {
    for (int k = 0; k < kRecordColumns; ++k) {
      int code = plane_code(low, format.low_bits, n, k) | plane_code(high, format.high_bits, n, k)
                                                              << format.low_bits;
      if (type == DType::iq4_nl) code = kIq4NlLevels[code] + format.zero;
      out.code[n][k] = static_cast<uint8_t>(code);
    }
    for (int g = 0; g < 2; ++g) read_scales(type, header, low + format.plane_bytes(), n, g, out);
  }
}

float dense_value(DType type, const std::byte* panel, int64_t n, int64_t k) noexcept {
  switch (type) {
    case DType::f16:
      return f16_to_f32(load<uint16_t>(panel + (k * kPanelRows + n) * 2));
    case DType::bf16:
      return bf16_to_f32(load<uint16_t>(panel + ((k / 2 * kPanelRows + n) * 2 + k % 2) * 2));
    default:
      return load<float>(panel + (k * kPanelRows + n) * 4);
  }
}

}  // namespace heed
