// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One element of a matrix in groups as scalar arithmetic on its bytes: what the
// decompositions of the operations on groups compute with, in either layout.

#ifndef TERCET_DIALECTS_NN_STOREDGROUPS_H
#define TERCET_DIALECTS_NN_STOREDGROUPS_H

#include "dialects/nn/IntegerArithmetic.h"

namespace tercet::nn {

class StoredGroups {
public:
  /// Blocks of `format` in a tensor; `panel` 0 for the layout of a file.
  StoredGroups(mlir::OpBuilder &b, mlir::Location loc, mlir::Value stored, GroupsAttr format,
               int64_t panel)
      : a{b, loc}, stored(stored), format(format), panel(panel) {}

  /// The code of an element, less the zero of the format and that of the group
  /// if it is an integer, in i32.
  mlir::Value code(mlir::Value row, mlir::Value column);
  /// The scale of the element's group, with its subscale, in f32.
  mlir::Value scale(mlir::Value row, mlir::Value column);
  /// What is added to the scaled code, in f32; null if the format has no such
  /// thing. Of a zero that is a float minus what it is times the scale.
  mlir::Value minimum(mlir::Value row, mlir::Value column);
  /// What the element stands for.
  mlir::Value value(mlir::Value row, mlir::Value column);

private:
  mlir::Value index(int64_t value) { return a.c(a.b.getIndexType(), value); }
  mlir::Value add(mlir::Value l, mlir::Value r);
  mlir::Value add(mlir::Value l, int64_t r);
  mlir::Value mul(mlir::Value l, int64_t r);
  mlir::Value div(mlir::Value l, int64_t r);
  mlir::Value rem(mlir::Value l, int64_t r);
  mlir::Value toI32(mlir::Value index);
  mlir::Value toFloat(mlir::Value integer);
  mlir::Value bits(mlir::Value word, mlir::Value from, int64_t count);
  mlir::Value bits(mlir::Value word, int64_t from, int64_t count);
  mlir::Value isBelow(mlir::Value value, int64_t bound);

  /// Byte `at` of the element's block, from 0 to 255.
  mlir::Value byteAt(mlir::Value row, mlir::Value column, mlir::Value at);
  /// A little-endian word of some bytes.
  mlir::Value wordAt(mlir::Value row, mlir::Value column, mlir::Value at, int64_t bytes);
  mlir::Value floatAt(mlir::Value row, mlir::Value column, mlir::Value at);
  mlir::Value bitsInFile(mlir::Value row, mlir::Value column);
  mlir::Value bitsInPanel(mlir::Value row, mlir::Value column);
  /// The scale or the shift of the format's kind that belongs to the element.
  mlir::Value mainFloat(mlir::Value row, mlir::Value column, bool isShift);
  mlir::Value groupZero(mlir::Value row, mlir::Value column);
  mlir::Value subscale(mlir::Value row, mlir::Value column, bool isMinimum);
  mlir::Value subscaleInFile(mlir::Value row, mlir::Value column, bool isMinimum);

  IntegerArithmetic a;
  mlir::Value stored;
  GroupsAttr format;
  int64_t panel;
};

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_STOREDGROUPS_H
