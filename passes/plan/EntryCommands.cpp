// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a planned entry: buffers at their offsets, then the commands.

#include "passes/plan/EntryPlanner.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::plan;

EntryPlanner::Place EntryPlanner::resolve(Place place) const {
  while (storages[place.storage].parent) {
    place.offset += storages[place.storage].offsetInParent;
    place.storage = *storages[place.storage].parent;
  }
  return place;
}

void EntryPlanner::build(const llvm::StringMap<cmd::PoolOp> &arenas, const WeightPlaces &weights,
                         const StatePlaces &states) {
  OpBuilder builder(func);
  auto entry =
      cmd::EntryOp::create(builder, func.getLoc(), func.getSymName(),
                           func->getAttrOfType<soc::ProofAttr>(soc::SocDialect::kPartitionAttrName),
                           func->getAttrOfType<soc::ProofAttr>(soc::SocDialect::kScheduleAttrName));
  builder.createBlock(&entry.getBody());
  buildBuffers(builder, arenas, weights, states);
  buildCommands(builder);
}

void EntryPlanner::buildBuffers(OpBuilder &builder, const llvm::StringMap<cmd::PoolOp> &arenas,
                                const WeightPlaces &weights, const StatePlaces &states) {
  Type bufferType = cmd::BufferType::get(builder.getContext());
  unsigned numberOfInput = 0, numberOfOutput = 0;
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
  // By the number of the argument or result; those of the application's tensors
  // are counted by themselves.
  llvm::SmallDenseMap<unsigned, Value> inputs, outputs;
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    std::string name = nameOr(func.getArgAttrOfType<StringAttr>(i, "nn.name"), "input", i);
    if (argument.getType().isIndex()) {
      auto range = func.getArgAttrOfType<nn::RangeAttr>(i, "nn.range");
      scalarOf[argument] = cmd::ScalarOp::create(builder, argument.getLoc(), builder.getIndexType(),
                                                 name, range.getMin(), range.getMax());
    } else if (func.getArgAttr(i, "nn.state")) {
      inputs[i] = cmd::StateOp::create(builder, argument.getLoc(), bufferType, name,
                                       cmd::PoolOp(states.pool).getSymName(),
                                       states.offsets.lookup(name), bytesOf(argument.getType()),
                                       cast<RankedTensorType>(argument.getType()));
    } else {
      inputs[i] =
          cmd::InputOp::create(builder, argument.getLoc(), bufferType, numberOfInput++, name,
                               outsideType(argument.getType(), func.getArgAttr(i, "nn.unsigned")));
    }
  }
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    if (!func.getResultAttr(i, "nn.tied"))
      outputs[i] = cmd::OutputOp::create(
          builder, func.getLoc(), bufferType, numberOfOutput++,
          nameOr(func.getResultAttrOfType<StringAttr>(i, "nn.name"), "output", i),
          outsideType(type, func.getResultAttr(i, "nn.unsigned")));
  for (Storage &storage : storages) {
    if (storage.parent)
      continue;
    switch (storage.kind) {
    case Storage::Input:
    case Storage::State:
      storage.buffer = inputs[storage.index];
      break;
    case Storage::Output:
      storage.buffer = outputs[storage.index];
      break;
    case Storage::Weight: {
      WeightPlace place = weights.at(storage.weight);
      storage.buffer =
          cmd::WeightOp::create(builder, storage.loc, bufferType, storage.weight.getSymName(),
                                place.pool.getSymName(), place.offset, storage.bytes);
      break;
    }
    case Storage::Arena:
      storage.buffer = cmd::BufferOp::create(
          builder, storage.loc, bufferType, cmd::PoolOp(arenas.lookup(storage.memory)).getSymName(),
          storage.offset, storage.bytes);
      break;
    }
  }
}

void EntryPlanner::buildCommands(OpBuilder &builder) {
  Type tokenType = cmd::TokenType::get(builder.getContext());
  SmallVector<Value> tokens;
  for (const Command &command : commands) {
    StringRef engine =
        cast<soc::EngineAttrInterface>(machine.getEngines()[command.engine]).getEngineName();
    SmallVector<Value> waits;
    for (int64_t wait : command.waits)
      waits.push_back(tokens[wait]);
    soc::TaskOp task = command.task;
    if (!task) {
      Place source = resolve(command.source), target = resolve(command.target);
      tokens.push_back(cmd::CopyOp::create(builder, command.loc, tokenType,
                                           storages[source.storage].buffer, source.offset,
                                           storages[target.storage].buffer, target.offset,
                                           command.bytes, engine, waits)
                           .getToken());
      continue;
    }
    soc::KernelOp kernel = kernelOf(task);
    SmallVector<Value> buffers;
    SmallVector<int64_t> offsets, bytes;
    auto addOperand = [&](Value value) {
      Place place = resolve(placeFor(value, command.engine));
      buffers.push_back(storages[place.storage].buffer);
      offsets.push_back(place.offset);
      bytes.push_back(bytesOf(value.getType()));
    };
    for (Value input : task.getInputs())
      addOperand(input);
    for (Value output : task.getOutputs())
      addOperand(output);
    SmallVector<Value> scalars;
    for (Value scalar : task.getScalars())
      scalars.push_back(scalarOf.at(scalar));
    SmallVector<int64_t> grid(kernel.getGrid().value_or(ArrayRef<int64_t>{1, 1, 1}));
    Value scratch = scratchOf.contains(task) ? storages[scratchOf[task]].buffer : Value();
    tokens.push_back(cmd::DispatchOp::create(builder, task.getLoc(), tokenType, kernel.getSymName(),
                                             engine, buffers, offsets, bytes, grid, scalars,
                                             scratch, scratch ? scratchStride(task) : 0, waits,
                                             task.getVariant().getTimePs(), task.getStartPsAttr(),
                                             task.getAlternativesAttr(), task.getComputationAttr())
                         .getToken());
  }
}
