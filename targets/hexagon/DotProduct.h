// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inner loop of every product: a few rows of bytes in memory times panels
// of 32 columns, four bytes of which lie together (#nn.pack_dot), into words.

#ifndef TERCET_TARGETS_HEXAGON_DOTPRODUCT_H
#define TERCET_TARGETS_HEXAGON_DOTPRODUCT_H

#include "targets/hexagon/VectorBuilder.h"

namespace tercet::hexagon {

/// Rows that are a multiple of 8 bytes apart, at an address that is one; bytes
/// up to the next multiple of 4 after `depth` are there and zero.
struct DotRows {
  mlir::Value address;
  int64_t stride;
  /// Bytes are unsigned.
  bool isUnsigned = false;
};

/// Panels `stride` bytes apart, at an address that is a multiple of 128.
struct DotPanels {
  mlir::Value address;
  mlir::Value stride;
};

/// One register for each row and panel, `rowStride` bytes from row to row.
struct DotSums {
  mlir::Value address;
  int64_t rowStride;
};

/// Adds rows times panels to the sums: `quads` steps of four bytes. The panels'
/// bytes are unsigned. With `highRows` the rows are words of 16 bits, the high
/// bytes of which are there.
void emitDotTile(VectorBuilder &b, int64_t rows, int64_t panels, const DotRows &lhs,
                 const DotRows *highRows, const DotPanels &rhs, mlir::Value quads,
                 const DotSums &sums);

/// The same for any number of rows, in tiles of four.
void emitDotRows(VectorBuilder &b, mlir::Value rows, int64_t panels, const DotRows &lhs,
                 const DotRows *highRows, const DotPanels &rhs, mlir::Value quads,
                 const DotSums &sums);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_DOTPRODUCT_H
