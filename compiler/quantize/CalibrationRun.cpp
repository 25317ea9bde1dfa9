// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights stay in memory: reading them again for every sample takes as long as
// all the rest.

#include "compiler/quantize/CalibrationRun.h"

#include "compiler/quantize/GroupNoise.h"
#include "dialects/nn/NN.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;
using tercet::partition::Scales;
using tercet::partition::Storage;

CalibrationRun::CalibrationRun(ModuleOp module, func::FuncOp function, const CalibrationData &data,
                               const Progress &progress)
    : module(module), function(function), data(data), progress(progress), classes(function),
      statistics(classes.size()) {}

std::unique_ptr<Evaluator> CalibrationRun::makeEvaluator() {
  auto evaluator = std::make_unique<Evaluator>(module, reader);
  evaluator->setHandler(
      nn::GetWeightOp::getOperationName(),
      [this](Operation *op, MutableArrayRef<Tensor>) -> llvm::Expected<Evaluator::Results> {
        Tensor &weight = weights[cast<nn::GetWeightOp>(op).getWeightAttr()];
        if (!weight) {
          llvm::Expected<Evaluator::Results> read = Evaluator(module, reader).evaluate(op, {});
          if (!read)
            return read.takeError();
          weight = (*read)[0];
        }
        return Evaluator::Results{weight};
      });
  return evaluator;
}

void CalibrationRun::report(const llvm::Twine &what, size_t index, size_t count) {
  auto now = std::chrono::steady_clock::now();
  if (!progress || now - reported < std::chrono::seconds(2))
    return;
  reported = now;
  progress(what + ", sample " + llvm::Twine(index + 1) + " of " + llvm::Twine(count));
}

llvm::Error CalibrationRun::runSample(Evaluator &evaluator, size_t index,
                                      Evaluator::Observer observer,
                                      llvm::function_ref<void(mlir::ArrayRef<Tensor>)> seeInputs) {
  llvm::Expected<SmallVector<Tensor>> inputs = data.read(index);
  if (!inputs)
    return inputs.takeError();
  seeInputs(*inputs);
  llvm::Expected<Evaluator::Results> results = evaluator.run(function, *inputs, observer);
  if (!results)
    return llvm::createStringError(data.getName(index) +
                                   " cannot be run: " + llvm::toString(results.takeError()));
  return llvm::Error::success();
}

/// What a group's first product reads: what the group is given where that is
/// an operand of it. Null without a product.
static Value findLeftHandSide(const IntegerCandidate &candidate) {
  for (const partition::IntegerStep &step : candidate.steps) {
    if (step.kind != partition::IntegerStepKind::Product)
      continue;
    auto argument = dyn_cast<BlockArgument>(step.inputs[0]);
    return argument ? soc::GroupOp(candidate.group).getInputs()[argument.getArgNumber()]
                    : step.inputs[0];
  }
  return {};
}

DenseElementsAttr CalibrationRun::getMeans(const IntegerCandidate &candidate) const {
  Value value = findLeftHandSide(candidate);
  auto known = means.find(value);
  if (!value || known == means.end())
    return {};
  SmallVector<float> channels = known->second.get();
  if (channels.empty() || llvm::any_of(channels, [](float x) { return !std::isfinite(x); }))
    return {};
  auto type =
      RankedTensorType::get({int64_t(channels.size())}, Float32Type::get(value.getContext()));
  return DenseElementsAttr::get(type, ArrayRef<float>(channels));
}

llvm::Error CalibrationRun::collect(ArrayRef<IntegerCandidate> candidates) {
  // What is looked at of each class.
  std::vector<bool> isWanted(classes.size()), byChannels(classes.size()), byRows(classes.size());
  for (const IntegerCandidate &candidate : candidates)
    forEachStorage(candidate.group, candidate.form,
                   [&](Value value, Storage storage, Scales scales) {
                     unsigned number = classes.lookup(value);
                     if (storage == Storage::None || storage == Storage::Score)
                       return;
                     isWanted[number] = true;
                     if (storage == Storage::Columns)
                       byRows[number] = true;
                     else if (scales != Scales::One && classes.hasChannels(number))
                       byChannels[number] = true;
                   });
  for (const IntegerCandidate &candidate : candidates)
    if (Value value = findLeftHandSide(candidate))
      means.try_emplace(value);
  auto see = [&](Value value, const Tensor &tensor) {
    if (auto known = means.find(value); known != means.end())
      known->second.add(tensor);
    unsigned number = classes.lookup(value);
    if (!isWanted[number] || !ValueClasses::isComputed(value))
      return;
    statistics[number].add(tensor, byChannels[number]);
    if (byRows[number])
      statistics[number].addRows(tensor);
  };
  std::unique_ptr<Evaluator> evaluator = makeEvaluator();
  for (size_t index = 0; index < data.size(); ++index) {
    report("looking at ranges of values", index, data.size());
    auto observer = [&](Operation *op, MutableArrayRef<Tensor> results) {
      // Not what is inside of an operation's own region.
      if (op->getParentOp() != function && !isa<soc::GroupOp>(op->getParentOp()))
        return;
      // The same for every sample.
      if (index > 0 && op->getNumOperands() == 0)
        return;
      for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
        see(value, tensor);
    };
    auto seeInputs = [&](ArrayRef<Tensor> inputs) {
      for (auto [value, tensor] : llvm::zip_equal(function.getArguments(), inputs))
        see(value, tensor);
    };
    if (llvm::Error error = runSample(*evaluator, index, observer, seeInputs))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<SmallVector<int64_t>>
CalibrationRun::measure(ArrayRef<IntegerCandidate> candidates,
                        ArrayRef<soc::PrecisionAttr> precisions) {
  llvm::DenseMap<Operation *, GroupNoise> noises;
  for (auto [candidate, precision] : llvm::zip_equal(candidates, precisions))
    noises.try_emplace(candidate.group, candidate, precision);
  Evaluator groups(module, reader);
  std::unique_ptr<Evaluator> evaluator = makeEvaluator();
  evaluator->setHandler(
      soc::GroupOp::getOperationName(),
      [&](Operation *op, MutableArrayRef<Tensor> operands) -> llvm::Expected<Evaluator::Results> {
        llvm::Expected<Evaluator::Results> results = groups.evaluate(op, operands);
        auto noise = noises.find(op);
        if (results && noise != noises.end())
          if (llvm::Error error = noise->second.add(groups, operands, *results))
            return error;
        return results;
      });
  size_t count = std::min(data.size(), kMeasuredSamples);
  for (size_t i = 0; i < count; ++i) {
    report("measuring the noise of groups", i, count);
    if (llvm::Error error =
            runSample(*evaluator, i * data.size() / count, {}, [](ArrayRef<Tensor>) {}))
      return error;
  }
  SmallVector<int64_t> ratios;
  for (const IntegerCandidate &candidate : candidates)
    ratios.push_back(noises.find(candidate.group)->second.getCentibel());
  return ratios;
}
