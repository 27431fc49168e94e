// Masks of hypotheses against the plainest book-keeping: every hypothesis with a list of its cells.
#include "engine/decode/cell_masks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace heed {
namespace {

std::set<int32_t> cells_of(const CellMasks& masks, size_t hypothesis) {
  std::set<int32_t> cells;
  for (int32_t cell = 0; cell < masks.cells(); ++cell) {
    if (masks.mask(hypothesis)[cell / 16] >> cell % 16 & 1) cells.insert(cell);
  }
  return cells;
}

}  // namespace

TEST_CASE("hypotheses keep their ancestors' cells and take the lowest that are free") {
  CellMasks masks(3, 4);
  masks.start(1);  // a prompt of two tokens: the first is in the cache already
  masks.advance(std::vector<int32_t>{0});
  CHECK(cells_of(masks, 0) == std::set<int32_t>{0, 1});
  masks.advance(std::vector<int32_t>{0, 0, 0});
  CHECK(cells_of(masks, 0) == std::set<int32_t>{0, 1, 2});
  CHECK(cells_of(masks, 2) == std::set<int32_t>{0, 1, 4});
  CHECK(masks.cell(2) == 4);
  CHECK(masks.used() == 5);
  masks.advance(std::vector<int32_t>{2, 2});  // cells 2 and 3 are nobody's now
  CHECK(cells_of(masks, 0) == std::set<int32_t>{0, 1, 2, 4});
  CHECK(cells_of(masks, 1) == std::set<int32_t>{0, 1, 3, 4});
  CHECK(masks.used() == 5);
  masks.start(0);
  masks.advance(std::vector<int32_t>{0});
  CHECK(cells_of(masks, 0) == std::set<int32_t>{0});
  CHECK(masks.used() == 1);
}

TEST_CASE("whatever the search chooses, cells are shared as tokens are, and there are enough") {
  std::mt19937 random(2);
  for (const size_t beams : {1, 4, 9}) {
    constexpr size_t kLength = 40;
    CellMasks masks(static_cast<int64_t>(beams), kLength);
    for (size_t round = 0; round < 5; ++round) {
      masks.start(0);
      std::vector<std::set<int32_t>> expected = {{}};
      for (size_t length = 1; length <= kLength; ++length) {
        std::vector<int32_t> parents(length == 1 ? 1 : 1 + random() % beams);
        for (int32_t& parent : parents) {
          parent = static_cast<int32_t>(random() % std::min(expected.size(), 1 + round));
        }
        masks.advance(parents);
        std::vector<std::set<int32_t>> next;
        int32_t greatest = -1;
        for (size_t i = 0; i < parents.size(); ++i) {
          std::set<int32_t> cells = expected[static_cast<size_t>(parents[i])];
          CHECK(cells.insert(masks.cell(i)).second);
          CHECK(cells_of(masks, i) == cells);
          CHECK(cells.size() == length);
          greatest = std::max(greatest, *cells.rbegin());
          next.push_back(std::move(cells));
        }
        for (size_t i = 0; i < next.size(); ++i) {  // a new cell is nobody else's
          for (size_t j = 0; j < next.size(); ++j) {
            CHECK((i == j || !next[j].contains(masks.cell(i))));
          }
        }
        CHECK(masks.used() == greatest + 1);
        CHECK(masks.used() <= masks.cells());
        expected = std::move(next);
      }
    }
  }
}

}  // namespace heed
