// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening and binding: what the application gets wrong must come back as a
// status whose text names the thing and both numbers.
#include "demo_program.h"
#include <gtest/gtest.h>
#include <string>

using namespace tercet_test;

namespace {

TEST(Context, BytesAreWhatOpenNeeds) {
  uint64_t bytes = 0;
  ASSERT_EQ(tercet_context_bytes(&tercet_demo, &bytes, nullptr), TERCET_OK);
  EXPECT_LE(bytes, TERCET_DEMO_CONTEXT_BYTES);
  Block memory = allocate(bytes + 64);
  tercet_context *context;
  tercet_error error;
  EXPECT_EQ(tercet_context_open(memory.get(), bytes, &tercet_demo, nullptr, &context, &error),
            TERCET_OK);
  EXPECT_EQ(tercet_context_open(memory.get(), bytes - 1, &tercet_demo, nullptr, &context, &error),
            TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(context, nullptr);
  EXPECT_EQ(tercet_context_open(memory.get() + 8, bytes, &tercet_demo, nullptr, &context, &error),
            TERCET_ERROR_MISALIGNED);
  EXPECT_EQ(tercet_context_open(nullptr, bytes, &tercet_demo, nullptr, &context, &error),
            TERCET_ERROR_INVALID_ARGUMENT);
}

TEST(Context, NullsAreStatuses) {
  EXPECT_EQ(tercet_program_check(nullptr, nullptr), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_context_bytes(&tercet_demo, nullptr, nullptr), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_entry_run(nullptr, 0), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_context_close(nullptr), TERCET_OK);
  EXPECT_EQ(tercet_pool_count(nullptr), 0u);
  EXPECT_EQ(tercet_context_error(nullptr), nullptr);
}

TEST(Context, QueriesDescribeTheProgram) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK) << run.error.text;
  tercet_context *c = run.context;
  ASSERT_EQ(tercet_entry_count(c), 2u);
  uint32_t entry = 9, index = 9;
  EXPECT_EQ(tercet_entry_find(c, "step", &entry), TERCET_OK);
  EXPECT_EQ(entry, 1u);
  EXPECT_EQ(tercet_entry_find(c, nullptr, &entry), TERCET_OK);
  EXPECT_EQ(entry, 0u);
  EXPECT_EQ(tercet_entry_find(c, "ste", &entry), TERCET_ERROR_NOT_FOUND);

  tercet_tensor_info y;
  ASSERT_EQ(tercet_tensor_query(c, 0, TERCET_OUTPUT, 0, &y), TERCET_OK);
  EXPECT_STREQ(y.name, "y");
  EXPECT_EQ(y.element, TERCET_ELEMENT_F32);
  ASSERT_EQ(y.rank, 2u);
  EXPECT_EQ(y.dims[0], 4u);
  EXPECT_EQ(y.dims[1], 16u);
  EXPECT_EQ(y.bytes, 256u);
  EXPECT_EQ(y.alignment, 64u);
  EXPECT_TRUE(y.bindable);
  EXPECT_EQ(y.data, nullptr);

  EXPECT_EQ(tercet_tensor_find(c, 1, TERCET_OUTPUT, "total", &index), TERCET_OK);
  tercet_tensor_info total;
  ASSERT_EQ(tercet_tensor_query(c, 1, TERCET_OUTPUT, index, &total), TERCET_OK);
  EXPECT_EQ(total.tied, 1u);
  EXPECT_EQ(total.flags, uint32_t(TERCET_TENSOR_STATE));
  EXPECT_FALSE(total.bindable);
  EXPECT_EQ(tercet_tensor_query(c, 1, TERCET_OUTPUT, 2, &total), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_tensor_query(c, 2, TERCET_OUTPUT, 0, &total), TERCET_ERROR_INVALID_ARGUMENT);

  tercet_command_info command;
  ASSERT_EQ(tercet_command_query(c, 0, 3, &command), TERCET_OK);
  EXPECT_STREQ(command.kernel, "scale_rows");
  EXPECT_STREQ(command.node, "/scale/Mul");
  EXPECT_STREQ(command.engine, "cpu");
  EXPECT_EQ(command.tiles, 8u);
  EXPECT_EQ(command.predicted_ps, 60000u);
  EXPECT_EQ(tercet_context_stack_bytes(c), uint64_t(TERCET_DEMO_STACK_BYTES));
}

TEST(Context, PoolsAreChecked) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  tercet_context *c = run.context;
  uint32_t arena = 0, weights = 0;
  ASSERT_EQ(tercet_pool_find(c, TERCET_POOL_ARENA, 0, &arena), TERCET_OK);
  ASSERT_EQ(tercet_pool_find(c, TERCET_POOL_WEIGHTS, 0, &weights), TERCET_OK);
  EXPECT_EQ(tercet_pool_find(c, TERCET_POOL_ARENA, arena + 1, &arena), TERCET_ERROR_NOT_FOUND);
  EXPECT_EQ(tercet_pool_bind(c, arena, run.arena.get(), 2047), TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_STREQ(tercet_context_error(c)->text, "pool 'arena' needs 2048 bytes, got 2047");
  EXPECT_EQ(tercet_pool_bind(c, arena, run.arena.get() + 16, 2048), TERCET_ERROR_MISALIGNED);
  EXPECT_STREQ(tercet_context_error(c)->text,
               "pool 'arena' needs 64-byte alignment, address is off by 16");
  EXPECT_EQ(tercet_pool_bind(c, weights, run.arena.get(), 2048), TERCET_ERROR_NOT_BINDABLE);
  EXPECT_EQ(tercet_pool_bind(c, 99, run.arena.get(), 2048), TERCET_ERROR_INVALID_ARGUMENT);
  tercet_pool_info info;
  ASSERT_EQ(tercet_pool_query(c, weights, &info), TERCET_OK);
  EXPECT_TRUE(info.bound);
  ASSERT_EQ(tercet_pool_query(c, arena, &info), TERCET_OK);
  EXPECT_FALSE(info.bound);
}

TEST(Context, NothingRunsUnbound) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  tercet_context *c = run.context;
  EXPECT_EQ(tercet_state_reset(c), TERCET_ERROR_NOT_BOUND);
  EXPECT_EQ(tercet_entry_run(c, 0), TERCET_ERROR_NOT_BOUND);
  EXPECT_STREQ(tercet_context_error(c)->text, "pool 'arena' has no memory");
  ASSERT_EQ(tercet_pool_bind(c, 0, run.arena.get(), 2048), TERCET_OK);
  ASSERT_EQ(tercet_pool_bind(c, 2, run.state.get(), 64), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(c, 0), TERCET_ERROR_NOT_BOUND);
  EXPECT_STREQ(tercet_context_error(c)->text, "input 'ids' has no memory");
  ASSERT_EQ(tercet_input_bind(c, 0, 0, run.ids, sizeof run.ids), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(c, 0), TERCET_ERROR_NOT_BOUND);
  EXPECT_STREQ(tercet_context_error(c)->text, "output 'y' has no memory");
}

TEST(Context, TensorBindingsAreChecked) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  tercet_context *c = run.context;
  EXPECT_EQ(tercet_output_bind(c, 0, 0, run.y, 255), TERCET_ERROR_OUT_OF_MEMORY);
  EXPECT_STREQ(tercet_context_error(c)->text, "output 'y' needs 256 bytes, got 255");
  EXPECT_EQ(tercet_output_bind(c, 0, 0, &run.y[0][1], 256), TERCET_ERROR_MISALIGNED);
  EXPECT_EQ(tercet_input_bind(c, 1, 1, run.snapshot, 64), TERCET_ERROR_NOT_BINDABLE);
  EXPECT_EQ(tercet_input_bind(c, 0, 1, run.ids, 16), TERCET_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(tercet_input_bind(c, 0, 0, nullptr, 16), TERCET_ERROR_INVALID_ARGUMENT);
}

TEST(Context, ScalarsKeepTheirRange) {
  DemoRun run;
  ASSERT_EQ(run.open(tercet_demo), TERCET_OK);
  ASSERT_EQ(run.bind(), TERCET_OK);
  tercet_context *c = run.context;
  tercet_scalar_info info;
  ASSERT_EQ(tercet_scalar_query(c, 0, 0, &info), TERCET_OK);
  EXPECT_EQ(info.value, -4);
  EXPECT_EQ(tercet_scalar_set(c, 0, 0, 4), TERCET_OK);
  EXPECT_EQ(tercet_scalar_set(c, 0, 0, 5), TERCET_ERROR_SCALAR_RANGE);
  EXPECT_STREQ(tercet_context_error(c)->text, "scalar 'factor' must be in [-4, 4], got 5");
  EXPECT_EQ(tercet_scalar_set(c, 0, 0, -5), TERCET_ERROR_SCALAR_RANGE);
  ASSERT_EQ(tercet_scalar_query(c, 0, 0, &info), TERCET_OK);
  EXPECT_EQ(info.value, 4);
  EXPECT_EQ(tercet_scalar_set(c, 0, 1, 0), TERCET_ERROR_INVALID_ARGUMENT);
  uint32_t index = 0;
  ASSERT_EQ(tercet_scalar_find(c, 1, "length", &index), TERCET_OK);
  EXPECT_EQ(index, 1u);
  // Each is in range; together they would read past x.
  ASSERT_EQ(tercet_scalar_set(c, 1, 0, 5), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(c, 1, 1, 4), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(c, 1), TERCET_ERROR_SCALAR_RANGE);
  EXPECT_STREQ(tercet_context_error(c)->text, "scalars 'position' + 'length' must be at most 8");
  ASSERT_EQ(tercet_scalar_set(c, 1, 1, 3), TERCET_OK);
  EXPECT_EQ(tercet_entry_run(c, 1), TERCET_OK);
}

TEST(Context, MachineIsChecked) {
  DemoProgram demo;
  demo.engine(0).isa = TERCET_ISA_X86_64;
  demo.engine(0).cpu_features =
      TERCET_BIT(TERCET_X86_AVX2_BIT) | TERCET_BIT(TERCET_X86_AVX512VNNI_BIT) | TERCET_BIT(63);
  demo.engine(0).vector_bits_min = 0;
  demo.build();
  tercet_cpu_info cpu = {TERCET_ISA_X86_64, 0, TERCET_BIT(TERCET_X86_AVX2_BIT)};
  tercet_options options = {};
  options.cpu = &cpu;
  DemoRun run;
  EXPECT_EQ(tercet_program_check(&demo.program, nullptr), TERCET_OK);
  EXPECT_EQ(run.open(demo.program, &options), TERCET_ERROR_MISSING_CPU_FEATURE);
  EXPECT_STREQ(run.error.text, "engine 'cpu' needs CPU features that this machine lacks: "
                               "avx512vnni unknown");
  cpu.features = ~uint64_t(0);
  EXPECT_EQ(run.open(demo.program, &options), TERCET_OK);
  cpu.isa = TERCET_ISA_AARCH64;
  EXPECT_EQ(run.open(demo.program, &options), TERCET_ERROR_WRONG_ISA);
  EXPECT_STREQ(run.error.text, "engine 'cpu' has code for x86-64, this machine is AArch64");
  demo.engine(0).isa = TERCET_ISA_RISCV64;
  demo.engine(0).cpu_features = TERCET_BIT(TERCET_RISCV_V_BIT);
  demo.engine(0).vector_bits_min = 256;
  demo.build();
  cpu = {TERCET_ISA_RISCV64, 128, TERCET_BIT(TERCET_RISCV_V_BIT)};
  EXPECT_EQ(run.open(demo.program, &options), TERCET_ERROR_VECTOR_TOO_SHORT);
  cpu.vector_bits = 256;
  EXPECT_EQ(run.open(demo.program, &options), TERCET_OK);
}

// The demo with its weights moved to a "file" that the test makes.
struct FileWeights {
  DemoProgram demo;
  std::vector<unsigned char> bytes;
  Block block;
  tercet_options options = {};

  FileWeights() {
    auto &record = demo.at<tercet_weights_record>(TERCET_RECORD_WEIGHTS, 0);
    record.place = TERCET_WEIGHTS_FILE;
    record.digest_kind = TERCET_DIGEST_BLAKE3;
    std::memset(record.digest, 7, 32);
    auto *data = static_cast<const unsigned char *>(demo.program.embedded_weights);
    bytes.assign(data, data + 640);
    tercet_weights_trailer trailer = {};
    trailer.magic = TERCET_MAGIC_WEIGHTS;
    trailer.major = 1;
    trailer.payload_bytes = 640;
    trailer.digest_kind = TERCET_DIGEST_BLAKE3;
    std::memset(trailer.digest, 7, 32);
    auto *raw = reinterpret_cast<unsigned char *>(&trailer);
    bytes.insert(bytes.end(), raw, raw + sizeof trailer);
    demo.program.embedded_weights = nullptr;
    demo.program.weights_bytes = 0;
    demo.build();
  }

  tercet_status open(DemoRun &run, size_t size) {
    block = allocate(size);
    std::memcpy(block.get(), bytes.data(), size);
    options.weights = block.get();
    options.weights_bytes = size;
    return run.open(demo.program, &options);
  }
};

TEST(Context, WeightsFileBelongsToTheProgram) {
  FileWeights file;
  DemoRun run;
  EXPECT_EQ(run.open(file.demo.program), TERCET_ERROR_WEIGHTS_MISSING);
  ASSERT_EQ(file.open(run, 704), TERCET_OK) << run.error.text;
  ASSERT_EQ(run.bind(), TERCET_OK);
  ASSERT_EQ(tercet_scalar_set(run.context, 0, 0, 2), TERCET_OK);
  ASSERT_EQ(tercet_entry_run(run.context, 0), TERCET_OK);
  EXPECT_EQ(run.wrong(2), 0);
  for (size_t size : {size_t(0), size_t(63), size_t(640), size_t(703)})
    EXPECT_EQ(file.open(run, size), TERCET_ERROR_WEIGHTS_TRUNCATED) << size;
  file.bytes[640 + 32 + 31] ^= 1;
  EXPECT_EQ(file.open(run, 704), TERCET_ERROR_WEIGHTS_MISMATCH);
}

TEST(Status, EveryStatusHasASentence) {
  int known = 0;
  for (int s = 0; s < 800; ++s)
    known += std::string(tercet_status_string(tercet_status(s))) != "unknown status";
  EXPECT_EQ(known, 38);
}

} // namespace
