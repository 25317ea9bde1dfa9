// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A choice of labels as a schedule, and written into the groups.

#include "passes/partition/GroupWork.h"
#include "passes/partition/Placement.h"

#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

/// Bytes of a group's results.
static int64_t resultBytes(soc::GroupOp group) {
  int64_t bytes = 0;
  for (Type type : group.getOutputs().getTypes())
    bytes += bytesOf(type);
  return bytes;
}

/// Bytes that a part of a group moves through memory.
static int64_t trafficOfRows(soc::GroupOp group, int64_t rows, int64_t allRows) {
  GroupWork work = GroupWork::of(group, rows == allRows ? 0 : rows);
  return work.readBytes + work.writtenBytes;
}

schedule::ScheduleProblem Placement::buildSchedule(ArrayRef<unsigned> labels) const {
  schedule::ScheduleProblem problem;
  problem.engines = engines.size();
  problem.bandwidth = sharedBandwidth(machine);
  std::vector<unsigned> firstTask;
  for (auto [group, label] : llvm::zip(groups, labels)) {
    firstTask.push_back(problem.tasks.size());
    soc::GroupOp op = group.op;
    ArrayRef<PlacedPart> parts = group.labels[label].parts;
    int64_t rows = 0;
    for (const PlacedPart &part : parts)
      rows += part.size;
    for (const PlacedPart &part : parts) {
      schedule::ScheduleTask task;
      task.modes.push_back({{{part.engine, costOf(part)}}, trafficOfRows(op, part.size, rows)});
      task.resultBytes = resultBytes(op) / std::max<int64_t>(rows, 1) * part.size;
      problem.tasks.push_back(std::move(task));
    }
  }
  // An edge wherever a part reads what another has written; it lags by what has
  // to be moved over.
  std::map<std::pair<unsigned, unsigned>, int64_t> bytesBetween;
  for (const Reading &reading : readings) {
    const PlacementLabel &from = groups[reading.producer].labels[labels[reading.producer]];
    const PlacementLabel &to = groups[reading.consumer].labels[labels[reading.consumer]];
    int64_t width = llvm::divideCeil(
        cast<RankedTensorType>(reading.range.root.getType()).getElementTypeBitWidth(), 8);
    Extents written = writtenBy(reading.producer, from);
    for (const Extent &wanted : readBy(reading, to))
      for (auto [number, part] : llvm::enumerate(written)) {
        int64_t elements = std::min(wanted.end, part.end) - std::max(wanted.begin, part.begin);
        if (elements <= 0)
          continue;
        unsigned reader = 0;
        while (to.parts[reader].engine != wanted.engine)
          ++reader;
        bytesBetween[{firstTask[reading.producer] + number,
                      firstTask[reading.consumer] + reader}] += elements * width;
      }
  }
  unsigned count = engines.size();
  for (auto [tasks, bytes] : bytesBetween) {
    schedule::ScheduleEdge edge{tasks.first, tasks.second, bytes, {}};
    edge.lags.assign(count * count, 0);
    unsigned from = problem.tasks[tasks.first].modes[0].parts[0].engine;
    unsigned to = problem.tasks[tasks.second].modes[0].parts[0].engine;
    if (from != to)
      edge.lags[from * count + to] = moveCost(from, to, bytes);
    problem.edges.push_back(std::move(edge));
  }
  return problem;
}

schedule::ScheduleProblem
Placement::buildModes(ArrayRef<unsigned> labels,
                      std::vector<SmallVector<unsigned>> &labelOfMode) const {
  schedule::ScheduleProblem problem;
  unsigned count = engines.size();
  problem.engines = count;
  problem.bandwidth = sharedBandwidth(machine);
  labelOfMode.assign(groups.size(), {});
  for (unsigned index = 0; index < groups.size(); ++index) {
    const PlacedGroup &group = groups[index];
    schedule::ScheduleTask task;
    soc::GroupOp op = group.op;
    task.resultBytes = resultBytes(op);
    auto addMode = [&](unsigned label) {
      schedule::TaskMode mode;
      for (const PlacedPart &part : group.labels[label].parts)
        mode.parts.push_back({part.engine, costOf(part)});
      mode.bandwidthBytes = trafficOfRows(op, 1, 1);
      task.modes.push_back(std::move(mode));
      labelOfMode[index].push_back(label);
    };
    addMode(labels[index]);
    for (unsigned label = 0; label < group.labels.size(); ++label)
      if (label != labels[index] && group.labels[label].parts.size() == 1)
        addMode(label);
    problem.tasks.push_back(std::move(task));
  }
  std::map<std::pair<unsigned, unsigned>, int64_t> bytesBetween;
  for (const Reading &reading : readings) {
    int64_t width = llvm::divideCeil(
        cast<RankedTensorType>(reading.range.root.getType()).getElementTypeBitWidth(), 8);
    bytesBetween[{reading.producer, reading.consumer}] +=
        (reading.range.end - reading.range.begin) * width;
  }
  for (auto [pair, bytes] : bytesBetween) {
    schedule::ScheduleEdge edge{pair.first, pair.second, bytes, {}};
    edge.lags.assign(count * count, 0);
    for (unsigned from = 0; from < count; ++from)
      for (unsigned to = 0; to < count; ++to)
        if (from != to)
          edge.lags[from * count + to] = moveCost(from, to, bytes);
    problem.edges.push_back(std::move(edge));
  }
  return problem;
}

void Placement::apply(const PartitionProblem &problem, ArrayRef<unsigned> labels, bool byOverlap) {
  Builder builder(func.getContext());
  int64_t chosenValue = problem.value(labels);
  for (auto [index, group] : llvm::enumerate(groups)) {
    const PlacementLabel &chosen = group.labels[labels[index]];
    soc::GroupOp op = group.op;
    if (op.getShares()) {
      // As the text has them.
    } else if (chosen.parts.size() == 1) {
      op.setEngine(engines[chosen.parts[0].engine].getEngineName());
      op.setVariantAttr(chosen.parts[0].variant);
    } else {
      SmallVector<Attribute> shares;
      for (const PlacedPart &part : chosen.parts)
        shares.push_back(soc::ShareAttr::get(
            func.getContext(), builder.getStringAttr(engines[part.engine].getEngineName()),
            part.begin, part.size, part.variant));
      op.setSharesAttr(builder.getArrayAttr(shares));
    }
    if (engines.size() < 2)
      continue;

    // What the group would cost on each engine, with everything else as it is.
    SmallVector<Attribute> alternatives;
    for (unsigned number = 0; number < engines.size(); ++number) {
      std::string reason, detail;
      int64_t cost = 0, alone = 0;
      bool offered = false, tooLarge = false;
      for (unsigned label = 0; label < group.labels.size(); ++label) {
        if (group.labels[label].parts.size() != 1 || group.labels[label].parts[0].engine != number)
          continue;
        SmallVector<unsigned> other(labels);
        other[index] = label;
        if (!problem.withinLimits(other)) {
          tooLarge = true;
          continue;
        }
        int64_t value = problem.value(other) - chosenValue + costOf(chosen);
        if (!offered || value < cost) {
          cost = std::max<int64_t>(value, 0);
          alone = costOf(group.labels[label]);
        }
        offered = true;
      }
      const PlacedPart *part =
          llvm::find_if(chosen.parts, [&](const PlacedPart &p) { return p.engine == number; });
      const Refusal *refusal =
          llvm::find_if(group.refusals, [&](const Refusal &r) { return r.engine == number; });
      if (part != chosen.parts.end()) {
        reason = chosen.parts.size() == 1 ? "chosen" : "share";
        if (chosen.parts.size() > 1)
          detail = llvm::formatv("rows {0} to {1}", part->begin, part->begin + part->size).str();
      } else if (refusal != group.refusals.end()) {
        reason = refusal->reason.str();
        detail = refusal->detail;
        cost = 0;
      } else if (!offered && tooLarge) {
        reason = "limit";
        detail = "its weights do not fit the memory beside what else is there";
      } else if (alone > costOf(chosen)) {
        reason = "slower";
        detail = "it takes longer there";
      } else if (cost > costOf(chosen)) {
        reason = "transfer";
        detail = "moving its operands and results there costs more than it gains";
      } else {
        reason = byOverlap ? "overlap" : "tie";
        detail = byOverlap ? "the other engine is free meanwhile"
                           : "it costs the same there; the first engine is taken";
      }
      alternatives.push_back(soc::AlternativeAttr::get(
          func.getContext(), builder.getStringAttr(engines[number].getEngineName()),
          builder.getStringAttr(reason), cost, builder.getStringAttr(detail)));
    }
    op.setAlternativesAttr(builder.getArrayAttr(alternatives));
  }
}
