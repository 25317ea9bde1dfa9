// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lane l has of every matrix of 8 x 8 the pair in row l / 4 and columns 2 * (l % 4)
// and one on.
#include "matrix.h"
#include <cstring>

namespace tercet_test::ptx {

namespace {

struct Place {
  uint32_t row, column;
};

Place placeOf(uint32_t lane) { return {lane / 4, lane % 4 * 2}; }

double halfOf(const Type &element, uint32_t pair, uint32_t number) {
  return valueOf(element, pair >> (16 * number) & 0xFFFF);
}

float floatOf(uint32_t word) {
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

} // namespace

WarpRegisters<4> multiply(const Type &element, const WarpRegisters<4> &a, const WarpRegisters<2> &b,
                          const WarpRegisters<4> &c) {
  double left[16][16], right[16][8];
  for (uint32_t lane = 0; lane < WarpLanes; ++lane) {
    Place at = placeOf(lane);
    for (uint32_t i = 0; i < 2; ++i) {
      for (uint32_t quarter = 0; quarter < 4; ++quarter)
        left[at.row + 8 * (quarter & 1)][at.column + i + 8 * (quarter >> 1)] =
            halfOf(element, a[lane][quarter], i);
      for (uint32_t half = 0; half < 2; ++half)
        right[at.column + i + 8 * half][at.row] = halfOf(element, b[lane][half], i);
    }
  }
  WarpRegisters<4> d;
  for (uint32_t lane = 0; lane < WarpLanes; ++lane)
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t row = placeOf(lane).row + 8 * (i >> 1), column = placeOf(lane).column + (i & 1);
      double sum = double(floatOf(c[lane][i]));
      for (uint32_t term = 0; term < 16; ++term)
        sum += left[row][term] * right[term][column];
      float rounded = float(sum);
      std::memcpy(&d[lane][i], &rounded, sizeof rounded);
    }
  return d;
}

uint32_t pairOf(const std::array<std::array<uint16_t, 8>, 8> &matrix, uint32_t lane,
                bool transposed) {
  Place at = placeOf(lane);
  auto element = [&](uint32_t column) -> uint32_t {
    return transposed ? matrix[column][at.row] : matrix[at.row][column];
  };
  return element(at.column) | element(at.column + 1) << 16;
}

} // namespace tercet_test::ptx
