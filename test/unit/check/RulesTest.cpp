// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One small program for each rule, and what the error says: the commands, the
// buffers and the bytes.

#include "Model.h"

#include "compiler/check/Check.h"

#include <gtest/gtest.h>

using namespace tercet;
using namespace tercet::check_test;

namespace {
std::string checkerSays(const Model &model) {
  return llvm::toString(check::checkTable(model.toTable()));
}

void expectRefused(const Model &model, const std::string &mention) {
  std::string said = checkerSays(model);
  EXPECT_NE(said.find(mention), std::string::npos) << "expected: " << mention << "\ngot: " << said;
}

constexpr uint32_t In = 0, Out = 1, A = 2, B = 3;

/// in -> A -> B -> out, on one queue or on three in turn with a token each.
Model makeChain(uint32_t engines = 1) {
  Model model;
  model.engines = engines;
  uint32_t io = model.addPool({TERCET_POOL_IO, 0, 64});
  uint32_t arena = model.addPool({TERCET_POOL_ARENA, 256, 64});
  model.addBuffer({io, 0, 64, 1});
  model.addBuffer({io, 0, 64, 1});
  model.addBuffer({arena, 0, 64, 64});
  model.addBuffer({arena, 64, 64, 64});
  model.inputs = {{In, 0, TERCET_NONE}};
  model.outputs = {{Out, 0, TERCET_NONE}};
  const uint32_t chain[] = {In, A, B, Out};
  for (uint32_t c = 0; c < 3; ++c) {
    Command command;
    command.engine = c % engines;
    command.operands = {reads(chain[c], 64), writes(chain[c + 1], 64)};
    if (engines > 1 && c < 2)
      command.signals = true;
    if (engines > 1 && c > 0)
      command.waits = {c - 1};
    model.commands.push_back(command);
  }
  return model;
}

TEST(Rules, ChainsAreProven) {
  EXPECT_EQ(checkerSays(makeChain()), "");
  EXPECT_EQ(checkerSays(makeChain(3)), "");
  check::CheckStatistics statistics;
  ASSERT_FALSE(check::checkTable(makeChain(3).toTable(), &statistics));
  ASSERT_EQ(statistics.entries.size(), 1u);
  const check::EntryStatistics &main = statistics.entries[0];
  EXPECT_EQ(main.name, "main");
  EXPECT_EQ(main.commands, 3u);
  EXPECT_EQ(main.queues, 3u);
  EXPECT_EQ(main.tokens, 2u);
  EXPECT_EQ(main.waits, 2u);
  EXPECT_EQ(main.buffers, 4u);
  EXPECT_EQ(main.orderedPairs, 2u);
  EXPECT_EQ(main.bytesRead, 192u);
  EXPECT_EQ(main.bytesWritten, 192u);
}

TEST(Rules, RaceOfWriterAndReader) {
  Model model = makeChain(3);
  model.commands[2].waits.clear();
  expectRefused(model,
                "entry 'main', command 2, node 'node 2': reads bytes [64, 128) of memory, in "
                "buffer 3 of pool 'pool1', which command 1, node 'node 1' of engine 'cpu1' "
                "writes, through buffer 3 of pool 'pool1': neither a queue nor a token");
}

TEST(Rules, ReuseWithoutAnEdge) {
  // C takes A's place while command 1 may still read it.
  Model model = makeChain(3);
  uint32_t c = model.addBuffer({1, 0, 64, 64});
  Command late;
  late.engine = 0;
  late.operands = {writes(c, 64)};
  model.commands.push_back(late);
  expectRefused(model, "command 3, node 'node 3': writes bytes [0, 64) of memory, in buffer 4 of "
                       "pool 'pool1', which command 1, node 'node 1' of engine 'cpu1' reads");
  model.commands[3].waits = {1};
  EXPECT_EQ(checkerSays(model), "");
}

TEST(Rules, OverlapOfLiveBuffersOnOneQueue) {
  Model model = makeChain();
  uint32_t c = model.addBuffer({1, 64, 128, 64});
  Command clobber;
  clobber.operands = {writes(c, 128)};
  model.commands.insert(model.commands.begin() + 2, clobber);
  expectRefused(model, "command 3, node 'node 3': reads bytes [64, 128) of memory, in buffer 3 of "
                       "pool 'pool1', where command 2, node 'node 2' has written since, through "
                       "buffer 4 of pool 'pool1'");
}

TEST(Rules, ScratchOverALiveBuffer) {
  Model model = makeChain();
  uint32_t scratch = model.addBuffer({1, 64, 128, 64});
  Command work;
  work.operands = {reads(In, 64)};
  work.scratchBuffer = scratch;
  work.scratchStride = 64;
  model.workers = 2;
  model.commands.insert(model.commands.begin() + 2, work);
  expectRefused(model, "where the scratch of command 2, node 'node 2' has been since");
  model.buffers[scratch].offset = 128;
  EXPECT_EQ(checkerSays(model), "");
  model.workers = 3;
  expectRefused(model, "scratch of 64 bytes for each of 3 workers exceeds the 128 bytes");
}

TEST(Rules, ScratchOfAllWorkers) {
  // The second worker's scratch lies over B.
  Model model = makeChain();
  model.workers = 2;
  uint32_t scratch = model.addBuffer({1, 0, 128, 64});
  Command work;
  work.operands = {reads(In, 64)};
  work.scratchBuffer = scratch;
  work.scratchStride = 64;
  model.commands.insert(model.commands.begin() + 2, work);
  expectRefused(model, "command 3, node 'node 3': reads bytes [64, 128) of memory, in buffer 3 of "
                       "pool 'pool1', where the scratch of command 2, node 'node 2' has been");
  model.workers = 1;
  EXPECT_EQ(checkerSays(model), "");
}

/// in -> A on a CPU, A -> B behind a driver, B -> out on the CPU.
Model makeSubmission() {
  Model model = makeChain(3);
  model.drivers = 2;
  model.commands[1].opcode = TERCET_COMMAND_SUBMIT;
  return model;
}

TEST(Rules, SubmissionsAreProven) {
  EXPECT_EQ(checkerSays(makeSubmission()), "");
  // A race is a race, whoever runs the command.
  Model model = makeSubmission();
  model.commands[1].waits.clear();
  expectRefused(model, "command 1, node 'node 1': reads bytes [0, 64) of memory, in buffer 2 of "
                       "pool 'pool1'");
}

TEST(Rules, SubmissionsNeedADriver) {
  Model model = makeSubmission();
  model.drivers = 0;
  expectRefused(model,
                "command 1, node 'node 1': submits a kernel to engine 'cpu1', which is a CPU "
                "and has no driver");
  model = makeSubmission();
  model.hasImages = false;
  expectRefused(model, "submits a kernel to engine 'npu1', which has no image that it could be in");
  model = makeSubmission();
  model.announcesSubmit = false;
  expectRefused(model, "submits a kernel, which the table's features do not announce");
  model = makeSubmission();
  model.commands[1].opcode = TERCET_COMMAND_DISPATCH;
  expectRefused(model, "runs a kernel on engine 'npu1', which is not a CPU");
}

TEST(Rules, SubmissionsSeeNoBoundMemory) {
  Model model = makeSubmission();
  model.commands[1].operands[0].buffer = In;
  expectRefused(model, "operand 0 is buffer 0 of pool 'pool0', which the application binds and a "
                       "driver cannot reach");
}

TEST(Rules, ScratchOfADriversWorkers) {
  // Of the 128 bytes 64 are the second worker's, which the engine does not have.
  Model model = makeSubmission();
  model.workers = 4;
  model.driverWorkers = 2;
  model.commands[1].scratchBuffer = model.addBuffer({1, 128, 128, 64});
  model.commands[1].scratchStride = 64;
  EXPECT_EQ(checkerSays(model), "");
  model.driverWorkers = 3;
  expectRefused(model, "scratch of 64 bytes for each of 3 workers exceeds the 128 bytes");
  model.driverWorkers = 5;
  expectRefused(model, "ENGINES[1]: 5 workers, LIMITS allows 4");
}

TEST(Rules, ScratchWithinReach) {
  Model model = makeChain();
  uint32_t far = model.addPool({TERCET_POOL_ARENA, 64, 64, /*engineMask=*/2});
  model.commands[0].scratchBuffer = model.addBuffer({far, 0, 64, 64});
  model.commands[0].scratchStride = 64;
  expectRefused(model,
                "its scratch is buffer 4 of pool 'pool2', which engine 'cpu0' cannot address");
}

TEST(Rules, InputInAnArena) {
  Model model = makeChain();
  model.inputs[0].buffer = model.addBuffer({1, 128, 64, 64});
  model.commands[0].operands[0].buffer = 4;
  EXPECT_EQ(checkerSays(model), "");
  // Another buffer over the input, without a write before the read.
  model.commands[0].operands[0].buffer = model.addBuffer({1, 128, 32, 64});
  model.commands[0].operands[0].bytes = 32;
  expectRefused(model,
                "reads bytes [128, 160) of memory, in buffer 5 of pool 'pool1', where there is "
                "still the input in buffer 4 of pool 'pool1'");
  // It may be overwritten after its last use.
  model.commands[0].operands[0].buffer = 4;
  model.buffers[B].offset = 128;
  EXPECT_EQ(checkerSays(model), "");
}

TEST(Rules, OneTensorABinding) {
  Model model = makeChain();
  model.outputs.push_back({Out, 0, TERCET_NONE});
  expectRefused(model, "output 'out2' shares buffer 1 of pool 'pool0' with another tensor");
}

TEST(Rules, CopiesWriteEachByteOnce) {
  Model model = makeChain();
  model.commands[1].opcode = TERCET_COMMAND_COPY;
  model.commands[1].copy = {8, {2, 4}, {32, 8}, {32, 8}};
  EXPECT_EQ(checkerSays(model), "");
  model.commands[1].copy->destination_stride[1] = 7;
  expectRefused(model, "COPIES[0]: writes bytes of the destination twice");
  model.commands[1].copy->destination_stride[1] = 8;
  model.commands[1].copy->destination_stride[0] = 31;
  expectRefused(model, "COPIES[0]: writes bytes of the destination twice");
}

TEST(Rules, UnwrittenBytes) {
  Model model = makeChain();
  model.commands[1].operands[1].bytes = 32;
  expectRefused(model,
                "reads bytes [96, 128) of memory, in buffer 3 of pool 'pool1', which nothing "
                "has written before");
  model = makeChain();
  model.commands[2].operands[1].bytes = 60;
  expectRefused(model, "entry 'main': returns as output 'out1' bytes [60, 64)");
}

TEST(Rules, Deadlock) {
  Model model = makeChain(3);
  model.commands[0].waits = {1};
  expectRefused(model, "command 0, node 'node 0': waits for token 1, which no earlier command");
}

TEST(Rules, InPlaceIsForEqualRanges) {
  Model model = makeChain();
  model.buffers[B].offset = 0;
  EXPECT_EQ(checkerSays(model), "");
  model.buffers[B].alignment = 1;
  model.buffers[B].offset = 4;
  expectRefused(model, "expected disjoint ranges, or equal ones of two operands");
  model = makeChain();
  model.buffers[B].offset = 0;
  model.commands[1].opcode = TERCET_COMMAND_COPY;
  expectRefused(model, "expected disjoint ranges");
  model = makeChain();
  model.commands[1].operands.push_back(writes(B, 64));
  expectRefused(model, "writes bytes [64, 128) twice: operand 1");
}

TEST(Rules, InputsAreNotWritten) {
  Model model = makeChain();
  model.commands[2].operands.push_back(writes(In, 64));
  expectRefused(model, "operand 2 writes input 'in0', which is neither state nor tied");
  model.inputs[0].flags = TERCET_TENSOR_STATE;
  EXPECT_EQ(checkerSays(model), "");
}

TEST(Rules, NothingIsBound) {
  Model model = makeChain();
  uint32_t stray = model.addBuffer({0, 0, 64, 1});
  model.commands[2].operands.push_back(writes(stray, 64));
  expectRefused(model, "operand 2 is buffer 4 of pool 'pool0', which is no input or output");
}

TEST(Rules, EngineAndCapacity) {
  Model model = makeChain(3);
  model.pools[1].engineMask = 5;
  expectRefused(model, "operand 0 is buffer 2 of pool 'pool1', which engine 'cpu1' cannot address");
  model = makeChain();
  model.buffers[B].offset = 256;
  expectRefused(model, "BUFFERS[3]: 64 bytes at offset 256 exceed the 256 bytes of pool 'pool1'");
  model.buffers[B].offset = ~uint64_t(63);
  expectRefused(model, "BUFFERS[3]: 64 bytes at offset 18446744073709551552 exceed");
  model.buffers[B].offset = 65;
  expectRefused(model, "BUFFERS[3]: offset 65 is no multiple of its alignment 64");
}

/// A wait for a later command of a queue covers the earlier ones, and so does
/// a wait of somebody who waited.
TEST(Rules, OrderIsTransitive) {
  Model model = makeChain(3);
  Command last;
  last.engine = 0;
  last.operands = {writes(A, 64)}; // after its reader, command 1
  Command hop;
  hop.engine = 2;
  hop.opcode = TERCET_COMMAND_SIGNAL;
  hop.signals = true;
  last.waits = {2};
  model.commands.push_back(hop);
  model.commands.push_back(last);
  EXPECT_EQ(checkerSays(model), "");
  model.commands[2].waits.clear();
  model.commands[2].operands = {reads(In, 64), writes(Out, 64)};
  expectRefused(model, "command 4, node 'node 4': writes bytes [0, 64)");
}

TEST(Rules, AllProblemsAreListedUpToTwenty) {
  Model model = makeChain();
  for (int i = 0; i < 30; ++i) {
    Command command;
    command.operands = {reads(model.addBuffer({1, 128, 8, 1}), 8)};
    model.commands.push_back(command);
  }
  unsigned lines = 0;
  llvm::handleAllErrors(check::checkTable(model.toTable()),
                        [&](const llvm::ErrorInfoBase &) { ++lines; });
  EXPECT_EQ(lines, 21u);
  expectRefused(model, "and 10 more problems");
}
} // namespace
