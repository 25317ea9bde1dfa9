// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices that files have as codes, scales and zeros in tensors of their own
// (GPTQ, AWQ, compressed-tensors, MatMulNBits), as one recipe: blocks of
// #nn.groups of which each value is exact, in a form that kernels take packed
// where the sizes allow it.

#ifndef TERCET_COMPILER_IMPORT_CODEDMATRIX_H
#define TERCET_COMPILER_IMPORT_CODEDMATRIX_H

#include "dialects/nn/NN.h"

namespace tercet {

/// scale * (code - zero) for [rows, columns], of which `group` along a row share
/// a scale and a zero.
struct CodedMatrix {
  int64_t rows = 0, columns = 0, bits = 0, group = 0;
  /// In [rows, columns], from 0 to 2^bits - 1.
  mlir::TypedAttr codes;
  /// In [rows, ceil(columns / group)].
  mlir::TypedAttr scales;
  /// The same of floats: integers from 0 to 255, or with `floatZeros` any. Null:
  /// all are `zero`.
  mlir::TypedAttr zeros;
  bool floatZeros = false;
  int64_t zero = 0;
};

struct GroupedRows {
  mlir::TypedAttr blocks;
  nn::GroupsAttr format;
};

/// The longest block of #nn.groups: a group may be longer if 32 divide it.
constexpr int64_t kLongestBlock = 65536;

GroupedRows joinBlocks(const CodedMatrix &matrix);

/// Streams of codes, low bits first, each row from a whole byte on: bytes of i8
/// in any shape as floats in [rows, columns] that are `offset` more.
mlir::TypedAttr unpackCodes(mlir::TypedAttr bytes, int64_t rows, int64_t columns, int64_t bits,
                            int64_t offset = 0);

/// Codes in bytes, if all fit signed ones: what is rearranged is held in memory.
mlir::TypedAttr narrowCodes(mlir::TypedAttr codes, int64_t bits);

/// The first columns of a matrix.
mlir::TypedAttr firstColumns(mlir::TypedAttr matrix, int64_t columns);

} // namespace tercet

#endif // TERCET_COMPILER_IMPORT_CODEDMATRIX_H
