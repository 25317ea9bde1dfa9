// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables that are damaged, truncated or huge: an error or a proof, never a
// crash, and never for long. Run it with the preset `asan` too.

#include "Model.h"

#include "compiler/check/Check.h"
#include "compiler/check/ObjectTable.h"

#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <random>

using namespace tercet;
using namespace tercet::check_test;

namespace {
bool isProven(llvm::StringRef table) {
  // At an odd address, at the end of a block of its own.
  std::unique_ptr<char[]> copy(new char[table.size() + 1]);
  std::memcpy(copy.get() + 1, table.data(), table.size());
  llvm::Error error = check::checkTable({copy.get() + 1, table.size()});
  bool proven = !error;
  llvm::consumeError(std::move(error));
  return proven;
}

TEST(Hostile, FlippedBytes) {
  uint32_t rejected = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::string table = generate(seed).toTable();
    std::mt19937 random(seed);
    for (int i = 0; i < 100; ++i) {
      std::string damaged = table;
      for (uint32_t k = 0, count = 1 + random() % 3; k < count; ++k) {
        static const unsigned char values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xff};
        size_t at = random() % damaged.size();
        damaged[at] = random() % 2 ? char(random()) : char(values[random() % 7]);
      }
      rejected += !isProven(damaged);
    }
  }
  // Names and unused fields may say anything.
  EXPECT_GT(rejected, 8000u);
}

/// Every field of 32 bits set to numbers that overflow or miss by one.
TEST(Hostile, EveryWord) {
  for (uint32_t seed : {3u, 11u, 42u}) {
    std::string table = generate(seed).toTable();
    for (size_t at = 0; at + 4 <= table.size(); at += 4)
      for (uint32_t value : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffff8u, 0xffffffffu}) {
        std::string damaged = table;
        std::memcpy(&damaged[at], &value, 4);
        isProven(damaged);
      }
  }
}

TEST(Hostile, Truncated) {
  std::string table = generate(5).toTable();
  for (size_t bytes = 0; bytes < table.size(); ++bytes)
    EXPECT_FALSE(isProven(llvm::StringRef(table).take_front(bytes))) << bytes;
  EXPECT_TRUE(isProven(table + "what follows is not looked at"));
}

/// A copy of 2^60 bytes in single runs: refused, not carried out.
TEST(Hostile, EndlessCopy) {
  Model model;
  uint64_t huge = uint64_t(1) << 61;
  model.addPool({TERCET_POOL_STATE, huge, 64});
  model.addPool({TERCET_POOL_STATE, huge, 64});
  model.addBuffer({0, 0, huge, 1});
  model.addBuffer({1, 0, huge, 1});
  Command command;
  command.opcode = TERCET_COMMAND_COPY;
  command.operands = {reads(0, huge), writes(1, huge)};
  uint32_t most = 0x7fffffff;
  command.copy = {1, {1 << 30, 1 << 29}, {0, 2}, {most, 2}};
  model.commands = {command};
  std::string said = llvm::toString(check::checkTable(model.toTable()));
  EXPECT_NE(said.find("more than 1048576 runs"), std::string::npos) << said;
}

/// A released object, then the same with bytes flipped, most of them in its
/// header and in the tables of sections and symbols.
TEST(Hostile, Objects) {
  auto file =
      llvm::MemoryBuffer::getFile(TERCET_SOURCE_DIR "/test/runtime/artifacts/v1.0/demo-x86_64.o");
  ASSERT_TRUE(file);
  auto tables = check::findTables(**file);
  ASSERT_TRUE(bool(tables));
  ASSERT_EQ(tables->size(), 1u);
  // Its table is a local symbol that the compiler left out.
  EXPECT_EQ((*tables)[0].name, "");
  // It declares to read rows with the padding between them, which nothing
  // writes; docs/checker.md.
  EXPECT_EQ(llvm::toString(check::checkTable((*tables)[0].bytes)),
            "entry 'main', command 3, node '/scale/Mul': reads bytes [320, 384) and 128 more of "
            "memory, in buffer 1 of pool 'arena', which nothing has written before");
  std::mt19937 random(1);
  uint32_t found = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = (*file)->getBuffer().str();
    size_t range = i % 4 == 0 ? 64 : damaged.size();
    for (uint32_t k = 0, count = 1 + random() % 4; k < count; ++k)
      damaged[random() % range] = char(random());
    auto some = check::findTables({damaged, "damaged"});
    if (!some) {
      llvm::consumeError(some.takeError());
      continue;
    }
    for (const check::TableOfProgram &table : *some) {
      ++found;
      llvm::consumeError(check::checkTable(table.bytes));
    }
  }
  EXPECT_GT(found, 1000u);
}

double secondsFor(const std::string &table, bool expected) {
  auto begin = std::chrono::steady_clock::now();
  std::string said = llvm::toString(check::checkTable(table));
  EXPECT_EQ(said.empty(), expected) << said;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// 5000 commands on 64 queues that hand values round, in an arena that is
/// reused again and again.
Model makeLarge(uint32_t commands, uint32_t engines, uint32_t slots) {
  Model model;
  model.engines = engines;
  model.addPool({TERCET_POOL_ARENA, 256 * slots, 64});
  model.addPool({TERCET_POOL_IO, 0, 64});
  uint32_t out = model.addBuffer({1, 0, 256, 1});
  model.outputs.push_back({out, 0, TERCET_NONE});
  for (uint32_t s = 0; s < slots; ++s)
    model.addBuffer({0, 256 * s, 256, 64});
  std::mt19937 random(1);
  // Users of each slot since its last write, which the next writer waits for.
  std::vector<std::vector<uint32_t>> users(slots);
  for (uint32_t c = 0; c < commands; ++c) {
    Command command;
    command.engine = random() % engines;
    command.signals = true;
    auto waitFor = [&](uint32_t before) {
      if (model.commands[before].engine != command.engine)
        command.waits.push_back(before);
    };
    uint32_t target = c < slots ? c : random() % slots;
    for (int i = 0; i < 3 && c >= slots; ++i) {
      uint32_t source = random() % slots;
      if (source == target)
        continue;
      waitFor(users[source].front());
      users[source].push_back(c);
      command.operands.push_back(reads(1 + source, 256));
    }
    for (uint32_t user : users[target])
      waitFor(user);
    users[target] = {c};
    command.operands.push_back(writes(1 + target, 256));
    if (c + 1 == commands)
      command.operands.push_back(writes(out, 256));
    model.commands.push_back(command);
  }
  return model;
}

TEST(Scale, FiveThousandCommandsOn64Queues) {
  Model model = makeLarge(5000, 64, 300);
  double proven = secondsFor(model.toTable(), true);
  for (uint32_t c = 2000; c < 5000; ++c)
    model.commands[c].waits.clear();
  double refused = secondsFor(model.toTable(), false);
  RecordProperty("proven_ms", int(1000 * proven));
  RecordProperty("refused_ms", int(1000 * refused));
  std::cout << "proven in " << proven << " s, refused in " << refused << " s\n";
  EXPECT_LT(proven, 5);
  EXPECT_LT(refused, 5);
}
} // namespace
