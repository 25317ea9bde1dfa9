// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a function of tasks into a command stream with addresses. First it is
// decided which values share storage, then how long each storage lives, then
// where it lies.

#include "passes/plan/Passes.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "passes/plan/MemoryProblem.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::plan {
#define GEN_PASS_DEF_ASSIGNMEMORYPASS
#include "passes/plan/Passes.h.inc"
} // namespace tercet::plan

using namespace mlir;
using namespace tercet;

namespace {

constexpr int64_t kAlignment = 64;

int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

/// Where a value's bytes are: a function's argument or result, a weight, or the
/// arena.
struct Storage {
  enum Kind { Input, Output, Weight, Arena } kind = Arena;
  /// Number of the input or output.
  unsigned index = 0;
  nn::WeightOp weight;
  int64_t bytes = 0;
  /// Commands: live from `first` to `last`, both included.
  int64_t first = 0, last = 0;
  /// For arenas: which storage it shares memory with, itself at first.
  unsigned placeOf = 0;
  int64_t offset = 0;
  Location loc;
  /// The buffer, once built.
  Value buffer;

  explicit Storage(Location loc) : loc(loc) {}
};

class EntryPlanner {
public:
  EntryPlanner(func::FuncOp func, SymbolTable &symbols, soc::MachineAttr machine)
      : func(func), symbols(symbols), machine(machine) {}

  LogicalResult collect();
  void place();
  void build(cmd::PoolOp arena, cmd::PoolOp weights, const DenseMap<Operation *, int64_t> &weightAt);

  plan::MemoryPlan arenaPlan;
  SmallVector<nn::WeightOp> weightsInOrder;

private:
  unsigned storageOf(Value value) { return storageOfValue.lookup(value); }
  unsigned add(Storage storage) {
    storage.placeOf = storages.size();
    storages.push_back(storage);
    return storages.size() - 1;
  }
  void touch(unsigned storage, int64_t command) {
    storages[storage].last = std::max(storages[storage].last, command);
  }
  soc::KernelOp kernelOf(soc::TaskOp task) {
    auto call = *task.getBody().front().getOps<soc::CallOp>().begin();
    return symbols.lookup<soc::KernelOp>(call.getKernel());
  }
  void shareInPlace(soc::TaskOp task, int64_t command);
  StringRef nameOfResult(unsigned i);

  func::FuncOp func;
  SymbolTable &symbols;
  soc::MachineAttr machine;
  std::vector<Storage> storages;
  DenseMap<Value, unsigned> storageOfValue;
  SmallVector<soc::TaskOp> tasks;
  /// For each task: its scratch storage, if it has any.
  DenseMap<Operation *, unsigned> scratchOf;
  /// Results that are copied at the end: (source storage, output number).
  SmallVector<std::pair<unsigned, unsigned>> copies;
};

LogicalResult EntryPlanner::collect() {
  for (BlockArgument argument : func.getArguments()) {
    Storage storage(argument.getLoc());
    storage.kind = Storage::Input;
    storage.index = argument.getArgNumber();
    storage.bytes = bytesOf(argument.getType());
    storageOfValue[argument] = add(storage);
  }
  llvm::DenseMap<Operation *, unsigned> weightStorage;
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (auto get = dyn_cast<nn::GetWeightOp>(op)) {
      auto weight = symbols.lookup<nn::WeightOp>(get.getWeight());
      auto [it, isNew] = weightStorage.try_emplace(weight, storages.size());
      if (isNew) {
        Storage storage(weight.getLoc());
        storage.kind = Storage::Weight;
        storage.weight = weight;
        storage.bytes = bytesOf(weight.getType());
        add(storage);
        weightsInOrder.push_back(weight);
      }
      storageOfValue[get.getResult()] = it->second;
    } else if (auto task = dyn_cast<soc::TaskOp>(op)) {
      int64_t command = tasks.size();
      tasks.push_back(task);
      for (Value input : task.getInputs())
        touch(storageOf(input), command);
      for (Value output : task.getOutputs()) {
        Storage storage(task.getLoc());
        storage.bytes = bytesOf(output.getType());
        storage.first = storage.last = command;
        storageOfValue[output] = add(storage);
      }
      soc::KernelOp kernel = kernelOf(task);
      if (int64_t scratch = kernel.getScratchBytes().value_or(0)) {
        Storage storage(task.getLoc());
        storage.bytes = scratch * machine.getWorkers();
        storage.first = storage.last = command;
        scratchOf[task] = add(storage);
      }
    } else if (op.getNumOperands() == 1 && op.getNumResults() == 1) {
      storageOfValue[op.getResult(0)] = storageOf(op.getOperand(0));
    } else {
      return op.emitOpError() << "has no place in a plan";
    }
  }
  // A result that a task computes is computed in the output's memory.
  Operation *terminator = func.getBody().front().getTerminator();
  for (OpOperand &operand : terminator->getOpOperands()) {
    unsigned index = storageOf(operand.get()), number = operand.getOperandNumber();
    Storage &storage = storages[index];
    if (storage.kind == Storage::Arena) {
      storage.kind = Storage::Output;
      storage.index = number;
    } else {
      copies.push_back({index, number});
      touch(index, tasks.size() + copies.size() - 1);
    }
  }
  for (auto [command, task] : llvm::enumerate(tasks))
    shareInPlace(task, command);
  return success();
}

void EntryPlanner::shareInPlace(soc::TaskOp task, int64_t command) {
  if (task.getOutputs().size() != 1)
    return;
  Storage &result = storages[storageOf(task.getOutputs()[0])];
  if (result.kind != Storage::Arena)
    return;
  for (int64_t number : kernelOf(task).getInPlace()) {
    Value value = task.getInputs()[number];
    unsigned index = storageOf(value);
    Storage &input = storages[index];
    // Another operand in the same memory would be overwritten under the
    // kernel's hands.
    unsigned readers = llvm::count_if(
        task.getInputs(), [&](Value other) { return storageOf(other) == index; });
    if (input.kind != Storage::Arena || input.last != command || input.bytes != result.bytes ||
        readers != 1)
      continue;
    result.placeOf = input.placeOf;
    return;
  }
}

void EntryPlanner::place() {
  plan::MemoryProblem problem;
  problem.alignment = kAlignment;
  DenseMap<unsigned, unsigned> bufferOf;
  for (auto [index, storage] : llvm::enumerate(storages)) {
    if (storage.kind != Storage::Arena)
      continue;
    auto [it, isNew] = bufferOf.try_emplace(storage.placeOf, problem.buffers.size());
    if (isNew)
      problem.buffers.push_back(
          {static_cast<int64_t>(index), storage.first, storage.last + 1, storage.bytes});
    plan::MemoryBuffer &buffer = problem.buffers[it->second];
    buffer.lower = std::min(buffer.lower, storage.first);
    buffer.upper = std::max(buffer.upper, storage.last + 1);
    buffer.size = std::max(buffer.size, storage.bytes);
  }
  arenaPlan = plan::solveMemory(problem);
  for (Storage &storage : storages)
    if (storage.kind == Storage::Arena)
      storage.offset = arenaPlan.offsets[bufferOf[storage.placeOf]];
}

StringRef EntryPlanner::nameOfResult(unsigned i) {
  auto name = func.getResultAttrOfType<StringAttr>(i, "nn.name");
  return name ? name.getValue() : "";
}

void EntryPlanner::build(cmd::PoolOp arena, cmd::PoolOp weights,
                         const DenseMap<Operation *, int64_t> &weightAt) {
  OpBuilder builder(func);
  MLIRContext *context = builder.getContext();
  auto entry = cmd::EntryOp::create(builder, func.getLoc(), func.getSymName());
  builder.createBlock(&entry.getBody());
  Type bufferType = cmd::BufferType::get(context);
  auto named = [&](StringRef name, StringRef fallback, unsigned i) {
    return name.empty() ? (fallback + llvm::Twine(i)).str() : name.str();
  };
  SmallVector<Value> inputs, outputs;
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto name = func.getArgAttrOfType<StringAttr>(i, "nn.name");
    inputs.push_back(cmd::InputOp::create(builder, argument.getLoc(), bufferType, i,
                                          named(name ? name.getValue() : "", "input", i),
                                          cast<RankedTensorType>(argument.getType())));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    outputs.push_back(cmd::OutputOp::create(builder, func.getLoc(), bufferType, i,
                                            named(nameOfResult(i), "output", i),
                                            cast<RankedTensorType>(type)));
  for (Storage &storage : storages) {
    switch (storage.kind) {
    case Storage::Input:
      storage.buffer = inputs[storage.index];
      break;
    case Storage::Output:
      storage.buffer = outputs[storage.index];
      break;
    case Storage::Weight:
      storage.buffer = cmd::WeightOp::create(builder, storage.loc, bufferType, storage.weight.getSymName(),
                                             weights.getSymName(), weightAt.at(storage.weight),
                                             storage.bytes);
      break;
    case Storage::Arena:
      storage.buffer = cmd::BufferOp::create(builder, storage.loc, bufferType, arena.getSymName(),
                                             storage.offset, storage.bytes);
      break;
    }
  }

  DenseMap<Value, Value> tokenOf;
  StringRef lastEngine;
  for (soc::TaskOp task : tasks) {
    soc::KernelOp kernel = kernelOf(task);
    SmallVector<Value> buffers, waits;
    SmallVector<int64_t> offsets, bytes;
    auto operand = [&](Value value) {
      buffers.push_back(storages[storageOf(value)].buffer);
      offsets.push_back(0);
      bytes.push_back(bytesOf(value.getType()));
    };
    for (Value input : task.getInputs())
      operand(input);
    for (Value output : task.getOutputs())
      operand(output);
    for (Value wait : task.getWaits())
      waits.push_back(tokenOf.at(wait));
    SmallVector<int64_t> grid(kernel.getGrid().value_or(ArrayRef<int64_t>{1, 1, 1}));
    Value scratch = scratchOf.contains(task) ? storages[scratchOf[task]].buffer : Value();
    auto dispatch = cmd::DispatchOp::create(
        builder, task.getLoc(), cmd::TokenType::get(context), kernel.getSymName(), task.getEngine(),
        buffers, offsets, bytes, grid, scratch,
        scratch ? static_cast<int64_t>(*kernel.getScratchBytes()) : 0, waits,
        task.getVariant().getTimePs());
    tokenOf[task.getToken()] = dispatch.getToken();
    lastEngine = task.getEngine();
  }
  if (lastEngine.empty())
    lastEngine = cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineName();
  for (auto [source, output] : copies)
    cmd::CopyOp::create(builder, func.getLoc(), cmd::TokenType::get(context),
                        storages[source].buffer, 0, outputs[output], 0, storages[source].bytes,
                        lastEngine, ValueRange{});
}

struct AssignMemoryPass : plan::impl::AssignMemoryPassBase<AssignMemoryPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine = soc::MachineAttr::of(module);
    if (!machine || machine.getMemories().empty() || machine.getEngines().empty()) {
      module.emitError() << "expected a #soc.machine with an engine and a memory on the module";
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> funcs;
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal())
        funcs.push_back(func);
    std::vector<EntryPlanner> planners;
    for (func::FuncOp func : funcs) {
      planners.emplace_back(func, symbols, machine);
      if (failed(planners.back().collect()))
        return signalPassFailure();
      planners.back().place();
    }

    // Entries run one at a time: the arena is the largest of theirs.
    int64_t arenaBytes = 0, bound = 0, weightBytes = 0;
    std::string method = "empty";
    DenseMap<Operation *, int64_t> weightAt;
    for (EntryPlanner &planner : planners) {
      bound = std::max(bound, planner.arenaPlan.lowerBound);
      if (planner.arenaPlan.peak >= arenaBytes) {
        arenaBytes = planner.arenaPlan.peak;
        method = planner.arenaPlan.method;
      }
      for (nn::WeightOp weight : planner.weightsInOrder)
        // An empty weight has an address too.
        if (weightAt.try_emplace(weight, weightBytes).second)
          weightBytes += std::max(kAlignment, static_cast<int64_t>(llvm::alignTo(
                                                  bytesOf(weight.getType()), kAlignment)));
    }
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    StringRef memory =
        cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineMemory();
    auto pool = [&](StringRef name, cmd::PoolKind kind, int64_t bytes, int64_t lower,
                    StringRef how) {
      auto op = cmd::PoolOp::create(builder, module.getLoc(), name, kind, memory, bytes, kAlignment,
                                    lower, how);
      symbols.insert(op);
      return op;
    };
    cmd::PoolOp arena = pool("arena", cmd::PoolKind::Arena, arenaBytes, bound, method);
    cmd::PoolOp weights;
    if (!weightAt.empty())
      weights =
          pool("weights", cmd::PoolKind::Weights, weightBytes, weightBytes, "in order of use");
    for (auto [func, planner] : llvm::zip(funcs, planners)) {
      planner.build(arena, weights, weightAt);
      func->erase();
    }
  }
};

} // namespace
