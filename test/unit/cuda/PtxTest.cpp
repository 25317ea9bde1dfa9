// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From functions of the gpu dialect to PTX that computes what they say: each is
// compiled, run by a machine for PTX on the CPU, and assembled by ptxas where
// there is one. No GPU runs here; its approximate instructions are exact ones in
// the machine, so that only the formulas around them are seen.

#include "compiler/support/RegisterAll.h"
#include "targets/cuda/EmitPtx.h"
#include "targets/cuda/Passes.h"
#include "test/runtime/ptx/machine.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace tercet;
namespace ptx = tercet_test::ptx;

namespace {

/// PTX of kernels in MLIR; empty, with a failure, if there is none.
std::string compile(const std::string &text, unsigned architecture = 87) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << "no module";
    return "";
  }
  PassManager pm(&context);
  pm.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>().addPass(cuda::createLowerMathPass());
  pm.addPass(cuda::createConvertToNvvmPass());
  if (failed(pm.run(*module))) {
    ADD_FAILURE() << "no conversion";
    return "";
  }
  llvm::Expected<std::string> result = cuda::emitPtx(*module, architecture);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return "";
  }
  return *result;
}

/// A kernel of flat memory: `body` knows %a, %b and %c, the thread's number in
/// the grid %i, and the control block %control.
std::string kernel(const std::string &elements, const std::string &body,
                   const std::string &shared = "") {
  std::string memory = "memref<?x" + elements + ">";
  return R"(gpu.module @k { gpu.func @k(%a: )" + memory + ", %b: " + memory + ", %c: " + memory +
         ", %control: memref<4xi32>) " + shared + R"(
      kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %t = gpu.thread_id x
    %g = gpu.block_id x
    %c64 = arith.constant 64 : index
    %from = arith.muli %g, %c64 : index
    %i = arith.addi %from, %t : index
)" + body +
         "\n gpu.return } }";
}

class Ptx : public testing::Test {
protected:
  /// Runs 64 threads a block over three arrays.
  template <typename T>
  void run(const std::string &text, std::vector<T> &a, std::vector<T> &b, std::vector<T> &c,
           uint32_t blocks) {
    source = compile(text);
    if (source.empty())
      return;
    assemble();
    try {
      ptx::Program program(source);
      ptx::Launch launch;
      launch.grid = {blocks, 1, 1};
      launch.block = {64, 1, 1};
      uint64_t parameters[4] = {address(a), address(b), address(c), address(control)};
      launch.parameters = reinterpret_cast<unsigned char *>(parameters);
      launch.locate = [&](uint64_t at, uint64_t bytes) -> unsigned char * {
        bool found = within(a, at, bytes) || within(b, at, bytes) || within(c, at, bytes) ||
                     within(control, at, bytes) || program.owns(at, bytes);
        return found ? reinterpret_cast<unsigned char *>(at) : nullptr;
      };
      ptx::run(*program.find("k"), launch);
    } catch (const std::runtime_error &error) {
      FAIL() << error.what() << "\n" << source;
    }
  }

  /// By NVIDIA's assembler, as a Jetson's driver would.
  void assemble() {
    if (std::string(PTXAS).empty())
      return;
    llvm::SmallString<128> file;
    int descriptor = -1;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("kernel", "ptx", descriptor, file));
    llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << source;
    std::string output = (file + ".cubin").str();
    std::string message;
    int status = llvm::sys::ExecuteAndWait(
        PTXAS, {"ptxas", "-arch=sm_87", std::string(file.str()), "-o", output}, std::nullopt, {},
        60, 0, &message);
    EXPECT_EQ(status, 0) << message << "\n" << source;
    llvm::sys::fs::remove(file);
    llvm::sys::fs::remove(output);
  }

  template <typename T> static uint64_t address(const std::vector<T> &v) {
    return reinterpret_cast<uint64_t>(v.data());
  }
  template <typename T> static bool within(const std::vector<T> &v, uint64_t at, uint64_t bytes) {
    return at >= address(v) && at + bytes <= address(v) + v.size() * sizeof(T);
  }

  std::string source;
  std::vector<int32_t> control = {0, 0, 0, 0};
};

TEST_F(Ptx, Elements) {
  std::vector<float> a(128), b(128), c(128);
  for (int i = 0; i < 128; ++i) {
    a[i] = float(i) / 3;
    b[i] = float(7 - i);
  }
  run(kernel("f32", R"(
    %x = memref.load %a[%i] : memref<?xf32>
    %y = memref.load %b[%i] : memref<?xf32>
    %p = arith.mulf %x, %y : f32
    %s = arith.maximumf %p, %x : f32
    memref.store %s, %c[%i] : memref<?xf32>)"),
      a, b, c, 2);
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(c[i], std::max(a[i] * b[i], a[i])) << i;
  EXPECT_NE(source.find(".reqntid 64"), std::string::npos);
}

// Functions against the C library, over the ranges that models use.
TEST_F(Ptx, Functions) {
  struct Case {
    const char *op;
    double (*exact)(double);
    float low, high;
    double error; // relative, or absolute below 1
  };
  const Case cases[] = {{"exp", std::exp, -87, 88, 8e-6},
                        {"exp2", std::exp2, -100, 100, 4e-7},
                        {"tanh", std::tanh, -12, 12, 2e-6},
                        {"erf", std::erf, -5, 5, 2e-6},
                        {"log", std::log, 1e-6f, 1000, 1e-6},
                        {"sin", std::sin, -20, 20, 2e-6},
                        {"cos", std::cos, -20, 20, 2e-6},
                        {"sqrt", std::sqrt, 0, 1000, 1e-7},
                        {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1e-3f, 1000, 4e-7},
                        {"log1p", std::log1p, -0.9f, 100, 2e-6}};
  for (const Case &test : cases) {
    std::vector<float> a(1024), b(1), c(1024);
    for (int i = 0; i < 1024; ++i)
      a[i] = test.low + (test.high - test.low) * float(i) / 1023;
    run(kernel("f32", "%x = memref.load %a[%i] : memref<?xf32>\n %y = math." +
                          std::string(test.op) +
                          " %x : f32\n memref.store %y, %c[%i] : memref<?xf32>"),
        a, b, c, 16);
    if (HasFatalFailure())
      return;
    for (int i = 0; i < 1024; ++i) {
      double exact = test.exact(double(a[i]));
      ASSERT_NEAR(c[i], exact, test.error * std::max(1.0, std::fabs(exact)))
          << test.op << " of " << a[i];
    }
  }
}

// What a masked softmax needs.
TEST_F(Ptx, ExpOfInfinity) {
  std::vector<float> a(64, -INFINITY), b(1), c(64, 5);
  a[1] = INFINITY;
  a[2] = -200;
  a[3] = NAN;
  run(kernel("f32", R"(
    %x = memref.load %a[%i] : memref<?xf32>
    %y = math.exp %x : f32
    memref.store %y, %c[%i] : memref<?xf32>)"),
      a, b, c, 1);
  EXPECT_EQ(c[0], 0);
  EXPECT_EQ(c[1], INFINITY);
  EXPECT_EQ(c[2], 0);
  EXPECT_TRUE(std::isnan(c[3]));
}

TEST_F(Ptx, Halves) {
  std::vector<uint16_t> a(64), b(64), c(64);
  for (int i = 0; i < 64; ++i)
    a[i] = b[i] = uint16_t(0x3C00 + i); // 1 + i / 1024
  run(kernel("f16", R"(
    %x = memref.load %a[%i] : memref<?xf16>
    %y = memref.load %b[%i] : memref<?xf16>
    %s = arith.addf %x, %y : f16
    memref.store %s, %c[%i] : memref<?xf16>)"),
      a, b, c, 1);
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(c[i], 0x4000 + i);
}

TEST_F(Ptx, Bytes) {
  std::vector<int8_t> a(64), b(64), c(64);
  for (int i = 0; i < 64; ++i) {
    a[i] = int8_t(-128 + 4 * i);
    b[i] = int8_t(i - 30);
  }
  run(kernel("i8", R"(
    %x = memref.load %a[%i] : memref<?xi8>
    %y = memref.load %b[%i] : memref<?xi8>
    %u = arith.extsi %x : i8 to i32
    %v = arith.extsi %y : i8 to i32
    %p = arith.muli %u, %v : i32
    %c7 = arith.constant 7 : i32
    %q = arith.shrsi %p, %c7 : i32
    %s = arith.trunci %q : i32 to i8
    memref.store %s, %c[%i] : memref<?xi8>)"),
      a, b, c, 1);
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(c[i], int8_t(a[i] * b[i] >> 7)) << i;
}

// Through workgroup memory, with a loop, a barrier, and a data error.
TEST_F(Ptx, WorkgroupMemory) {
  std::vector<float> a(192), b(3), c(192);
  for (int i = 0; i < 192; ++i)
    a[i] = float(i * i % 17);
  run(kernel("f32", R"(
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0.0 : f32
    %m = memref.view %s[%c0][] : memref<256xi8, #gpu.address_space<workgroup>> to memref<64xf32, #gpu.address_space<workgroup>>
    %x = memref.load %a[%i] : memref<?xf32>
    memref.store %x, %m[%t] : memref<64xf32, #gpu.address_space<workgroup>>
    gpu.barrier
    %sum = scf.for %k = %c0 to %c64 step %c1 iter_args(%old = %zero) -> f32 {
      %v = memref.load %m[%k] : memref<64xf32, #gpu.address_space<workgroup>>
      %new = arith.addf %old, %v : f32
      scf.yield %new : f32
    }
    memref.store %sum, %c[%i] : memref<?xf32>
    %c100 = arith.constant 100 : index
    %late = arith.cmpi eq, %i, %c100 : index
    scf.if %late {
      %one = arith.constant 1 : i32
      %z = arith.constant 0 : index
      %q = memref.atomic_rmw maxu %one, %control[%z] : (i32, memref<4xi32>) -> i32
    })",
             "workgroup(%s: memref<256xi8, #gpu.address_space<workgroup>>)"),
      a, b, c, 3);
  for (int i = 0; i < 192; ++i) {
    float sum = 0;
    for (int k = i / 64 * 64; k < (i / 64 + 1) * 64; ++k)
      sum += a[k];
    EXPECT_EQ(c[i], sum) << i;
  }
  EXPECT_EQ(control[0], 1);
}

TEST_F(Ptx, Subgroups) {
  std::vector<float> a(128), b(1), c(128);
  for (int i = 0; i < 128; ++i)
    a[i] = float(i % 11 - 5);
  run(kernel("f32", R"(
    %x = memref.load %a[%i] : memref<?xf32>
    %y = gpu.subgroup_reduce add %x : (f32) -> f32
    memref.store %y, %c[%i] : memref<?xf32>)"),
      a, b, c, 2);
  for (int i = 0; i < 128; ++i) {
    float sum = 0;
    for (int k = i / 32 * 32; k < (i / 32 + 1) * 32; ++k)
      sum += a[k];
    EXPECT_EQ(c[i], sum) << i;
  }
}

// Four neighbours are one access where the memory is known to be aligned, and
// four where it is not.
TEST_F(Ptx, Vectors) {
  const char *body = R"(
    %c4 = arith.constant 4 : index
    %j = arith.muli %i, %c4 : index
    %x = vector.load %m[%j] : memref<?xf32>, vector<4xf32>
    %y = arith.addf %x, %x : vector<4xf32>
    vector.store %y, %n[%j] : memref<?xf32>, vector<4xf32>)";
  for (int alignment : {4, 16}) {
    std::string text = std::to_string(alignment);
    std::vector<float> a(260), b(1), c(260);
    for (int i = 0; i < 260; ++i)
      a[i] = float(i);
    run(kernel("f32", "%m = memref.assume_alignment %a, " + text +
                          " : memref<?xf32>\n %n = memref.assume_alignment %c, " + text +
                          " : memref<?xf32>" + body),
        a, b, c, 1);
    for (int i = 0; i < 256; ++i)
      EXPECT_EQ(c[i], 2 * a[i]);
    EXPECT_EQ(source.find("ld.global.v4") != std::string::npos, alignment == 16) << source;
    EXPECT_EQ(source.find("st.global.v4") != std::string::npos, alignment == 16) << source;
  }
}

TEST_F(Ptx, Architectures) {
  std::string text = kernel("f32", "");
  EXPECT_NE(compile(text, 90).find(".target sm_90"), std::string::npos);
  EXPECT_NE(compile(text, 87).find(".target sm_87"), std::string::npos);
  EXPECT_TRUE(cuda::knowsArchitecture(87));
  EXPECT_FALSE(cuda::knowsArchitecture(88123));
}

} // namespace
