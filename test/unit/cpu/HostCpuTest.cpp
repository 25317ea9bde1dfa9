// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions of CPUs, and the errors for those that there are not.

#include "targets/cpu/HostCpu.h"

#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace tercet;

namespace {

struct HostCpu : testing::Test {
  HostCpu() { context.loadDialect<soc::SocDialect>(); }
  std::string errorOf(llvm::StringRef triple, llvm::StringRef cpu) {
    llvm::Expected<soc::CpuAttr> result = cpu::describeCpu(&context, triple, cpu);
    return result ? "" : llvm::toString(result.takeError());
  }
  mlir::MLIRContext context;
};

TEST_F(HostCpu, Host) {
  llvm::Expected<soc::CpuAttr> host = cpu::describeHostCpu(&context);
  ASSERT_TRUE(static_cast<bool>(host)) << llvm::toString(host.takeError());
  EXPECT_GE(host->getCores(), 1u);
  EXPECT_GE(host->getVectorBits(), 128u);
  EXPECT_GE(host->getL1Bytes(), 4096u);
  EXPECT_GT(host->getMegahertz(), 100u);
}

TEST_F(HostCpu, Named) {
  struct Case {
    const char *triple, *cpu;
    unsigned bits, registers;
  };
  for (const Case &test :
       {Case{"x86_64-linux-gnu", "", 256, 16}, Case{"x86_64-linux-gnu", "haswell", 256, 16},
        Case{"x86_64-linux-gnu", "x86-64-v4", 512, 32}, Case{"x86_64-linux-gnu", "znver4", 512, 32},
        Case{"aarch64-linux-gnu", "cortex-a76", 128, 32}, Case{"aarch64-linux-gnu", "", 128, 32},
        Case{"riscv64-linux-gnu", "", 128, 32},
        Case{"riscv64-linux-gnu", "spacemit-x60", 256, 32}}) {
    llvm::Expected<soc::CpuAttr> cpu = cpu::describeCpu(&context, test.triple, test.cpu);
    ASSERT_TRUE(static_cast<bool>(cpu)) << llvm::toString(cpu.takeError());
    EXPECT_EQ(cpu->getVectorBits(), test.bits) << test.cpu;
    EXPECT_EQ(cpu->getVectorRegisters(), test.registers) << test.cpu;
  }
}

TEST_F(HostCpu, Errors) {
  EXPECT_NE(errorOf("sparc-linux-gnu", "").find("expected x86_64-linux-gnu"), std::string::npos);
  EXPECT_NE(errorOf("nonsense", "").find("unknown target 'nonsense'"), std::string::npos);
  EXPECT_NE(errorOf("x86_64-linux-gnu", "pentium9").find("unknown cpu 'pentium9'"),
            std::string::npos);
  EXPECT_NE(errorOf("x86_64-linux-gnu", "pentium9").find("znver4"), std::string::npos);
  EXPECT_NE(errorOf("x86_64-linux-gnu", "x86-64").find("no AVX2"), std::string::npos);
  EXPECT_NE(errorOf("riscv64-linux-gnu", "sifive-u74").find("no vector extension"),
            std::string::npos);
}

} // namespace
