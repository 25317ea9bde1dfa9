// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prices of labels and of what is moved between them.

#include "passes/partition/GroupWork.h"
#include "passes/partition/MoveCost.h"
#include "passes/partition/Placement.h"

#include "dialects/soc/SourceNames.h"

#include <map>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

int64_t Placement::costOf(const PlacedPart &part) const {
  soc::EngineAttrInterface engine = engines[part.engine];
  return engine.getEnginePerformance().getLaunchPs() + part.variant.getTimePs();
}

int64_t Placement::costOf(const PlacementLabel &label) const {
  int64_t cost = 0;
  for (const PlacedPart &part : label.parts)
    cost = std::max(cost, costOf(part));
  return cost;
}

/// Elements of one row of a group's first result.
static int64_t elementsPerRow(soc::GroupOp group) {
  auto type = cast<RankedTensorType>(group.getOutputs()[0].getType());
  int64_t rows = getShareRows(group);
  return rows ? type.getNumElements() / rows : type.getNumElements();
}

Placement::Extents Placement::writtenBy(unsigned group, const PlacementLabel &label) const {
  soc::GroupOp op = groups[group].op;
  Extents extents;
  if (label.parts.size() == 1)
    // Also results beyond the first, which cannot be shared.
    return {{label.parts[0].engine, 0, std::numeric_limits<int64_t>::max()}};
  int64_t perRow = elementsPerRow(op);
  for (const PlacedPart &part : label.parts)
    extents.push_back({part.engine, part.begin * perRow, (part.begin + part.size) * perRow});
  return extents;
}

Placement::Extents Placement::readBy(const Reading &reading, const PlacementLabel &label) const {
  Extents extents;
  const soc::SourceRange &range = reading.range;
  int64_t perRow = groups[reading.consumer].elementsPerRow[reading.operand];
  for (const PlacedPart &part : label.parts) {
    int64_t begin = range.at, end = range.at + range.end - range.begin;
    if (perRow && label.parts.size() > 1) {
      begin = std::max(begin, part.begin * perRow);
      end = std::min(end, (part.begin + part.size) * perRow);
    }
    if (begin < end)
      extents.push_back(
          {part.engine, begin - range.at + range.begin, end - range.at + range.begin});
  }
  return extents;
}

int64_t Placement::moveCost(unsigned from, unsigned to, int64_t bytes) const {
  return movePs(machine, engines[from], engines[to], bytes);
}

int64_t Placement::transferCost(const Extents &written, const Extents &read,
                                int64_t elementBytes) const {
  // Engines fetch at the same time; one fetches from several one after another.
  int64_t cost = 0;
  for (const Extent &wanted : read) {
    int64_t own = 0;
    for (const Extent &part : written) {
      int64_t elements = std::min(wanted.end, part.end) - std::max(wanted.begin, part.begin);
      if (elements > 0 && part.engine != wanted.engine)
        own += moveCost(part.engine, wanted.engine, elements * elementBytes);
    }
    cost = std::max(cost, own);
  }
  return cost;
}

PartitionProblem Placement::buildProblem() const {
  PartitionProblem problem;
  unsigned count = engines.size();
  problem.places = count < 2 ? count : placeOf(count - 2, count - 1, 7) + 1;
  for (const PlacedGroup &group : groups) {
    PartitionNode node;
    soc::GroupOp op = group.op;
    node.name = soc::joinSourceNames(op.getLoc());
    for (const PlacementLabel &label : group.labels)
      node.labels.push_back({costOf(label), label.place});
    problem.nodes.push_back(std::move(node));
  }

  // Readings of one result are one tensor; equal wants are one demand.
  std::map<std::pair<unsigned, unsigned>, SmallVector<const Reading *>> byTensor;
  for (const Reading &reading : readings)
    byTensor[{reading.producer, cast<OpResult>(reading.range.root).getResultNumber()}].push_back(
        &reading);
  for (const auto &[key, uses] : byTensor) {
    PartitionTensor tensor;
    tensor.name = problem.nodes[key.first].name;
    tensor.producer = key.first;
    std::map<std::vector<Extent>, unsigned> demands;
    SmallVector<const std::vector<Extent> *> wanted;
    for (const Reading *reading : uses) {
      TensorUse use{reading->consumer, {}};
      for (const PlacementLabel &label : groups[reading->consumer].labels) {
        Extents extents = readBy(*reading, label);
        auto [it, isNew] = demands.try_emplace(std::vector<Extent>(extents.begin(), extents.end()),
                                               demands.size());
        if (isNew)
          wanted.push_back(&it->first);
        use.demands.push_back(it->second);
      }
      tensor.uses.push_back(std::move(use));
    }
    tensor.demands = demands.size();
    tensor.cost.assign(static_cast<size_t>(problem.places) * tensor.demands, 0);
    int64_t width = llvm::divideCeil(
        cast<RankedTensorType>(uses[0]->range.root.getType()).getElementTypeBitWidth(), 8);
    for (const PlacementLabel &label : groups[key.first].labels)
      for (unsigned demand = 0; demand < tensor.demands; ++demand)
        tensor.cost[static_cast<size_t>(label.place) * tensor.demands + demand] =
            transferCost(writtenBy(key.first, label),
                         Extents(wanted[demand]->begin(), wanted[demand]->end()), width);
    problem.tensors.push_back(std::move(tensor));
  }

  // What variants keep resident must fit the memory of their engine.
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>()) {
    if (memory.getBytes() == 0)
      continue;
    PartitionLimit limit{memory.getName().str(), static_cast<int64_t>(memory.getBytes()), {}};
    for (auto [node, group] : llvm::enumerate(groups))
      for (auto [number, label] : llvm::enumerate(group.labels))
        for (const PlacedPart &part : label.parts) {
          soc::EngineAttrInterface engine = engines[part.engine];
          if (part.variant.getResidentBytes() && engine.getEngineMemory() == memory.getName())
            limit.uses.push_back({static_cast<unsigned>(node), static_cast<unsigned>(number),
                                  static_cast<int64_t>(part.variant.getResidentBytes())});
        }
    if (!limit.uses.empty())
      problem.limits.push_back(std::move(limit));
  }
  return problem;
}
