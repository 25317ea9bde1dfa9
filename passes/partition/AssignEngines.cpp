// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides where each group runs. The least serial time, with shares, comes from
// the solver of the partition; what runs at the same time from that of the
// schedule. Of what both propose the one with the shortest schedule is taken.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"
#include "passes/partition/Placement.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tercet::partition {
#define GEN_PASS_DEF_ASSIGNENGINESPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;
using partition::Placement;

namespace {

struct AssignEnginesPass : partition::impl::AssignEnginesPassBase<AssignEnginesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine = soc::MachineAttr::of(module);
    if (!machine || machine.getEngines().empty()) {
      module->emitError() << "expected a #soc.machine with an engine on the module; try --soc";
      return signalPassFailure();
    }
    for (Attribute attr : machine.getEngines())
      if (!isa<soc::EngineAttrInterface>(attr)) {
        module->emitError() << "the target of engine " << attr
                            << " is not part of this build of Tercet";
        return signalPassFailure();
      }
    bool ok = true;
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal())
        ok &= succeeded(assign(func, machine));
    if (!ok)
      signalPassFailure();
  }

  LogicalResult assign(func::FuncOp func, soc::MachineAttr machine) {
    Placement placement(func, machine);
    if (failed(placement.collect()))
      return failure();
    if (placement.getGroups().empty())
      return success();
    partition::PartitionProblem problem = placement.buildProblem();
    llvm::Expected<partition::PartitionPlan> plan = partition::solvePartition(problem);
    if (!plan)
      return func.emitError() << llvm::toString(plan.takeError());
    bool byOverlap = false;
    SmallVector<unsigned> labels(plan->labels.begin(), plan->labels.end());
    if (machine.getEngines().size() > 1)
      byOverlap = improveByOverlap(placement, problem, labels);
    placement.apply(problem, labels, byOverlap);
    auto proof = [&](int64_t value, int64_t bound, StringRef method) {
      return soc::ProofAttr::get(&getContext(), value, bound,
                                 StringAttr::get(&getContext(), method));
    };
    func->setAttr(soc::SocDialect::kPartitionAttrName,
                  proof(plan->value, plan->lowerBound,
                        byOverlap ? plan->method + "; serial time, before overlap" : plan->method));
    return success();
  }

  /// Whether a placement with a shorter schedule was found.
  static bool improveByOverlap(const Placement &placement,
                               const partition::PartitionProblem &problem,
                               SmallVector<unsigned> &labels) {
    // Sums that the schedule would overflow on leave nothing to compare.
    auto solve = [](const schedule::ScheduleProblem &tasks) {
      std::optional<schedule::SchedulePlan> plan;
      if (llvm::Error error = tasks.check())
        llvm::consumeError(std::move(error));
      else
        plan = schedule::solveSchedule(tasks);
      return plan;
    };
    std::optional<schedule::SchedulePlan> serial = solve(placement.buildSchedule(labels));
    if (!serial)
      return false;
    int64_t makespan = serial->makespan;
    SmallVector<unsigned> best = labels;
    bool improved = false;
    // From the least serial time, and from the engines without any shares.
    SmallVector<SmallVector<unsigned>> starts{labels};
    std::optional<SmallVector<unsigned>> unshared = withoutShares(placement, problem);
    if (unshared)
      starts.push_back(*unshared);
    for (const SmallVector<unsigned> &start : starts) {
      std::vector<SmallVector<unsigned>> labelOfMode;
      schedule::ScheduleProblem tasks = placement.buildModes(start, labelOfMode);
      // Not for what cannot gain half a percent.
      if (llvm::Error error = tasks.check()) {
        llvm::consumeError(std::move(error));
        continue;
      }
      if (schedule::boundsOf(tasks).best() > makespan / 200 * 199)
        continue;
      schedule::SchedulePlan plan = schedule::solveSchedule(tasks);
      SmallVector<unsigned> proposed;
      for (auto [modes, mode] : llvm::zip(labelOfMode, plan.modes))
        if (!modes.empty())
          proposed.push_back(modes[mode]);
      std::optional<schedule::SchedulePlan> overlapped = solve(placement.buildSchedule(proposed));
      if (overlapped && overlapped->makespan < makespan && problem.withinLimits(proposed)) {
        makespan = overlapped->makespan;
        best = proposed;
        improved = true;
      }
    }
    labels = best;
    return improved;
  }

  /// The least serial time with every group whole.
  static std::optional<SmallVector<unsigned>> withoutShares(const Placement &placement,
                                                            partition::PartitionProblem problem) {
    bool shares = false;
    for (auto [node, group] : llvm::zip(problem.nodes, placement.getGroups())) {
      // Shares follow whole groups in the list of labels; those that the text
      // gives are all there is.
      while (node.labels.size() > 1 && group.labels[node.labels.size() - 1].parts.size() > 1) {
        node.labels.pop_back();
        shares = true;
      }
    }
    if (!shares)
      return std::nullopt;
    for (partition::PartitionTensor &tensor : problem.tensors)
      for (partition::TensorUse &use : tensor.uses)
        use.demands.resize(problem.nodes[use.node].labels.size());
    for (partition::PartitionLimit &limit : problem.limits)
      llvm::erase_if(limit.uses, [&](const partition::LimitUse &use) {
        return use.label >= problem.nodes[use.node].labels.size();
      });
    llvm::Expected<partition::PartitionPlan> plan = partition::solvePartition(problem);
    if (!plan) {
      llvm::consumeError(plan.takeError());
      return std::nullopt;
    }
    return SmallVector<unsigned>(plan->labels.begin(), plan->labels.end());
  }
};

} // namespace
