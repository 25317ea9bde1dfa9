// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A choice of labels as a schedule: parts of groups and conversions are tasks,
// and an edge lags by what has to be moved over.

#include "passes/partition/GroupWork.h"
#include "passes/partition/MoveCost.h"
#include "passes/partition/Placement.h"

#include <map>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

/// Bytes that a part of a group moves through memory.
static int64_t trafficOfRows(soc::GroupOp group, int64_t rows, int64_t allRows,
                             soc::PrecisionAttr precision) {
  GroupWork work = GroupWork::of(group, rows == allRows ? 0 : rows, precision);
  return work.readBytes + work.writtenBytes;
}

int64_t Placement::resultBytes(unsigned group, const PlacementLabel &label) const {
  int64_t bytes = 0;
  soc::GroupOp op = groups[group].op;
  for (unsigned result = 0; result < op.getNumResults(); ++result)
    bytes += storedBytesOf(op.getResult(result).getType(), storedBy(groups[group], label, result));
  return bytes;
}

/// The tasks of a choice of labels, in a topological order.
struct Placement::TaskList {
  /// The first task of each group.
  std::vector<unsigned> firstTask;
  /// The task that makes a source readable as a type.
  std::map<std::pair<Source, const void *>, unsigned> conversions;
  /// The task that copies an argument.
  std::map<Source, unsigned> copies;
  /// Bytes that go from task to task.
  std::map<std::pair<unsigned, unsigned>, int64_t> bytesBetween;
};

void Placement::addConversions(const Source &source, const PlacementLabel *label,
                               ArrayRef<unsigned> labels, schedule::ScheduleProblem &problem,
                               TaskList &list) const {
  auto found = readersOf.find(source);
  auto add = [&](Type wanted) {
    std::optional<Conversion> conversion = convert(source, label, wanted);
    unsigned number = problem.tasks.size();
    if (!conversion ||
        !list.conversions.try_emplace({source, wanted.getAsOpaquePointer()}, number).second)
      return;
    RankedTensorType type = typeOf(source);
    int64_t to = storedBytesOf(type, wanted);
    Type stored = label ? storedBy(groups[source.producer], *label, source.result) : Type();
    schedule::ScheduleTask task;
    task.modes.push_back({{{conversion->engine, conversion->passPs}},
                          to + static_cast<int64_t>(storedBytesOf(type, stored))});
    task.resultBytes = to;
    problem.tasks.push_back(std::move(task));
    if (!label)
      return;
    int64_t width = llvm::divideCeil(bitsOf(source, stored), 8);
    for (auto [part, extent] : llvm::enumerate(writtenBy(source.producer, *label)))
      list.bytesBetween[{list.firstTask[source.producer] + part, number}] +=
          (std::min(extent.end, type.getNumElements()) - extent.begin) * width;
  };
  if (found != readersOf.end())
    for (const Reading *reading : found->second)
      if (Type wanted =
              wantedBy(*reading, groups[reading->consumer].labels[labels[reading->consumer]]))
        add(wanted);
  if (llvm::is_contained(returned, source))
    add(NoneType::get(machine.getContext()));
}

void Placement::addCopy(const Reading &reading, const PlacementLabel &label,
                        schedule::ScheduleProblem &problem, TaskList &list) const {
  if (convert(reading.source, nullptr, wantedBy(reading, label)))
    return;
  for (const PlacedPart &part : label.parts) {
    std::optional<unsigned> copier = copierFor(reading.source, part.engine);
    if (!copier || !list.copies.try_emplace(reading.source, problem.tasks.size()).second)
      continue;
    int64_t bytes = bytesOf(typeOf(reading.source));
    schedule::ScheduleTask task;
    task.modes.push_back({{{*copier, copyPs(machine, engines[*copier], bytes)}}, 2 * bytes});
    task.resultBytes = bytes;
    problem.tasks.push_back(std::move(task));
  }
}

void Placement::addCopyEdges(const Reading &reading, const PlacementLabel &label,
                             TaskList &list) const {
  auto copy = list.copies.find(reading.source);
  if (copy == list.copies.end() || convert(reading.source, nullptr, wantedBy(reading, label)))
    return;
  for (auto [number, part] : llvm::enumerate(label.parts))
    if (copierFor(reading.source, part.engine))
      list.bytesBetween[{copy->second,
                         list.firstTask[reading.consumer] + static_cast<unsigned>(number)}] =
          bytesOf(typeOf(reading.source));
}

void Placement::addArguments(ArrayRef<unsigned> labels, schedule::ScheduleProblem &problem,
                             TaskList &list) const {
  for (const auto &[source, uses] : readersOf)
    if (source.producer == kArgument) {
      addConversions(source, nullptr, labels, problem, list);
      for (const Reading *reading : uses)
        addCopy(*reading, groups[reading->consumer].labels[labels[reading->consumer]], problem,
                list);
    }
}

void Placement::addEdges(schedule::ScheduleProblem &problem, const TaskList &list,
                         bool anyEngine) const {
  unsigned count = engines.size();
  for (auto [tasks, bytes] : list.bytesBetween) {
    schedule::ScheduleEdge edge{tasks.first, tasks.second, bytes, {}};
    edge.lags.assign(count * count, 0);
    auto setLag = [&](unsigned from, unsigned to) {
      if (from != to)
        edge.lags[from * count + to] = moveCost(from, to, bytes);
    };
    if (anyEngine)
      for (unsigned pair = 0; pair < count * count; ++pair)
        setLag(pair / count, pair % count);
    else
      setLag(problem.tasks[tasks.first].modes[0].parts[0].engine,
             problem.tasks[tasks.second].modes[0].parts[0].engine);
    problem.edges.push_back(std::move(edge));
  }
}

schedule::ScheduleProblem Placement::buildSchedule(ArrayRef<unsigned> labels) const {
  schedule::ScheduleProblem problem;
  problem.engines = engines.size();
  problem.bandwidth = sharedBandwidth(machine);
  TaskList list;
  addArguments(labels, problem, list);
  for (unsigned index = 0; index < groups.size(); ++index) {
    list.firstTask.push_back(problem.tasks.size());
    soc::GroupOp op = groups[index].op;
    const PlacementLabel &label = groups[index].labels[labels[index]];
    int64_t rows = 0;
    for (const PlacedPart &part : label.parts)
      rows += part.size;
    for (const PlacedPart &part : label.parts) {
      schedule::ScheduleTask task;
      task.modes.push_back(
          {{{part.engine, costOf(part)}}, trafficOfRows(op, part.size, rows, label.precision)});
      task.resultBytes = resultBytes(index, label) / std::max<int64_t>(rows, 1) * part.size;
      problem.tasks.push_back(std::move(task));
    }
    for (unsigned result = 0; result < op.getNumResults(); ++result)
      addConversions({index, result}, &label, labels, problem, list);
  }
  // An edge wherever a part reads what another has written.
  for (const Reading &reading : readings) {
    const PlacementLabel &to = groups[reading.consumer].labels[labels[reading.consumer]];
    const PlacementLabel *from = nullptr;
    if (reading.source.producer != kArgument)
      from = &groups[reading.source.producer].labels[labels[reading.source.producer]];
    else
      addCopyEdges(reading, to, list);
    Type wanted = wantedBy(reading, to);
    Transit transit = transitOf(reading.source, from, wanted);
    auto converted = list.conversions.find({reading.source, wanted.getAsOpaquePointer()});
    unsigned first = 0;
    if (converted != list.conversions.end())
      first = converted->second;
    else if (from)
      first = list.firstTask[reading.source.producer];
    for (const Extent &wants : readBy(reading, to))
      for (auto [number, part] : llvm::enumerate(transit.written)) {
        int64_t elements = std::min(wants.end, part.end) - std::max(wants.begin, part.begin);
        if (elements <= 0)
          continue;
        unsigned reader = 0;
        while (to.parts[reader].engine != wants.engine)
          ++reader;
        list.bytesBetween[{first + number, list.firstTask[reading.consumer] + reader}] +=
            elements * transit.bytes;
      }
  }
  addEdges(problem, list, /*anyEngine=*/false);
  return problem;
}

schedule::ScheduleProblem
Placement::buildModes(ArrayRef<unsigned> labels,
                      std::vector<SmallVector<unsigned>> &labelOfMode) const {
  schedule::ScheduleProblem problem;
  problem.engines = engines.size();
  problem.bandwidth = sharedBandwidth(machine);
  TaskList list;
  addArguments(labels, problem, list);
  labelOfMode.assign(problem.tasks.size(), {});
  // Conversions around each group, which another precision changes.
  PartitionProblem conversions = withoutTensors();
  conversions.tensors = buildConversions();
  TensorsAround around = tensorsAround(conversions);
  for (unsigned index = 0; index < groups.size(); ++index) {
    const PlacedGroup &group = groups[index];
    list.firstTask.push_back(problem.tasks.size());
    schedule::ScheduleTask task;
    soc::GroupOp op = group.op;
    const PlacementLabel &chosen = group.labels[labels[index]];
    task.resultBytes = resultBytes(index, chosen);
    SmallVector<unsigned> other(labels);
    auto converting = [&](unsigned label) {
      other[index] = label;
      int64_t cost = 0;
      for (const PartitionTensor *tensor : around[index])
        cost += conversions.value(*tensor, other);
      return cost;
    };
    int64_t before = converting(labels[index]);
    SmallVector<unsigned> modes;
    auto addMode = [&](unsigned label) {
      schedule::TaskMode mode;
      // In another format the group pays for the conversions around it, as if
      // they took time of its own: near enough for a proposal.
      int64_t extra = group.labels[label].format == chosen.format
                          ? 0
                          : std::max<int64_t>(0, converting(label) - before);
      for (const PlacedPart &part : group.labels[label].parts)
        mode.parts.push_back({part.engine, costOf(part) + extra});
      mode.bandwidthBytes = trafficOfRows(op, 1, 1, group.labels[label].precision);
      task.modes.push_back(std::move(mode));
      modes.push_back(label);
    };
    addMode(labels[index]);
    for (unsigned label = 0; label < group.labels.size(); ++label)
      if (label != labels[index] && group.labels[label].parts.size() == 1 &&
          (!group.labels[label].handover || group.labels[label].format == chosen.format))
        addMode(label);
    problem.tasks.push_back(std::move(task));
    for (unsigned result = 0; result < op.getNumResults(); ++result)
      addConversions({index, result}, &chosen, labels, problem, list);
    labelOfMode.resize(problem.tasks.size());
    labelOfMode[list.firstTask[index]] = std::move(modes);
  }
  for (const Reading &reading : readings) {
    const PlacementLabel &to = groups[reading.consumer].labels[labels[reading.consumer]];
    Type wanted = wantedBy(reading, to);
    auto converted = list.conversions.find({reading.source, wanted.getAsOpaquePointer()});
    if (converted == list.conversions.end() && reading.source.producer == kArgument) {
      addCopyEdges(reading, to, list);
      continue;
    }
    const PlacementLabel *from = nullptr;
    if (reading.source.producer != kArgument)
      from = &groups[reading.source.producer].labels[labels[reading.source.producer]];
    unsigned first = converted != list.conversions.end() ? converted->second
                                                         : list.firstTask[reading.source.producer];
    list.bytesBetween[{first, list.firstTask[reading.consumer]}] +=
        (reading.range.end - reading.range.begin) * transitOf(reading.source, from, wanted).bytes;
  }
  addEdges(problem, list, /*anyEngine=*/true);
  return problem;
}
