// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random right programs: values made, cut, put together, updated and copied by
// commands on one to three queues. The planner gives each value a random place
// where everything in its way is finished with, and adds a wait for every
// access that no queue orders. Order is a matrix of reachability.

#include "Model.h"

#include <algorithm>
#include <random>
#include <set>

using namespace tercet::check_test;

namespace {
/// A piece of memory with a content: its buffer, and who touches it.
struct Value {
  uint32_t buffer;
  uint64_t bytes;
  std::vector<uint32_t> users; // commands, ascending; the first ones write
  bool isWhole = true;         // false: scratch, never read
};

class Generator {
public:
  explicit Generator(uint32_t seed) : random(seed) {}
  Model run();

private:
  uint32_t below(uint32_t n) { return random() % n; }
  bool chance(uint32_t percent) { return below(100) < percent; }
  bool isBefore(uint32_t a, uint32_t b) const { return reach[a].count(b) != 0; }
  void link(uint32_t before, uint32_t after);
  /// Everything that `c` does to a value comes after what it did before.
  void use(Value &value, uint32_t c, bool writes);
  uint32_t newCommand(uint32_t opcode);
  uint32_t place(uint64_t bytes, uint32_t c);
  Value *pick(uint32_t c);
  void compute();
  void copyStrided();
  void join();
  void updateState();
  void writeOutputs();
  void numberTokens();
  void addDrivers();

  std::mt19937 random;
  Model model;
  uint32_t arena = 0, io = 0, weights = 0, state = 0;
  std::vector<Value> values;  // in the arena
  std::vector<Value> past;    // were in the arena
  std::vector<Value> sources; // inputs, weights
  std::vector<Value> stateful;
  std::vector<std::set<uint32_t>> reach; // of each command: those behind it
  std::vector<int> last;                 // command of each queue
  std::set<std::pair<uint32_t, uint32_t>> edges;
};
} // namespace

void Generator::link(uint32_t before, uint32_t after) {
  if (before == after || isBefore(before, after))
    return;
  if (model.commands[before].engine != model.commands[after].engine)
    edges.insert({before, after});
  for (uint32_t c = 0; c <= before; ++c)
    if (c == before || isBefore(c, before))
      reach[c].insert(after);
}

void Generator::use(Value &value, uint32_t c, bool writes) {
  // A reader follows the writers, a writer follows all. Which of the users
  // write is not kept: following all of them is right too, if sometimes more
  // than needed, so only values with one writer let readers run together.
  for (uint32_t user : value.users)
    if (writes || user == value.users.front() || !value.isWhole)
      link(user, c);
  value.users.push_back(c);
}

uint32_t Generator::newCommand(uint32_t opcode) {
  uint32_t c = model.commands.size();
  Command command;
  command.opcode = opcode;
  command.engine = below(model.engines);
  model.commands.push_back(command);
  reach.emplace_back();
  if (last[command.engine] >= 0)
    link(last[command.engine], c);
  last[command.engine] = c;
  return c;
}

/// A buffer in the arena whose place command `c` may write: values that lie
/// there are not used again, and `c` is put behind their users.
uint32_t Generator::place(uint64_t bytes, uint32_t c) {
  Pool &pool = model.pools[arena];
  uint64_t offset = chance(70) ? below(pool.bytes) : pool.bytes;
  if (offset + bytes > pool.bytes) {
    offset = pool.bytes;
    pool.bytes += bytes;
  }
  for (size_t v = 0; v < values.size();) {
    const Buffer &other = model.buffers[values[v].buffer];
    if (other.offset >= offset + bytes || offset >= other.offset + other.bytes) {
      ++v;
      continue;
    }
    // Its other bytes may be taken later.
    past.push_back(values[v]);
    values.erase(values.begin() + v);
  }
  for (const Value &value : past) {
    const Buffer &other = model.buffers[value.buffer];
    if (other.offset < offset + bytes && offset < other.offset + other.bytes)
      for (uint32_t user : value.users)
        link(user, c);
  }
  return model.addBuffer({arena, offset, bytes, 1});
}

Value *Generator::pick(uint32_t c) {
  std::vector<Value *> all;
  for (auto *list : {&values, &sources})
    for (Value &value : *list)
      if (value.isWhole && (value.users.empty() || value.users.back() != c))
        all.push_back(&value);
  return all.empty() ? nullptr : all[below(all.size())];
}

void Generator::compute() {
  uint32_t c = newCommand(TERCET_COMMAND_DISPATCH);
  uint32_t inputs = 1 + below(2);
  for (uint32_t i = 0; i < inputs; ++i)
    if (Value *input = pick(c)) {
      use(*input, c, false);
      uint64_t offset = chance(25) ? below(input->bytes) : 0;
      uint64_t bytes = input->bytes - offset;
      model.commands[c].operands.push_back(reads(input->buffer, bytes, offset));
    }
  // In place: the result takes all of an operand that nothing reads later.
  if (!values.empty() && chance(25)) {
    Value &own = values[below(values.size())];
    if (own.isWhole) {
      bool isRead = own.users.back() == c;
      use(own, c, true);
      model.commands[c].operands.erase(
          std::remove_if(model.commands[c].operands.begin(), model.commands[c].operands.end(),
                         [&](const Operand &o) { return o.buffer == own.buffer; }),
          model.commands[c].operands.end());
      if (chance(50) || !isRead) {
        model.commands[c].operands.push_back(updates(own.buffer, own.bytes));
        own.isWhole = true;
        // Two writers: readers follow both.
        std::vector<uint32_t> users = own.users;
        own.users = {c};
        for (uint32_t user : users)
          link(user, c);
      } else {
        Buffer copy = model.buffers[own.buffer];
        model.commands[c].operands.push_back(reads(own.buffer, own.bytes));
        own.buffer = model.addBuffer(copy);
        model.commands[c].operands.push_back(writes(own.buffer, own.bytes));
        own.users = {c};
      }
      return;
    }
  }
  std::vector<uint32_t> readBuffers;
  for (const Operand &operand : model.commands[c].operands)
    readBuffers.push_back(operand.buffer);
  auto isFree = [&](uint32_t buffer) {
    const Buffer &b = model.buffers[buffer];
    for (uint32_t other : readBuffers) {
      const Buffer &o = model.buffers[other];
      if (o.pool == b.pool && o.offset < b.offset + b.bytes && b.offset < o.offset + o.bytes)
        return false;
    }
    return true;
  };
  // What the command itself reads is not to be overwritten: beyond the end.
  auto placeFreely = [&](uint64_t bytes) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      std::vector<Value> before = values;
      uint64_t size = model.pools[arena].bytes;
      uint32_t buffer = place(bytes, c);
      if (isFree(buffer))
        return buffer;
      values = before;
      model.buffers.pop_back();
      model.pools[arena].bytes = size;
    }
    model.pools[arena].bytes += bytes;
    return model.addBuffer({arena, model.pools[arena].bytes - bytes, bytes, 1});
  };
  uint32_t result = placeFreely(1 + below(4));
  values.push_back({result, model.buffers[result].bytes, {c}});
  model.commands[c].operands.push_back(writes(result, model.buffers[result].bytes));
  if (chance(8)) {
    readBuffers.push_back(result);
    uint32_t scratch = placeFreely(64);
    values.push_back({scratch, 64, {c}, false});
    model.commands[c].scratchBuffer = scratch;
    model.commands[c].scratchStride = 64;
  }
}

void Generator::copyStrided() {
  // Every second byte of a value of 4 to every second byte of one of 4; the
  // other two are written by a second copy, maybe on another queue.
  uint32_t c = newCommand(TERCET_COMMAND_DISPATCH);
  uint32_t source = place(4, c);
  values.push_back({source, 4, {c}});
  model.commands[c].operands.push_back(writes(source, 4));
  uint32_t first = newCommand(TERCET_COMMAND_COPY), second = newCommand(TERCET_COMMAND_COPY);
  uint64_t end = model.pools[arena].bytes;
  model.pools[arena].bytes += 4;
  uint32_t target = model.addBuffer({arena, end, 4, 1});
  for (Value &value : values)
    if (value.buffer == source) {
      use(value, first, false);
      use(value, second, false);
    }
  tercet_copy_record copy = {1, {1, 2}, {0, 2}, {0, 2}};
  for (uint32_t part = 0; part < 2; ++part) {
    Command &command = model.commands[part ? second : first];
    command.copy = copy;
    command.operands = {reads(source, 4 - part, part), writes(target, 3, part)};
  }
  uint32_t reader = newCommand(TERCET_COMMAND_DISPATCH);
  link(first, reader);
  link(second, reader);
  model.commands[reader].operands = {reads(target, 4)};
  uint32_t result = model.addBuffer({arena, model.pools[arena].bytes, 2, 1});
  model.pools[arena].bytes += 2;
  model.commands[reader].operands.push_back(writes(result, 2));
  values.push_back({result, 2, {reader}});
  values.push_back({target, 4, {first, second, reader}, false});
}

void Generator::join() {
  // A concatenation: two commands write parts of one buffer.
  uint32_t first = newCommand(TERCET_COMMAND_DISPATCH);
  uint32_t whole = place(4, first);
  uint32_t second = newCommand(TERCET_COMMAND_DISPATCH);
  // What was in the way is also in the way of the second part.
  for (uint32_t c = 0; c < first; ++c)
    if (isBefore(c, first))
      link(c, second);
  uint64_t cut = 1 + below(3);
  model.commands[first].operands = {writes(whole, cut)};
  model.commands[second].operands = {writes(whole, 4 - cut, cut)};
  uint32_t reader = newCommand(TERCET_COMMAND_DISPATCH);
  link(first, reader);
  link(second, reader);
  uint32_t result = model.addBuffer({arena, model.pools[arena].bytes, 1, 1});
  model.pools[arena].bytes += 1;
  model.commands[reader].operands = {reads(whole, 4), writes(result, 1)};
  values.push_back({result, 1, {reader}});
  values.push_back({whole, 4, {first, second, reader}, false});
}

void Generator::updateState() {
  uint32_t c = newCommand(TERCET_COMMAND_DISPATCH);
  use(stateful[0], c, true);
  model.commands[c].operands.push_back(updates(stateful[0].buffer, stateful[0].bytes));
  if (Value *input = pick(c)) {
    use(*input, c, false);
    model.commands[c].operands.push_back(reads(input->buffer, input->bytes));
  }
}

void Generator::writeOutputs() {
  uint32_t outputs = 1 + below(2);
  for (uint32_t i = 0; i < outputs; ++i) {
    uint32_t c = newCommand(chance(40) ? TERCET_COMMAND_COPY : TERCET_COMMAND_DISPATCH);
    Value *value = pick(c);
    use(*value, c, false);
    uint32_t buffer = model.addBuffer({io, 0, value->bytes, 1});
    model.commands[c].operands = {reads(value->buffer, value->bytes), writes(buffer, value->bytes)};
    model.outputs.push_back({buffer, 0, TERCET_NONE});
  }
}

void Generator::numberTokens() {
  std::vector<uint32_t> token(model.commands.size());
  uint32_t count = 0;
  for (auto &[before, after] : edges)
    model.commands[before].signals = true;
  for (uint32_t c = 0; c < model.commands.size(); ++c)
    if (model.commands[c].signals)
      token[c] = count++;
  for (auto &[before, after] : edges)
    model.commands[after].waits.push_back(token[before]);
}

/// Engines that only compute, and only on what the application does not bind,
/// may as well be behind a driver.
void Generator::addDrivers() {
  for (uint32_t engine = 0; engine < model.engines; ++engine) {
    bool computes = false, mayBe = chance(90);
    for (const Command &command : model.commands) {
      if (command.engine != engine)
        continue;
      computes = true;
      mayBe &= command.opcode == TERCET_COMMAND_DISPATCH;
      for (const Operand &operand : command.operands)
        mayBe &= model.buffers[operand.buffer].pool != io;
    }
    if (!computes || !mayBe)
      continue;
    model.drivers |= 1u << engine;
    for (Command &command : model.commands)
      if (command.engine == engine)
        command.opcode = TERCET_COMMAND_SUBMIT;
  }
}

Model Generator::run() {
  model.engines = 1 + below(3);
  last.assign(model.engines, -1);
  arena = model.addPool({TERCET_POOL_ARENA, 2 + below(6), 64});
  weights = model.addPool({TERCET_POOL_WEIGHTS, 8, 64});
  state = model.addPool({TERCET_POOL_STATE, 4, 64});
  io = model.addPool({TERCET_POOL_IO, 0, 64});
  for (uint32_t i = 0; i < 1 + below(2); ++i) {
    uint64_t bytes = 1 + below(4);
    sources.push_back({model.addBuffer({io, 0, bytes, 1}), bytes, {}});
    model.inputs.push_back({sources.back().buffer, 0, TERCET_NONE});
  }
  sources.push_back({model.addBuffer({weights, 2, 3, 1}), 3, {}});
  if (chance(30)) {
    stateful.push_back({model.addBuffer({state, 0, 4, 1}), 4, {}});
    model.outputs.push_back(
        {stateful[0].buffer, TERCET_TENSOR_STATE, uint32_t(model.inputs.size())});
    model.inputs.push_back({stateful[0].buffer, TERCET_TENSOR_STATE, TERCET_NONE});
  }
  // Sources have no writer: their first reader is not one to wait for.
  uint32_t wanted = 2 + below(5);
  while (model.commands.size() < wanted) {
    for (Value &source : sources)
      source.users.clear();
    uint32_t kind = below(10);
    if (kind == 0)
      copyStrided();
    else if (kind == 1)
      join();
    else if (kind == 2 && !stateful.empty())
      updateState();
    else
      compute();
  }
  for (Value &source : sources)
    source.users.clear();
  writeOutputs();
  numberTokens();
  addDrivers();
  return model;
}

Model tercet::check_test::generate(uint32_t seed) { return Generator(seed).run(); }
