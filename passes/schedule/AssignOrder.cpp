// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orders the tasks of a function. Candidates are judged by the peak of live
// bytes alone; see the pass description for why that is enough on one engine.

#include "passes/schedule/Passes.h"

#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace tercet::schedule {
#define GEN_PASS_DEF_ASSIGNORDERPASS
#include "passes/schedule/Passes.h.inc"
} // namespace tercet::schedule

using namespace mlir;
using namespace tercet;

namespace {

using Order = SmallVector<soc::TaskOp>;

/// The tasks that produce a value or parts of it.
SmallVector<soc::TaskOp> producersOf(Value value) {
  SmallVector<soc::TaskOp> tasks;
  soc::forEachProducer(value, [&](Operation *op) {
    if (auto task = dyn_cast<soc::TaskOp>(op))
      tasks.push_back(task);
  });
  return tasks;
}

int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// The greatest number of bytes of task results that are live at once. What
/// the function returns does not live in the arena.
int64_t peakOf(const Order &order, func::FuncOp func) {
  DenseMap<Operation *, size_t> position, lastUse;
  for (auto [index, task] : llvm::enumerate(order))
    position[task] = index;
  for (soc::TaskOp task : order) {
    lastUse.try_emplace(task, position[task]);
    for (Value input : task.getInputs())
      for (soc::TaskOp producer : producersOf(input))
        lastUse[producer] = std::max(lastUse[producer], position[task]);
  }
  llvm::DenseSet<Operation *> returned;
  for (Value value : func.getBody().front().getTerminator()->getOperands())
    for (soc::TaskOp producer : producersOf(value))
      returned.insert(producer);
  SmallVector<int64_t> change(order.size() + 1, 0);
  for (soc::TaskOp task : order) {
    if (returned.contains(task))
      continue;
    int64_t bytes = 0;
    for (Value output : task.getOutputs())
      bytes += bytesOf(output);
    change[position[task]] += bytes;
    change[lastUse[task] + 1] -= bytes;
  }
  int64_t live = 0, peak = 0;
  for (int64_t bytes : change)
    peak = std::max(peak, live += bytes);
  return peak;
}

/// Results first, producers of the larger inputs before those of the smaller.
Order depthFirst(func::FuncOp func) {
  Order order;
  llvm::DenseSet<Operation *> done;
  auto visit = [&](soc::TaskOp root) {
    // Tasks on the way, each with the producers still to visit.
    SmallVector<std::pair<soc::TaskOp, SmallVector<soc::TaskOp>>> stack;
    auto push = [&](soc::TaskOp task) {
      SmallVector<Value> inputs(task.getInputs());
      llvm::stable_sort(inputs, [](Value a, Value b) { return bytesOf(a) < bytesOf(b); });
      SmallVector<soc::TaskOp> producers;
      for (Value input : inputs)
        llvm::append_range(producers, producersOf(input));
      stack.emplace_back(task, std::move(producers));
    };
    if (!done.contains(root))
      push(root);
    while (!stack.empty()) {
      auto &[task, producers] = stack.back();
      if (producers.empty()) {
        if (done.insert(task).second)
          order.push_back(task);
        stack.pop_back();
        continue;
      }
      soc::TaskOp next = producers.pop_back_val();
      if (!done.contains(next))
        push(next);
    }
  };
  for (Value value : func.getBody().front().getTerminator()->getOperands())
    for (soc::TaskOp producer : producersOf(value))
      visit(producer);
  func.walk([&](soc::TaskOp task) { visit(task); });
  return order;
}

struct AssignOrderPass : schedule::impl::AssignOrderPassBase<AssignOrderPass> {
  void runOnOperation() override {
    getOperation()->walk([&](func::FuncOp func) {
      if (!func.isExternal())
        assign(func);
    });
  }

  static void assign(func::FuncOp func) {
    Order program;
    bool pinned = false;
    func.walk([&](soc::TaskOp task) {
      program.push_back(task);
      pinned |= task.getOrder().has_value();
    });
    Order chosen = program;
    if (pinned) {
      llvm::stable_sort(chosen, [](soc::TaskOp a, soc::TaskOp b) {
        return a.getOrder() && b.getOrder() && *a.getOrder() < *b.getOrder();
      });
    } else {
      Order other = depthFirst(func);
      if (peakOf(other, func) < peakOf(program, func))
        chosen = other;
    }
    // Tasks move to the end in order; then each view follows what it views.
    Operation *terminator = func.getBody().front().getTerminator();
    SmallVector<Operation *> views;
    for (Operation &op : func.getBody().front().without_terminator())
      if (!isa<soc::TaskOp>(op) && op.getNumOperands() > 0)
        views.push_back(&op);
    llvm::DenseMap<StringRef, int64_t> next;
    for (soc::TaskOp task : chosen) {
      if (!task.getOrder())
        task.setOrder(next[task.getEngine()]);
      next[task.getEngine()] = static_cast<int64_t>(*task.getOrder()) + 1;
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
    addTokens(chosen);
  }

  static void addTokens(const Order &order) {
    for (soc::TaskOp task : order) {
      SmallVector<Value> waits(task.getWaits());
      for (Value input : task.getInputs()) {
        for (soc::TaskOp producer : producersOf(input))
          if (producer.getEngine() != task.getEngine() &&
              !llvm::is_contained(waits, producer.getToken()))
            waits.push_back(producer.getToken());
      }
      task.getWaitsMutable().assign(waits);
    }
  }
};

} // namespace
