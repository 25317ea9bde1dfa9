// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program in every interleaving. Memory holds tags instead of values:
// which command wrote a byte, through which buffer, or that it is poison. A
// command starts and ends as two events; while it runs, what it writes is
// poison and what it touches is its own. A state is how far each queue is and
// the tags of all bytes; all states that can be reached are visited.
//
// The program is right if no two commands ever run together that conflict over
// a byte, no poison is read or returned, a read finds what was written through
// its own buffer, every read finds the same writer in all interleavings, and
// all of them come to the end. Plain loops over bytes, on purpose.

#include "Model.h"

#include <algorithm>
#include <map>
#include <set>

using namespace tercet::check_test;

namespace {
/// Tags of bytes; above them: 256 * (1 + command) + buffer.
enum : uint32_t { Poison = 0, Given = 1 };

struct Byte {
  uint32_t address, buffer;
};

struct Steps {
  std::vector<Byte> reads, writes, scratch;
};

struct State {
  std::vector<uint32_t> progress; // of each queue: 2 * completed + running
  std::vector<uint32_t> tags;
  bool operator<(const State &other) const {
    return progress != other.progress ? progress < other.progress : tags < other.tags;
  }
};

class Oracle {
public:
  explicit Oracle(const Model &model) : model(model) {}
  std::string run();

private:
  bool fail(const std::string &text) {
    if (fault.empty())
      fault = text;
    return false;
  }
  bool isIO(uint32_t buffer) const {
    return model.pools[model.buffers[buffer].pool].kind == TERCET_POOL_IO;
  }
  /// Numbers the bytes of all memory; those of an IO buffer are its own.
  void layOut();
  /// The address of byte `at` of a buffer; fails beyond its end or its pool's.
  bool locate(uint32_t buffer, uint64_t at, uint32_t &address);
  bool collect(uint32_t c);
  bool collectCopy(uint32_t c);
  bool checkWithin(uint32_t c);
  bool checkInterface();
  bool start(State &state, uint32_t queue);
  void finish(State &state, uint32_t queue);
  bool explore();
  bool checkEnd(const State &state);
  bool observe(std::pair<uint32_t, uint32_t> reader, uint32_t tag, uint32_t buffer);

  const Model &model;
  std::string fault;
  std::vector<uint32_t> poolBase, bufferBase;
  std::vector<uint32_t> initial; // tags
  std::vector<Steps> steps;
  std::vector<std::vector<uint32_t>> queues; // commands of each engine
  std::vector<uint32_t> signaller;           // of each token
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> observed;
};
} // namespace

void Oracle::layOut() {
  uint32_t total = 0;
  for (const Pool &pool : model.pools) {
    poolBase.push_back(total);
    if (pool.kind != TERCET_POOL_IO)
      total += pool.bytes;
  }
  for (uint32_t b = 0; b < model.buffers.size(); ++b) {
    bufferBase.push_back(total);
    if (isIO(b))
      total += model.buffers[b].bytes;
  }
  initial.assign(total, Poison);
}

bool Oracle::locate(uint32_t buffer, uint64_t at, uint32_t &address) {
  const Buffer &b = model.buffers[buffer];
  if (at >= b.bytes)
    return fail("beyond the end of a buffer");
  if (isIO(buffer)) {
    address = bufferBase[buffer] + at;
    return true;
  }
  if (b.offset + at >= model.pools[b.pool].bytes)
    return fail("beyond the end of a pool");
  address = poolBase[b.pool] + b.offset + at;
  return true;
}

bool Oracle::checkInterface() {
  for (const Buffer &buffer : model.buffers) {
    if (model.pools[buffer.pool].kind == TERCET_POOL_IO)
      continue;
    if (buffer.offset % buffer.alignment || buffer.alignment > model.pools[buffer.pool].alignment)
      return fail("misaligned");
    if (buffer.offset + buffer.bytes > model.pools[buffer.pool].bytes)
      return fail("a buffer exceeds its pool");
  }
  std::set<uint32_t> bound;
  for (const Tensor &input : model.inputs) {
    if (isIO(input.buffer) && !bound.insert(input.buffer).second)
      return fail("two inputs are bound to one buffer");
    for (uint64_t i = 0; i < model.buffers[input.buffer].bytes; ++i) {
      uint32_t address;
      if (!locate(input.buffer, i, address))
        return false;
      if (initial[address] != Poison)
        return fail("inputs overlap");
      initial[address] = 256 * 255 + input.buffer;
    }
  }
  for (uint32_t p = 0; p < model.pools.size(); ++p)
    if (model.pools[p].kind == TERCET_POOL_STATE || model.pools[p].kind == TERCET_POOL_WEIGHTS)
      for (uint64_t i = 0; i < model.pools[p].bytes; ++i)
        initial[poolBase[p] + i] = Given;
  for (const Tensor &output : model.outputs) {
    bool isTied = output.tied != TERCET_NONE;
    if (isTied &&
        (output.tied >= model.inputs.size() || model.inputs[output.tied].buffer != output.buffer))
      return fail("tied to another buffer");
    if (output.flags & TERCET_TENSOR_STATE && !isTied)
      return fail("state that is not tied");
    if (isIO(output.buffer) && !bound.insert(output.buffer).second && !isTied)
      return fail("two tensors are bound to one buffer");
  }
  for (const Command &command : model.commands)
    for (const Operand &operand : command.operands) {
      if (isIO(operand.buffer) && !bound.count(operand.buffer))
        return fail("nothing is bound");
      if (!(operand.access & TERCET_ACCESS_WRITE))
        continue;
      if (model.pools[model.buffers[operand.buffer].pool].kind == TERCET_POOL_WEIGHTS)
        return fail("writes weights");
      for (const Tensor &input : model.inputs) {
        bool isTied = false;
        for (const Tensor &output : model.outputs)
          isTied |= output.tied != TERCET_NONE && output.buffer == input.buffer;
        if (isIO(operand.buffer) && operand.buffer == input.buffer && !isTied &&
            !(input.flags & TERCET_TENSOR_STATE))
          return fail("writes an input");
      }
    }
  return true;
}

bool Oracle::collectCopy(uint32_t c) {
  const Command &command = model.commands[c];
  if (command.operands.size() != 2 || command.operands[0].access != TERCET_ACCESS_READ ||
      command.operands[1].access != TERCET_ACCESS_WRITE)
    return fail("a copy without source and destination");
  if (!command.copy && command.operands[0].bytes != command.operands[1].bytes)
    return fail("a copy of unequal sizes");
  if (!command.copy)
    return true;
  const tercet_copy_record &copy = *command.copy;
  if (!copy.run_bytes || !copy.count[0] || !copy.count[1])
    return fail("a copy of nothing");
  // The rule of abi.h for destinations, word by word.
  const uint64_t *to = copy.destination_stride;
  if (copy.count[1] > 1 && to[1] < copy.run_bytes)
    return fail("runs overlap");
  if (copy.count[0] > 1 && to[0] < (copy.count[1] - 1) * to[1] + copy.run_bytes)
    return fail("rows overlap");
  std::set<uint32_t> seen;
  for (int side = 0; side < 2; ++side)
    for (uint64_t i = 0; i < copy.count[0]; ++i)
      for (uint64_t j = 0; j < copy.count[1]; ++j)
        for (uint64_t k = 0; k < copy.run_bytes; ++k) {
          const Operand &operand = command.operands[side];
          const uint64_t *stride = side ? copy.destination_stride : copy.source_stride;
          uint64_t at = i * stride[0] + j * stride[1] + k;
          Byte byte = {0, operand.buffer};
          if (at >= operand.bytes)
            return fail("a copy beyond its operand");
          if (!locate(operand.buffer, operand.offset + at, byte.address))
            return false;
          if (side == 0)
            steps[c].reads.push_back(byte);
          else if (seen.insert(byte.address).second)
            steps[c].writes.push_back(byte);
          else
            return fail("a copy writes a byte twice");
        }
  return true;
}

bool Oracle::collect(uint32_t c) {
  const Command &command = model.commands[c];
  bool isCopy = command.opcode == TERCET_COMMAND_COPY;
  if (isCopy && !collectCopy(c))
    return false;
  bool isDriven = model.drivers >> command.engine & 1;
  bool submits = command.opcode == TERCET_COMMAND_SUBMIT;
  if (command.opcode == TERCET_COMMAND_DISPATCH && isDriven)
    return fail("code of the object on an engine that runs none");
  if (submits && (!isDriven || !model.hasImages || !model.announcesSubmit))
    return fail("a submission that nobody takes");
  bool moves = command.opcode == TERCET_COMMAND_DISPATCH || submits || isCopy;
  if (!moves && !command.operands.empty())
    return fail("operands of a command that does nothing");
  for (const Operand &operand : command.operands) {
    if (!(model.pools[model.buffers[operand.buffer].pool].engineMask >> command.engine & 1))
      return fail("a pool out of reach");
    if (submits && isIO(operand.buffer))
      return fail("a driver does not see what is bound");
    for (uint64_t i = 0; i < operand.bytes; ++i) {
      Byte byte = {0, operand.buffer};
      if (!locate(operand.buffer, operand.offset + i, byte.address))
        return false;
      if (isCopy && command.copy)
        continue;
      if (operand.access & TERCET_ACCESS_READ)
        steps[c].reads.push_back(byte);
      if (operand.access & TERCET_ACCESS_WRITE)
        steps[c].writes.push_back(byte);
    }
    if (operand.offset > model.buffers[operand.buffer].bytes)
      return fail("an operand outside of its buffer");
  }
  if (command.scratchBuffer == TERCET_NONE)
    return true;
  const Buffer &scratch = model.buffers[command.scratchBuffer];
  if (model.pools[scratch.pool].kind != TERCET_POOL_ARENA || !command.scratchStride ||
      command.scratchStride % 64 || !(model.pools[scratch.pool].engineMask >> command.engine & 1))
    return fail("bad scratch");
  uint64_t workers = submits ? std::min(model.driverWorkers, model.workers) : model.workers;
  for (uint64_t i = 0; i < command.scratchStride * workers; ++i) {
    Byte byte = {0, command.scratchBuffer};
    if (!locate(command.scratchBuffer, i, byte.address))
      return false;
    steps[c].scratch.push_back(byte);
  }
  return true;
}

/// Operands of one command: disjoint, or equal where one is read and the other
/// written by a kernel in place.
bool Oracle::checkWithin(uint32_t c) {
  const Command &command = model.commands[c];
  std::vector<std::set<uint32_t>> bytes(command.operands.size());
  std::set<uint32_t> scratch;
  for (const Byte &byte : steps[c].scratch)
    scratch.insert(byte.address);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (uint64_t k = 0; k < command.operands[i].bytes; ++k) {
      uint32_t address;
      locate(command.operands[i].buffer, command.operands[i].offset + k, address);
      bytes[i].insert(address);
      if (scratch.count(address))
        return fail("scratch over an operand");
    }
  for (size_t i = 0; i < bytes.size(); ++i)
    for (size_t j = 0; j < bytes.size(); ++j) {
      bool iWrites = command.operands[i].access & TERCET_ACCESS_WRITE;
      bool jWrites = command.operands[j].access & TERCET_ACCESS_WRITE;
      bool meet = false;
      for (uint32_t address : bytes[i])
        meet |= bytes[j].count(address) != 0;
      if (i == j || !meet || !iWrites)
        continue;
      if (jWrites || bytes[i] != bytes[j] || command.opcode == TERCET_COMMAND_COPY)
        return fail("operands of one command overlap");
    }
  return true;
}

bool Oracle::observe(std::pair<uint32_t, uint32_t> reader, uint32_t tag, uint32_t buffer) {
  if (tag == Poison)
    return fail("poison is read");
  if (tag != Given && tag % 256 != buffer)
    return fail("a read finds what another buffer holds");
  auto [it, isNew] = observed.try_emplace(reader, tag);
  return isNew || it->second == tag || fail("a read has two possible writers");
}

bool Oracle::start(State &state, uint32_t queue) {
  uint32_t c = queues[queue][state.progress[queue] / 2];
  auto contains = [](const std::vector<Byte> &bytes, uint32_t address) {
    for (const Byte &byte : bytes)
      if (byte.address == address)
        return true;
    return false;
  };
  auto conflict = [&](const Steps &a, const Steps &b) {
    for (const auto *written : {&a.writes, &a.scratch})
      for (const Byte &byte : *written)
        if (contains(b.reads, byte.address) || contains(b.writes, byte.address) ||
            contains(b.scratch, byte.address))
          return true;
    return false;
  };
  for (uint32_t q = 0; q < queues.size(); ++q)
    if (q != queue && state.progress[q] % 2) {
      const Steps &other = steps[queues[q][state.progress[q] / 2]];
      if (conflict(steps[c], other) || conflict(other, steps[c]))
        return fail("two commands run together and conflict");
    }
  for (uint32_t i = 0; i < steps[c].reads.size(); ++i)
    if (!observe({c, i}, state.tags[steps[c].reads[i].address], steps[c].reads[i].buffer))
      return false;
  for (const auto *written : {&steps[c].writes, &steps[c].scratch})
    for (const Byte &byte : *written)
      state.tags[byte.address] = Poison;
  ++state.progress[queue];
  return true;
}

void Oracle::finish(State &state, uint32_t queue) {
  uint32_t c = queues[queue][state.progress[queue] / 2];
  for (const Byte &byte : steps[c].writes)
    state.tags[byte.address] = 256 * (1 + c) + byte.buffer;
  ++state.progress[queue];
}

bool Oracle::checkEnd(const State &state) {
  uint32_t number = 0;
  for (const Tensor &output : model.outputs)
    for (uint64_t i = 0; i < model.buffers[output.buffer].bytes; ++i) {
      uint32_t address;
      if (!locate(output.buffer, i, address) ||
          !observe({TERCET_NONE, number++}, state.tags[address], output.buffer))
        return false;
    }
  return true;
}

bool Oracle::explore() {
  std::set<State> seen;
  std::vector<State> open = {{std::vector<uint32_t>(queues.size(), 0), initial}};
  while (!open.empty()) {
    State state = open.back();
    open.pop_back();
    bool moved = false, isDone = true;
    auto go = [&](State next) {
      moved = true;
      if (seen.insert(next).second)
        open.push_back(next);
    };
    for (uint32_t q = 0; q < queues.size(); ++q) {
      if (state.progress[q] == 2 * queues[q].size())
        continue;
      isDone = false;
      State next = state;
      if (state.progress[q] % 2) {
        finish(next, q);
        go(next);
        continue;
      }
      bool isReady = true;
      for (uint32_t token : model.commands[queues[q][state.progress[q] / 2]].waits) {
        // The token's signaller has completed in its own queue.
        const std::vector<uint32_t> &other = queues[model.commands[signaller[token]].engine];
        uint32_t position = 0;
        while (other[position] != signaller[token])
          ++position;
        isReady &= state.progress[model.commands[signaller[token]].engine] >= 2 * (position + 1);
      }
      if (!isReady)
        continue;
      if (!start(next, q))
        return false;
      go(next);
    }
    if (isDone && !checkEnd(state))
      return false;
    if (!isDone && !moved)
      return fail("deadlock");
  }
  return true;
}

std::string Oracle::run() {
  layOut();
  if (!checkInterface())
    return fault;
  steps.resize(model.commands.size());
  queues.resize(model.engines);
  for (uint32_t c = 0; c < model.commands.size(); ++c) {
    // In the order of the list nothing may have to wait for what comes later.
    for (uint32_t token : model.commands[c].waits)
      if (token >= signaller.size())
        return "waits for a later command";
    if (!collect(c) || !checkWithin(c))
      return fault;
    queues[model.commands[c].engine].push_back(c);
    if (model.commands[c].signals)
      signaller.push_back(c);
  }
  explore();
  return fault;
}

std::string tercet::check_test::findFault(const Model &model) { return Oracle(model).run(); }
