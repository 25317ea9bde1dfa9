// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the integer operation of each step. The last step has the group's
// first result, as its float operation had: tiling starts there.

#include "passes/partition/IntegerRewrite.h"

#include "passes/partition/IntegerParameters.h"
#include "passes/partition/VariantChange.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The dimensions of a value that tiles cut like those of the first result: the
/// rows of a product, the batches of attention, all where it is read elementwise.
unsigned countCutDims(soc::GroupOp group, nn::RescaleOp rescale) {
  auto type = cast<RankedTensorType>(rescale.getResult().getType());
  auto whole = cast<RankedTensorType>(group.getOutputs()[0].getType());
  if (llvm::any_of(rescale->getUsers(),
                   llvm::IsaPred<nn::QuantizedAttentionOp, nn::QuantizedMatmulOp>))
    return type.getShape().front() == whole.getShape().front() ? 1 : 0;
  return type.getShape() == whole.getShape() ? type.getRank() : 0;
}

class Rewriter {
public:
  Rewriter(soc::GroupOp group, const StoredTypes &types, DenseElementsAttr means,
           ArrayRef<StoredValue> operands, IntegerWeights &weights)
      : group(group), types(types), means(means), operands(operands), weights(weights),
        outside(group), inside(group.getContext()) {}

  FailureOr<soc::GroupOp> run(const IntegerBody &body) {
    Block &old = group.getBody().front();
    block = new Block;
    std::unique_ptr<Block> owner(block);
    inside.setInsertionPointToEnd(block);
    for (const StoredValue &operand : operands) {
      inputs.push_back(operand.value);
      block->addArgument(operand.value.getType(), operand.value.getLoc());
    }
    for (auto [argument, operand] : llvm::zip(old.getArguments(), operands)) {
      QuantType wanted = types[argument];
      // Constants are replaced by the steps that read them.
      if (!operand.type || !wanted)
        continue;
      FailureOr<Value> head = convert(
          group.getLoc(), {block->getArgument(argument.getArgNumber()), operand.type}, wanted);
      if (failed(head))
        return failure();
      mapping.map(argument, *head);
    }
    for (const IntegerStep &step : body.steps) {
      FailureOr<Value> result = build(step);
      if (failed(result))
        return failure();
      mapping.map(step.getResult(), *result);
    }
    SmallVector<Value> results;
    for (Value result : old.getTerminator()->getOperands())
      results.push_back(mapping.lookup(result));
    soc::YieldOp::create(inside, old.getTerminator()->getLoc(), results);

    auto changed = soc::GroupOp::create(outside, group.getLoc(), ValueRange(results).getTypes(),
                                        group.getEngineAttr(), group.getVariantAttr(),
                                        group.getSharesAttr(), group.getAlternativesAttr(),
                                        group.getPrecisionsAttr(), inputs, group.getScalars());
    changed.getBody().push_back(owner.release());
    addPanels(changed, inputs.size() - operands.size());
    for (nn::RescaleOp rescale : changed.getBody().getOps<nn::RescaleOp>())
      addScratch(changed, rescale, countCutDims(changed, rescale));
    return changed;
  }

private:
  FailureOr<Value> convert(Location loc, StoredValue value, QuantType to) {
    return convertStored(inside, loc, value, to, [&](DenseElementsAttr values) {
      return append(weights.constant(outside, loc, "columns", values));
    });
  }

  FailureOr<Value> build(const IntegerStep &step) {
    SmallVector<Location> locs;
    for (Operation *op : step.ops)
      locs.push_back(op->getLoc());
    Location loc = inside.getFusedLoc(locs);
    switch (step.kind) {
    case IntegerStepKind::Product:
      return buildProduct(step, loc);
    case IntegerStepKind::LayerNorm:
    case IntegerStepKind::RmsNorm:
      return buildNorm(step, loc);
    case IntegerStepKind::Attention:
      return buildAttention(step, loc);
    case IntegerStepKind::Add:
      return buildSum(step, loc);
    case IntegerStepKind::Lookup:
      return buildLookup(step, loc);
    case IntegerStepKind::Move:
      return buildMove(step);
    }
    llvm_unreachable("all kinds are listed");
  }

  Value input(const IntegerStep &step, unsigned index) {
    return mapping.lookup(step.inputs[index]);
  }
  RankedTensorType resultType(const IntegerStep &step) {
    return storedAs(step.getResult().getType(), types[step.getResult()]);
  }
  int32_t zeroOf(const IntegerStep &step) {
    return static_cast<int32_t>(getZero(types[step.getResult()]));
  }

  nn::GetWeightOp weightOf(BlockArgument argument) {
    return argument ? group.getInputs()[argument.getArgNumber()].getDefiningOp<nn::GetWeightOp>()
                    : nn::GetWeightOp();
  }

  /// A new operand of the group.
  Value append(Value operand) {
    inputs.push_back(operand);
    return block->addArgument(operand.getType(), operand.getLoc());
  }

  /// An operand in the place of another one, which nothing else reads then; as a
  /// new one where that place is taken.
  Value replace(BlockArgument old, Value operand) {
    if (!old || !replaced.insert(old.getArgNumber()).second)
      return append(operand);
    inputs[old.getArgNumber()] = operand;
    BlockArgument argument = block->getArgument(old.getArgNumber());
    argument.setType(cast<RankedTensorType>(operand.getType()));
    return argument;
  }

  FailureOr<Value> buildProduct(const IntegerStep &step, Location loc) {
    ProductParameters parameters = *findProductParameters(step, types);
    ProductWeight weight{weightOf(step.weight), types[step.inputs[0]], means};
    Value rhs = replace(step.weight, weights.quantise(outside, weight));
    Value bias = replace(step.bias, weights.bias(outside, weight, weightOf(step.bias)));
    Value multiplier =
        append(weights.multipliers(outside, weight, parameters.factors, parameters.shift));
    RankedTensorType type = resultType(step);
    return nn::QuantizedMatmulOp::create(inside, loc, TypeRange{type}, input(step, 0), rhs, bias,
                                         multiplier, emptyLike(inside, loc, type), parameters.shift,
                                         zeroOf(step))
        .getResult();
  }

  FailureOr<Value> buildNorm(const IntegerStep &step, Location loc) {
    NormParameters parameters = *findNormParameters(step, types);
    RankedTensorType type = resultType(step);
    Value gain =
        replace(step.weight, weights.fixedPoint(outside, weightOf(step.weight),
                                                parameters.gainFactors, 31 - parameters.gainShift));
    if (step.kind == IntegerStepKind::RmsNorm)
      return nn::QuantizedRmsNormOp::create(inside, loc, TypeRange{type}, input(step, 0), gain,
                                            emptyLike(inside, loc, type), parameters.epsilon,
                                            parameters.gainShift, zeroOf(step))
          .getResult();
    Value offset;
    if (step.bias) {
      offset = weights.fixedPoint(outside, weightOf(step.bias), parameters.offsetFactors, 8);
    } else {
      auto vector = cast<RankedTensorType>(step.weight.getType()).clone(outside.getI32Type());
      offset = weights.constant(outside, loc, "zeros",
                                DenseElementsAttr::get(vector, outside.getI32IntegerAttr(0)));
    }
    return nn::QuantizedLayerNormOp::create(
               inside, loc, TypeRange{type}, input(step, 0), gain, replace(step.bias, offset),
               emptyLike(inside, loc, type), parameters.epsilon, parameters.gainShift, zeroOf(step))
        .getResult();
  }

  FailureOr<Value> buildAttention(const IntegerStep &step, Location loc) {
    AttentionParameters parameters = *findAttentionParameters(step, types);
    RankedTensorType type = resultType(step);
    return nn::QuantizedAttentionOp::create(
               inside, loc, TypeRange{type}, input(step, 0), input(step, 1), input(step, 2),
               step.inputs.size() > 3 ? input(step, 3) : Value(), emptyLike(inside, loc, type),
               parameters.score.multiplier, parameters.score.shift, parameters.result.multiplier,
               parameters.result.shift, zeroOf(step))
        .getResult();
  }

  FailureOr<Value> buildSum(const IntegerStep &step, Location loc) {
    ScalingParameters parameters = *findScalingParameters(
        {types[step.inputs[0]], types[step.inputs[1]]}, types[step.getResult()]);
    RankedTensorType type = resultType(step);
    return nn::QuantizedAddOp::create(inside, loc, TypeRange{type}, input(step, 0), input(step, 1),
                                      emptyLike(inside, loc, type), parameters.scaling.multipliers,
                                      parameters.offset, parameters.scaling.shift, zeroOf(step))
        .getResult();
  }

  FailureOr<Value> buildLookup(const IntegerStep &step, Location loc) {
    RankedTensorType type = resultType(step);
    SmallVector<APInt> values;
    for (int16_t value : computeTables(step, types))
      values.push_back(APInt(type.getElementTypeBitWidth(), value, /*isSigned=*/true));
    SmallVector<int64_t, 2> shape{256};
    if (values.size() > 256)
      shape.insert(shape.begin(), values.size() / 256);
    auto tables = RankedTensorType::get(shape, type.getElementType());
    Value table =
        append(weights.constant(outside, loc, "table", DenseElementsAttr::get(tables, values)));
    return nn::LookupOp::create(inside, loc, TypeRange{type}, input(step, 0), table,
                                emptyLike(inside, loc, type))
        .getResult();
  }

  /// Moves storage: all operands have the result's type first.
  FailureOr<Value> buildMove(const IntegerStep &step) {
    Operation *op = step.ops[0];
    Location loc = op->getLoc();
    QuantType to = types[step.getResult()];
    IRMapping moved;
    for (auto [index, value] : llvm::enumerate(step.inputs)) {
      FailureOr<Value> converted = convert(loc, {input(step, index), types[value]}, to);
      if (failed(converted))
        return failure();
      moved.map(value, *converted);
    }
    RankedTensorType type = resultType(step);
    Value source = moved.lookup(step.inputs[0]);
    if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
      return linalg::TransposeOp::create(inside, loc, source, emptyLike(inside, loc, type),
                                         transpose.getPermutation())
          ->getResult(0);
    if (auto pad = dyn_cast<tensor::PadOp>(op)) {
      Value padding = arith::ConstantOp::create(
          inside, loc, inside.getIntegerAttr(type.getElementType(), getZero(to)));
      return tensor::PadOp::create(inside, loc, type, source, pad.getMixedLowPad(),
                                   pad.getMixedHighPad(), padding, pad.getNofold())
          .getResult();
    }
    Operation *clone = inside.clone(*op, moved);
    clone->getResult(0).setType(type);
    return clone->getResult(0);
  }

  soc::GroupOp group;
  const StoredTypes &types;
  /// Of the channels of the product's left-hand side; null where not known.
  DenseElementsAttr means;
  ArrayRef<StoredValue> operands;
  IntegerWeights &weights;
  /// Before the group, and at the end of the new body.
  OpBuilder outside, inside;
  Block *block = nullptr;
  SmallVector<Value> inputs;
  llvm::SmallDenseSet<unsigned> replaced;
  IRMapping mapping;
};

} // namespace

FailureOr<soc::GroupOp> partition::rewriteInIntegers(soc::GroupOp group,
                                                     soc::PrecisionAttr precision,
                                                     ArrayRef<StoredValue> operands,
                                                     IntegerWeights &weights) {
  std::string reason;
  std::optional<IntegerBody> body = findIntegerBody(group, reason);
  if (!body)
    return group.emitOpError() << "has no form in integers: " << reason;
  StoredTypes types(group, precision);
  return Rewriter(group, types, precision.getMeans(), operands, weights).run(*body);
}
