// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same kernels on AArch64 and RISC-V (through qemu-user) and on the host:
// results must agree. What is right on the host is for the other tests.

#include "test/unit/cpu/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace tercet::test;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes floats(size_t count, unsigned seed, float scale = 1) {
  Bytes bytes(count * 4);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  for (size_t i = 0; i < count; ++i) {
    float value = uniform(random);
    memcpy(bytes.data() + i * 4, &value, 4);
  }
  return bytes;
}

/// Runs the text on every target; the last buffer is f32 and is compared.
void check(const std::string &text, std::vector<Bytes> buffers, size_t scratch,
           double tolerance = 2e-6) {
  auto kernel = Kernel::compile(text, 128, 32);
  ASSERT_TRUE(kernel);
  std::vector<Bytes> native = buffers;
  std::vector<void *> pointers;
  for (Bytes &buffer : native)
    pointers.push_back(buffer.data());
  ASSERT_EQ(kernel->run(pointers, scratch), 0u);
  for (const char *triple : {"aarch64-linux-gnu", "riscv64-linux-gnu"}) {
    SCOPED_TRACE(triple);
    std::string reason;
    bool skipped = false;
    std::vector<Bytes> result = runOnTarget(text, triple, "", buffers, scratch, reason, skipped);
    if (skipped)
      GTEST_SKIP() << reason;
    ASSERT_FALSE(result.empty()) << reason;
    for (size_t i = 0; i + 3 < result.back().size(); i += 4) {
      float got, expected;
      memcpy(&got, result.back().data() + i, 4);
      memcpy(&expected, native.back().data() + i, 4);
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(got)) << i / 4;
      else if (got != expected)
        ASSERT_NEAR(got, expected, tolerance * (1 + std::fabs(expected))) << i / 4;
    }
  }
}

TEST(Cross, PackedMatmul) {
  for (int64_t n : {61, 24}) {
    int64_t panels = (n + 11) / 12;
    check(
        substitute(
            R"(soc.kernel @k(%a: memref<29x37xf32>, %b: memref<QxKxPxf32>, %c: memref<29xNxf32>) attributes {KERNEL} {
      %z = arith.constant 0.0 : f32
      scf.forall (%i) = (0) to (29) step (12) {
        %m = affine.min affine_map<(d0) -> (-d0 + 29, 12)>(%i)
        %as = memref.subview %a[%i, 0] [%m, 37] [1, 1] : memref<29x37xf32> to memref<?x37xf32, strided<[37, 1], offset: ?>>
        %cs = memref.subview %c[%i, 0] [%m, N] [1, 1] : memref<29xNxf32> to memref<?xNxf32, strided<[N, 1], offset: ?>>
        linalg.fill ins(%z : f32) outs(%cs : memref<?xNxf32, strided<[N, 1], offset: ?>>)
        nn.packed_matmul ins(%as, %b : memref<?x37xf32, strided<[37, 1], offset: ?>>, memref<QxKxPxf32>) outs(%cs : memref<?xNxf32, strided<[N, 1], offset: ?>>)
      }
      soc.return
    })",
            {{"QxKxP", std::to_string(panels) + "x37x12"},
             {"xNx", "x" + std::to_string(n) + "x"},
             {", N]", ", " + std::to_string(n) + "]"},
             {"<[N,", "<[" + std::to_string(n) + ","}}),
        {floats(29 * 37, 1), floats(panels * 37 * 12, 2), floats(29 * n, 3)}, 0, 1e-5);
  }
}

TEST(Cross, RowsAndFunctions) {
  const std::string text = R"(#all = affine_map<(i, j) -> (i, j)>
    #row = affine_map<(i, j) -> (i)>
    soc.kernel @k(%x: memref<7x37xf32>, %y: memref<7x37xf32>) attributes {KERNEL} {
      %low = arith.constant 0xFF800000 : f32
      %t = soc.scratch 0 : memref<7xf32>
      linalg.fill ins(%low : f32) outs(%t : memref<7xf32>)
      linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<7x37xf32>) outs(%t : memref<7xf32>) {
      ^bb0(%e: f32, %s: f32):
        %r = arith.maximumf %e, %s : f32
        linalg.yield %r : f32
      }
      linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]} ins(%x, %t : memref<7x37xf32>, memref<7xf32>) outs(%y : memref<7x37xf32>) {
      ^bb0(%e: f32, %s: f32, %o: f32):
        %d = arith.divf %e, %s : f32
        %r = FUNCTION : f32
        linalg.yield %r : f32
      }
      soc.return
    })";
  for (const char *function :
       {"math.exp %d", "math.erf %d", "math.tanh %d", "math.log %d", "math.sin %d",
        "math.powf %d, %e", "math.log1p %d", "math.round %e", "math.floor %e", "math.rsqrt %s",
        "math.atan2 %d, %e", "math.roundeven %e"}) {
    SCOPED_TRACE(function);
    check(substitute(text, {{"FUNCTION", function}}), {floats(7 * 37, 5, 30), floats(7 * 37, 6)},
          64);
  }
}

TEST(Cross, NarrowTypes) {
  Bytes half(19 * 2), brain(19 * 2), byte(19), boolean(19), wide(19 * 8);
  for (int i = 0; i < 19; ++i) {
    _Float16 h = _Float16(i * 0.37f - 2);
    memcpy(half.data() + i * 2, &h, 2);
    float f = i * 1.7f - 9;
    memcpy(brain.data() + i * 2, reinterpret_cast<char *>(&f) + 2, 2);
    byte[i] = i * 11;
    boolean[i] = i % 3 == 1;
    int64_t w = i * 1000 - 7000;
    memcpy(wide.data() + i * 8, &w, 8);
  }
  check(R"(#id = affine_map<(i) -> (i)>
    soc.kernel @k(%h: memref<19xf16>, %g: memref<19xbf16>, %q: memref<19xi8>, %b: memref<19xi1>, %i: memref<19xi64>, %y: memref<19xf32>) attributes {KERNEL} {
      linalg.generic {indexing_maps = [#id, #id, #id, #id, #id, #id], iterator_types = ["parallel"]}
        ins(%h, %g, %q, %b, %i : memref<19xf16>, memref<19xbf16>, memref<19xi8>, memref<19xi1>, memref<19xi64>) outs(%y : memref<19xf32>) {
      ^bb0(%d: f16, %e: bf16, %f: i8, %c: i1, %a: i64, %o: f32):
        %0 = arith.sitofp %a : i64 to f32
        %1 = arith.extf %d : f16 to f32
        %2 = arith.extf %e : bf16 to f32
        %3 = arith.sitofp %f : i8 to f32
        %4 = arith.mulf %0, %1 : f32
        %5 = arith.truncf %4 : f32 to bf16
        %6 = arith.extf %5 : bf16 to f32
        %7 = arith.mulf %2, %3 : f32
        %8 = arith.truncf %7 : f32 to f16
        %9 = arith.extf %8 : f16 to f32
        %r = arith.select %c, %6, %9 : f32
        linalg.yield %r : f32
      }
      soc.return
    })",
        {half, brain, byte, boolean, wide, floats(19, 1)}, 0, 0);
}

TEST(Cross, TransposeAndGather) {
  check(
      R"(soc.kernel @k(%x: memref<21x18xf32>, %y: memref<18x21xf32>) attributes {KERNEL} {
      linalg.transpose ins(%x : memref<21x18xf32>) outs(%y : memref<18x21xf32>) permutation = [1, 0]
      soc.return
    })",
      {floats(21 * 18, 1), floats(21 * 18, 2)}, 0);
  Bytes index(6 * 8);
  for (int i = 0; i < 6; ++i) {
    int64_t value = i * 3 % 10;
    memcpy(index.data() + i * 8, &value, 8);
  }
  check(
      R"(soc.kernel @k(%data: memref<10x21xf32>, %index: memref<6xi64>, %y: memref<6x21xf32>) attributes {KERNEL} {
      %limit = arith.constant 10 : index
      linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%index : memref<6xi64>) outs(%y : memref<6x21xf32>) {
      ^bb0(%e: i64, %o: f32):
        %i = arith.index_cast %e : i64 to index
        %in = arith.cmpi ult, %i, %limit : index
        cf.assert %in, "gather index out of range"
        %j = linalg.index 1 : index
        %v = memref.load %data[%i, %j] : memref<10x21xf32>
        linalg.yield %v : f32
      }
      soc.return
    })",
      {floats(210, 3), index, floats(126, 4)}, 0);
}

} // namespace
