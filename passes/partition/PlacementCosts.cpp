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
  return engine.getEnginePerformance().getLaunchPs() + part.variant.getTimePs() + part.handoverPs;
}

int64_t Placement::costOf(const PlacementLabel &label) const {
  int64_t cost = 0;
  for (const PlacedPart &part : label.parts)
    cost = std::max(cost, costOf(part));
  return cost;
}

PartitionTensor Placement::tensorOf(const Source &source) const {
  PartitionTensor tensor;
  if (source.producer == kArgument) {
    tensor.name = "argument " + std::to_string(source.result);
    return tensor;
  }
  soc::GroupOp op = groups[source.producer].op;
  tensor.name = soc::joinSourceNames(op.getLoc());
  tensor.producer = source.producer;
  return tensor;
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

Placement::Transit Placement::transitOf(const Source &source, const PlacementLabel *label,
                                        Type wanted) const {
  if (std::optional<Conversion> conversion = convert(source, label, wanted))
    return {{{conversion->engine, 0, std::numeric_limits<int64_t>::max()}},
            llvm::divideCeil(bitsOf(source, wanted), 8)};
  // Engines read the user's arguments as they are, or a copy (arrivalCost).
  if (!label)
    return {};
  return {writtenBy(source.producer, *label),
          llvm::divideCeil(bitsOf(source, storedBy(groups[source.producer], *label, source.result)),
                           8)};
}

std::optional<unsigned> Placement::copierFor(const Source &argument, unsigned engine) const {
  func::FuncOp entry = func;
  unsigned copier = converterOf(engines, engine);
  if (argument.producer != kArgument || entry.getArgAttr(argument.result, "nn.state") ||
      engines[engine].getObjectCpu() || copier == engine)
    return std::nullopt;
  return copier;
}

int64_t Placement::arrivalCost(const Source &argument, unsigned engine) const {
  std::optional<unsigned> copier = copierFor(argument, engine);
  uint64_t bytes = bytesOf(typeOf(argument));
  return copier ? copyPs(machine, engines[*copier], bytes) +
                      moveCost(*copier, engine, static_cast<int64_t>(bytes))
                : 0;
}

template <typename Fill>
void Placement::fillTable(PartitionTensor &tensor, const Source &source, Fill fill) const {
  unsigned places = placesOf(engines.size()) * formats;
  tensor.cost.assign(static_cast<size_t>(places) * tensor.demands, 0);
  auto fillRow = [&](const PlacementLabel *label, unsigned row) {
    for (unsigned demand = 0; demand < tensor.demands; ++demand)
      tensor.cost[static_cast<size_t>(row) * tensor.demands + demand] = fill(label, demand);
  };
  if (source.producer == kArgument)
    return fillRow(nullptr, tensor.inputPlace);
  for (const PlacementLabel &label : groups[source.producer].labels)
    fillRow(&label, rowOf(label));
}

std::vector<PartitionTensor> Placement::buildConversions() const {
  std::vector<PartitionTensor> tensors;
  if (formats == 1)
    return tensors;
  for (const auto &entry : readersOf) {
    // No binding: lambdas use it.
    const Source &source = entry.first;
    const auto &uses = entry.second;
    PartitionTensor tensor = tensorOf(source);
    SmallVector<Type> wanted;
    for (const Reading *reading : uses) {
      TensorUse use{reading->consumer, {}};
      for (const PlacementLabel &label : groups[reading->consumer].labels) {
        Type type = wantedBy(*reading, label);
        unsigned demand = llvm::find(wanted, type) - wanted.begin();
        if (demand == wanted.size())
          wanted.push_back(type);
        use.demands.push_back(demand);
      }
      tensor.uses.push_back(std::move(use));
    }
    // The user reads what the function says.
    if (llvm::is_contained(returned, source)) {
      Type type = NoneType::get(machine.getContext());
      tensor.outputDemands.push_back(llvm::find(wanted, type) - wanted.begin());
      if (tensor.outputDemands[0] == wanted.size())
        wanted.push_back(type);
    }
    tensor.demands = wanted.size();
    fillTable(tensor, source, [&](const PlacementLabel *label, unsigned demand) -> int64_t {
      std::optional<Conversion> conversion = convert(source, label, wanted[demand]);
      return conversion ? conversion->passPs + conversion->fetchPs : 0;
    });
    if (llvm::any_of(tensor.cost, [](int64_t cost) { return cost != 0; }))
      tensors.push_back(std::move(tensor));
  }
  return tensors;
}

PartitionProblem Placement::withoutTensors() const {
  PartitionProblem problem;
  problem.places = placesOf(engines.size()) * formats;
  problem.formats = formats;
  for (const PlacedGroup &group : groups) {
    PartitionNode node;
    soc::GroupOp op = group.op;
    node.name = soc::joinSourceNames(op.getLoc());
    for (const PlacementLabel &label : group.labels)
      node.labels.push_back({costOf(label), rowOf(label)});
    problem.nodes.push_back(std::move(node));
  }
  return problem;
}

Placement::TensorsAround Placement::tensorsAround(const PartitionProblem &problem) {
  TensorsAround around(problem.nodes.size());
  for (const PartitionTensor &tensor : problem.tensors) {
    auto add = [&](unsigned node) {
      if (around[node].empty() || around[node].back() != &tensor)
        around[node].push_back(&tensor);
    };
    if (tensor.producer)
      add(*tensor.producer);
    for (const TensorUse &use : tensor.uses)
      add(use.node);
  }
  return around;
}

PartitionTensor Placement::buildMoves(const Source &source, ArrayRef<const Reading *> uses,
                                      Moved moved) const {
  PartitionTensor tensor = tensorOf(source);
  using Demand = std::pair<unsigned, std::vector<Extent>>;
  std::map<Demand, unsigned> demands;
  SmallVector<const Demand *> wanted;
  SmallVector<Type> types;
  for (const Reading *reading : uses) {
    TensorUse use{reading->consumer, {}};
    for (const PlacementLabel &label : groups[reading->consumer].labels) {
      Type type = wantedBy(*reading, label);
      bool asWritten = type && isa<NoneType>(type);
      if (moved != Moved::Floats && asWritten != (moved == Moved::Dequantised)) {
        use.demands.push_back(noDemand);
        continue;
      }
      // Those that read the same bytes want the same.
      if (moved == Moved::Integers || (moved == Moved::Floats && asWritten))
        type = {};
      Extents extents = readBy(*reading, label);
      // All of an argument is copied, whatever is read of it.
      if (source.producer == kArgument && !convert(source, nullptr, wantedBy(*reading, label)))
        for (Extent &extent : extents)
          if (copierFor(source, extent.engine))
            extent = {extent.engine, 0, std::numeric_limits<int64_t>::max()};
      unsigned number = llvm::find(types, type) - types.begin();
      if (number == types.size())
        types.push_back(type);
      auto [it, isNew] = demands.try_emplace(
          Demand(number, std::vector<Extent>(extents.begin(), extents.end())), demands.size());
      if (isNew)
        wanted.push_back(&it->first);
      use.demands.push_back(it->second);
    }
    tensor.uses.push_back(std::move(use));
  }
  tensor.demands = demands.size();
  // One label after another: what a type takes is the same for all ranges.
  std::optional<const PlacementLabel *> current;
  SmallVector<std::optional<Transit>> transits;
  fillTable(tensor, source, [&](const PlacementLabel *label, unsigned demand) -> int64_t {
    if ((moved == Moved::Floats) == storesIntegers(source, label))
      return 0;
    const auto &[type, extents] = *wanted[demand];
    if (current != label) {
      current = label;
      transits.assign(types.size(), std::nullopt);
    }
    std::optional<Transit> &transit = transits[type];
    if (!transit)
      transit = transitOf(source, label, types[type]);
    Extents read(extents.begin(), extents.end());
    if (!label && transit->written.empty()) {
      int64_t cost = 0;
      for (const Extent &wants : read)
        cost = std::max(cost, arrivalCost(source, wants.engine));
      return cost;
    }
    return transferCost(transit->written, read, transit->bytes);
  });
  return tensor;
}

PartitionProblem Placement::buildProblem() const {
  PartitionProblem problem = withoutTensors();
  problem.tensors = buildConversions();
  // Readings of one result are one tensor; equal wants are one demand. Which wants
  // are equal depends on whether the result is stored in integers.
  for (const auto &[source, uses] : readersOf)
    for (Moved moved : {Moved::Floats, Moved::Integers, Moved::Dequantised}) {
      if (uses.empty() || (formats == 1 && moved != Moved::Floats))
        continue;
      PartitionTensor tensor = buildMoves(source, uses, moved);
      if (llvm::any_of(tensor.cost, [](int64_t cost) { return cost != 0; }))
        problem.tensors.push_back(std::move(tensor));
    }

  // Weights must fit the memory that they lie in: where the first engine works,
  // as the plan places them, or where their own does if it does not reach that,
  // or if they are to stay in the own memory of an engine with a driver.
  auto weightsOf = [&](soc::EngineAttrInterface engine) {
    StringRef shared = engines[0].getEngineMemory();
    bool there = engine.getObjectCpu() && llvm::is_contained(engine.getEngineMemories(), shared);
    return there ? shared : engine.getEngineMemory();
  };
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>()) {
    if (memory.getBytes() == 0)
      continue;
    PartitionLimit limit{memory.getName().str(), static_cast<int64_t>(memory.getBytes()), {}};
    for (auto [node, group] : llvm::enumerate(groups))
      for (auto [number, label] : llvm::enumerate(group.labels))
        for (const PlacedPart &part : label.parts) {
          soc::EngineAttrInterface engine = engines[part.engine];
          if (part.variant.getResidentBytes() && weightsOf(engine) == memory.getName())
            limit.uses.push_back({static_cast<unsigned>(node), static_cast<unsigned>(number),
                                  static_cast<int64_t>(part.variant.getResidentBytes())});
        }
    if (!limit.uses.empty())
      problem.limits.push_back(std::move(limit));
  }
  return problem;
}
