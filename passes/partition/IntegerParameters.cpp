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
    if (auto type = dyn_cast<QuantType>(cast<TypeAttr>(attr).getValue()))
      types[value] = type;
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

/// The size of the last dimension, as a double that holds it exactly.
static double columnsOf(const IntegerStep &step) {
  return cast<RankedTensorType>(step.inputs[0].getType()).getShape().back();
}

std::optional<ProductParameters> partition::findProductParameters(const IntegerStep &step,
                                                                  const StoredTypes &types) {
  double factor = types[step.inputs[0]].getScale() / types[step.getResult()].getScale();
  std::optional<Multiplier> greatest = chooseMultiplier(factor * types[step.weight].getScale());
  if (!greatest)
    return std::nullopt;
  return ProductParameters{factor, greatest->shift};
}

std::optional<NormParameters> partition::findNormParameters(const IntegerStep &step,
                                                            const StoredTypes &types) {
  double columns = columnsOf(step), in = types[step.inputs[0]].getScale();
  double out = types[step.getResult()].getScale();
  // The type of a constant has the greatest magnitude divided by 2^31.
  double greatest = std::ldexp(types[step.weight].getScale(), 31);
  NormParameters parameters;
  parameters.offsetFactor = 1.0 / out;
  if (step.kind == IntegerStepKind::LayerNorm) {
    double epsilon = cast<nn::LayerNormOp>(step.ops[0]).getEpsilon().convertToDouble();
    parameters.epsilon = chooseEpsilon(epsilon, columns * columns / (in * in));
    parameters.gainFactor = 1.0 / out;
  } else {
    double epsilon = cast<nn::RmsNormOp>(step.ops[0]).getEpsilon().convertToDouble();
    parameters.epsilon = chooseEpsilon(epsilon, columns / (in * in));
    parameters.gainFactor = std::sqrt(columns) / out;
  }
  std::optional<int32_t> shift = chooseGainShift(greatest * parameters.gainFactor);
  if (!shift)
    return std::nullopt;
  parameters.gainShift = *shift;
  return parameters;
}

std::optional<AttentionParameters> partition::findAttentionParameters(const IntegerStep &step,
                                                                      const StoredTypes &types) {
  double scale = cast<nn::AttentionOp>(step.ops[0]).getScale().convertToDouble();
  double scores = types[step.inputs[0]].getScale() * types[step.inputs[1]].getScale() * scale;
  // A sum of at least 255 adds at least 7 to the shift of the result.
  std::optional<Multiplier> score = chooseMultiplier(scores / getScoreScale());
  std::optional<Multiplier> result = chooseMultiplier(
      types[step.inputs[2]].getScale() / types[step.getResult()].getScale(), /*leastShift=*/-7);
  if (!score || !result)
    return std::nullopt;
  return AttentionParameters{*score, *result};
}

std::optional<ScalingParameters> partition::findScalingParameters(ArrayRef<QuantType> inputs,
                                                                  QuantType result) {
  SmallVector<double> factors;
  for (QuantType input : inputs)
    factors.push_back(input.getScale() / result.getScale());
  std::optional<Scaling> scaling = chooseScaling(factors);
  if (!scaling)
    return std::nullopt;
  ScalingParameters parameters{*scaling, 0};
  for (auto [input, multiplier] : llvm::zip(inputs, scaling->multipliers))
    parameters.offset -= static_cast<int32_t>(input.getZeroPoint()) * multiplier;
  return parameters;
}

SmallVector<int16_t> partition::computeTable(const IntegerStep &step, const StoredTypes &types) {
  QuantType from = types[step.inputs[0]], to = types[step.getResult()];
  double least = to.getStorageTypeMin(), greatest = to.getStorageTypeMax();
  SmallVector<int16_t> table;
  for (int64_t stored = -128; stored < 128; ++stored) {
    double x = from.getScale() * static_cast<double>(stored - from.getZeroPoint());
    for (Operation *op : step.ops)
      x = evaluateScalarFunction(op, x);
    double scaled = roundEven(x / to.getScale()) + static_cast<double>(to.getZeroPoint());
    // As nn.quantize has it: what is no number becomes zero.
    if (std::isnan(scaled))
      scaled = to.getZeroPoint();
    table.push_back(static_cast<int16_t>(std::clamp(scaled, least, greatest)));
  }
  return table;
}

bool partition::hasParameters(const IntegerStep &step, const StoredTypes &types,
                              std::string &reason) {
  llvm::raw_string_ostream out(reason);
  auto tooFine = [&](StringRef what, Value result) {
    reason.clear();
    out << what << " is finer than the sums that it comes from: " << types[result];
    return false;
  };
  switch (step.kind) {
  case IntegerStepKind::Product:
    if (!findProductParameters(step, types))
      return tooFine("the scale of a product's result", step.getResult());
    return true;
  case IntegerStepKind::LayerNorm:
  case IntegerStepKind::RmsNorm:
    if (!types[step.weight]) {
      reason = "the greatest scale of its norm is not given";
      return false;
    }
    if (!findNormParameters(step, types))
      return tooFine("the scale of a norm's result", step.getResult());
    return true;
  case IntegerStepKind::Attention:
    if (!findAttentionParameters(step, types)) {
      reason.clear();
      out << "the scores of attention are too coarse for 8 fraction bits, or its result too fine: "
          << types[step.inputs[0]] << " times " << types[step.inputs[1]] << " to "
          << types[step.getResult()];
      return false;
    }
    return true;
  case IntegerStepKind::Lookup:
    return true;
  case IntegerStepKind::Add:
  case IntegerStepKind::Move:
    break;
  }
  QuantType result = types[step.getResult()];
  SmallVector<QuantType> inputs;
  for (Value input : step.inputs)
    inputs.push_back(types[input]);
  auto isMissing = [&](ArrayRef<QuantType> from) { return !findScalingParameters(from, result); };
  bool missing = step.kind == IntegerStepKind::Add
                     ? isMissing(inputs)
                     : llvm::any_of(inputs, [&](QuantType input) {
                         return input != result && isMissing(ArrayRef<QuantType>(input));
                       });
  if (missing) {
    reason.clear();
    out << "scales are too far apart to be converted: " << inputs[0] << " to " << result;
  }
  return !missing;
}
