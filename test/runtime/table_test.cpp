// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules of the table, one violation at a time, and the rules of evolution: what
// a 1.0 runtime must accept from a newer compiler and what it must refuse.
#include "demo_program.h"
#include <functional>
#include <gtest/gtest.h>
#include <string>

using namespace tercet_test;

namespace {

tercet_status check(DemoProgram &demo, std::string *text = nullptr) {
  demo.build();
  tercet_error error = {};
  tercet_status status = tercet_program_check(&demo.program, &error);
  EXPECT_EQ(status, error.status);
  if (text)
    *text = error.text;
  return status;
}

TEST(Version, DemoIsAccepted) {
  DemoProgram demo;
  EXPECT_EQ(check(demo), TERCET_OK);
}

TEST(Version, MismatchNamesBothVersions) {
  DemoProgram demo;
  std::string text;
  demo.header.minor = 3;
  demo.header.minor_min = 3;
  EXPECT_EQ(check(demo, &text), TERCET_ERROR_VERSION);
  EXPECT_EQ(text, "artifact 1.3 needs runtime >= 1.3, this is 1.2");
  demo.header.major = 2;
  demo.header.minor = 7;
  EXPECT_EQ(check(demo, &text), TERCET_ERROR_VERSION);
  EXPECT_EQ(text, "artifact 2.7 needs runtime 2.x, this is 1.2");
  DemoProgram other;
  other.program.major = 2;
  EXPECT_EQ(check(other, &text), TERCET_ERROR_VERSION);
  EXPECT_EQ(text, "artifact 2.0 needs runtime 2.x, this is 1.2");
}

TEST(Version, NewerMinorRunsIfItOnlyAdds) {
  DemoProgram demo;
  demo.program.minor = demo.header.minor = 3;
  for (Record &r : demo.records)
    if (r.kind != TERCET_RECORD_STRINGS && r.kind != TERCET_RECORD_DIMS &&
        r.kind != TERCET_RECORD_WAITS && r.kind != TERCET_RECORD_SCALAR_REFS)
      demo.widen(r.kind, 16);
  demo.records.insert(demo.records.begin(), {99, 3, 12, std::vector<unsigned char>(40, 0xEE)});
  demo.records.push_back({0x40000001u, 0, 0, {}});
  ASSERT_EQ(check(demo), TERCET_OK);
  DemoRun run;
  ASSERT_EQ(run.open(demo.program), TERCET_OK) << run.error.text;
  ASSERT_EQ(run.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, 3), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(3), 0);
  ASSERT_EQ(tercet_entry_run(run.context, 1), TERCET_OK);
}

TEST(Version, RequiredUnknownRecordIsRefused) {
  DemoProgram demo;
  std::string text;
  demo.records.push_back({99 | TERCET_RECORD_REQUIRED, 0, 8, {}});
  EXPECT_EQ(check(demo, &text), TERCET_ERROR_UNSUPPORTED_RECORD);
  EXPECT_NE(text.find("record kind 99"), std::string::npos) << text;
  demo.records.back().kind = 99;
  EXPECT_EQ(check(demo), TERCET_OK);
  demo.record(TERCET_RECORD_COMMANDS).kind |= TERCET_RECORD_REQUIRED;
  EXPECT_EQ(check(demo), TERCET_OK); // known kinds may carry the flag
}

TEST(Version, UnknownProgramFeatureIsRefused) {
  DemoProgram demo;
  std::string text;
  // Known, but a context needs an application that will attach drivers.
  demo.header.features_required = TERCET_BIT(TERCET_FEATURE_SUBMIT_BIT);
  EXPECT_EQ(check(demo), TERCET_OK);
  DemoRun run;
  EXPECT_EQ(run.open(demo.program), TERCET_ERROR_UNSUPPORTED_FEATURE);
  EXPECT_STREQ(run.error.text, "artifact needs program feature 0 (submit: needs engine drivers), "
                               "which this runtime lacks");
  tercet_options options = {};
  options.features = ~uint64_t(0);
  EXPECT_EQ(run.open(demo.program, &options), TERCET_OK);
  demo.header.features_required = TERCET_BIT(TERCET_FEATURE_CONCURRENT_QUEUES_BIT);
  EXPECT_EQ(check(demo, &text), TERCET_ERROR_UNSUPPORTED_FEATURE);
  EXPECT_NE(text.find("concurrent queues"), std::string::npos) << text;
  demo.header.features_required = TERCET_BIT(63);
  EXPECT_EQ(check(demo, &text), TERCET_ERROR_UNSUPPORTED_FEATURE);
  EXPECT_NE(text.find("63"), std::string::npos) << text;
}

TEST(Version, MagicNumbers) {
  DemoProgram demo;
  demo.program.magic ^= 1;
  EXPECT_EQ(check(demo), TERCET_ERROR_NOT_A_PROGRAM);
  DemoProgram other;
  other.header.magic ^= 1;
  EXPECT_EQ(check(other), TERCET_ERROR_NOT_A_PROGRAM);
}

// A way to break the demo, and what the error must mention.
struct Violation {
  const char *mention;
  std::function<void(DemoProgram &)> apply;
};

void expectCorrupt(const std::vector<Violation> &violations) {
  for (const Violation &v : violations) {
    DemoProgram demo;
    v.apply(demo);
    std::string text;
    EXPECT_EQ(check(demo, &text), TERCET_ERROR_CORRUPT) << v.mention;
    EXPECT_NE(text.find(v.mention), std::string::npos)
        << "expected: " << v.mention << "\ngot: " << text;
  }
}

TEST(Table, MemoryRules) {
  expectCorrupt({
      {"POOLS[0]: unknown kind", [](auto &d) { d.pool(0).kind = 9; }},
      {"POOLS[0]: bad alignment", [](auto &d) { d.pool(0).alignment = 96; }},
      {"POOLS[3]: bytes is not the number", [](auto &d) { d.pool(3).bytes = 5; }},
      {"BUFFERS[1]: exceeds", [](auto &d) { d.buffer(1).offset = 1600; }},
      {"BUFFERS[1]: exceeds", [](auto &d) { d.buffer(1).bytes = 1793; }},
      {"BUFFERS[1]: exceeds", [](auto &d) { d.buffer(1).offset = ~uint64_t(63); }},
      {"BUFFERS[1]: exceeds", [](auto &d) { d.buffer(1).offset = 32; }},
      {"BUFFERS[1]: bad alignment", [](auto &d) { d.buffer(1).alignment = 128; }},
      {"BUFFERS[1]: bad alignment", [](auto &d) { d.buffer(1).alignment = 0; }},
      {"BUFFERS[1]: reference out of range: POOLS", [](auto &d) { d.buffer(1).pool = 4; }},
      {"BUFFERS[6]: binding", [](auto &d) { d.buffer(6).offset = 0; }},
      {"OPERANDS[2]: exceeds", [](auto &d) { d.operand(2).offset = 4; }},
      {"OPERANDS[2]: exceeds", [](auto &d) { d.operand(2).bytes = ~0ull; }},
      {"OPERANDS[2]: reference out of range: BUFFERS", [](auto &d) { d.operand(2).buffer = 9; }},
      {"OPERANDS[2]: bad access", [](auto &d) { d.operand(2).access = 0; }},
      {"OPERANDS[2]: bad access", [](auto &d) { d.operand(2).access = 4; }},
      {"OPERANDS[1]: writes weights", [](auto &d) { d.operand(1).access = 3; }},
      {"WEIGHTS[0]", [](auto &d) { d.program.weights_bytes = 639; }},
      {"WEIGHTS[0]", [](auto &d) { d.program.embedded_weights = nullptr; }},
      {"WEIGHTS[0]: bad offset",
       [](auto &d) { d.template at<tercet_weights_record>(TERCET_RECORD_WEIGHTS, 0).offset = 32; }},
      {"POOLS[1]: has no weights",
       [](auto &d) {
         d.record(TERCET_RECORD_WEIGHTS).count = 0;
         d.record(TERCET_RECORD_WEIGHTS).payload.clear();
       }},
      {"TENSORS[1]: bytes", [](auto &d) { d.tensor(1).bytes = 252; }},
      {"TENSORS[1]: bytes", [](auto &d) { d.tensor(1).element = 0x300; }},
      {"TENSORS[1]: reference out of range: DIMS", [](auto &d) { d.tensor(1).first_dim = 6; }},
      {"TENSORS[1]: reference out of range: DIMS", [](auto &d) { d.tensor(1).rank = 17; }},
      {"TENSORS[1]: does not fit", [](auto &d) { d.tensor(1).buffer = 7; }},
      {"TENSORS[1]: reference out of range: BUFFERS", [](auto &d) { d.tensor(1).buffer = 9; }},
      {"ENGINES[0]: image", [](auto &d) { d.engine(0).image_bytes = 8; }},
      {"ENGINES[0]: reference out of range: STRINGS", [](auto &d) { d.engine(0).name = 1000; }},
      {"LIMITS",
       [](auto &d) {
         d.template at<tercet_limits_record>(TERCET_RECORD_LIMITS, 0).max_workers = 0;
       }},
      {"STRINGS",
       [](auto &d) {
         Record &r = d.record(TERCET_RECORD_STRINGS);
         r.payload[r.count - 1] = 'x';
       }},
  });
}

TEST(Table, OverflowingDimsAreRefused) {
  DemoProgram demo;
  demo.at<uint64_t>(TERCET_RECORD_DIMS, 1) = uint64_t(1) << 60;
  demo.at<uint64_t>(TERCET_RECORD_DIMS, 2) = 16;
  demo.tensor(1).bytes = 0; // what a wrapping product would give
  EXPECT_EQ(check(demo), TERCET_ERROR_CORRUPT);
}

TEST(Table, CommandRules) {
  expectCorrupt({
      {"COMMANDS[0]: unknown opcode", [](auto &d) { d.command(0).opcode = 9; }},
      {"COMMANDS[0]: SUBMIT without its feature",
       [](auto &d) { d.command(0).opcode = TERCET_COMMAND_SUBMIT; }},
      {"COMMANDS[0]: reference out of range: ENGINES", [](auto &d) { d.command(0).engine = 1; }},
      {"COMMANDS[0]: DISPATCH on", [](auto &d) { d.engine(0).kind = TERCET_ENGINE_DMA; }},
      {"COMMANDS[0]: kernel out", [](auto &d) { d.command(0).target = 3; }},
      {"COMMANDS[0]: kernel out", [](auto &d) { d.kernels[0] = nullptr; }},
      {"KERNELS: count", [](auto &d) { d.kernels.pop_back(); }},
      {"COMMANDS[0]: empty or too", [](auto &d) { d.command(0).grid[1] = 0; }},
      {"COMMANDS[0]: empty or too", [](auto &d) { d.command(0).grid[2] = 0; }},
      {"COMMANDS[0]: empty or too", [](auto &d) { d.command(0).grid[2] = 1u << 30; }},
      {"COMMANDS[0]: reference out of range: OPERANDS",
       [](auto &d) { d.command(0).first_operand = 9; }},
      {"COMMANDS[0]: reference out of range: OPERANDS",
       [](auto &d) { d.command(0).first_operand = 0xFFFFFFFEu; }},
      {"COMMANDS[3]: reference out of range: SCALAR_REFS",
       [](auto &d) { d.command(3).first_scalar = 3; }},
      {"COMMANDS[3]: scalar of another", [](auto &d) { d.command(3).first_scalar = 1; }},
      {"COMMANDS[0]: reference out of range: PROFILE",
       [](auto &d) { d.command(0).profile_slot = 3; }},
      {"COMMANDS[0]: engine cannot", [](auto &d) { d.pool(1).engine_mask = 2; }},
      {"COMMANDS[3]: kernel needs", [](auto &d) { d.command(3).scratch_buffer = TERCET_NONE; }},
      {"COMMANDS[3]: scratch buffer does", [](auto &d) { d.command(3).scratch_stride = 128; }},
      {"COMMANDS[3]: scratch buffer does", [](auto &d) { d.command(3).scratch_stride = 0; }},
      {"COMMANDS[3]: scratch buffer does", [](auto &d) { d.command(3).scratch_buffer = 4; }},
      {"COMMANDS[3]: reference out of range: BUFFERS",
       [](auto &d) { d.command(3).scratch_buffer = 9; }},
      {"COMMANDS[1]: COPY without", [](auto &d) { d.command(1).operand_count = 3; }},
      {"COMMANDS[1]: COPY needs", [](auto &d) { d.command(1).first_operand = 4; }},
      {"COMMANDS[6]: COPY of unequal", [](auto &d) { d.operand(10).bytes = 60; }},
      {"COMMANDS[1]: copy out", [](auto &d) { d.command(1).target = 1; }},
      {"COMMANDS[1]: strided copy exceeds", [](auto &d) { d.operand(4).bytes = 447; }},
      {"COMMANDS[1]: strided copy writes",
       [](auto &d) {
         d.template at<tercet_copy_record>(TERCET_RECORD_COPIES, 0).destination_stride[1] = 63;
       }},
      {"COMMANDS[1]: strided",
       [](auto &d) { d.template at<tercet_copy_record>(TERCET_RECORD_COPIES, 0).count[0] = 0; }},
      {"COMMANDS[1]: strided",
       [](auto &d) {
         d.template at<tercet_copy_record>(TERCET_RECORD_COPIES, 0).source_stride[1] = uint64_t(1)
                                                                                       << 63;
       }},
  });
}

TEST(Table, TokenRules) {
  expectCorrupt({
      // Waiting for the token that the same or a later command signals.
      {"COMMANDS[1]: waits for",
       [](auto &d) { d.template at<uint32_t>(TERCET_RECORD_WAITS, 0) = 1; }},
      {"COMMANDS[0]: waits for", [](auto &d) { d.command(0).wait_count = 1; }},
      {"COMMANDS[0]: reference out of range: WAITS", [](auto &d) { d.command(0).wait_count = 4; }},
      {"COMMANDS[1]: tokens are not", [](auto &d) { d.command(1).signal_token = 0; }},
      {"COMMANDS[0]: tokens are not", [](auto &d) { d.command(0).signal_token = 1; }},
      {"ENTRIES[0]: token_count", [](auto &d) { d.entry(0).token_count = 2; }},
  });
}

TEST(Table, EntryRules) {
  expectCorrupt({
      {"ENTRIES[1]: commands overlap", [](auto &d) { d.entry(1).first_command = 4; }},
      {"ENTRIES[1]: reference out of range: COMMANDS",
       [](auto &d) { d.entry(1).command_count = 3; }},
      {"ENTRIES[0]: reference out of range: TENSORS", [](auto &d) { d.entry(0).input_count = 7; }},
      {"ENTRIES[0]: reference out of range: SCALARS", [](auto &d) { d.entry(0).scalar_count = 4; }},
      {"ENTRIES[1]: output is tied", [](auto &d) { d.tensor(4).tied = 0; }},
      {"ENTRIES[1]: output is tied", [](auto &d) { d.tensor(4).tied = 2; }},
      {"ENTRIES[1]: state output", [](auto &d) { d.tensor(4).tied = TERCET_NONE; }},
      {"ENTRIES[0]: reference out of range: STRINGS", [](auto &d) { d.entry(0).name = 1u << 31; }},
      {"ENTRIES: no entry",
       [](auto &d) {
         d.record(TERCET_RECORD_ENTRIES).count = 0;
         d.record(TERCET_RECORD_ENTRIES).payload.clear();
       }},
  });
}

TEST(Table, RecordRules) {
  expectCorrupt({
      {"wrong stride",
       [](auto &d) {
         Record &r = d.record(TERCET_RECORD_LIMITS);
         r.stride = 8;
         r.payload.resize(8);
       }},
      {"wrong stride", [](auto &d) { d.widen(TERCET_RECORD_LIMITS, 4); }},
      {"wrong stride", [](auto &d) { d.widen(TERCET_RECORD_DIMS, 8); }},
      {"not count * stride", [](auto &d) { d.record(TERCET_RECORD_LIMITS).count = 2; }},
      {"not count * stride", [](auto &d) { d.record(TERCET_RECORD_LIMITS).payload.resize(24); }},
      {"repeated",
       [](auto &d) {
         Record copy = d.record(TERCET_RECORD_LIMITS);
         d.records.push_back(copy);
       }},
  });
}

} // namespace
