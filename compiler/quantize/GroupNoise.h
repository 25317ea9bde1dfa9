// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much of a group's result survives storing its values as a precision says.

#ifndef TERCET_COMPILER_QUANTIZE_GROUPNOISE_H
#define TERCET_COMPILER_QUANTIZE_GROUPNOISE_H

#include "compiler/quantize/TypeChoice.h"
#include "compiler/reference/Evaluator.h"

#include "passes/partition/QuantScales.h"

namespace tercet::quantize {

/// Sums of squares of a group's first result and of its error, over samples.
class GroupNoise {
public:
  GroupNoise(const IntegerCandidate &candidate, soc::PrecisionAttr precision);

  /// Runs the group on these operands with operands, weights (by column) and
  /// stored values rounded to their types, computing in f32 between them, and
  /// compares with `expected`, the results without rounding.
  llvm::Error add(Evaluator &evaluator, mlir::ArrayRef<Tensor> operands,
                  mlir::ArrayRef<Tensor> expected);

  /// Hundredths of a bel, within [-1000, 1500]; 1500 where there is no noise.
  int64_t getCentibel() const;

private:
  /// How an operand is rounded.
  struct Input {
    partition::Storage storage;
    partition::QuantType type;
    /// Of a product's right-hand side: the relative scales of the left one's
    /// channels, empty for one scale.
    llvm::SmallVector<double> rows;
  };

  soc::GroupOp group;
  llvm::SmallVector<Input> inputs;
  llvm::DenseMap<mlir::Operation *, partition::QuantType> results;
  double signal = 0, noise = 0;
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_GROUPNOISE_H
