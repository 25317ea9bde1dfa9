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

unsigned EntryPlanner::add(Storage storage) {
  storage.placeOf = storages.size();
  storages.push_back(storage);
  return storages.size() - 1;
}

void EntryPlanner::touch(unsigned index, int64_t command) {
  for (std::optional<unsigned> at = index; at; at = storages[*at].parent) {
    storages[*at].first = std::min(storages[*at].first, command);
    storages[*at].last = std::max(storages[*at].last, command);
  }
}

void EntryPlanner::copy(Place source, Place target, int64_t bytes, Location loc) {
  touch(source.storage, commands.size());
  touch(target.storage, commands.size());
  commands.push_back({soc::TaskOp(), source, target, bytes, loc});
}

soc::KernelOp EntryPlanner::kernelOf(soc::TaskOp task) {
  auto call = *task.getBody().front().getOps<soc::CallOp>().begin();
  return symbols.lookup<soc::KernelOp>(call.getKernel());
}

LogicalResult EntryPlanner::collect() {
  for (BlockArgument argument : func.getArguments()) {
    Storage storage(argument.getLoc());
    storage.kind = Storage::Input;
    storage.index = argument.getArgNumber();
    storage.bytes = bytesOf(argument.getType());
    placeOfValue[argument] = {add(storage), 0};
  }
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
      placeOfValue[get.getResult()] = {it->second, 0};
    } else if (auto task = dyn_cast<soc::TaskOp>(op)) {
      collectTask(task);
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
  collectResults();
  for (int64_t command = 0, count = commands.size(); command < count; ++command)
    if (commands[command].task)
      shareInPlace(commands[command].task, command);
  return success();
}

void EntryPlanner::collectTask(soc::TaskOp task) {
  int64_t command = commands.size();
  commands.push_back({task, {}, {}, 0, task.getLoc()});
  auto newStorage = [&](int64_t bytes) {
    Storage storage(task.getLoc());
    storage.bytes = bytes;
    storage.first = storage.last = command;
    return add(storage);
  };
  for (Value input : task.getInputs())
    touch(placeOfValue.at(input).storage, command);
  for (Value output : task.getOutputs())
    placeOfValue[output] = {newStorage(bytesOf(output.getType())), 0};
  if (int64_t scratch = kernelOf(task).getScratchBytes().value_or(0))
    scratchOf[task] = newStorage(scratch * machine.getWorkers());
}

bool EntryPlanner::isMovable(Place place, int64_t bytes) const {
  const Storage &storage = storages[place.storage];
  return storage.kind == Storage::Arena && !storage.parent && place.offset == 0 &&
         storage.bytes == bytes;
}

void EntryPlanner::collectConcat(Operation *op) {
  Storage storage(op->getLoc());
  storage.bytes = bytesOf(op->getResult(0).getType());
  storage.assembled = true;
  storage.first = storage.last = commands.size();
  unsigned whole = add(storage);
  int64_t at = 0;
  for (Value part : op->getOperands()) {
    int64_t bytes = bytesOf(part.getType());
    Place place = placeOfValue.at(part);
    if (isMovable(place, bytes)) {
      Storage &inside = storages[place.storage];
      inside.parent = whole;
      inside.offsetInParent = at;
      touch(whole, inside.first);
      touch(whole, inside.last);
    } else {
      copy(place, {whole, at}, bytes, op->getLoc());
    }
    at += bytes;
  }
  placeOfValue[op->getResult(0)] = {whole, 0};
}

void EntryPlanner::collectResults() {
  for (OpOperand &operand : func.getBody().front().getTerminator()->getOpOperands()) {
    Place place = placeOfValue.at(operand.get());
    int64_t bytes = bytesOf(operand.get().getType());
    // A result that is computed here is computed in the output's memory.
    if (isMovable(place, bytes)) {
      storages[place.storage].kind = Storage::Output;
      storages[place.storage].index = operand.getOperandNumber();
      continue;
    }
    Storage output(func.getLoc());
    output.kind = Storage::Output;
    output.index = operand.getOperandNumber();
    output.bytes = bytes;
    output.first = output.last = commands.size();
    copy(place, {add(output), 0}, bytes, func.getLoc());
  }
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
    if (!isMovable(place, result.bytes) || input.assembled || input.last != command || readers != 1)
      continue;
    result.placeOf = input.placeOf;
    return;
  }
}

void EntryPlanner::place() {
  MemoryProblem problem;
  problem.alignment = kBufferAlignment;
  llvm::DenseMap<unsigned, unsigned> bufferOf;
  for (auto [index, storage] : llvm::enumerate(storages)) {
    if (storage.kind != Storage::Arena || storage.parent)
      continue;
    auto [it, isNew] = bufferOf.try_emplace(storage.placeOf, problem.buffers.size());
    if (isNew)
      problem.buffers.push_back(
          {static_cast<int64_t>(index), storage.first, storage.last + 1, storage.bytes});
    MemoryBuffer &buffer = problem.buffers[it->second];
    buffer.lower = std::min(buffer.lower, storage.first);
    buffer.upper = std::max(buffer.upper, storage.last + 1);
    buffer.size = std::max(buffer.size, storage.bytes);
  }
  arenaPlan = solveMemory(problem);
  for (Storage &storage : storages)
    if (storage.kind == Storage::Arena && !storage.parent)
      storage.offset = arenaPlan.offsets[bufferOf[storage.placeOf]];
}

EntryPlanner::Place EntryPlanner::resolve(Place place) const {
  while (storages[place.storage].parent) {
    place.offset += storages[place.storage].offsetInParent;
    place.storage = *storages[place.storage].parent;
  }
  return place;
}

void EntryPlanner::build(cmd::PoolOp arena, cmd::PoolOp weights,
                         const llvm::DenseMap<Operation *, int64_t> &weightOffsets) {
  OpBuilder builder(func);
  auto entry = cmd::EntryOp::create(builder, func.getLoc(), func.getSymName());
  builder.createBlock(&entry.getBody());
  buildBuffers(builder, arena, weights, weightOffsets);
  buildCommands(builder);
}

void EntryPlanner::buildBuffers(OpBuilder &builder, cmd::PoolOp arena, cmd::PoolOp weights,
                                const llvm::DenseMap<Operation *, int64_t> &weightOffsets) {
  Type bufferType = cmd::BufferType::get(builder.getContext());
  auto nameOr = [](StringAttr name, StringRef fallback, unsigned i) {
    return name && !name.empty() ? name.str() : (fallback + Twine(i)).str();
  };
  // Signs are a matter of operations inside, and of the type outside.
  auto outsideType = [&](Type type, Attribute isUnsigned) {
    auto tensor = cast<RankedTensorType>(type);
    auto integer = dyn_cast<IntegerType>(tensor.getElementType());
    return integer && isUnsigned
               ? tensor.clone(builder.getIntegerType(integer.getWidth(), /*isSigned=*/false))
               : tensor;
  };
  SmallVector<Value> inputs, outputs;
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    inputs.push_back(
        cmd::InputOp::create(builder, argument.getLoc(), bufferType, i,
                             nameOr(func.getArgAttrOfType<StringAttr>(i, "nn.name"), "input", i),
                             outsideType(argument.getType(), func.getArgAttr(i, "nn.unsigned"))));
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    outputs.push_back(cmd::OutputOp::create(
        builder, func.getLoc(), bufferType, i,
        nameOr(func.getResultAttrOfType<StringAttr>(i, "nn.name"), "output", i),
        outsideType(type, func.getResultAttr(i, "nn.unsigned"))));
  for (Storage &storage : storages) {
    if (storage.parent)
      continue;
    switch (storage.kind) {
    case Storage::Input:
      storage.buffer = inputs[storage.index];
      break;
    case Storage::Output:
      storage.buffer = outputs[storage.index];
      break;
    case Storage::Weight:
      storage.buffer = cmd::WeightOp::create(builder, storage.loc, bufferType,
                                             storage.weight.getSymName(), weights.getSymName(),
                                             weightOffsets.at(storage.weight), storage.bytes);
      break;
    case Storage::Arena:
      storage.buffer = cmd::BufferOp::create(builder, storage.loc, bufferType, arena.getSymName(),
                                             storage.offset, storage.bytes);
      break;
    }
  }
}

void EntryPlanner::buildCommands(OpBuilder &builder) {
  Type tokenType = cmd::TokenType::get(builder.getContext());
  llvm::DenseMap<Value, Value> tokenOf;
  // Copies go to the queue of the task before them.
  StringRef engine = cast<soc::EngineAttrInterface>(machine.getEngines()[0]).getEngineName();
  for (const Command &command : commands) {
    soc::TaskOp task = command.task;
    if (!task) {
      Place source = resolve(command.source), target = resolve(command.target);
      cmd::CopyOp::create(builder, command.loc, tokenType, storages[source.storage].buffer,
                          source.offset, storages[target.storage].buffer, target.offset,
                          command.bytes, engine, ValueRange{});
      continue;
    }
    soc::KernelOp kernel = kernelOf(task);
    SmallVector<Value> buffers, waits;
    SmallVector<int64_t> offsets, bytes;
    auto addOperand = [&](Value value) {
      Place place = resolve(placeOfValue.at(value));
      buffers.push_back(storages[place.storage].buffer);
      offsets.push_back(place.offset);
      bytes.push_back(bytesOf(value.getType()));
    };
    for (Value input : task.getInputs())
      addOperand(input);
    for (Value output : task.getOutputs())
      addOperand(output);
    for (Value wait : task.getWaits())
      waits.push_back(tokenOf.at(wait));
    SmallVector<int64_t> grid(kernel.getGrid().value_or(ArrayRef<int64_t>{1, 1, 1}));
    Value scratch = scratchOf.contains(task) ? storages[scratchOf[task]].buffer : Value();
    auto dispatch = cmd::DispatchOp::create(
        builder, task.getLoc(), tokenType, kernel.getSymName(), task.getEngine(), buffers, offsets,
        bytes, grid, scratch, scratch ? static_cast<int64_t>(*kernel.getScratchBytes()) : 0, waits,
        task.getVariant().getTimePs());
    tokenOf[task.getToken()] = dispatch.getToken();
    engine = task.getEngine();
  }
}
