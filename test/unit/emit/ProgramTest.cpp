// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table, read back with the runtime's own parser, which refuses whatever
// breaks a rule of the ABI.

#include "test/unit/emit/EmitFixture.h"

#include "compiler/emit/CpuRequirements.h"
#include "compiler/emit/Faults.h"
#include "runtime/include/tercet/runtime.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

namespace {
void emptyKernel(const tercet_kernel_args *, uint32_t, uint32_t, uint32_t, uint32_t) {}

/// The table of a program as the runtime sees it.
struct Loaded {
  explicit Loaded(const Program &program)
      : bytes(serializeTable(program)), storage(bytes.size() / 16 + 1),
        kernels(program.kernels.size(), emptyKernel), blob(program.weightsPayloadBytes / 64 + 1) {
    std::memcpy(storage.data(), bytes.data(), bytes.size());
    descriptor = {TERCET_MAGIC_PROGRAM,
                  TERCET_ABI_MAJOR,
                  TERCET_ABI_MINOR,
                  0,
                  storage.data(),
                  bytes.size(),
                  kernels.data(),
                  static_cast<uint32_t>(kernels.size()),
                  0,
                  blob.data(),
                  program.weightsPayloadBytes,
                  nullptr,
                  0};
  }
  struct alignas(16) Sixteen {
    char data[16];
  };
  struct alignas(64) SixtyFour {
    char data[64];
  };
  std::string bytes;
  std::vector<Sixteen> storage;
  std::vector<tercet_kernel_fn> kernels;
  std::vector<SixtyFour> blob;
  tercet_program descriptor;
};
} // namespace

class ProgramTest : public EmitFixture {
protected:
  Program build(const std::string &text, WeightsPlace place = WeightsPlace::Embed) {
    module = parse(text);
    llvm::Expected<Program> program = buildProgram(*module, "small", place);
    EXPECT_TRUE(static_cast<bool>(program)) << llvm::toString(program.takeError());
    return program ? std::move(*program) : Program();
  }
  OwningOpRef<ModuleOp> module;
};

TEST_F(ProgramTest, RuntimeAcceptsTable) {
  Program program = build(getPlannedText());
  Loaded loaded(program);
  tercet_error error = {};
  EXPECT_EQ(tercet_program_check(&loaded.descriptor, &error), TERCET_OK) << error.text;

  alignas(64) static char memory[4096];
  tercet_context *context = nullptr;
  tercet_options options = {};
  ASSERT_EQ(
      tercet_context_open(memory, sizeof memory, &loaded.descriptor, &options, &context, &error),
      TERCET_OK)
      << error.text;
  tercet_tensor_info tensor;
  ASSERT_EQ(tercet_tensor_query(context, 0, TERCET_OUTPUT, 0, &tensor), TERCET_OK);
  EXPECT_STREQ(tensor.name, "y/0");
  EXPECT_EQ(tensor.element, TERCET_ELEMENT_F32);
  EXPECT_EQ(tensor.bytes, 16u);
  tercet_command_info command;
  ASSERT_EQ(tercet_command_query(context, 0, 0, &command), TERCET_OK);
  EXPECT_STREQ(command.node, "layer/MatMul + layer/Add");
  EXPECT_STREQ(command.kernel, "add");
  EXPECT_EQ(command.predicted_ps, 1000u);
  tercet_context_close(context);
}

TEST_F(ProgramTest, QueueOrderNeedsNoTokens) {
  Program program = build(getPlannedText());
  EXPECT_TRUE(program.waits.empty());
  EXPECT_EQ(program.entries[0].token_count, 0u);
}

// Copies on another engine: only what another engine waits for is signalled,
// and a wait that an earlier one implies is dropped.
TEST_F(ProgramTest, TokensBetweenEngines) {
  std::string text = R"(
#one = #soc.cpu<"one", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64", features = "", cores = 2, vector_bits = 128, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
#two = #soc.cpu<"two", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64", features = "", cores = 2, vector_bits = 128, vector_registers = 16, megahertz = 3000, l1_bytes = 0, l2_bytes = 0, l3_bytes = 0>
module attributes {soc.machine = #soc.machine<"m", workers = 1, engines = [#one, #two], memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>]>} {
  cmd.pool @arena arena in "dram" bytes 256 alignment 64 lower_bound 256 method "greedy"
  cmd.entry @main {
    %a = cmd.buffer @arena [0 for 64]
    %b = cmd.buffer @arena [64 for 64]
    %c = cmd.buffer @arena [128 for 64]
    %d = cmd.buffer @arena [192 for 64]
    %t0 = cmd.copy %a [0] to %b [0] bytes 64 on "one"
    %t1 = cmd.copy %b [0] to %c [0] bytes 64 on "one" wait (%t0)
    %t2 = cmd.copy %c [0] to %d [0] bytes 64 on "two" wait (%t0, %t1)
    %t3 = cmd.copy %d [0] to %a [0] bytes 64 on "two" wait (%t0, %t2)
    %t4 = cmd.copy %a [0] to %c [0] bytes 64 on "one" wait (%t3)
  }
}
)";
  Program program = build(text);
  EXPECT_EQ(program.entries[0].token_count, 2u);
  EXPECT_EQ(program.commands[0].signal_token, TERCET_NONE);
  EXPECT_EQ(program.commands[1].signal_token, 0u);
  EXPECT_EQ(program.commands[3].signal_token, 1u);
  EXPECT_EQ(program.waits, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(program.commands[3].wait_count, 0u);
  Loaded loaded(program);
  tercet_error error = {};
  EXPECT_EQ(tercet_program_check(&loaded.descriptor, &error), TERCET_OK) << error.text;
}

TEST_F(ProgramTest, StringsOnce) {
  StringRecord strings;
  EXPECT_EQ(strings.add(""), 0u);
  uint32_t a = strings.add("a");
  EXPECT_NE(strings.add("b"), a);
  EXPECT_EQ(strings.add("a"), a);
  EXPECT_EQ(strings.getBytes(), llvm::StringRef("\0a\0b\0", 5));
}

TEST_F(ProgramTest, WeightsLayout) {
  Program program = build(getPlannedText(), WeightsPlace::File);
  ASSERT_EQ(program.placedWeights.size(), 1u);
  EXPECT_EQ(program.placedWeights[0].offset, 64u);
  EXPECT_EQ(program.weightsPayloadBytes, 128u);
  EXPECT_EQ(program.weights[0].place, static_cast<uint32_t>(TERCET_WEIGHTS_FILE));
}

// A plan that breaks a promise is a fault of ours, not the user's.
TEST_F(ProgramTest, BrokenPlanIsAFault) {
  std::string text = getPlannedText();
  size_t at = text.find("stride 64");
  text.replace(at, 9, "stride 16");
  module = parse(text);
  llvm::Expected<Program> program = buildProgram(*module, "small", WeightsPlace::Embed);
  ASSERT_FALSE(static_cast<bool>(program));
  llvm::Error error = program.takeError();
  EXPECT_TRUE(error.isA<InternalFault>());
  llvm::consumeError(std::move(error));
}

class CpuRequirementsTest : public EmitFixture {
protected:
  llvm::Expected<CpuRequirements> get(llvm::StringRef triple, llvm::StringRef cpu,
                                      llvm::StringRef features) {
    Builder builder(&context);
    auto text = [&](llvm::StringRef value) { return builder.getStringAttr(value); };
    return getCpuRequirements(soc::CpuAttr::get(&context, text("cpu"), text("dram"), text(triple),
                                                text(cpu), text(features), 1, 128, 16, 1000, 0, 0,
                                                0, {}));
  }
};

TEST_F(CpuRequirementsTest, X86) {
  llvm::Expected<CpuRequirements> v3 = get("x86_64-linux-gnu", "x86-64-v3", "");
  ASSERT_TRUE(static_cast<bool>(v3));
  EXPECT_EQ(v3->isa, TERCET_ISA_X86_64);
  EXPECT_TRUE(v3->features & TERCET_BIT(TERCET_X86_AVX2_BIT));
  EXPECT_TRUE(v3->features & TERCET_BIT(TERCET_X86_FMA_BIT));
  EXPECT_FALSE(v3->features & TERCET_BIT(TERCET_X86_AVX512F_BIT));
  llvm::Expected<CpuRequirements> vnni = get("x86_64-linux-gnu", "x86-64-v3", "+avxvnni,-fma");
  ASSERT_TRUE(static_cast<bool>(vnni));
  EXPECT_TRUE(vnni->features & TERCET_BIT(TERCET_X86_AVXVNNI_BIT));
  EXPECT_FALSE(vnni->features & TERCET_BIT(TERCET_X86_FMA_BIT));
}

TEST_F(CpuRequirementsTest, ArmAndRiscv) {
  llvm::Expected<CpuRequirements> arm = get("aarch64-linux-gnu", "cortex-a76", "+i8mm");
  ASSERT_TRUE(static_cast<bool>(arm));
  EXPECT_EQ(arm->isa, TERCET_ISA_AARCH64);
  EXPECT_TRUE(arm->features & TERCET_BIT(TERCET_AARCH64_DOTPROD_BIT));
  EXPECT_TRUE(arm->features & TERCET_BIT(TERCET_AARCH64_I8MM_BIT));
  EXPECT_FALSE(arm->features & TERCET_BIT(TERCET_AARCH64_SVE_BIT));
  llvm::Expected<CpuRequirements> riscv =
      get("riscv64-linux-gnu", "generic-rv64", "+m,+a,+f,+d,+c,+v,+zvl256b");
  ASSERT_TRUE(static_cast<bool>(riscv));
  EXPECT_EQ(riscv->isa, TERCET_ISA_RISCV64);
  EXPECT_TRUE(riscv->features & TERCET_BIT(TERCET_RISCV_V_BIT));
  EXPECT_EQ(riscv->vectorBitsMin, 256u);
}

TEST_F(CpuRequirementsTest, UnknownNames) {
  EXPECT_EQ(llvm::toString(get("x86_64-linux-gnu", "pentium-9", "").takeError()),
            "engine 'cpu': LLVM knows no x86_64-linux-gnu processor 'pentium-9'");
  EXPECT_EQ(llvm::toString(get("x86_64-linux-gnu", "x86-64", "+avx9").takeError()),
            "engine 'cpu': LLVM knows no x86_64-linux-gnu feature '+avx9'");
}

// LLVM has no feature of its own for these: SVE with i8mm has the instructions.
TEST_F(CpuRequirementsTest, SveMatrices) {
  llvm::Expected<CpuRequirements> arm = get("aarch64-linux-gnu", "generic", "+sve,+i8mm");
  ASSERT_TRUE(static_cast<bool>(arm));
  EXPECT_TRUE(arm->features & TERCET_BIT(TERCET_AARCH64_SVE_I8MM_BIT));
  EXPECT_FALSE(arm->features & TERCET_BIT(TERCET_AARCH64_SVE_BF16_BIT));
}

// Every other name of the ABI's lists is one that LLVM knows.
TEST_F(CpuRequirementsTest, AbiNamesAreLLVMs) {
  auto check = [&](llvm::StringRef triple, llvm::StringRef name) {
    if (name == "sve-i8mm" || name == "sve-bf16")
      return;
    llvm::Expected<CpuRequirements> found = get(triple, "", ("+" + name).str());
    EXPECT_TRUE(static_cast<bool>(found)) << name.str();
    if (!found)
      llvm::consumeError(found.takeError());
  };
#define CHECK_X86(id, bit, name) check("x86_64-linux-gnu", name);
#define CHECK_AARCH64(id, bit, name) check("aarch64-linux-gnu", name);
#define CHECK_RISCV(id, bit, name) check("riscv64-linux-gnu", name);
  TERCET_X86_FEATURES(CHECK_X86)
  TERCET_AARCH64_FEATURES(CHECK_AARCH64)
  TERCET_RISCV_FEATURES(CHECK_RISCV)
}
