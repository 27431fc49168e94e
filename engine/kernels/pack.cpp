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

// ---- blocks of 32 ------------------------------------------------------------------------------

/// A word of each of four rows.
using Words = uint32_t __attribute__((vector_size(16)));

/// A 1-bit plane of bits in the order of columns: bit 4 q + b of a word goes to bit q of byte b.
Words bits_by_quads(Words bits) {
  Words quads = {};
  for (int b = 0; b < 4; ++b) {
    Words byte = bits >> b & 0x11111111;
    byte = (byte | byte >> 3) & 0x03030303;
    byte = (byte | byte >> 6) & 0x000f000f;
    quads |= ((byte | byte >> 12) & 0xff) << 8 * b;
  }
  return quads;
}

/// The plane of the fifth bits of Q5_0 and Q5_1, from the same block of each row.
template <typename Block>
void write_fifth_bits(const std::byte* blocks, int64_t count, int64_t row_bytes, std::byte* plane) {
  for (int64_t n = 0; n < count; ++n)
    store(plane + 4 * n, load<uint32_t>(blocks + n * row_bytes + offsetof(Block, qh)));
  for (int i = 0; i < kVectorBytes; i += int{sizeof(Words)})
    store(plane + i, bits_by_quads(load<Words>(plane + i)));
}

/// Blocks whose qs have the bytes of the planes as they are: nibbles of code i and code i + 16,
/// which is four quads on; or Q8_0's, but for their sign. Fifth bits lie apart from them.
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
    if constexpr (format.high_bits != 0)
      write_fifth_bits<Block>(blocks, count, row_bytes, panel + format.low_bits * kVectorBytes);
    std::byte* scales = panel + format.plane_bytes();
    for (int64_t n = 0; n < count; ++n) {
      const auto block = load<Block>(blocks + n * row_bytes);
      store(scales + 2 * n, block.d);
      if constexpr (requires { block.m; }) store(scales + 32 + 2 * n, block.m);
    }
  }
}

// ---- super-blocks ------------------------------------------------------------------------------

/// The codes of a super-block lie in as many pieces of 32 bytes as a code has bits. Byte i of a
/// piece holds bits of column i of several records: here is where those of one record begin.
struct CodeBits {
  int piece, shift;
};

/// The bits of the first plane of record s (0..7).
constexpr CodeBits low_bits(DType type, int s) {
  switch (type) {
    case DType::q2_k:
      return {.piece = s / 4, .shift = 2 * (s % 4)};
    case DType::q3_k:  // behind hmask
      return {.piece = 1 + s / 4, .shift = 2 * (s % 4)};
    case DType::q4_k:
      return {.piece = s / 2, .shift = 4 * (s % 2)};
    case DType::q5_k:  // behind qh
      return {.piece = 1 + s / 2, .shift = 4 * (s % 2)};
    default:  // q6_k
      return {.piece = s / 4 * 2 + s % 2, .shift = 4 * (s / 2 % 2)};
  }
}

/// The bits of the second plane.
constexpr CodeBits high_bits(DType type, int s) {
  if (type == DType::q6_k) return {.piece = 4 + s / 4, .shift = 2 * (s % 4)};
  return {.piece = 0, .shift = s};
}

/// A piece of each row as vectors: quad q of all rows is vector q.
struct Piece {
  alignas(kPanelAlign) std::byte quads[kRecordQuads * kVectorBytes];
};

/// Writes `bits` bits of a record's codes as a plane.
template <int bits>
void write_plane(const Piece* pieces, CodeBits from, std::byte* plane) {
  constexpr uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
  for (int i = 0; i < bits * kVectorBytes; i += int{sizeof(Words)}) {
    const std::byte* quads = pieces[from.piece].quads + i;
    Words out = {};
#pragma GCC unroll 8
    for (int shift = 0; shift < 8; shift += bits, quads += bits * kVectorBytes)
      out |= (load<Words>(quads) >> from.shift & mask) << shift;
    store(plane + i, out);
  }
}

/// The bytes of scales of row n in the records of a block.
template <DType type, typename Block>
void write_scales(const Block& block, int64_t n, std::byte* records) {
  constexpr PanelFormat format = panel_format(type);
#pragma GCC unroll 8  // so that it is known where the bits of each scale lie
  for (int s = 0; s < kSuperRecords; ++s) {
    std::byte* scales = records + s * format.record_bytes() + format.plane_bytes() + n;
    if constexpr (sizeof block.scales == kSuperBlock / 16) {
      store(scales, block.scales[2 * s]);
      store(scales + kPanelRows, block.scales[2 * s + 1]);
    } else if constexpr (format.has_min) {
      const ScaleMin sub = scale_min(block.scales, s);
      store(scales, sub.scale);
      store(scales + kPanelRows, sub.min);
    } else {
      store(scales, static_cast<int8_t>(q3_k_scale(block.scales, 2 * s)));
      store(scales + kPanelRows, static_cast<int8_t>(q3_k_scale(block.scales, 2 * s + 1)));
    }
  }
}

/// `codes_at`: where in a block its codes begin.
template <DType type, typename Block, size_t codes_at>
void pack_super_blocks(const std::byte* rows, int64_t count, int64_t columns, std::byte* panel) {
  constexpr PanelFormat format = panel_format(type);
  constexpr int kPieces = format.low_bits + format.high_bits;
  constexpr int64_t size = sizeof(Block);
  const int64_t row_bytes = columns / kSuperBlock * size;
  const Ahead ahead(rows, count, row_bytes);
  for (int64_t at = 0; at < row_bytes; at += size) {
    ahead.ask(at, size);
    const std::byte* blocks = rows + at;
    Piece pieces[kPieces];
    for (int i = 0; i < 2 * kPieces; ++i) {
      __m128i codes[kPanelRows] = {};
      for (int64_t n = 0; n < count; ++n)
        codes[n] = load<__m128i>(blocks + n * row_bytes + codes_at + 16 * i);
      write_vectors(codes, pieces[i / 2].quads + i % 2 * 4 * kVectorBytes);
    }
    std::byte* header = panel;
    panel += kSuperHeaderBytes;
    for (int64_t n = 0; n < count; ++n) {
      const auto block = load<Block>(blocks + n * row_bytes);
      store(header + 2 * n, block.d);
      if constexpr (format.has_min) store(header + 32 + 2 * n, block.dmin);
      write_scales<type>(block, n, panel);
    }
    for (int s = 0; s < kSuperRecords; ++s, panel += format.record_bytes()) {
      write_plane<format.low_bits>(pieces, low_bits(type, s), panel);
      if constexpr (format.high_bits != 0)
        write_plane<format.high_bits>(pieces, high_bits(type, s),
                                      panel + format.low_bits * kVectorBytes);
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
      return copy_blocks<DType::q5_0, BlockQ5_0>(rows, count, columns, panel);
    case DType::q5_1:
      return copy_blocks<DType::q5_1, BlockQ5_1>(rows, count, columns, panel);
    case DType::q8_0:
      return copy_blocks<DType::q8_0, BlockQ8_0>(rows, count, columns, panel);
    case DType::iq4_nl:
      return copy_blocks<DType::iq4_nl, BlockIQ4_NL>(rows, count, columns, panel);
    case DType::q2_k:
      return pack_super_blocks<DType::q2_k, BlockQ2_K, offsetof(BlockQ2_K, qs)>(rows, count,
                                                                                columns, panel);
    case DType::q3_k:
      return pack_super_blocks<DType::q3_k, BlockQ3_K, offsetof(BlockQ3_K, hmask)>(rows, count,
                                                                                   columns, panel);
    case DType::q4_k:
      return pack_super_blocks<DType::q4_k, BlockQ4_K, offsetof(BlockQ4_K, qs)>(rows, count,
                                                                                columns, panel);
    case DType::q5_k:
      return pack_super_blocks<DType::q5_k, BlockQ5_K, offsetof(BlockQ5_K, qh)>(rows, count,
                                                                                columns, panel);
    case DType::q6_k:
      return pack_super_blocks<DType::q6_k, BlockQ6_K, offsetof(BlockQ6_K, ql)>(rows, count,
                                                                                columns, panel);
    default:
      return;
  }
}

void pack_parts(const std::byte* rows, int64_t count, int64_t columns, std::byte* panel) noexcept {
  constexpr int64_t kBytes = kF32Parts * kRecordColumns * sizeof(uint16_t);  // of a row's record
  std::byte record[kPanelRows * kBytes];
  for (int64_t first = 0; first < columns; first += kRecordColumns, panel += kBytes * kPanelRows) {
    for (int64_t n = 0; n < count; ++n) {
      float left[kRecordColumns];
      std::memcpy(left, rows + (n * columns + first) * int64_t{sizeof(float)}, sizeof left);
      for (int part = 0; part < kF32Parts; ++part) {
        uint16_t halves[kRecordColumns];
        for (int k = 0; k < kRecordColumns; ++k) {
          halves[k] = f32_to_bf16(left[k]);
          left[k] -= bf16_to_f32(halves[k]);
        }
        std::memcpy(record + n * kBytes + part * int64_t{sizeof halves}, halves, sizeof halves);
      }
    }
    pack_words(record, count, kBytes, panel);
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
