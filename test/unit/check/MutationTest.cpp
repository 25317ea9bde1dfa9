// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checker against the oracle: on right programs, and on thousands of
// programs with one thing changed, each of which the checker must accept
// exactly if no interleaving of its queues goes wrong.

#include "Model.h"

#include "compiler/check/Check.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

using namespace tercet;
using namespace tercet::check_test;

namespace {
constexpr uint32_t kPrograms = 1200, kMutantsOfAKind = 3;

using Random = std::mt19937;
uint32_t below(Random &random, size_t n) { return random() % n; }

std::string checkerSays(const Model &model) {
  return llvm::toString(check::checkTable(model.toTable()));
}

/// Changes one thing; false if the program has no such thing.
struct Mutation {
  const char *name;
  bool (*apply)(Model &, Random &);
  /// Whether there are such mutants that are still right.
  bool canBeRight = true;
};

Command *commandWith(Model &model, Random &random, bool (*has)(const Command &)) {
  std::vector<Command *> found;
  for (Command &command : model.commands)
    if (has(command))
      found.push_back(&command);
  return found.empty() ? nullptr : found[below(random, found.size())];
}

Operand *anyOperand(Model &model, Random &random) {
  Command *command =
      commandWith(model, random, [](const Command &c) { return !c.operands.empty(); });
  return command ? &command->operands[below(random, command->operands.size())] : nullptr;
}

bool moveBuffer(Model &model, Random &random) {
  Buffer &buffer = model.buffers[below(random, model.buffers.size())];
  if (model.pools[buffer.pool].kind == TERCET_POOL_IO)
    return false;
  uint64_t offset = below(random, model.pools[buffer.pool].bytes + 1);
  bool changed = offset != buffer.offset;
  buffer.offset = offset;
  return changed;
}

bool alignBuffer(Model &model, Random &random) {
  Buffer &buffer = model.buffers[below(random, model.buffers.size())];
  buffer.alignment = 1u << (1 + below(random, 7));
  return model.pools[buffer.pool].kind != TERCET_POOL_IO;
}

bool resizeBuffer(Model &model, Random &random) {
  Buffer &buffer = model.buffers[below(random, model.buffers.size())];
  buffer.bytes += below(random, 2) || !buffer.bytes ? 1 : -1;
  return true;
}

bool shrinkPool(Model &model, Random &random) {
  Pool &pool = model.pools[below(random, model.pools.size())];
  if (pool.kind == TERCET_POOL_IO || !pool.bytes)
    return false;
  --pool.bytes;
  return true;
}

bool resizeOperand(Model &model, Random &random) {
  Operand *operand = anyOperand(model, random);
  operand->bytes += below(random, 2) || !operand->bytes ? 1 : -1;
  return true;
}

bool moveOperand(Model &model, Random &random) {
  Operand *operand = anyOperand(model, random);
  operand->offset += below(random, 2) || !operand->offset ? 1 : -1;
  return true;
}

bool changeAccess(Model &model, Random &random) {
  Operand *operand = anyOperand(model, random);
  uint32_t access = 1 + below(random, 3);
  bool changed = access != operand->access;
  operand->access = access;
  return changed;
}

bool changeOperandBuffer(Model &model, Random &random) {
  Operand *operand = anyOperand(model, random);
  uint32_t buffer = below(random, model.buffers.size());
  bool changed = buffer != operand->buffer;
  operand->buffer = buffer;
  return changed;
}

bool dropOperand(Model &model, Random &random) {
  Command *command =
      commandWith(model, random, [](const Command &c) { return !c.operands.empty(); });
  command->operands.erase(command->operands.begin() + below(random, command->operands.size()));
  return true;
}

bool dropWait(Model &model, Random &random) {
  Command *command = commandWith(model, random, [](const Command &c) { return !c.waits.empty(); });
  if (!command)
    return false;
  command->waits.erase(command->waits.begin() + below(random, command->waits.size()));
  return true;
}

bool addWait(Model &model, Random &random) {
  uint32_t tokens = 0;
  for (const Command &command : model.commands)
    tokens += command.signals;
  model.commands[below(random, model.commands.size())].waits.push_back(below(random, tokens + 1));
  return true;
}

bool changeWait(Model &model, Random &random) {
  Command *command = commandWith(model, random, [](const Command &c) { return !c.waits.empty(); });
  if (!command)
    return false;
  uint32_t &wait = command->waits[below(random, command->waits.size())];
  wait += below(random, 2) || !wait ? 1 : -1;
  return true;
}

/// The tokens behind it take other numbers, the waits do not.
bool dropSignal(Model &model, Random &random) {
  Command *command = commandWith(model, random, [](const Command &c) { return c.signals; });
  if (command)
    command->signals = false;
  return command;
}

/// A signal and all waits for it.
bool dropToken(Model &model, Random &random) {
  std::vector<Command *> signallers;
  for (Command &command : model.commands)
    if (command.signals)
      signallers.push_back(&command);
  if (signallers.empty())
    return false;
  uint32_t token = below(random, signallers.size());
  signallers[token]->signals = false;
  for (Command &command : model.commands) {
    std::vector<uint32_t> kept;
    for (uint32_t wait : command.waits)
      if (wait != token)
        kept.push_back(wait - (wait > token));
    command.waits = kept;
  }
  return true;
}

/// Signals keep to their place in the list, as a careless tool would do it.
bool swapCommands(Model &model, Random &random) {
  uint32_t a = below(random, model.commands.size()), b = below(random, model.commands.size());
  std::swap(model.commands[a], model.commands[b]);
  return a != b;
}

/// With tokens renumbered, so that only order and deadlock are at stake.
bool swapAndRenumber(Model &model, Random &random) {
  uint32_t a = below(random, model.commands.size()), b = below(random, model.commands.size());
  std::vector<const Command *> signallers;
  std::vector<Command> before = model.commands;
  for (const Command &command : before)
    if (command.signals)
      signallers.push_back(&command);
  std::vector<uint32_t> order(before.size());
  for (uint32_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::swap(order[a], order[b]);
  std::vector<uint32_t> number(signallers.size());
  uint32_t tokens = 0;
  for (uint32_t i = 0; i < order.size(); ++i) {
    model.commands[i] = before[order[i]];
    for (uint32_t t = 0; t < signallers.size(); ++t)
      if (signallers[t] == &before[order[i]])
        number[t] = tokens++;
  }
  for (Command &command : model.commands)
    for (uint32_t &wait : command.waits)
      wait = number[wait];
  return a != b;
}

bool changeEngine(Model &model, Random &random) {
  Command &command = model.commands[below(random, model.commands.size())];
  uint32_t engine = below(random, model.engines);
  bool changed = engine != command.engine;
  command.engine = engine;
  return changed;
}

bool maskPool(Model &model, Random &random) {
  model.pools[below(random, model.pools.size())].engineMask = below(random, 1u << model.engines);
  return true;
}

bool moveScratch(Model &model, Random &random) {
  Command *command =
      commandWith(model, random, [](const Command &c) { return c.scratchBuffer != TERCET_NONE; });
  if (!command)
    return false;
  Buffer &buffer = model.buffers[command->scratchBuffer];
  buffer.offset = below(random, model.pools[buffer.pool].bytes - 63);
  return true;
}

bool addScratch(Model &model, Random &random) {
  if (model.pools[0].bytes < 64)
    model.pools[0].bytes = 64 + below(random, 8);
  Command &command = model.commands[below(random, model.commands.size())];
  if (command.opcode != TERCET_COMMAND_DISPATCH && command.opcode != TERCET_COMMAND_SUBMIT)
    return false;
  command.scratchBuffer = model.addBuffer({0, below(random, model.pools[0].bytes - 63), 64, 1});
  command.scratchStride = 64;
  return true;
}

bool moreWorkers(Model &model, Random &random) {
  Command *command =
      commandWith(model, random, [](const Command &c) { return c.scratchBuffer != TERCET_NONE; });
  if (!command)
    return false;
  model.workers = 2;
  // Mostly with room for the second worker, over whatever lies there.
  if (below(random, 4)) {
    Buffer &buffer = model.buffers[command->scratchBuffer];
    buffer.bytes = 128;
    model.pools[buffer.pool].bytes =
        std::max(model.pools[buffer.pool].bytes, buffer.offset + buffer.bytes);
  }
  return true;
}

bool changeCopy(Model &model, Random &random) {
  Command *command =
      commandWith(model, random, [](const Command &c) { return c.copy.has_value(); });
  if (!command)
    return false;
  tercet_copy_record &copy = *command->copy;
  switch (below(random, 4)) {
  case 0:
    copy.run_bytes = below(random, 4);
    return true;
  case 1:
    copy.count[below(random, 2)] = below(random, 4);
    return true;
  case 2:
    copy.source_stride[below(random, 2)] = below(random, 4);
    return true;
  default:
    copy.destination_stride[below(random, 2)] = below(random, 4);
    return true;
  }
}

bool changeOpcode(Model &model, Random &random) {
  Command &command = model.commands[below(random, model.commands.size())];
  uint32_t opcode = 1 + below(random, 5);
  bool changed = opcode != command.opcode && !command.copy && command.scratchBuffer == TERCET_NONE;
  command.opcode = opcode;
  return changed;
}

bool changeDriver(Model &model, Random &random) {
  model.drivers ^= 1u << below(random, model.engines);
  return true;
}

bool dropImages(Model &model, Random &random) {
  model.hasImages = false;
  return model.drivers;
}

bool dropFeature(Model &model, Random &random) {
  model.announcesSubmit = false;
  return model.drivers;
}

/// An engine behind a driver has workers of its own, for which a command that is
/// given scratch needs room: behind everything, or over whatever lies there.
bool moreDriverWorkers(Model &model, Random &random) {
  Command *command = commandWith(
      model, random, [](const Command &c) { return c.opcode == TERCET_COMMAND_SUBMIT; });
  if (!command)
    return false;
  model.workers = model.driverWorkers = 2;
  Pool &pool = model.pools[0];
  uint64_t bytes = below(random, 4) ? 128 : 64, offset = pool.bytes;
  if (below(random, 2))
    offset = below(random, pool.bytes + 1);
  pool.bytes = std::max(pool.bytes, offset + bytes);
  command->scratchBuffer = model.addBuffer({0, offset, bytes, 1});
  command->scratchStride = 64;
  return true;
}

/// A command of a driver's engine is given what the application binds.
bool submitBound(Model &model, Random &random) {
  Command *command = commandWith(
      model, random, [](const Command &c) { return c.opcode == TERCET_COMMAND_SUBMIT; });
  if (!command || command->operands.empty())
    return false;
  for (Pool &pool : model.pools)
    pool.engineMask = ~uint64_t(0);
  for (uint32_t b = 0; b < model.buffers.size(); ++b)
    if (model.pools[model.buffers[b].pool].kind == TERCET_POOL_IO) {
      command->operands[below(random, command->operands.size())] = reads(b, model.buffers[b].bytes);
      return true;
    }
  return false;
}

bool tieOutput(Model &model, Random &random) {
  Tensor &output = model.outputs[below(random, model.outputs.size())];
  output.tied = output.tied == TERCET_NONE ? below(random, model.inputs.size()) : TERCET_NONE;
  return true;
}

bool changeOutput(Model &model, Random &random) {
  Tensor &output = model.outputs[below(random, model.outputs.size())];
  output.buffer = below(random, model.buffers.size());
  return model.pools[model.buffers[output.buffer].pool].kind != TERCET_POOL_WEIGHTS;
}

bool changeInput(Model &model, Random &random) {
  Tensor &input = model.inputs[below(random, model.inputs.size())];
  input.buffer = below(random, model.buffers.size());
  uint32_t kind = model.pools[model.buffers[input.buffer].pool].kind;
  return kind != TERCET_POOL_WEIGHTS && !(kind == TERCET_POOL_ARENA && input.flags);
}

const Mutation kMutations[] = {
    {"buffer offset", moveBuffer},
    {"buffer alignment", alignBuffer},
    {"buffer bytes", resizeBuffer},
    {"pool bytes", shrinkPool},
    {"operand bytes", resizeOperand},
    {"operand offset", moveOperand},
    {"operand access", changeAccess},
    {"operand buffer", changeOperandBuffer},
    {"operand dropped", dropOperand},
    {"wait dropped", dropWait},
    {"wait added", addWait},
    {"wait changed", changeWait},
    {"signal dropped", dropSignal, false},
    {"token dropped", dropToken},
    {"commands swapped", swapCommands},
    {"order swapped", swapAndRenumber},
    {"engine", changeEngine},
    {"engine mask", maskPool},
    {"scratch moved", moveScratch},
    {"scratch added", addScratch},
    {"workers", moreWorkers},
    {"strided copy", changeCopy},
    {"opcode", changeOpcode},
    {"driver", changeDriver},
    {"images dropped", dropImages, false},
    {"feature dropped", dropFeature, false},
    {"driver's workers", moreDriverWorkers},
    {"input submitted", submitBound, false},
    {"tie", tieOutput, false},
    {"output's buffer", changeOutput},
    {"input's buffer", changeInput},
};

TEST(Mutation, GeneratedProgramsAreRight) {
  uint32_t queues = 0, tokens = 0, submissions = 0;
  for (uint32_t seed = 0; seed < kPrograms; ++seed) {
    Model model = generate(seed);
    ASSERT_EQ(findFault(model), "") << "seed " << seed;
    ASSERT_EQ(checkerSays(model), "") << "seed " << seed;
    queues += model.engines;
    for (const Command &command : model.commands) {
      tokens += command.signals;
      submissions += command.opcode == TERCET_COMMAND_SUBMIT;
    }
  }
  // Not trivial ones.
  EXPECT_GT(queues, 3 * kPrograms / 2);
  EXPECT_GT(tokens, kPrograms);
  EXPECT_GT(submissions, kPrograms / 8);
}

TEST(Mutation, CheckerAgreesWithEveryInterleaving) {
  uint32_t total = 0;
  for (const Mutation &mutation : kMutations) {
    uint32_t right = 0, wrong = 0;
    for (uint32_t seed = 0; seed < kPrograms; ++seed) {
      Random random(1000 * seed + (&mutation - kMutations));
      for (uint32_t i = 0; i < kMutantsOfAKind; ++i) {
        Model mutant = generate(seed);
        if (!mutation.apply(mutant, random))
          continue;
        std::string fault = findFault(mutant), said = checkerSays(mutant);
        ASSERT_EQ(fault.empty(), said.empty())
            << mutation.name << ", seed " << seed << ", mutant " << i << "\noracle: " << fault
            << "\nchecker: " << said;
        ++(fault.empty() ? right : wrong);
      }
    }
    std::cout << mutation.name << ": " << wrong << " wrong, " << right << " right\n";
    EXPECT_GT(wrong, 20u) << mutation.name;
    if (mutation.canBeRight)
      EXPECT_GT(right, 5u) << mutation.name;
    total += right + wrong;
  }
  std::cout << total << " mutants\n";
  EXPECT_GT(total, 50000u);
}
} // namespace
