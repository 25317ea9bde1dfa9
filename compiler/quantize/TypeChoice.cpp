// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of channels balance what a product's two operands lose: those of the
// left-hand side shrink by what the rows of the right-hand side grow. The
// exponents are those that were best for BERT's encoder; 0.5 is SmoothQuant's.

#include "compiler/quantize/TypeChoice.h"

#include "dialects/soc/Views.h"
#include "passes/partition/QuantScales.h"
#include "passes/partition/ScalarFunction.h"

#include "llvm/ADT/SmallPtrSet.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;
using tercet::partition::IntegerStepKind;
using tercet::partition::QuantType;
using tercet::partition::Scales;
using tercet::partition::Storage;

/// How far scales follow the ranges of channels and, against them, of rows.
static constexpr double kChannelExponent = 0.75, kRowExponent = 0.25;
/// The same for blocks, where a product reads them.
static constexpr double kBlockExponent = 0.75;
/// No scale is below this part of the greatest: a channel of zeros has none.
static constexpr double kLeastUnit = 0x1p-10;

void quantize::forEachStorage(soc::GroupOp group, const partition::IntegerForm &form,
                              llvm::function_ref<void(Value, Storage, Scales)> visit) {
  Block &body = group.getBody().front();
  for (auto [argument, storage, scales] :
       llvm::zip_equal(body.getArguments(), form.inputs, form.inputScales))
    visit(argument, storage, scales);
  size_t next = 0;
  for (Operation &op : body)
    if (op.getNumResults() == 1) {
      visit(op.getResult(0), form.results[next], form.resultScales[next]);
      ++next;
    }
}

/// Whether groups that stay in float read a value, or the user does, looked at
/// through views.
static bool isReadAsFloat(Value value, const llvm::SmallPtrSetImpl<Operation *> &integers) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (soc::isBetweenTasks(user))
      return isReadAsFloat(user->getResult(0), integers);
    return !integers.contains(user);
  });
}

bool TypeChoice::isStoredNarrow(Value value, Storage storage) const {
  return storage == Storage::Narrow || storage == Storage::Symmetric ||
         (storage == Storage::Any && wishes[classes.lookup(value)].isNarrow());
}

/// The scales in `units` times that of `whole`, for the last dimension.
static QuantType withUnits(quant::UniformQuantizedType whole, ArrayRef<double> units) {
  SmallVector<double> scales;
  for (double unit : units)
    scales.push_back(
        std::max<double>(float(whole.getScale() * unit), std::numeric_limits<float>::min()));
  SmallVector<int64_t> zeros(units.size(), whole.getZeroPoint());
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, whole.getStorageType(), whole.getExpressedType(), scales,
      zeros, /*quantizedDimension=*/0, whole.getStorageTypeMin(), whole.getStorageTypeMax());
}

/// Units between kLeastUnit and 1.
static void normalise(MutableArrayRef<double> units) {
  double greatest = *llvm::max_element(units);
  for (double &unit : units)
    unit = greatest > 0 ? std::max(unit / greatest, kLeastUnit) : 1;
}

void TypeChoice::chooseNarrow(unsigned number, MLIRContext *context) {
  const Wishes &wish = wishes[number];
  const ValueStatistics &values = statistics[number];
  QuantType &type = narrow[number];
  StorageKind kind = wish.getNarrowKind();
  auto evaluate = [&](double x) {
    for (Operation *op : wish.table)
      x = partition::evaluateScalarFunction(op, x);
    return x;
  };
  ScalarMap function = nullptr;
  if (!wish.table.empty())
    function = evaluate;
  if (wish.scales == Scales::Channels && !values.getChannels().empty() && !wish.weights.empty()) {
    size_t count = values.getChannels().size();
    SmallVector<double> rows(count), units;
    for (Value weight : wish.weights)
      for (auto [row, of] : llvm::zip(rows, statistics[classes.lookup(weight)].getRows()))
        row = std::max(row, of);
    for (auto [channel, row] : llvm::zip_equal(values.getChannels(), rows))
      units.push_back(std::pow(channel.getGreatest(), kChannelExponent) /
                      (row > 0 ? std::pow(row, kRowExponent) : 1));
    normalise(units);
    // Cutting any channel costs more than it gains: never below what was seen.
    double low = 0, high = 0;
    for (auto [channel, unit] : llvm::zip_equal(values.getChannels(), units)) {
      low = std::min(low, channel.minimum / unit);
      high = std::max(high, channel.maximum / unit);
    }
    type = withUnits(chooseType(context, low, high, kind), units);
    return;
  }
  if (wish.scales != Scales::One && !values.getBlocks().empty()) {
    SmallVector<double> units;
    for (const ValueHistogram &block : values.getBlocks())
      units.push_back(std::pow(std::max(-block.getMinimum(), block.getMaximum()),
                               wish.weights.empty() ? 1 : kBlockExponent));
    normalise(units);
    SmallVector<Part> parts;
    for (auto [block, unit] : llvm::zip_equal(values.getBlocks(), units))
      parts.push_back({&block, unit});
    SmallVector<double> channels;
    for (double unit : units)
      channels.append(ValueStatistics::kBlock, unit);
    type = withUnits(chooseType(context, parts, kind, method, function), channels);
    return;
  }
  type = chooseType(context, Part{&values.getAll()}, kind, method, function);
}

Type TypeChoice::getColumnsType(Value weight, const IntegerCandidate &candidate) const {
  ArrayRef<double> rows = statistics[classes.lookup(weight)].getRows();
  double greatest = 0;
  for (const partition::IntegerStep &step : candidate.steps) {
    if (step.kind != IntegerStepKind::Product || step.weight != weight)
      continue;
    Value lhs = step.inputs[0];
    auto narrowed = narrow.find(classes.lookup(lhs));
    SmallVector<double> factors;
    if (narrowed != narrow.end() && candidate.scheme == "w8a8")
      factors = partition::getRelativeScales(narrowed->second);
    for (auto [index, row] : llvm::enumerate(rows))
      greatest = std::max(greatest, row * (factors.empty() ? 1 : factors[index]));
  }
  return makeType(weight.getContext(), 8, greatest > 0 ? greatest / 127 : 1, 0);
}

Type TypeChoice::getType(Value value, Storage storage, const IntegerCandidate &candidate) const {
  MLIRContext *context = value.getContext();
  unsigned number = classes.lookup(value);
  const ValueHistogram &all = statistics[number].getAll();
  double greatest = std::max(-all.getMinimum(), all.getMaximum());
  switch (storage) {
  case Storage::None:
    return NoneType::get(context);
  case Storage::Score:
    return makeType(context, 16, M_LN2 / 256, 0);
  case Storage::Columns:
    return getColumnsType(value, candidate);
  case Storage::Constant:
    return makeType(context, 32, greatest > 0 ? std::ldexp(greatest, -31) : 1, 0);
  case Storage::Narrow:
  case Storage::Symmetric:
  case Storage::Wide:
  case Storage::Any:
    break;
  }
  if (isStoredNarrow(value, storage))
    return partition::forRank(narrow.at(number), cast<RankedTensorType>(value.getType()).getRank());
  auto type = cast<quant::UniformQuantizedType>(wide.at(number));
  double least = wishes[number].leastScale;
  return type.getScale() < least ? makeType(context, 16, least, 0) : type;
}

bool TypeChoice::widenResults(const IntegerCandidate &candidate) {
  llvm::DenseMap<Value, Storage> storages;
  forEachStorage(candidate.group, candidate.form,
                 [&](Value value, Storage storage, Scales) { storages[value] = storage; });
  auto scaleOf = [&](Value value) {
    return partition::getScale(
        partition::asQuantType(getType(value, storages.at(value), candidate)));
  };
  bool changed = false;
  for (const partition::IntegerStep &step : candidate.steps) {
    if (step.kind != IntegerStepKind::Product)
      continue;
    // A little more: the ratio has to be below 1 after rounding, too.
    double least = float(scaleOf(step.inputs[0]) * scaleOf(step.weight) * (1 + 0x1p-20));
    double &known = wishes[classes.lookup(step.getResult())].leastScale;
    if (least > known && !isStoredNarrow(step.getResult(), storages.at(step.getResult())) &&
        scaleOf(step.getResult()) < least) {
      known = least;
      changed = true;
    }
  }
  return changed;
}

void TypeChoice::merge(ArrayRef<IntegerCandidate> candidates) {
  wishes.assign(classes.size(), {});
  narrow.clear();
  wide.clear();
  if (candidates.empty())
    return;
  MLIRContext *context = soc::GroupOp(candidates.front().group).getContext();
  llvm::SmallPtrSet<Operation *, 32> integers;
  for (const IntegerCandidate &candidate : candidates)
    integers.insert(candidate.group);
  for (const IntegerCandidate &candidate : candidates) {
    for (Value output : soc::GroupOp(candidate.group).getOutputs())
      wishes[classes.lookup(output)].wide |= isReadAsFloat(output, integers);
    forEachStorage(candidate.group, candidate.form, [&](Value value, Storage storage, Scales) {
      Wishes &wish = wishes[classes.lookup(value)];
      wish.narrow |= storage == Storage::Narrow;
      wish.symmetric |= storage == Storage::Symmetric;
      wish.wide |= storage == Storage::Wide;
    });
    for (const partition::IntegerStep &step : candidate.steps)
      if (step.kind == IntegerStepKind::Add)
        for (Value input : step.inputs)
          wishes[classes.lookup(input)].wide = true;
  }
  for (const IntegerCandidate &candidate : candidates) {
    forEachStorage(candidate.group, candidate.form,
                   [&](Value value, Storage storage, Scales scales) {
                     Wishes &wish = wishes[classes.lookup(value)];
                     if (isStoredNarrow(value, storage))
                       wish.scales = std::min(wish.scales, scales);
                   });
    for (const partition::IntegerStep &step : candidate.steps) {
      Value input = step.inputs[0];
      if (step.kind == IntegerStepKind::Product && candidate.scheme == "w8a8")
        wishes[classes.lookup(input)].weights.push_back(step.weight);
      if (step.kind == IntegerStepKind::Lookup && input.getDefiningOp() && input.hasOneUse())
        wishes[classes.lookup(input)].table.assign(step.ops.begin(), step.ops.end());
    }
  }
  for (auto [number, wish] : llvm::enumerate(wishes)) {
    if (wish.narrow || wish.symmetric)
      chooseNarrow(number, context);
    const ValueHistogram &all = statistics[number].getAll();
    wide[number] = chooseType(context, Part{&all}, StorageKind::Symmetric16, method);
  }
  // Raising one scale raises what later products sum in.
  bool changed = true;
  for (size_t round = 0; changed && round <= candidates.size(); ++round) {
    changed = false;
    for (const IntegerCandidate &candidate : candidates)
      changed |= widenResults(candidate);
  }
}

soc::PrecisionAttr TypeChoice::getPrecision(const IntegerCandidate &candidate) const {
  MLIRContext *context = soc::GroupOp(candidate.group).getContext();
  SmallVector<Attribute> types;
  forEachStorage(candidate.group, candidate.form, [&](Value value, Storage storage, Scales) {
    types.push_back(TypeAttr::get(getType(value, storage, candidate)));
  });
  size_t inputs = candidate.form.inputs.size();
  ArrayRef<Attribute> all = types;
  return soc::PrecisionAttr::get(context, StringAttr::get(context, candidate.scheme),
                                 ArrayAttr::get(context, all.take_front(inputs)),
                                 ArrayAttr::get(context, all.drop_front(inputs)),
                                 /*snrCentibel=*/0);
}
