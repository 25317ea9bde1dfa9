// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scales of values make of the attributes of integer operations: the
// multipliers, shifts and zeros of one step of a group. Formulas are those of
// docs/quantisation.md.

#ifndef TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H
#define TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H

#include "passes/partition/FixedPoint.h"
#include "passes/partition/IntegerBody.h"
#include "passes/partition/QuantScales.h"

namespace tercet::partition {

/// How the values of a body are stored; null where they are not. As values keep
/// their scales under reshapes, all types are those for tensors of rank 1.
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

/// Channels that a table of its own may serve, at least.
constexpr int64_t kTableBlock = 128;

/// The shift of a product, and for each column, or for all, the factor that the
/// scale of the weight's column is multiplied with to give its multiplier.
struct ProductParameters {
  llvm::SmallVector<double> factors;
  int32_t shift = 0;
};
std::optional<ProductParameters> findProductParameters(const IntegerStep &step,
                                                       const StoredTypes &types);

/// gain is scale * gainFactor * 2^(31 - gainShift), offset is bias * offsetFactor
/// * 2^8, each with its channel's factor or the only one.
struct NormParameters {
  int64_t epsilon = 1;
  llvm::SmallVector<double> gainFactors, offsetFactors;
  int32_t gainShift = 0;
};
std::optional<NormParameters> findNormParameters(const IntegerStep &step, const StoredTypes &types);

struct AttentionParameters {
  Multiplier score, result;
};
std::optional<AttentionParameters> findAttentionParameters(const IntegerStep &step,
                                                           const StoredTypes &types);

/// Of a sum of values of the types `inputs`, each with one scale.
struct ScalingParameters {
  Scaling scaling;
  int32_t offset = 0;
};
std::optional<ScalingParameters> findScalingParameters(llvm::ArrayRef<QuantType> inputs,
                                                       QuantType result);

/// Of a conversion between types of which one at least has a scale for each
/// channel: a multiplier for each and one shift. The zero of `from` is 0.
struct ColumnParameters {
  llvm::SmallVector<int32_t> multipliers;
  int32_t shift = 0;
};
std::optional<ColumnParameters> findColumnParameters(QuantType from, QuantType to);

/// Whether values can be converted from one type to the other.
bool canRescale(QuantType from, QuantType to);

/// The tables of a function from i8 to the type of its result, one for each
/// block of channels.
llvm::SmallVector<int16_t> computeTables(const IntegerStep &step, const StoredTypes &types);

/// Whether all parameters of the step exist; if not, `reason` says which does
/// not and why.
bool hasParameters(const IntegerStep &step, const StoredTypes &types, std::string &reason);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERPARAMETERS_H
