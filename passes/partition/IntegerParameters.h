// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scales of values make of the attributes of integer operations: the
// multipliers, shifts and zeros of one step of a group. Formulas are those of
// docs/quantisation.md.

#ifndef TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H
#define TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H

#include "passes/partition/FixedPoint.h"
#include "passes/partition/IntegerBody.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"

namespace tercet::partition {

using QuantType = mlir::quant::UniformQuantizedType;

/// How the values of a body are stored; null where they are not.
class StoredTypes {
public:
  /// Those that a precision of the group gives, which has to be as long as the
  /// group's verifier demands.
  StoredTypes(soc::GroupOp group, soc::PrecisionAttr precision);

  QuantType operator[](mlir::Value value) const { return types.lookup(value); }

private:
  llvm::DenseMap<mlir::Value, QuantType> types;
};

/// The scale of what is added to the scores of attention: ln 2 / 256.
double getScoreScale();

/// The shift of a product, and the factor that a column's scale is multiplied
/// with to give its multiplier.
struct ProductParameters {
  double factor = 0;
  int32_t shift = 0;
};
std::optional<ProductParameters> findProductParameters(const IntegerStep &step,
                                                       const StoredTypes &types);

/// gain is scale * gainFactor * 2^(31 - gainShift), offset bias * offsetFactor * 2^8.
struct NormParameters {
  int64_t epsilon = 1;
  double gainFactor = 0, offsetFactor = 0;
  int32_t gainShift = 0;
};
std::optional<NormParameters> findNormParameters(const IntegerStep &step, const StoredTypes &types);

struct AttentionParameters {
  Multiplier score, result;
};
std::optional<AttentionParameters> findAttentionParameters(const IntegerStep &step,
                                                           const StoredTypes &types);

/// From the type of each input, whose values are added, to that of the result.
struct ScalingParameters {
  Scaling scaling;
  int32_t offset = 0;
};
std::optional<ScalingParameters> findScalingParameters(llvm::ArrayRef<QuantType> inputs,
                                                       QuantType result);

/// The table of a function from i8 to the type of its result.
llvm::SmallVector<int16_t> computeTable(const IntegerStep &step, const StoredTypes &types);

/// Whether all parameters of the step exist; if not, `reason` says which does
/// not and why.
bool hasParameters(const IntegerStep &step, const StoredTypes &types, std::string &reason);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H
