// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the scheduling problem of a function's tasks, and writes the solution
// back: operations in order of their starts, places in the queues, tokens.

#include "passes/schedule/Passes.h"

#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"
#include "passes/partition/GroupWork.h"
#include "passes/partition/MoveCost.h"
#include "passes/schedule/ScheduleProblem.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <map>
#include <set>

namespace tercet::schedule {
#define GEN_PASS_DEF_ASSIGNORDERPASS
#include "passes/schedule/Passes.h.inc"
} // namespace tercet::schedule

using namespace mlir;
using namespace tercet;

namespace {

/// The tasks of a function and what they read of each other.
class TaskGraph {
public:
  TaskGraph(func::FuncOp func, soc::MachineAttr machine) : func(func), machine(machine) {
    for (Attribute attr : machine.getEngines())
      engines.push_back(cast<soc::EngineAttrInterface>(attr));
  }

  LogicalResult collect() {
    func.walk([&](soc::TaskOp task) {
      index[task] = tasks.size();
      tasks.push_back(task);
    });
    for (soc::TaskOp task : tasks) {
      std::optional<unsigned> engine = engineOf(task);
      if (!engine)
        return task.emitOpError() << "machine '" << machine.getName().getValue()
                                  << "' has no engine '" << task.getEngine() << "'";
      engineOfTask.push_back(*engine);
      for (Value input : task.getInputs())
        for (const soc::SourceRange &source : soc::getSources(input))
          if (auto producer = source.root.getDefiningOp<soc::TaskOp>()) {
            int64_t width = llvm::divideCeil(
                cast<RankedTensorType>(input.getType()).getElementTypeBitWidth(), 8);
            bytesRead[{index[producer], index[task]}] += (source.end - source.begin) * width;
          }
      for (Value wait : task.getWaits())
        bytesRead[{index[wait.getDefiningOp()], index[task]}] += 0;
      // A view follows all that it is made of, also where the task reads only a
      // part: edges that nobody waits for, which keep the text's order valid.
      for (Value input : task.getInputs())
        forEachDefinition(input, [&](soc::TaskOp earlier) {
          std::pair<unsigned, unsigned> edge{index[earlier], index[task]};
          if (bytesRead.try_emplace(edge, 0).second)
            unread.insert(edge);
        });
    }
    return success();
  }

  schedule::ScheduleProblem build() const {
    schedule::ScheduleProblem problem;
    problem.engines = engines.size();
    problem.bandwidth = partition::sharedBandwidth(machine);
    llvm::DenseSet<Operation *> returned;
    for (Value value : func.getBody().front().getTerminator()->getOperands())
      soc::forEachProducer(value, [&](Operation *op) { returned.insert(op); });
    for (soc::TaskOp task : tasks) {
      schedule::ScheduleTask entry;
      unsigned engine = engineOfTask[index.at(task)];
      int64_t duration =
          engines[engine].getEnginePerformance().getLaunchPs() + task.getVariant().getTimePs();
      entry.modes.push_back({{{engine, duration}},
                             static_cast<int64_t>(partition::trafficOf(
                                 task.getInputs().getTypes(), task.getOutputs().getTypes()))});
      // What the function returns does not live in the arena.
      if (!returned.contains(task))
        for (Value output : task.getOutputs())
          entry.resultBytes += partition::bytesOf(output.getType());
      problem.tasks.push_back(std::move(entry));
    }
    size_t count = engines.size();
    for (auto [pair, bytes] : bytesRead) {
      schedule::ScheduleEdge edge{pair.first, pair.second, bytes, {}};
      unsigned from = engineOfTask[pair.first], to = engineOfTask[pair.second];
      if (from != to && !unread.count(pair)) {
        edge.lags.assign(count * count, 0);
        edge.lags[from * count + to] =
            partition::movePs(machine, engines[from], engines[to], bytes);
      }
      problem.edges.push_back(std::move(edge));
    }
    return problem;
  }

  bool isPinned() const {
    return llvm::any_of(tasks, [](soc::TaskOp task) { return task.getOrder().has_value(); });
  }

  /// Program order, but for tasks with a place: those ascend in their queue.
  FailureOr<SmallVector<unsigned>> pinnedOrder() const {
    std::vector<std::set<unsigned>> after(tasks.size());
    SmallVector<unsigned> missing(tasks.size(), 0), order;
    auto addEdge = [&](unsigned from, unsigned to) {
      if (after[from].insert(to).second)
        ++missing[to];
    };
    for (auto [pair, bytes] : bytesRead)
      addEdge(pair.first, pair.second);
    std::map<unsigned, std::map<uint64_t, unsigned>> places;
    for (unsigned task = 0; task < tasks.size(); ++task) {
      soc::TaskOp op = tasks[task];
      if (!op.getOrder())
        continue;
      auto [it, isNew] = places[engineOfTask[task]].try_emplace(*op.getOrder(), task);
      if (!isNew)
        return op.emitOpError() << "has place " << *op.getOrder() << " in the queue of engine '"
                                << op.getEngine() << "', which another task has";
    }
    for (const auto &[engine, queue] : places)
      for (auto it = queue.begin(); it != queue.end() && std::next(it) != queue.end(); ++it)
        addEdge(it->second, std::next(it)->second);
    std::set<unsigned> ready;
    for (unsigned task = 0; task < tasks.size(); ++task)
      if (missing[task] == 0)
        ready.insert(task);
    while (!ready.empty()) {
      unsigned task = *ready.begin();
      ready.erase(ready.begin());
      order.push_back(task);
      for (unsigned next : after[task])
        if (--missing[next] == 0)
          ready.insert(next);
    }
    if (order.size() == tasks.size())
      return order;
    for (unsigned task = 0; task < tasks.size(); ++task)
      if (missing[task] != 0) {
        soc::TaskOp op = tasks[task];
        return op.emitOpError() << "its place in the queue of engine '" << op.getEngine()
                                << "' contradicts what the tasks read of each other";
      }
    llvm_unreachable("some task is left");
  }

  ArrayRef<soc::TaskOp> getTasks() const { return tasks; }

private:
  /// Tasks that a value hangs on through views and concatenations.
  static void forEachDefinition(Value value, llvm::function_ref<void(soc::TaskOp)> visit) {
    SmallVector<Value> worklist{value};
    while (!worklist.empty()) {
      Operation *def = worklist.pop_back_val().getDefiningOp();
      if (auto task = dyn_cast_or_null<soc::TaskOp>(def))
        visit(task);
      else if (def && soc::isBetweenTasks(def))
        llvm::append_range(worklist, def->getOperands());
    }
  }

  std::optional<unsigned> engineOf(soc::TaskOp task) const {
    for (auto [number, engine] : llvm::enumerate(engines))
      if (engine.getEngineName() == task.getEngine())
        return number;
    return std::nullopt;
  }

  mutable func::FuncOp func;
  soc::MachineAttr machine;
  SmallVector<soc::EngineAttrInterface> engines;
  SmallVector<soc::TaskOp> tasks;
  SmallVector<unsigned> engineOfTask;
  llvm::DenseMap<Operation *, unsigned> index;
  /// Bytes that the second task reads of the first.
  std::map<std::pair<unsigned, unsigned>, int64_t> bytesRead;
  /// Those of its pairs that only the order of the text needs.
  std::set<std::pair<unsigned, unsigned>> unread;
};

struct AssignOrderPass : schedule::impl::AssignOrderPassBase<AssignOrderPass> {
  void runOnOperation() override {
    auto machine = soc::MachineAttr::of(getOperation());
    if (!machine) {
      getOperation()->emitError() << "expected a #soc.machine on the module; try --soc";
      return signalPassFailure();
    }
    for (Attribute attr : machine.getEngines())
      if (!isa<soc::EngineAttrInterface>(attr)) {
        getOperation()->emitError()
            << "the target of engine " << attr << " is not part of this build of Tercet";
        return signalPassFailure();
      }
    bool ok = true;
    getOperation()->walk([&](func::FuncOp func) {
      if (!func.isExternal() && !func.getBody().hasOneBlock()) {
        func.emitError() << "expected a body of one block";
        ok = false;
      } else if (!func.isExternal())
        ok &= succeeded(assign(func, machine));
    });
    if (!ok)
      signalPassFailure();
  }

  LogicalResult assign(func::FuncOp func, soc::MachineAttr machine) {
    TaskGraph graph(func, machine);
    if (failed(graph.collect()))
      return failure();
    ArrayRef<soc::TaskOp> tasks = graph.getTasks();
    if (tasks.empty())
      return success();
    SmallVector<soc::TaskOp> order;
    if (graph.isPinned()) {
      FailureOr<SmallVector<unsigned>> chosen = graph.pinnedOrder();
      if (failed(chosen))
        return failure();
      // Predictions that the text may hold are those of another order.
      func->removeAttr(soc::SocDialect::kScheduleAttrName);
      for (unsigned task : *chosen) {
        order.push_back(tasks[task]);
        order.back().removeStartPsAttr();
      }
    } else {
      schedule::ScheduleProblem problem = graph.build();
      if (llvm::Error error = problem.check())
        return func.emitError() << llvm::toString(std::move(error));
      schedule::SchedulePlan plan = schedule::solveSchedule(problem);
      for (unsigned task : plan.order()) {
        order.push_back(tasks[task]);
        order.back().setStartPs(plan.starts[task][0]);
      }
      func->setAttr(soc::SocDialect::kScheduleAttrName,
                    soc::ProofAttr::get(&getContext(), plan.makespan, plan.lowerBound,
                                        StringAttr::get(&getContext(), plan.method)));
    }
    moveInto(func, order);
    addTokens(order);
    return success();
  }

  /// Tasks move to the end in order; then each view follows what it views.
  static void moveInto(func::FuncOp func, ArrayRef<soc::TaskOp> order) {
    Operation *terminator = func.getBody().front().getTerminator();
    SmallVector<Operation *> views;
    for (Operation &op : func.getBody().front().without_terminator())
      if (!isa<soc::TaskOp>(op) && op.getNumOperands() > 0)
        views.push_back(&op);
    llvm::StringMap<int64_t> next;
    for (soc::TaskOp task : order) {
      task.setOrder(next[task.getEngine()]++);
      task->moveBefore(terminator);
    }
    for (Operation *view : views) {
      Operation *last = nullptr;
      for (Value operand : view->getOperands())
        if (Operation *def = operand.getDefiningOp())
          if (!last || last->isBeforeInBlock(def))
            last = def;
      if (last)
        view->moveAfter(last);
    }
  }

  static void addTokens(ArrayRef<soc::TaskOp> order) {
    for (soc::TaskOp task : order) {
      SmallVector<Value> waits(task.getWaits());
      for (Value input : task.getInputs())
        soc::forEachProducer(input, [&](Operation *op) {
          auto producer = dyn_cast<soc::TaskOp>(op);
          if (producer && producer.getEngine() != task.getEngine() &&
              !llvm::is_contained(waits, producer.getToken()))
            waits.push_back(producer.getToken());
        });
      task.getWaitsMutable().assign(waits);
    }
  }
};

} // namespace
