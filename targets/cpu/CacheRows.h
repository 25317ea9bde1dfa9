// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of a cache (the elements of one token and head) in f32, whatever the cache
// stores: floats, or the blocks of a format.

#ifndef TERCET_TARGETS_CPU_CACHEROWS_H
#define TERCET_TARGETS_CPU_CACHEROWS_H

#include "dialects/nn/NN.h"

#include "mlir/IR/OpDefinition.h"

namespace tercet::cpu {

/// The greatest power of two of at most `most` lanes that divides `size`.
int64_t lanesFor(int64_t size, int64_t most);

class CacheRows {
public:
  /// Rows of `size` elements in vectors of at most `lanes`; `format` null: floats.
  CacheRows(nn::GroupsAttr format, int64_t size, int64_t lanes)
      : format(format), size(size), lanes(lanes) {}

  /// Whether rows in this format can be decoded.
  static bool canDecode(nn::GroupsAttr format);

  /// The row that begins at element `at` of `from`, a flat memref, into elements
  /// [to, to + size) of `into`.
  void decode(mlir::OpBuilder &b, mlir::Location loc, mlir::Value from, mlir::OpFoldResult at,
              mlir::Value into, mlir::OpFoldResult to) const;

private:
  void widen(mlir::OpBuilder &b, mlir::Location loc, mlir::Value from, mlir::OpFoldResult at,
             mlir::Value into, mlir::OpFoldResult to) const;
  /// The scale of a group of the block at this byte.
  mlir::Value scaleAt(mlir::OpBuilder &b, mlir::Location loc, mlir::Value from,
                      mlir::OpFoldResult block, int64_t group) const;

  nn::GroupsAttr format;
  int64_t size, lanes;
};

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_CACHEROWS_H
