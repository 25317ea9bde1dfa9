// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes a function of one group in floats, takes the types of its values from
// the ranges that it sees, applies the precision, and compares. A small
// calibration of its own: it shares no code with compiler/quantize.

#ifndef TERCET_TEST_UNIT_PARTITION_PRECISIONFIXTURE_H
#define TERCET_TEST_UNIT_PARTITION_PRECISIONFIXTURE_H

#include "test/unit/reference/EvaluatorFixture.h"

#include "dialects/soc/Soc.h"
#include "passes/partition/IntegerForm.h"

namespace tercet {

class PrecisionTest : public EvaluatorTest {
protected:
  /// What the values of a group are stored as where the form leaves a choice.
  struct Choice {
    llvm::StringRef scheme = "w8a8";
    bool wide = false;     ///< i16 where any will do
    bool channels = false; ///< a scale for each channel where there may be one
    bool some = false;     ///< groups without a form stay in floats
    bool means = false;    ///< biases make up for the rounding of weights
  };

  /// Signal to noise of the first result of @main, in decibels, with the groups of
  /// the module in integers. NaN, and a failure, if anything goes wrong.
  double measure(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs, Choice choice);

  /// Values of which each channel has a size of its own.
  Tensor uneven(llvm::ArrayRef<int64_t> shape, unsigned seed);

  /// A weight of seeded values in [-size, size) as text.
  std::string weight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, double size,
                     unsigned seed);

  /// Counts operations of a name in the module after its precision was applied.
  unsigned count(llvm::StringRef operation);

private:
  mlir::Type chooseType(partition::Storage storage, partition::Scales scales, Choice choice,
                        mlir::ArrayRef<double> values, int64_t channels);
  mlir::DenseElementsAttr meansOf(llvm::ArrayRef<double> values, int64_t channels);
  bool setPrecision(soc::GroupOp group, Choice choice,
                    const llvm::DenseMap<mlir::Value, std::vector<double>> &values);

  /// Of the results of groups that are stored in 8 bits.
  llvm::DenseMap<mlir::Value, mlir::Type> resultTypes;
};

} // namespace tercet

#endif // TERCET_TEST_UNIT_PARTITION_PRECISIONFIXTURE_H
