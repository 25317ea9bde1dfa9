// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds conversions, and places those that are groups of their own. Placement
// has been decided by then; a conversion follows from it and is cheap.

#include "passes/partition/ConversionGroups.h"

#include "passes/partition/IntegerParameters.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

RankedTensorType partition::storedAs(Type type, QuantType stored) {
  return cast<RankedTensorType>(type).clone(stored.getStorageType());
}

Value partition::emptyLike(OpBuilder &b, Location loc, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor::EmptyOp::create(b, loc, tensor.getShape(), tensor.getElementType());
}

/// From one integer type to another; null where their scales are too far apart.
static Value rescale(OpBuilder &b, Location loc, StoredValue from, QuantType to,
                     AddConstant addConstant) {
  RankedTensorType type = storedAs(from.value.getType(), to);
  auto zero = static_cast<int32_t>(getZero(to));
  if (isPerChannel(from.type) || isPerChannel(to)) {
    std::optional<ColumnParameters> parameters = findColumnParameters(from.type, to);
    if (!parameters)
      return {};
    auto columns = RankedTensorType::get({static_cast<int64_t>(parameters->multipliers.size())},
                                         b.getI32Type());
    Value multipliers =
        addConstant(DenseElementsAttr::get(columns, ArrayRef<int32_t>(parameters->multipliers)));
    return nn::RescaleOp::create(b, loc, TypeRange{type}, from.value, multipliers,
                                 emptyLike(b, loc, type), 0, 0, parameters->shift, zero)
        .getResult();
  }
  std::optional<ScalingParameters> parameters = findScalingParameters({from.type}, to);
  if (!parameters)
    return {};
  return nn::RescaleOp::create(b, loc, TypeRange{type}, from.value, Value(),
                               emptyLike(b, loc, type), parameters->scaling.multipliers[0],
                               parameters->offset, parameters->scaling.shift, zero)
      .getResult();
}

FailureOr<Value> partition::convertStored(OpBuilder &b, Location loc, StoredValue from,
                                          QuantType to, AddConstant addConstant) {
  if (from.type == to)
    return from.value;
  int64_t rank = cast<RankedTensorType>(from.value.getType()).getRank();
  if (!to) {
    auto type = cast<RankedTensorType>(from.value.getType()).clone(b.getF32Type());
    return nn::DequantizeOp::create(b, loc, TypeRange{type}, forRank(from.type, rank), from.value,
                                    emptyLike(b, loc, type))
        .getResult();
  }
  if (!from.type) {
    RankedTensorType type = storedAs(from.value.getType(), to);
    return nn::QuantizeOp::create(b, loc, TypeRange{type}, forRank(to, rank), from.value,
                                  emptyLike(b, loc, type))
        .getResult();
  }
  Value result = rescale(b, loc, from, to, addConstant);
  if (!result)
    return emitError(loc) << "a value stored as " << describeType(from.type)
                          << " cannot be converted to " << describeType(to)
                          << ": expected a zero of 0 where channels have scales of their own, and "
                             "scales that are not too far apart";
  return result;
}

FailureOr<Value> ConversionGroups::create(OpBuilder &b, Location loc, StoredValue from,
                                          QuantType to, StringRef preferred) {
  auto block = std::make_unique<Block>();
  OpBuilder inside(b.getContext());
  inside.setInsertionPointToEnd(block.get());
  SmallVector<Value> inputs;
  auto add = [&](Value operand) -> Value {
    inputs.push_back(operand);
    return block->addArgument(operand.getType(), operand.getLoc());
  };
  auto addConstant = [&](DenseElementsAttr values) {
    return add(weights.constant(b, loc, "columns", values));
  };
  FailureOr<Value> result =
      convertStored(inside, loc, {add(from.value), from.type}, to, addConstant);
  if (failed(result))
    return failure();
  soc::YieldOp::create(inside, loc, *result);
  auto group =
      soc::GroupOp::create(b, loc, TypeRange{result->getType()}, StringAttr(), soc::VariantAttr(),
                           ArrayAttr(), ArrayAttr(), ArrayAttr(), inputs, ValueRange());
  group.getBody().push_back(block.release());

  std::string reason = "the machine has none";
  if (machine) {
    if (auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(machine.lookupEngine(preferred)))
      if (placeOn(group, engine, reason))
        return group.getOutputs()[0];
    for (Attribute attr : machine.getEngines())
      if (auto engine = dyn_cast<soc::EngineAttrInterface>(attr))
        if (engine.getEngineKind() == "cpu" && placeOn(group, engine, reason))
          return group.getOutputs()[0];
  }
  group.erase();
  return emitError(loc) << "expected a CPU that converts values between engines of different "
                           "precisions: "
                        << reason;
}

bool ConversionGroups::isCpu(StringRef engine) {
  auto found = machine ? dyn_cast_or_null<soc::EngineAttrInterface>(machine.lookupEngine(engine))
                       : soc::EngineAttrInterface();
  return found && found.getEngineKind() == "cpu";
}

bool ConversionGroups::placeOn(soc::GroupOp group, soc::EngineAttrInterface engine,
                               std::string &reason) {
  if (!engine.isPresent(reason) || !engine.supports(group, reason))
    return false;
  SmallVector<soc::VariantAttr> variants = engine.variants(group, /*rows=*/0);
  if (variants.empty())
    return false;
  group.setEngine(engine.getEngineName());
  group.setVariantAttr(variants[0]);
  if (machine.getEngines().size() < 2)
    return true;
  // The report says of every engine what became of it.
  Builder b(group.getContext());
  SmallVector<Attribute> alternatives;
  for (Attribute attr : machine.getEngines()) {
    auto other = cast<soc::EngineAttrInterface>(attr);
    bool chosen = other == engine;
    alternatives.push_back(soc::AlternativeAttr::get(
        b.getContext(), b.getStringAttr(other.getEngineName()),
        b.getStringAttr(chosen ? "chosen" : "pinned"), chosen ? variants[0].getTimePs() : 0,
        b.getStringAttr(chosen ? "" : "a conversion is where its readers are, or on a CPU")));
  }
  group.setAlternativesAttr(b.getArrayAttr(alternatives));
  return true;
}
