// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes multipliers, shifts and tables from scales.

#include "passes/partition/IntegerParameters.h"

#include "dialects/nn/NN.h"
#include "passes/partition/ScalarFunction.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

StoredTypes::StoredTypes(soc::GroupOp group, soc::PrecisionAttr precision) {
  auto add = [&](Value value, Attribute attr) {
    if (QuantType type = asQuantType(cast<TypeAttr>(attr).getValue()))
      types[value] = forRank(type, 1);
  };
  Block &block = group.getBody().front();
  for (auto [argument, attr] : llvm::zip_equal(block.getArguments(), precision.getInputs()))
    add(argument, attr);
  ArrayRef<Attribute> results = precision.getResults().getValue();
  for (Operation &op : block)
    if (op.getNumResults() == 1) {
      add(op.getResult(0), results.front());
      results = results.drop_front();
    }
}

double partition::getScoreScale() { return 0.69314718055994530942 / 256.0; }

static SmallVector<double> dividedBy(double value, ArrayRef<double> by) {
  return llvm::map_to_vector(by, [&](double scale) { return value / scale; });
}

std::optional<ProductParameters> partition::findProductParameters(const IntegerStep &step,
                                                                  const StoredTypes &types) {
  ProductParameters parameters;
  parameters.factors =
      dividedBy(getScale(types[step.inputs[0]]), getScales(types[step.getResult()]));
  // The greatest of both is a bound for all columns.
  double factor = *llvm::max_element(parameters.factors);
  std::optional<Multiplier> greatest = chooseMultiplier(factor * getScale(types[step.weight]));
  if (!greatest)
    return std::nullopt;
  parameters.shift = greatest->shift;
  return parameters;
}

std::optional<NormParameters> partition::findNormParameters(const IntegerStep &step,
                                                            const StoredTypes &types) {
  double columns = cast<RankedTensorType>(step.inputs[0].getType()).getShape().back();
  double in = getScale(types[step.inputs[0]]);
  SmallVector<double> out = getScales(types[step.getResult()]);
  // The type of a constant has the greatest magnitude divided by 2^31.
  double greatest = std::ldexp(getScale(types[step.weight]), 31);
  NormParameters parameters;
  parameters.offsetFactors = dividedBy(1.0, out);
  if (step.kind == IntegerStepKind::LayerNorm) {
    double epsilon = cast<nn::LayerNormOp>(step.ops[0]).getEpsilon().convertToDouble();
    parameters.epsilon = chooseEpsilon(epsilon, columns * columns / (in * in));
    parameters.gainFactors = dividedBy(1.0, out);
  } else {
    double epsilon = cast<nn::RmsNormOp>(step.ops[0]).getEpsilon().convertToDouble();
    parameters.epsilon = chooseEpsilon(epsilon, columns / (in * in));
    parameters.gainFactors = dividedBy(std::sqrt(columns), out);
  }
  std::optional<int32_t> shift =
      chooseGainShift(greatest * *llvm::max_element(parameters.gainFactors));
  if (!shift)
    return std::nullopt;
  parameters.gainShift = *shift;
  return parameters;
}

std::optional<AttentionParameters> partition::findAttentionParameters(const IntegerStep &step,
                                                                      const StoredTypes &types) {
  double scale = cast<nn::AttentionOp>(step.ops[0]).getScale().convertToDouble();
  double scores = getScale(types[step.inputs[0]]) * getScale(types[step.inputs[1]]) * scale;
  std::optional<Multiplier> score = chooseMultiplier(scores / getScoreScale());
  // A sum of at least 255 adds at least 7 to the shift of the result.
  std::optional<Multiplier> result = chooseMultiplier(
      getScale(types[step.inputs[2]]) / getScale(types[step.getResult()]), /*leastShift=*/-7);
  if (!score || !result)
    return std::nullopt;
  return AttentionParameters{*score, *result};
}

std::optional<ScalingParameters> partition::findScalingParameters(ArrayRef<QuantType> inputs,
                                                                  QuantType result) {
  SmallVector<double> factors;
  for (QuantType input : inputs)
    factors.push_back(getScale(input) / getScale(result));
  std::optional<Scaling> scaling = chooseScaling(factors);
  if (!scaling)
    return std::nullopt;
  ScalingParameters parameters{*scaling, 0};
  for (auto [input, multiplier] : llvm::zip(inputs, scaling->multipliers))
    parameters.offset -= static_cast<int32_t>(getZero(input)) * multiplier;
  return parameters;
}

std::optional<ColumnParameters> partition::findColumnParameters(QuantType from, QuantType to) {
  if (getZero(from) != 0)
    return std::nullopt;
  size_t count = std::max(getScales(from).size(), getScales(to).size());
  // Values are shifted to the top of 32 bits before they are multiplied.
  int raised = from.getStorageTypeIntegralWidth() == 16 ? 15 : 23;
  SmallVector<double> factors;
  for (size_t channel = 0; channel < count; ++channel)
    factors.push_back(std::ldexp(getScaleOf(from, channel) / getScaleOf(to, channel), -raised));
  std::optional<Multiplier> greatest = chooseMultiplier(*llvm::max_element(factors));
  if (!greatest)
    return std::nullopt;
  ColumnParameters parameters;
  parameters.shift = greatest->shift;
  for (double factor : factors)
    parameters.multipliers.push_back(scaleToInteger(factor, 31 + parameters.shift));
  return parameters;
}

bool partition::canRescale(QuantType from, QuantType to) {
  if (from == to)
    return true;
  return isPerChannel(from) || isPerChannel(to) ? findColumnParameters(from, to).has_value()
                                                : findScalingParameters({from}, to).has_value();
}

SmallVector<int16_t> partition::computeTables(const IntegerStep &step, const StoredTypes &types) {
  QuantType from = types[step.inputs[0]], to = types[step.getResult()];
  double least = to.getStorageTypeMin(), greatest = to.getStorageTypeMax();
  double fromZero = getZero(from), toZero = getZero(to);
  int64_t channels = std::max(getScales(from).size(), getScales(to).size());
  SmallVector<int16_t> tables;
  for (int64_t channel = 0; channel < channels; channel += kTableBlock)
    for (int64_t stored = -128; stored < 128; ++stored) {
      double x = getScaleOf(from, channel) * (static_cast<double>(stored) - fromZero);
      for (Operation *op : step.ops)
        x = evaluateScalarFunction(op, x);
      double scaled = roundEven(x / getScaleOf(to, channel)) + toZero;
      // As nn.quantize has it: what is no number becomes zero.
      if (std::isnan(scaled))
        scaled = toZero;
      tables.push_back(static_cast<int16_t>(std::clamp(scaled, least, greatest)));
    }
  return tables;
}

bool partition::hasParameters(const IntegerStep &step, const StoredTypes &types,
                              std::string &reason) {
  QuantType result = types[step.getResult()];
  auto refuse = [&](StringRef what, QuantType from, QuantType to) {
    reason = (what + ": " + describeType(from) + " to " + describeType(to)).str();
    return false;
  };
  QuantType first = types[step.inputs[0]];
  switch (step.kind) {
  case IntegerStepKind::Product:
    return findProductParameters(step, types) ||
           refuse("the result of its product is finer than the sums that it comes from", first,
                  result);
  case IntegerStepKind::LayerNorm:
  case IntegerStepKind::RmsNorm:
    if (!types[step.weight]) {
      reason = "the greatest scale of its norm is not given";
      return false;
    }
    return findNormParameters(step, types) ||
           refuse("the result of its norm is too fine or too coarse", first, result);
  case IntegerStepKind::Attention:
    return findAttentionParameters(step, types) ||
           refuse("its scores are too coarse for 8 fraction bits, or its result is too fine", first,
                  result);
  case IntegerStepKind::Lookup:
    return true;
  case IntegerStepKind::Add:
    return findScalingParameters({first, types[step.inputs[1]]}, result) ||
           refuse("scales are too far apart to be added", first, result);
  case IntegerStepKind::Move:
    for (Value input : step.inputs)
      if (!canRescale(types[input], result))
        return refuse("scales are too far apart to be converted", types[input], result);
    return true;
  }
  llvm_unreachable("all kinds are listed");
}
