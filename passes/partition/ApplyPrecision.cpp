// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Carries out the precisions of the chosen variants. One sweep over each
// function builds the new operations before the old ones, which are erased at
// the end. Values between groups are then stored as their producers yield them;
// what a reader wants otherwise is converted where that costs least.

#include "passes/partition/Passes.h"

#include "dialects/soc/Views.h"
#include "passes/partition/ConversionGroups.h"
#include "passes/partition/FloatRewrite.h"
#include "passes/partition/IntegerForm.h"
#include "passes/partition/IntegerParameters.h"
#include "passes/partition/IntegerRewrite.h"
#include "passes/partition/VariantChange.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace tercet::partition {
#define GEN_PASS_DEF_APPLYPRECISIONPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The precision that a group's variants chose; null where it stays as it is.
FailureOr<soc::PrecisionAttr> choosePrecision(soc::GroupOp group) {
  SmallVector<soc::VariantAttr> variants = getVariants(group);
  if (variants.empty())
    return soc::PrecisionAttr();
  Type element = variants[0].getPrecision().getValue();
  for (soc::VariantAttr variant : variants)
    if (variant.getPrecision().getValue() != element)
      return group.emitOpError() << "has shares in " << element << " and in "
                                 << variant.getPrecision().getValue()
                                 << "; expected one precision for all of them";
  auto listed = group.getPrecisionsAttr();
  if (!listed) {
    if (element.isInteger() &&
        cast<RankedTensorType>(group.getOutputs()[0].getType()).getElementType().isF32())
      return group.emitOpError() << "is to be computed in " << element
                                 << ", but no types for that are given; expected `precisions`, "
                                    "which calibration writes";
    return soc::PrecisionAttr();
  }
  std::string names;
  for (auto precision : listed.getAsRange<soc::PrecisionAttr>()) {
    if (precision.getComputeType() == element) {
      std::string reason;
      if (!precision.isFloat() && !fitsIntegerForm(group, precision, reason))
        return group.emitOpError()
               << "cannot be computed in " << precision.getScheme().getValue() << ": " << reason;
      return precision.isFloat() ? soc::PrecisionAttr() : precision;
    }
    names += (names.empty() ? "" : ", ") + precision.getScheme().getValue().str();
  }
  return group.emitOpError() << "is to be computed in " << element << ", expected one of " << names;
}

/// Of a group's precisions leaves the one that its variants chose, without the
/// types, which are those of values now.
void keepApplied(soc::GroupOp group) {
  SmallVector<soc::VariantAttr> variants = getVariants(group);
  ArrayAttr listed = group.getPrecisionsAttr();
  if (!listed || variants.empty())
    return;
  Type element = variants[0].getPrecision().getValue();
  for (auto precision : listed.getAsRange<soc::PrecisionAttr>())
    if (precision.getComputeType() == element)
      return group.setPrecisionsAttr(ArrayAttr::get(group.getContext(), {precision.getApplied()}));
}

/// The engines that run a group or its shares.
SmallVector<StringRef> enginesOf(soc::GroupOp group) {
  SmallVector<StringRef> engines;
  if (group.getEngine())
    engines.push_back(*group.getEngine());
  if (group.getShares())
    for (auto share : group.getShares()->getAsRange<soc::ShareAttr>())
      engines.push_back(share.getEngine().getValue());
  return engines;
}

QuantType typeOfInput(soc::PrecisionAttr precision, unsigned input) {
  return forRank(asQuantType(cast<TypeAttr>(precision.getInputs()[input]).getValue()), 1);
}

bool isReshape(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

class FunctionRewriter {
public:
  FunctionRewriter(func::FuncOp func, soc::MachineAttr machine, IntegerWeights &weights)
      : func(func), conversions(machine, weights), weights(weights) {}

  LogicalResult run() {
    bool ok = true;
    func.walk([&](soc::GroupOp group) {
      FailureOr<soc::PrecisionAttr> precision = choosePrecision(group);
      ok &= succeeded(precision);
      if (succeeded(precision) && *precision)
        chosen[group] = *precision;
    });
    if (!ok)
      return failure();
    if (!chosen.empty()) {
      findDemands();
      for (Operation &op : llvm::make_early_inc_range(func.getBody().front()))
        ok &= succeeded(rewrite(&op));
      if (!ok)
        return failure();
      for (Operation *op : llvm::reverse(dead))
        op->erase();
    }
    func.walk(keepApplied);
    return success();
  }

private:
  /// What each reader of a value wants it to be stored as, looked at through
  /// views; null: as it is written.
  void findDemands() {
    for (Operation &op : llvm::reverse(func.getBody().front())) {
      auto group = dyn_cast<soc::GroupOp>(op);
      soc::PrecisionAttr precision = group ? chosen.lookup(group) : soc::PrecisionAttr();
      for (OpOperand &operand : op.getOpOperands()) {
        SmallVector<QuantType> &demand = demands[operand.get()];
        if (precision) {
          demand.push_back(typeOfInput(precision, operand.getOperandNumber()));
        } else if (soc::isBetweenTasks(&op)) {
          SmallVector<QuantType> wanted = demands.lookup(op.getResult(0));
          demands[operand.get()].append(wanted);
        } else {
          demand.push_back({});
        }
      }
    }
  }

  /// The type that all readers want, if it is one of integers. Where some want 16
  /// bits and others 8, those of 16, from which the others are rescaled.
  QuantType commonDemand(Value value) {
    SmallVector<QuantType> demand = demands.lookup(value);
    if (demand.empty() || llvm::is_contained(demand, QuantType()))
      return {};
    if (llvm::all_equal(demand))
      return demand.front();
    llvm::erase_if(demand, [](QuantType type) { return type.getStorageTypeIntegralWidth() != 16; });
    return !demand.empty() && llvm::all_equal(demand) ? demand.front() : QuantType();
  }

  /// How many readers want the value, or what it is a reshape of, stored so.
  unsigned countReaders(Value value, QuantType type) {
    while (isReshape(value.getDefiningOp()))
      value = value.getDefiningOp()->getOperand(0);
    return llvm::count(demands.lookup(value), type);
  }

  StoredValue storedOf(Value old) {
    auto found = stored.find(old);
    return found == stored.end() ? StoredValue{old, {}} : found->second;
  }

  LogicalResult rewrite(Operation *op) {
    if (auto group = dyn_cast<soc::GroupOp>(op))
      return chosen.contains(group) ? rewriteIntegerGroup(group) : rewriteFloatGroup(group);
    if (soc::isBetweenTasks(op))
      return rewriteView(op);
    // What else there is wants values as they are written.
    for (OpOperand &operand : op->getOpOperands()) {
      FailureOr<Value> value = convert(operand.get(), {}, op, "");
      if (failed(value))
        return failure();
      operand.set(*value);
    }
    return success();
  }

  /// The old value stored as `to` before `user`, by a group of its own where it
  /// is not yet. That comes before reshapes, so that all views share it.
  FailureOr<Value> convert(Value old, QuantType to, Operation *user, StringRef preferred) {
    StoredValue from = storedOf(old);
    if (from.type == to)
      return from.value;
    if (Value known = converted.lookup({old, to}))
      return known;
    OpBuilder b(user);
    Operation *def = old.getDefiningOp();
    // Where a CPU has made it, as placement expects.
    if (auto maker = dyn_cast_or_null<soc::GroupOp>(def); maker && preferred.empty())
      for (StringRef engine : enginesOf(maker))
        if (preferred.empty() && conversions.isCpu(engine))
          preferred = engine;
    FailureOr<Value> value =
        isReshape(def)
            ? convert(def->getOperand(0), to, user, preferred)
            : conversions.create(b, isa<BlockArgument>(old) ? user->getLoc() : old.getLoc(), from,
                                 to, preferred);
    if (failed(value))
      return failure();
    if (isReshape(def))
      value = retype(b, def, *value, to);
    converted[{old, to}] = *value;
    return value;
  }

  /// The view of values that are stored otherwise.
  static Value retype(OpBuilder &b, Operation *view, ValueRange sources, QuantType to) {
    Operation *clone = b.clone(*view);
    clone->setOperands(0, sources.size(), sources);
    Type type = view->getResult(0).getType();
    clone->getResult(0).setType(to ? storedAs(type, to) : cast<RankedTensorType>(type));
    return clone->getResult(0);
  }

  LogicalResult rewriteView(Operation *op) {
    SmallVector<StoredValue> sources;
    bool changed = false;
    for (Value operand : op->getOperands()) {
      sources.push_back(storedOf(operand));
      changed |= sources.back().value != operand;
    }
    bool same = llvm::all_of(
        sources, [&](const StoredValue &source) { return source.type == sources[0].type; });
    if (!changed)
      return success();
    QuantType to = same ? sources[0].type : commonDemand(op->getResult(0));
    // Channels that a view moves to other places would lose their scales.
    if (to && isPerChannel(to) && !keepsChannels(op))
      to = commonDemand(op->getResult(0));
    if (to && isPerChannel(to) && !keepsChannels(op))
      to = {};
    SmallVector<Value> values;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> value = convert(operand, to, op, "");
      if (failed(value))
        return failure();
      values.push_back(*value);
    }
    OpBuilder b(op);
    stored[op->getResult(0)] = {retype(b, op, values, to), to};
    dead.push_back(op);
    return success();
  }

  /// Whether the last dimension of a view has the same channels as its operands'.
  static bool keepsChannels(Operation *op) {
    auto channels = [](Value value) {
      return cast<RankedTensorType>(value.getType()).getShape().take_back();
    };
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      return channels(operand) == channels(op->getResult(0));
    });
  }

  LogicalResult rewriteIntegerGroup(soc::GroupOp group) {
    soc::PrecisionAttr precision = chosen[group];
    std::string reason;
    std::optional<IntegerForm> form = findIntegerForm(group, precision.getScheme(), reason);
    SmallVector<StringRef> engines = enginesOf(group);
    SmallVector<StoredValue> operands;
    for (auto [index, operand] : llvm::enumerate(group.getInputs())) {
      operands.push_back(storedOf(operand));
      StoredValue &value = operands.back();
      // Constants become others.
      if (llvm::is_contained({Storage::Columns, Storage::Constant, Storage::None},
                             form->inputs[index]))
        continue;
      QuantType wanted = typeOfInput(precision, index);
      if (value.type == wanted || (value.type && countReaders(operand, wanted) < 2))
        continue;
      FailureOr<Value> other =
          convert(operand, wanted, group, value.type ? engines.front() : StringRef());
      if (failed(other))
        return failure();
      value = {*other, wanted};
    }
    FailureOr<soc::GroupOp> changed = rewriteInIntegers(group, precision, operands, weights);
    if (failed(changed))
      return failure();
    StoredTypes types(group, precision);
    Operation *yield = group.getBody().front().getTerminator();
    for (auto [old, result, value] :
         llvm::zip(group.getOutputs(), changed->getOutputs(), yield->getOperands()))
      stored[old] = {result, types[value]};
    dead.push_back(group);
    return success();
  }

  LogicalResult rewriteFloatGroup(soc::GroupOp group) {
    bool isOnCpu =
        llvm::all_of(enginesOf(group), [&](StringRef engine) { return conversions.isCpu(engine); });
    bool changed = false;
    SmallVector<StoredValue> operands;
    for (auto [index, operand] : llvm::enumerate(group.getInputs())) {
      StoredValue value = storedOf(operand);
      changed |= value.value != operand;
      // Tiles of channels would need their part of the scales.
      if (value.type &&
          !(isOnCpu && !isPerChannel(value.type) && canDequantiseAtHead(group, index))) {
        FailureOr<Value> floats = convert(operand, {}, group, "");
        if (failed(floats))
          return failure();
        value = {*floats, {}};
      }
      operands.push_back(value);
    }
    QuantType wanted =
        isOnCpu && canQuantiseAtEnd(group) ? commonDemand(group.getOutputs()[0]) : QuantType();
    if (wanted && group.getVariant() && !canQuantiseTiles(*group.getVariant(), wanted))
      wanted = QuantType();
    if (!changed && !wanted)
      return success();
    soc::GroupOp other = rewriteFloats(group, operands, wanted);
    for (auto [old, result] : llvm::zip(group.getOutputs(), other.getOutputs()))
      stored[old] = {result, wanted};
    dead.push_back(group);
    return success();
  }

  func::FuncOp func;
  ConversionGroups conversions;
  IntegerWeights &weights;
  /// The integer groups and their precisions.
  DenseMap<Operation *, soc::PrecisionAttr> chosen;
  DenseMap<Value, SmallVector<QuantType>> demands;
  /// What has become of old values; those that are not in it are as they were.
  DenseMap<Value, StoredValue> stored;
  DenseMap<std::pair<Value, Type>, Value> converted;
  SmallVector<Operation *> dead;
};

struct ApplyPrecisionPass : partition::impl::ApplyPrecisionPassBase<ApplyPrecisionPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    IntegerWeights weights(module);
    bool ok = true;
    for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!func.isExternal())
        ok &= succeeded(FunctionRewriter(func, soc::MachineAttr::of(module), weights).run());
    if (!ok)
      return signalPassFailure();
    module.walk([](nn::GetWeightOp get) {
      if (get.use_empty())
        get.erase();
    });
  }
};

} // namespace
