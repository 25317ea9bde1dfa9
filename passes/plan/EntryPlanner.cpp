// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sharing, lifetimes and addresses of one entry.

#include "passes/plan/EntryPlanner.h"

#include "dialects/soc/Views.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::plan;

int64_t tercet::plan::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

int64_t tercet::plan::alignmentOf(soc::MachineAttr machine, StringRef memory) {
  constexpr int64_t cacheLine = 64;
  int64_t alignment = cacheLine;
  auto consider = [&](StringRef name) {
    if (soc::MemoryAttr found = machine.lookupMemory(name))
      alignment = std::max<int64_t>(alignment, found.getAlignment());
  };
  consider(memory);
  for (Attribute attr : machine.getEngines())
    if (hasDriver(attr)) {
      auto engine = cast<soc::EngineAttrInterface>(attr);
      if (llvm::is_contained(engine.getEngineMemories(), memory))
        consider(engine.getEngineMemory());
    }
  return alignment;
}

bool tercet::plan::hasDriver(Attribute engine) {
  auto attr = dyn_cast<soc::EngineAttrInterface>(engine);
  std::string reason;
  return attr && !attr.getObjectCpu() && attr.isPresent(reason);
}

EntryPlanner::EntryPlanner(func::FuncOp func, SymbolTable &symbols, soc::MachineAttr machine,
                           const ResidentWeights &resident)
    : func(func), symbols(symbols), machine(machine), resident(resident),
      order(machine.getEngines().size()) {}

unsigned EntryPlanner::engineIndex(StringRef name) const {
  for (auto [index, attr] : llvm::enumerate(machine.getEngines()))
    if (cast<soc::EngineAttrInterface>(attr).getEngineName() == name)
      return index;
  llvm_unreachable("verifyTask has seen that the machine has the engine");
}

EntryPlanner::Storage EntryPlanner::newStorage(Location loc, Storage::Kind kind, int64_t bytes) {
  Storage storage(loc, order.queues());
  storage.kind = kind;
  storage.bytes = bytes;
  return storage;
}

unsigned EntryPlanner::add(Storage storage) {
  storage.placeOf = storages.size();
  storages.push_back(std::move(storage));
  return storages.size() - 1;
}

int64_t EntryPlanner::addCommand(Command command) {
  int64_t index = order.add(command.engine, command.waits);
  commands.push_back(std::move(command));
  return index;
}

void EntryPlanner::touch(unsigned index, int64_t command) {
  for (std::optional<unsigned> at = index; at; at = storages[*at].parent)
    storages[*at].accesses.add(order, command);
}

void EntryPlanner::waitForProducers(Value value, Command &command) {
  auto wait = [&](int64_t earlier) {
    if (order.queueOf(earlier) != command.engine && !llvm::is_contained(command.waits, earlier))
      command.waits.push_back(earlier);
  };
  soc::forEachProducer(value, [&](Operation *op) {
    if (auto task = dyn_cast<soc::TaskOp>(op))
      wait(commandOfTask.at(task));
  });
  for (std::optional<unsigned> at = placeFor(value, command.engine).storage; at;
       at = storages[*at].parent)
    for (int64_t copy : storages[*at].copies)
      wait(copy);
}

void EntryPlanner::copy(Value value, Place target, Location loc) {
  // On the queue of the task that computed the value last, which mostly is the
  // one that has nothing to wait for.
  Command command{
      soc::TaskOp(), placeOfValue.at(value), target, bytesOf(value.getType()), 0, {}, loc};
  int64_t latest = -1;
  soc::forEachProducer(value, [&](Operation *op) {
    if (auto task = dyn_cast<soc::TaskOp>(op))
      latest = std::max(latest, commandOfTask.at(task));
  });
  command.engine = copyQueue(latest < 0 ? 0 : order.queueOf(latest));
  waitForProducers(value, command);
  int64_t index = addCommand(command);
  touch(command.source.storage, index);
  touch(target.storage, index);
  storages[target.storage].copies.push_back(index);
}

int64_t EntryPlanner::scratchStride(soc::TaskOp task) {
  soc::EngineAttrInterface engine = engineOf(engineIndex(task.getEngine()));
  int64_t bytes = engine.keepsScratch() ? 0 : kernelOf(task).getScratchBytes().value_or(0);
  // Each worker's part starts where the engine's memory wants it to.
  return hasDriver(engine) ? llvm::alignTo(bytes, alignmentOf(machine, engine.getEngineMemory()))
                           : bytes;
}

soc::KernelOp EntryPlanner::kernelOf(soc::TaskOp task) {
  auto call = *task.getBody().front().getOps<soc::CallOp>().begin();
  return symbols.lookup<soc::KernelOp>(call.getKernel());
}

LogicalResult EntryPlanner::verifyFunction() {
  if (!func.getBody().hasOneBlock())
    return func.emitOpError() << "expected a body of one block";
  FunctionType type = func.getFunctionType();
  for (unsigned i = 0; i < type.getNumInputs(); ++i)
    if (type.getInput(i).isIndex() && !func.getArgAttrOfType<nn::RangeAttr>(i, "nn.range"))
      return func.emitOpError() << "expected scalar argument " << i
                                << " to have a range of values, `nn.range`";
  for (Type value : llvm::concat<const Type>(type.getInputs(), type.getResults()))
    if (value.isIndex())
      continue;
    else if (auto tensor = dyn_cast<RankedTensorType>(value); !tensor || !tensor.hasStaticShape())
      return func.emitOpError() << "expected tensors of static shape, got " << value;
  return success();
}

LogicalResult EntryPlanner::verifyTask(soc::TaskOp task) {
  if (!machine.lookupEngine(task.getEngine()))
    return task.emitOpError() << "machine '" << machine.getName().getValue() << "' has no engine '"
                              << task.getEngine() << "'";
  auto calls = task.getBody().front().getOps<soc::CallOp>();
  if (!llvm::hasSingleElement(calls))
    return task.emitOpError() << "is no call of a kernel";
  soc::CallOp call = *calls.begin();
  Block &body = task.getBody().front();
  if (!llvm::equal(llvm::concat<Value>(call.getInputs(), call.getScalars()),
                   ValueRange(body.getArguments())) ||
      !llvm::equal(call.getResults(), body.getTerminator()->getOperands()))
    return task.emitOpError() << "expected a call of its operands that gives its results, in order";
  return success();
}

LogicalResult EntryPlanner::collect() {
  if (failed(verifyFunction()))
    return failure();
  for (BlockArgument argument : func.getArguments()) {
    if (argument.getType().isIndex())
      continue;
    bool isState = bool(func.getArgAttr(argument.getArgNumber(), "nn.state"));
    Storage storage = newStorage(argument.getLoc(), isState ? Storage::State : Storage::Input,
                                 bytesOf(argument.getType()));
    storage.index = argument.getArgNumber();
    storage.current = isState ? Value(argument) : Value();
    placeOfValue[argument] = {add(storage), 0};
  }
  // Before anything that another engine could wait for.
  for (auto task : func.getOps<soc::TaskOp>()) {
    if (failed(verifyTask(task)))
      return failure();
    stageInputs(task);
  }
  for (Operation &op : func.getBody().front().without_terminator()) {
    if (auto get = dyn_cast<nn::GetWeightOp>(op)) {
      auto weight = symbols.lookup<nn::WeightOp>(get.getWeight());
      auto [it, isNew] = weightStorage.try_emplace(weight, storages.size());
      if (isNew) {
        Storage storage = newStorage(weight.getLoc(), Storage::Weight, bytesOf(weight.getType()));
        storage.weight = weight;
        add(storage);
        weightsInOrder.push_back(weight);
      }
      placeOfValue[get.getResult()] = {it->second, 0};
    } else if (auto task = dyn_cast<soc::TaskOp>(op)) {
      if (failed(collectTask(task)))
        return failure();
    } else if (std::optional<int64_t> elements = soc::getContiguousOffset(&op)) {
      Place place = placeOfValue.at(op.getOperand(0));
      int64_t width = llvm::divideCeil(
          cast<RankedTensorType>(op.getOperand(0).getType()).getElementTypeBitWidth(), 8);
      placeOfValue[op.getResult(0)] = {place.storage, place.offset + *elements * width};
    } else if (soc::isContiguousConcat(&op)) {
      collectConcat(&op);
    } else {
      return op.emitOpError() << "has no place in a plan";
    }
  }
  if (failed(collectResults()) || failed(assignMemories()))
    return failure();
  for (int64_t command = 0, count = commands.size(); command < count; ++command)
    if (commands[command].task)
      shareInPlace(commands[command].task, command);
  return success();
}

LogicalResult EntryPlanner::collectTask(soc::TaskOp task) {
  Command entry{task, {}, {}, 0, engineIndex(task.getEngine()), {}, task.getLoc()};
  for (Value token : task.getWaits())
    if (int64_t earlier = commandOfTask.at(token.getDefiningOp());
        order.queueOf(earlier) != entry.engine)
      entry.waits.push_back(earlier);
  for (Value input : task.getInputs()) {
    waitForProducers(input, entry);
    if (failed(verifyIsCurrent(task, input)))
      return failure();
  }
  unsigned engine = entry.engine;
  std::optional<uint64_t> updates = kernelOf(task).getUpdates();
  if (updates && failed(updateState(task, *updates, entry)))
    return failure();
  int64_t command = addCommand(std::move(entry));
  commandOfTask[task] = command;
  auto newBuffer = [&](int64_t bytes) {
    Storage storage = newStorage(task.getLoc(), Storage::Arena, bytes);
    storage.accesses.add(order, command);
    return add(storage);
  };
  for (Value input : task.getInputs())
    touch(placeFor(input, engine).storage, command);
  for (Value output : task.getOutputs())
    if (!placeOfValue.contains(output))
      placeOfValue[output] = {newBuffer(bytesOf(output.getType())), 0};
  if (int64_t scratch = scratchStride(task)) {
    // As many as LIMITS.max_workers, which the ABI wants for every engine that
    // runs code of the object; an engine with a driver has its own workers.
    Attribute attr = machine.getEngines()[engine];
    uint32_t workers = hasDriver(attr) ? machine.getWorkersOf(attr) : machine.getWorkers();
    scratchOf[task] = newBuffer(scratch * workers);
    storages[scratchOf[task]].isScratch = true;
  }
  return success();
}

LogicalResult EntryPlanner::checkFixedStorage(const Storage &storage) const {
  // Weights and the application's tensors are where the first engine works.
  StringRef memory = engineOf(0).getEngineMemory();
  for (unsigned queue : storage.accesses.getQueues()) {
    StringRef name = engineOf(queue).getEngineName();
    if (!llvm::is_contained(engineOf(queue).getEngineMemories(), memory))
      return emitError(storage.loc)
             << "is used on engine '" << name << "', which does not address memory '" << memory
             << "' where weights, inputs and outputs lie; try --pin to use it elsewhere";
    // Drivers have copies of weights, and the pool of the states that they work on.
    bool isApplications = storage.kind == Storage::Input || storage.kind == Storage::Output;
    if (isApplications && hasDriver(engineOf(queue)))
      return emitError(storage.loc)
             << "is an input or output of the entry and used on engine '" << name
             << "', which does not see the application's memory, and no CPU is there to copy it";
  }
  return success();
}

SmallVector<StringAttr, 2> EntryPlanner::commonMemories(const Storage &storage) const {
  SmallVector<unsigned> queues = storage.accesses.getQueues();
  unsigned writer = order.queueOf(storage.accesses.span().first);
  SmallVector<StringAttr, 2> common;
  for (StringRef memory : engineOf(writer).getEngineMemories())
    if (llvm::all_of(queues, [&](unsigned queue) {
          return llvm::is_contained(engineOf(queue).getEngineMemories(), memory);
        }))
      common.push_back(StringAttr::get(machine.getContext(), memory));
  return common;
}

LogicalResult EntryPlanner::assignMemories() {
  for (Storage &storage : storages) {
    if (storage.parent || storage.accesses.empty())
      continue;
    if (storage.kind != Storage::Arena) {
      if (failed(checkFixedStorage(storage)))
        return failure();
      continue;
    }
    SmallVector<StringAttr, 2> common = commonMemories(storage);
    if (common.empty()) {
      SmallVector<unsigned> queues = storage.accesses.getQueues();
      unsigned writer = order.queueOf(storage.accesses.span().first);
      auto diag = emitError(storage.loc)
                  << "is computed on engine '" << engineOf(writer).getEngineName()
                  << "' and read on another, and no memory is addressed by both; try --pin to keep "
                     "the two together";
      for (unsigned queue : queues)
        diag.attachNote(storage.loc)
            << "engine '" << engineOf(queue).getEngineName() << "' addresses '"
            << llvm::join(engineOf(queue).getEngineMemories(), "', '") << "'";
      return diag;
    }
    storage.memory = common.front();
  }
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>())
    if (memory.getBytes() && failed(fitMemory(memory)))
      return failure();
  return success();
}

LogicalResult EntryPlanner::fitMemory(soc::MemoryAttr memory) {
  StringAttr name = memory.getName();
  int64_t kept = resident.bytesIn(name.getValue());
  int64_t capacity = static_cast<int64_t>(memory.getBytes()) - kept;
  while (true) {
    llvm::DenseMap<unsigned, unsigned> bufferOf;
    MemoryProblem problem = buildProblem(name, bufferOf);
    if (problem.buffers.empty())
      return success();
    MemoryBound bound = problem.findBound();
    if (bound.bytes <= capacity) {
      problem.capacity = capacity;
      if (solveMemory(problem).peak <= capacity)
        return success();
    }
    // The largest value of those that are too much together goes elsewhere: it
    // is the first of the witness that is no scratch and may lie in another
    // memory. Where nothing is wrong but the order, the largest of all.
    Storage *moved = nullptr;
    StringAttr to;
    auto consider = [&](int64_t id) {
      Storage &storage = storages[id];
      if (storage.isScratch || (moved && moved->bytes >= storage.bytes))
        return;
      SmallVector<StringAttr, 2> common = commonMemories(storage);
      auto *next = std::next(llvm::find(common, name));
      if (next == common.end())
        return;
      moved = &storage;
      to = *next;
    };
    if (bound.bytes > capacity)
      for (unsigned buffer : bound.witness)
        consider(problem.buffers[buffer].id);
    else
      for (const MemoryBuffer &buffer : problem.buffers)
        consider(buffer.id);
    if (moved) {
      moved->memory = to;
      continue;
    }
    auto diag = emitError(func.getLoc())
                << "memory '" << name.getValue() << "' has " << memory.getBytes() << " bytes, and "
                << std::max(bound.bytes, capacity + 1) + kept
                << " are needed at once; try a machine with more of it, or fewer workers";
    for (unsigned buffer : llvm::ArrayRef(bound.witness).take_front(5)) {
      const Storage &storage = storages[problem.buffers[buffer].id];
      diag.attachNote(storage.loc) << (storage.isScratch ? "scratch of all workers, " : "a value, ")
                                   << storage.bytes << " bytes";
    }
    return diag;
  }
}

bool EntryPlanner::isMovable(Place place, int64_t bytes) const {
  const Storage &storage = storages[place.storage];
  return storage.kind == Storage::Arena && !storage.parent && place.offset == 0 &&
         storage.bytes == bytes;
}

void EntryPlanner::collectConcat(Operation *op) {
  Storage storage = newStorage(op->getLoc(), Storage::Arena, bytesOf(op->getResult(0).getType()));
  storage.assembled = true;
  unsigned whole = add(storage);
  int64_t at = 0;
  for (Value part : op->getOperands()) {
    int64_t bytes = bytesOf(part.getType());
    Place place = placeOfValue.at(part);
    if (isMovable(place, bytes)) {
      Storage &inside = storages[place.storage];
      inside.parent = whole;
      inside.offsetInParent = at;
      storages[whole].accesses.merge(inside.accesses);
    } else {
      copy(part, {whole, at}, op->getLoc());
    }
    at += bytes;
  }
  placeOfValue[op->getResult(0)] = {whole, 0};
}

LogicalResult EntryPlanner::collectResults() {
  for (OpOperand &operand : func.getBody().front().getTerminator()->getOpOperands()) {
    Place place = placeOfValue.at(operand.get());
    int64_t bytes = bytesOf(operand.get().getType());
    if (auto tied = func.getResultAttrOfType<IntegerAttr>(operand.getOperandNumber(), "nn.tied")) {
      const Storage &storage = storages[place.storage];
      if (storage.kind == Storage::State && storage.index == tied.getInt() &&
          storage.current == operand.get())
        continue;
      return func.emitOpError() << "result " << operand.getOperandNumber()
                                << " is tied to argument " << tied.getInt()
                                << ", but is not computed in its memory; return the last update of "
                                   "that state";
    }
    // A result that is computed here is computed in the output's memory, unless
    // by an engine that does not see it.
    if (isMovable(place, bytes) && !isDriven(storages[place.storage])) {
      storages[place.storage].kind = Storage::Output;
      storages[place.storage].index = operand.getOperandNumber();
      continue;
    }
    Storage output = newStorage(func.getLoc(), Storage::Output, bytes);
    output.index = operand.getOperandNumber();
    copy(operand.get(), {add(output), 0}, func.getLoc());
  }
  return success();
}

void EntryPlanner::shareInPlace(soc::TaskOp task, int64_t command) {
  if (task.getOutputs().size() != 1)
    return;
  Storage &result = storages[placeOfValue.at(task.getOutputs()[0]).storage];
  if (result.kind != Storage::Arena || result.parent)
    return;
  for (int64_t number : kernelOf(task).getInPlace()) {
    Place place = placeOfValue.at(task.getInputs()[number]);
    Storage &input = storages[place.storage];
    // Another operand in the same memory would be overwritten under the
    // kernel's hands.
    unsigned readers = llvm::count_if(task.getInputs(), [&](Value other) {
      return placeOfValue.at(other).storage == place.storage;
    });
    if (!isMovable(place, result.bytes) || input.assembled || readers != 1 ||
        input.memory != result.memory || !input.accesses.isBeforeOrIs(order, command))
      continue;
    result.placeOf = input.placeOf;
    return;
  }
}

void EntryPlanner::place() {
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>())
    placeIn(memory.getName());
}

MemoryProblem EntryPlanner::buildProblem(StringAttr memory,
                                         llvm::DenseMap<unsigned, unsigned> &bufferOf) const {
  MemoryProblem problem;
  problem.alignment = alignmentOf(machine, memory);
  SmallVector<Accesses> accesses;
  for (auto [index, storage] : llvm::enumerate(storages)) {
    if (!isIn(storage, memory))
      continue;
    auto [it, isNew] = bufferOf.try_emplace(storage.placeOf, problem.buffers.size());
    if (isNew) {
      problem.buffers.push_back({static_cast<int64_t>(index), 0, 1, storage.bytes});
      accesses.push_back(storage.accesses);
    }
    problem.buffers[it->second].size = std::max(problem.buffers[it->second].size, storage.bytes);
    accesses[it->second].merge(storage.accesses);
  }
  for (auto [buffer, touched] : llvm::zip(problem.buffers, accesses)) {
    auto [first, last] = touched.span();
    buffer.lower = first;
    buffer.upper = std::max(first, last) + 1;
  }
  // With several queues a lifetime is no interval of the list.
  if (llvm::any_of(commands, [&](const Command &c) { return c.engine != commands[0].engine; })) {
    size_t count = problem.buffers.size();
    problem.precedes.assign(count, llvm::BitVector(count));
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < count; ++b)
        if (a != b && accesses[a].isBefore(order, accesses[b]))
          problem.precedes[a].set(b);
  }
  return problem;
}

void EntryPlanner::placeIn(StringAttr memory) {
  llvm::DenseMap<unsigned, unsigned> bufferOf;
  MemoryProblem problem = buildProblem(memory, bufferOf);
  if (problem.buffers.empty())
    return;
  MemoryPlan &plan = arenaPlans[memory] = solveMemory(problem);
  for (Storage &storage : storages)
    if (isIn(storage, memory))
      storage.offset = plan.offsets[bufferOf[storage.placeOf]];
}
