// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What engines with drivers need of an entry's plan: they do not see the
// application's memory, so a CPU copies for them what the entry is given and what
// it returns; and whoever works on weights and states has them in a pool of its own.

#include "passes/plan/EntryPlanner.h"

#include "dialects/soc/Views.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::plan;

EntryPlanner::Place EntryPlanner::placeFor(Value value, unsigned engine) const {
  Place place = placeOfValue.at(value);
  const Storage &storage = storages[place.storage];
  if (storage.staged && hasDriver(engineOf(engine)))
    place.storage = *storage.staged;
  return place;
}

void EntryPlanner::stageInputs(soc::TaskOp task) {
  if (!hasDriver(engineOf(engineIndex(task.getEngine()))))
    return;
  for (Value input : task.getInputs()) {
    while (Operation *op = input.getDefiningOp()) {
      if (!soc::getContiguousOffset(op))
        break;
      input = op->getOperand(0);
    }
    if (!isa<BlockArgument>(input))
      continue;
    unsigned number = placeOfValue.at(input).storage;
    if (storages[number].kind != Storage::Input || storages[number].staged)
      continue;
    unsigned staged = add(newStorage(input.getLoc(), Storage::Arena, storages[number].bytes));
    copy(input, {staged, 0}, input.getLoc());
    storages[number].staged = staged;
  }
}

unsigned EntryPlanner::copyQueue(unsigned writer) const {
  if (!hasDriver(engineOf(writer)))
    return writer;
  for (unsigned queue = 0; queue < order.queues(); ++queue)
    if (!hasDriver(engineOf(queue)) && engineOf(queue).getEngineKind() == "cpu")
      return queue;
  return writer;
}

bool EntryPlanner::isDriven(const Storage &storage) const {
  return llvm::any_of(storage.accesses.getQueues(),
                      [&](unsigned queue) { return hasDriver(engineOf(queue)); });
}

SmallVector<unsigned> EntryPlanner::getDriversOf(nn::WeightOp weight) const {
  SmallVector<unsigned> drivers;
  for (unsigned queue : storages[weightStorage.at(weight)].accesses.getQueues())
    if (hasDriver(engineOf(queue)))
      drivers.push_back(queue);
  return drivers;
}

SmallVector<unsigned> EntryPlanner::getDriversOfStates() const {
  llvm::SmallSetVector<unsigned, 2> drivers;
  for (const Storage &storage : storages)
    if (storage.kind == Storage::State)
      for (unsigned queue : storage.accesses.getQueues())
        if (hasDriver(engineOf(queue)))
          drivers.insert(queue);
  return drivers.takeVector();
}
