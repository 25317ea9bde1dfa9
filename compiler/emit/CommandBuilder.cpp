// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry points and their commands. The queue of an engine already orders its
// commands, so a token is numbered only where a command of another engine
// waits for it and no earlier wait implies it.

#include "compiler/emit/ProgramBuilder.h"

#include "compiler/emit/Faults.h"
#include "dialects/soc/SourceNames.h"

#include <set>

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

llvm::Error ProgramBuilder::addEntry(cmd::EntryOp entry) {
  tercet_entry_record record = {};
  record.name = program.strings.add(entry.getSymName());
  program.entries.push_back(record);
  if (llvm::Error error = addBuffers(entry))
    return error;
  addScalars(entry);
  size_t first = program.commands.size();
  for (Operation &op : entry.getBody().front()) {
    llvm::Error error = llvm::Error::success();
    if (auto dispatch = dyn_cast<cmd::DispatchOp>(op))
      error = addDispatch(dispatch);
    else if (auto copy = dyn_cast<cmd::CopyOp>(op))
      error = addCopy(copy);
    else if (!isa<cmd::BufferOp, cmd::WeightOp, cmd::InputOp, cmd::OutputOp, cmd::StateOp,
                  cmd::ScalarOp>(op))
      error = fault("emit: '" + op.getName().getStringRef() + "' in a cmd.entry");
    if (error)
      return error;
  }
  program.entries.back().first_command = first;
  program.entries.back().command_count = program.commands.size() - first;
  numberTokens(first);
  return llvm::Error::success();
}

void ProgramBuilder::addScalars(cmd::EntryOp entry) {
  tercet_entry_record &record = program.entries.back();
  record.first_scalar = program.scalars.size();
  for (auto scalar : entry.getBody().front().getOps<cmd::ScalarOp>()) {
    tercet_scalar_record bounds = {};
    bounds.name = program.strings.add(scalar.getName());
    bounds.addend = TERCET_NONE;
    bounds.min = scalar.getMin();
    bounds.max = scalar.getMax();
    scalarIndex[scalar.getValue()] = program.scalars.size();
    program.scalars.push_back(bounds);
  }
  record.scalar_count = program.scalars.size() - record.first_scalar;
}

void ProgramBuilder::addOperand(Value buffer, uint64_t offset, uint64_t bytes, uint32_t access) {
  tercet_operand_record record = {};
  record.buffer = bufferIndex.lookup(buffer);
  record.access = access;
  record.offset = offset;
  record.bytes = bytes;
  program.operands.push_back(record);
}

llvm::Expected<uint32_t> ProgramBuilder::getKernel(cmd::DispatchOp op) {
  auto [it, inserted] = kernelIndex.try_emplace(op.getKernel(), program.kernels.size());
  if (!inserted)
    return it->second;
  auto kernel = symbols.lookup<soc::KernelOp>(op.getKernel());
  if (!kernel)
    return fault("emit: cmd.dispatch of '" + op.getKernel() + "', which is no soc.kernel");
  auto engine = engineIndex.find(kernel.getEngine());
  if (engine == engineIndex.end())
    return fault("emit: kernel '" + op.getKernel() + "' is for '" + kernel.getEngine() +
                 "', which is no engine of the machine");
  tercet_kernel_record record = {};
  record.name = program.strings.add(kernel.getSymName());
  record.engine = engine->second;
  if (!program.engineAttrs[engine->second].keepsScratch())
    record.scratch_bytes = kernel.getScratchBytes().value_or(kernel.getVariant().getScratchBytes());
  program.kernels.push_back(record);
  program.kernelOps.push_back(kernel);
  return it->second;
}

/// What a kernel does with an operand. Of what it updates it writes a part, and
/// the rest is still there: that counts as reading.
static uint32_t accessOf(soc::KernelOp kernel, unsigned operand) {
  unsigned inputs = kernel.getNumInputs();
  if (operand < inputs)
    return TERCET_ACCESS_READ;
  return operand == inputs && kernel.getUpdates() ? TERCET_ACCESS_READ | TERCET_ACCESS_WRITE
                                                  : TERCET_ACCESS_WRITE;
}

llvm::Error ProgramBuilder::addDispatch(cmd::DispatchOp op) {
  llvm::Expected<uint32_t> kernel = getKernel(op);
  if (!kernel)
    return kernel.takeError();
  soc::KernelOp kernelOp = program.kernelOps[*kernel];
  if (op.getEngine() != kernelOp.getEngine())
    return fault("emit: kernel '" + op.getKernel() + "' is for '" + kernelOp.getEngine() +
                 "' and dispatched on '" + op.getEngine() + "'");
  tercet_command_record record = {};
  bool inObject = program.isInObject(*kernel);
  record.opcode = inObject ? TERCET_COMMAND_DISPATCH : TERCET_COMMAND_SUBMIT;
  if (!inObject)
    program.features |= TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  record.target = *kernel;
  uint64_t tiles = 1;
  for (unsigned d = 0; d < 3; ++d) {
    if (!llvm::isUInt<32>(op.getGrid()[d]) || !llvm::isUInt<32>(tiles *= op.getGrid()[d]))
      return fault("emit: the grid of kernel '" + op.getKernel() + "' has 2^32 tiles or more");
    record.grid[d] = op.getGrid()[d];
  }
  // Workers take one tile at a time: tiles are few and large, and a core that
  // something else uses as well must not hold up the others.
  record.grain = 1;
  record.first_operand = program.operands.size();
  record.operand_count = op.getBuffers().size();
  for (auto [i, buffer] : llvm::enumerate(op.getBuffers()))
    addOperand(buffer, op.getOffsets()[i], op.getBytes()[i], accessOf(kernelOp, i));
  record.first_scalar = program.scalarRefs.size();
  record.scalar_count = op.getScalars().size();
  for (Value scalar : op.getScalars())
    program.scalarRefs.push_back(scalarIndex.lookup(scalar));
  record.scratch_buffer = TERCET_NONE;
  if (op.getScratch()) {
    record.scratch_stride = op.getScratchStride();
    record.scratch_buffer = bufferIndex.lookup(op.getScratch());
    const tercet_engine_record &engine = program.engines[program.kernels[*kernel].engine];
    uint32_t workers = inObject ? program.limits.max_workers : engine.workers;
    if (record.scratch_stride % 64 ||
        record.scratch_stride < program.kernels[*kernel].scratch_bytes ||
        record.scratch_stride * workers > program.buffers[record.scratch_buffer].bytes)
      return fault("emit: the scratch of kernel '" + op.getKernel() +
                   "' is no multiple of 64 bytes, or too small for " + Twine(workers) + " workers");
  } else if (program.kernels[*kernel].scratch_bytes) {
    return fault("emit: kernel '" + op.getKernel() + "' needs scratch and is given none");
  }
  return addCommand(op, op.getToken(), op.getWaits(), op.getEngine(), op.getPredictedPs(), record);
}

llvm::Error ProgramBuilder::addCopy(cmd::CopyOp op) {
  tercet_command_record record = {};
  record.opcode = TERCET_COMMAND_COPY;
  record.target = TERCET_NONE;
  record.scratch_buffer = TERCET_NONE;
  record.first_operand = program.operands.size();
  record.operand_count = 2;
  addOperand(op.getSource(), op.getSourceOffset(), op.getBytes(), TERCET_ACCESS_READ);
  addOperand(op.getTarget(), op.getTargetOffset(), op.getBytes(), TERCET_ACCESS_WRITE);
  return addCommand(op, op.getToken(), op.getWaits(), op.getEngine(), 0, record);
}

llvm::Error ProgramBuilder::addCommand(Operation *op, Value token, ValueRange waits,
                                       StringRef engine, uint64_t predictedPs,
                                       tercet_command_record record) {
  auto found = engineIndex.find(engine);
  if (found == engineIndex.end())
    return fault("emit: a command for engine '" + engine + "', which the machine does not have");
  uint32_t index = program.commands.size();
  for (uint32_t i = 0; i < record.operand_count; ++i) {
    const tercet_operand_record &operand = program.operands[record.first_operand + i];
    const tercet_buffer_record &buffer = program.buffers[operand.buffer];
    if (operand.offset > buffer.bytes || operand.bytes > buffer.bytes - operand.offset)
      return fault("emit: operand " + Twine(i) + " of command " + Twine(index) +
                   " exceeds its buffer of " + Twine(buffer.bytes) + " bytes");
    if ((operand.access & TERCET_ACCESS_WRITE) &&
        program.pools[buffer.pool].kind == TERCET_POOL_WEIGHTS)
      return fault("emit: operand " + Twine(i) + " of command " + Twine(index) + " writes weights");
  }
  record.engine = found->second;
  record.signal_token = TERCET_NONE;
  tercet_profile_record profile = {};
  profile.name = program.strings.add(soc::joinSourceNames(op->getLoc()));
  profile.predicted_ps = predictedPs;
  record.profile_slot = program.profile.size();
  program.profile.push_back(profile);

  commandOfToken[token] = index;
  waitsFor.emplace_back();
  for (Value wait : waits) {
    auto signaller = commandOfToken.find(wait);
    if (signaller == commandOfToken.end())
      return fault("emit: command " + Twine(index) + " waits for a command of another entry");
    if (program.commands[signaller->second].engine != record.engine)
      waitsFor.back().push_back(signaller->second);
  }
  program.commands.push_back(record);
  program.commandOps.push_back(op);
  return llvm::Error::success();
}

void ProgramBuilder::numberTokens(size_t firstCommand) {
  // seen[e][f]: the last command of engine f that the queue of e has waited for.
  std::map<std::pair<uint32_t, uint32_t>, int64_t> seen;
  std::set<uint32_t> signallers;
  for (size_t i = firstCommand; i < program.commands.size(); ++i) {
    llvm::sort(waitsFor[i], std::greater<uint32_t>());
    SmallVector<uint32_t> needed;
    for (uint32_t before : waitsFor[i]) {
      int64_t &last =
          seen.try_emplace({program.commands[i].engine, program.commands[before].engine}, -1)
              .first->second;
      if (last >= static_cast<int64_t>(before))
        continue;
      last = before;
      needed.push_back(before);
      signallers.insert(before);
    }
    waitsFor[i] = SmallVector<uint32_t>(needed.rbegin(), needed.rend());
  }
  uint32_t tokens = 0;
  for (uint32_t command : signallers)
    program.commands[command].signal_token = tokens++;
  program.entries.back().token_count = tokens;
  for (size_t i = firstCommand; i < program.commands.size(); ++i) {
    program.commands[i].first_wait = program.waits.size();
    program.commands[i].wait_count = waitsFor[i].size();
    for (uint32_t before : waitsFor[i])
      program.waits.push_back(program.commands[before].signal_token);
  }
}
