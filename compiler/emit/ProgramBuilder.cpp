// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Engines, pools, buffers, tensors and the order of the weights. Inputs and
// outputs become the buffers of one pool of kind IO, last of the pools, each
// aligned to what the memory that they are in asks of every buffer.

#include "compiler/emit/ProgramBuilder.h"

#include "compiler/emit/CpuRequirements.h"
#include "compiler/emit/Faults.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

uint64_t emit::getWeightsBytes(ModuleOp planned) {
  uint64_t bytes = 0;
  for (auto pool : planned.getOps<cmd::PoolOp>())
    if (pool.getKind() == cmd::PoolKind::Weights)
      bytes += pool.getBytes();
  return bytes;
}

llvm::Expected<Program> emit::buildProgram(ModuleOp planned, StringRef name, WeightsPlace place) {
  ProgramBuilder builder(planned, name, place);
  if (llvm::Error error = builder.build())
    return error;
  return builder.take();
}

ProgramBuilder::ProgramBuilder(ModuleOp module, StringRef name, WeightsPlace place)
    : module(module), symbols(module), place(place) {
  program.name = name.str();
}

llvm::Error ProgramBuilder::build() {
  program.machine = soc::MachineAttr::of(module);
  if (!program.machine)
    return fault("emit: the module has no soc.machine");
  program.limits.max_workers = program.machine.getWorkers();
  if (llvm::Error error = chooseCpu())
    return error;
  if (llvm::Error error = addEngines())
    return error;
  if (llvm::Error error = addPools())
    return error;
  for (auto entry : module.getOps<cmd::EntryOp>())
    if (llvm::Error error = addEntry(entry))
      return error;
  if (program.entries.empty())
    return fault("emit: the module has no cmd.entry");
  if (ioPool != TERCET_NONE)
    program.pools[ioPool].alignment = ioAlignment;
  return placeWeights();
}

llvm::Error ProgramBuilder::chooseCpu() {
  SmallVector<soc::CpuAttr> ofKernels, ofMachine;
  for (auto kernel : module.getOps<soc::KernelOp>())
    if (auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(
            program.machine.lookupEngine(kernel.getEngine())))
      if (soc::CpuAttr cpu = engine.getObjectCpu())
        ofKernels.push_back(cpu);
  for (Attribute attr : program.machine.getEngines())
    if (auto engine = dyn_cast<soc::EngineAttrInterface>(attr))
      if (soc::CpuAttr cpu = engine.getObjectCpu())
        ofMachine.push_back(cpu);
  if (ofMachine.empty())
    return failure("machine '" + program.machine.getName().getValue() +
                   "' has no CPU, which every program needs to run on");
  program.cpu = ofKernels.empty() ? ofMachine.front() : ofKernels.front();
  for (soc::CpuAttr cpu : ofKernels)
    if (cpu.getTriple() != program.cpu.getTriple())
      return failure("kernels for engine '" + program.cpu.getName().getValue() + "' of triple " +
                     program.cpu.getTriple().getValue() + " and for engine '" +
                     cpu.getName().getValue() + "' of triple " + cpu.getTriple().getValue() +
                     " cannot be in one object; describe a machine with CPUs of one triple");
  return llvm::Error::success();
}

static std::optional<tercet_engine_kind> getEngineKind(StringRef kind) {
  return llvm::StringSwitch<std::optional<tercet_engine_kind>>(kind)
      .Case("cpu", TERCET_ENGINE_CPU)
      .Case("gpu", TERCET_ENGINE_GPU)
      .Case("npu", TERCET_ENGINE_NPU)
      .Case("dma", TERCET_ENGINE_DMA)
      .Default(std::nullopt);
}

llvm::Error ProgramBuilder::addEngine(soc::EngineAttrInterface engine) {
  std::optional<tercet_engine_kind> kind = getEngineKind(engine.getEngineKind());
  if (!kind)
    return fault("emit: engine '" + engine.getEngineName() + "' is of kind '" +
                 engine.getEngineKind() + "'");
  tercet_engine_record record = {};
  record.name = program.strings.add(engine.getEngineName());
  record.kind = *kind;
  soc::CpuAttr cpu = engine.getObjectCpu();
  if (cpu) {
    llvm::Expected<CpuRequirements> requirements = getCpuRequirements(cpu);
    if (!requirements)
      return requirements.takeError();
    record.isa = requirements->isa;
    record.vector_bits_min = requirements->vectorBitsMin;
    record.cpu_features = requirements->features;
  }
  record.workers = program.machine.getWorkersOf(engine);
  engineIndex[engine.getEngineName()] = program.engines.size();
  program.engines.push_back(record);
  program.engineAttrs.push_back(engine);
  program.objectCpus.push_back(cpu);
  return llvm::Error::success();
}

/// Engines that run code of the object, and those that commands are for. To
/// name others would ask for drivers that the program can do without.
llvm::Error ProgramBuilder::addEngines() {
  llvm::StringSet<> used;
  module.walk([&](Operation *op) {
    if (auto dispatch = dyn_cast<cmd::DispatchOp>(op))
      used.insert(dispatch.getEngine());
    else if (auto copy = dyn_cast<cmd::CopyOp>(op))
      used.insert(copy.getEngine());
  });
  for (Attribute attr : program.machine.getEngines()) {
    auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
    if (!engine)
      continue; // A command for it is a fault that names it.
    soc::CpuAttr cpu = engine.getObjectCpu();
    if ((cpu && cpu.getTriple() == program.cpu.getTriple()) ||
        used.contains(engine.getEngineName()))
      if (llvm::Error error = addEngine(engine))
        return error;
  }
  if (program.engines.size() > 64)
    return failure("machine '" + program.machine.getName().getValue() +
                   "' has more than 64 engines");
  return llvm::Error::success();
}

uint64_t ProgramBuilder::getEngineMask(StringRef memory,
                                       llvm::function_ref<bool(unsigned)> isAllowed) const {
  uint64_t mask = 0;
  for (auto [index, engine] : llvm::enumerate(program.engineAttrs)) {
    bool reaches = llvm::is_contained(soc::EngineAttrInterface(engine).getEngineMemories(), memory);
    mask |= static_cast<uint64_t>(reaches && isAllowed(index)) << index;
  }
  return mask;
}

llvm::Error ProgramBuilder::addPools() {
  // Applications bind memory of the first CPU.
  StringRef ioMemory = program.cpu.getMemory().getValue();
  for (auto [engine, cpu] : llvm::zip(program.engineAttrs, program.objectCpus))
    if (cpu) {
      ioMemory = engine.getEngineMemory();
      break;
    }
  for (auto op : module.getOps<cmd::PoolOp>()) {
    if (op.getKind() == cmd::PoolKind::IO)
      return fault("emit: cmd.pool '" + op.getSymName() + "' of kind io; emit makes that one");
    tercet_pool_record record = {};
    record.name = program.strings.add(op.getSymName());
    record.kind = static_cast<uint32_t>(op.getKind());
    record.bytes = op.getBytes();
    record.alignment = op.getAlignment();
    record.engine_mask = getEngineMask(op.getMemory(), [&](unsigned engine) {
      std::optional<ArrayAttr> engines = op.getEngines();
      soc::EngineAttrInterface attr = program.engineAttrs[engine];
      return !engines ||
             llvm::is_contained(*engines, StringAttr::get(op.getContext(), attr.getEngineName()));
    });
    poolIndex[op.getSymName()] = program.pools.size();
    program.pools.push_back(record);
    program.poolOps.push_back(op);
  }
  if (soc::MemoryAttr memory = program.machine.lookupMemory(ioMemory))
    ioAlignment = memory.getAlignment();
  tercet_pool_record io = {};
  io.name = program.strings.add("io");
  io.kind = TERCET_POOL_IO;
  io.alignment = 1;
  // What an application binds is its own memory, which engines with a driver
  // do not see.
  io.engine_mask =
      getEngineMask(ioMemory, [&](unsigned engine) { return bool(program.objectCpus[engine]); });
  ioPool = program.pools.size();
  program.pools.push_back(io);
  program.poolOps.push_back(nullptr);
  if (program.pools.size() > 64)
    return failure("more than 63 memory pools");
  return llvm::Error::success();
}

void ProgramBuilder::addBuffer(Value value, StringRef pool, uint64_t offset, uint64_t bytes) {
  uint32_t index = poolIndex.lookup(pool);
  // Two values that have one place in turn are two buffers: tercet-check tells
  // by that which of them a command means to read.
  uint64_t which = program.pools[index].kind == TERCET_POOL_ARENA ? program.buffers.size() : 0;
  auto [it, inserted] = bufferAt.try_emplace({index, offset, bytes, which},
                                             static_cast<uint32_t>(program.buffers.size()));
  if (inserted) {
    tercet_buffer_record record = {};
    record.pool = index;
    record.alignment = program.pools[index].alignment;
    record.offset = offset;
    record.bytes = bytes;
    program.buffers.push_back(record);
    program.bufferOps.push_back(value.getDefiningOp());
  }
  bufferIndex[value] = it->second;
}

static std::optional<tercet_element> getElement(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return TERCET_ELEMENT_BOOL;
    case 8:
      return isUnsigned ? TERCET_ELEMENT_U8 : TERCET_ELEMENT_I8;
    case 16:
      return isUnsigned ? TERCET_ELEMENT_U16 : TERCET_ELEMENT_I16;
    case 32:
      return isUnsigned ? TERCET_ELEMENT_U32 : TERCET_ELEMENT_I32;
    case 64:
      return isUnsigned ? TERCET_ELEMENT_U64 : TERCET_ELEMENT_I64;
    default:
      return std::nullopt;
    }
  }
  return llvm::TypeSwitch<Type, std::optional<tercet_element>>(type)
      .Case([](Float16Type) { return TERCET_ELEMENT_F16; })
      .Case([](Float32Type) { return TERCET_ELEMENT_F32; })
      .Case([](Float64Type) { return TERCET_ELEMENT_F64; })
      .Case([](BFloat16Type) { return TERCET_ELEMENT_BF16; })
      .Case([](Float8E4M3FNType) { return TERCET_ELEMENT_F8E4M3FN; })
      .Case([](Float8E5M2Type) { return TERCET_ELEMENT_F8E5M2; })
      .Default([](Type) { return std::nullopt; });
}

llvm::Error ProgramBuilder::addTensor(Value value, StringRef name, Type type, bool output) {
  if (llvm::Error error = addTensorRecord(name, type, output ? "output" : "input"))
    return error;
  tercet_buffer_record buffer = {};
  buffer.pool = ioPool;
  buffer.alignment = ioAlignment;
  buffer.offset = program.pools[ioPool].bytes++;
  buffer.bytes = program.tensors.back().bytes;
  program.tensors.back().buffer = program.buffers.size();
  bufferIndex[value] = program.buffers.size();
  program.buffers.push_back(buffer);
  program.bufferOps.push_back(value.getDefiningOp());
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addState(cmd::StateOp state, uint32_t tied) {
  if (llvm::Error error = addTensorRecord(state.getName(), state.getTensor(), "state"))
    return error;
  tercet_tensor_record &record = program.tensors.back();
  record.buffer = bufferIndex.lookup(state.getBuffer());
  record.flags = TERCET_TENSOR_STATE;
  record.tied = tied;
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addTensorRecord(StringRef name, Type type, StringRef kind) {
  auto tensor = cast<RankedTensorType>(type);
  std::optional<tercet_element> element = getElement(tensor.getElementType());
  std::string what = (Twine(kind) + " '" + name + "'").str();
  std::string typeText = llvm::formatv("{0}", tensor).str();
  if (!element)
    return failure(what + " of type " + typeText +
                   ": programs pass booleans, integers of 8 to 64 bits and floats only");
  if (!tensor.hasStaticShape() || tensor.getRank() > 16)
    return fault(what + " of type " + typeText + ": expected a static shape of rank 16 at most");
  tercet_tensor_record record = {};
  record.name = program.strings.add(name);
  record.element = *element;
  record.rank = tensor.getRank();
  record.first_dim = program.dims.size();
  record.tied = TERCET_NONE;
  record.bytes = TERCET_ELEMENT_BITS(*element) / 8;
  for (int64_t size : tensor.getShape()) {
    program.dims.push_back(size);
    record.bytes *= size;
  }
  program.tensors.push_back(record);
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addWeight(cmd::WeightOp op) {
  auto weight = symbols.lookup<nn::WeightOp>(op.getWeight());
  if (!weight)
    return fault("emit: cmd.weight of '" + op.getWeight() + "', which is no nn.weight");
  if (!poolIndex.contains(op.getPool()))
    return fault("emit: cmd.weight in '" + op.getPool() + "', which is no cmd.pool");
  RankedTensorType type = weight.getType();
  uint64_t expected = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  if (static_cast<uint64_t>(op.getBytes()) != expected)
    return fault("emit: weight '" + op.getWeight() + "' has " + Twine(expected) +
                 " bytes, but its place " + Twine(op.getBytes()));
  size_t known = program.buffers.size();
  addBuffer(op.getBuffer(), op.getPool(), op.getOffset(), op.getBytes());
  if (program.buffers.size() != known) {
    program.placedWeights.push_back(
        {weight, poolIndex.lookup(op.getPool()), static_cast<uint64_t>(op.getOffset()), expected});
    return llvm::Error::success();
  }
  // Two names for one place: equal recipes, or somebody's data is lost.
  auto first = dyn_cast<cmd::WeightOp>(program.bufferOps[bufferIndex.lookup(op.getBuffer())]);
  if (!first || (first.getWeight() != op.getWeight() &&
                 symbols.lookup<nn::WeightOp>(first.getWeight()).getRecipe() != weight.getRecipe()))
    return fault("emit: weight '" + op.getWeight() + "' lies where something else does");
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addBuffers(cmd::EntryOp entry) {
  // Sorted by their index: the order of the operations is not the interface's.
  std::map<int64_t, cmd::InputOp> inputs;
  std::map<int64_t, cmd::OutputOp> outputs;
  SmallVector<cmd::StateOp> states;
  for (Operation &op : entry.getBody().front()) {
    if (auto input = dyn_cast<cmd::InputOp>(op))
      inputs[input.getIndex()] = input;
    if (auto output = dyn_cast<cmd::OutputOp>(op))
      outputs[output.getIndex()] = output;
    if (auto state = dyn_cast<cmd::StateOp>(op)) {
      if (!poolIndex.contains(state.getPool()))
        return fault("emit: cmd.state in '" + state.getPool() + "', which is no cmd.pool");
      addBuffer(state, state.getPool(), state.getOffset(), state.getBytes());
      states.push_back(state);
    }
    if (auto weight = dyn_cast<cmd::WeightOp>(op))
      if (llvm::Error error = addWeight(weight))
        return error;
    if (auto buffer = dyn_cast<cmd::BufferOp>(op)) {
      if (!poolIndex.contains(buffer.getPool()))
        return fault("emit: cmd.buffer in '" + buffer.getPool() + "', which is no cmd.pool");
      addBuffer(buffer, buffer.getPool(), buffer.getOffset(), buffer.getBytes());
    }
  }
  tercet_entry_record &record = program.entries.back();
  record.first_input = program.tensors.size();
  for (auto &[index, input] : inputs)
    if (llvm::Error error = addTensor(input, input.getName(), input.getTensor(), false))
      return error;
  for (cmd::StateOp state : states)
    if (llvm::Error error = addState(state, TERCET_NONE))
      return error;
  record.input_count = inputs.size() + states.size();
  record.first_output = program.tensors.size();
  for (auto &[index, output] : outputs)
    if (llvm::Error error = addTensor(output, output.getName(), output.getTensor(), true))
      return error;
  for (auto [i, state] : llvm::enumerate(states))
    if (llvm::Error error = addState(state, inputs.size() + i))
      return error;
  record.output_count = outputs.size() + states.size();
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::placeWeights() {
  llvm::sort(program.placedWeights, [](const PlacedWeight &a, const PlacedWeight &b) {
    return std::tie(a.pool, a.offset) < std::tie(b.pool, b.offset);
  });
  for (size_t i = 1; i < program.placedWeights.size(); ++i) {
    PlacedWeight &before = program.placedWeights[i - 1], &after = program.placedWeights[i];
    if (before.pool == after.pool && before.offset + before.bytes > after.offset)
      return fault("emit: weights '" + before.weight.getSymName() + "' and '" +
                   after.weight.getSymName() + "' overlap");
  }
  uint64_t end = 0;
  for (auto [index, pool] : llvm::enumerate(program.pools)) {
    if (pool.kind != TERCET_POOL_WEIGHTS)
      continue;
    tercet_weights_record record = {};
    record.pool = index;
    record.place = place == WeightsPlace::Embed ? TERCET_WEIGHTS_EMBEDDED : TERCET_WEIGHTS_FILE;
    record.offset = llvm::alignTo(end, std::max<uint64_t>(64, pool.alignment));
    record.bytes = pool.bytes;
    record.digest_kind = TERCET_DIGEST_BLAKE3;
    program.weights.push_back(record);
    program.weightsAlignment = std::max<uint64_t>(program.weightsAlignment, pool.alignment);
    end = record.offset + record.bytes;
  }
  program.weightsPayloadBytes = llvm::alignTo(end, 64);
  return llvm::Error::success();
}
