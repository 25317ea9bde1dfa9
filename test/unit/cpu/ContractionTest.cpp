// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of all tile boundaries against plain loops, with AVX-512,
// AVX2 and 128-bit registers as far as the host has them.

#include "test/unit/cpu/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace tercet::test;

namespace {

struct Unit {
  unsigned bits, registers;
};
// 0: the host's own.
const Unit kUnits[] = {{0, 0}, {256, 16}, {128, 32}};

void fill(float *data, size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (size_t i = 0; i < count; ++i)
    data[i] = uniform(random);
}

std::string number(int64_t value) { return std::to_string(value); }

/// C (+)= A B with B packed in panels.
void checkPacked(int64_t m, int64_t n, int64_t k, int64_t panel, bool start, Unit unit) {
  SCOPED_TRACE("m " + number(m) + " n " + number(n) + " k " + number(k) + " panel " +
               number(panel) + " bits " + number(unit.bits));
  int64_t panels = (n + panel - 1) / panel;
  auto kernel = Kernel::compile(
      substitute(
          R"(soc.kernel @k(%a: memref<MxKxf32>, %b: memref<QxKxPxf32>, %c: memref<MxNxf32>) attributes {KERNEL} {
        %z = arith.constant 0.0 : f32
        FILL
        nn.packed_matmul ins(%a, %b : memref<MxKxf32>, memref<QxKxPxf32>) outs(%c : memref<MxNxf32>)
        soc.return
      })",
          {{"FILL", start ? "linalg.fill ins(%z : f32) outs(%c : memref<MxNxf32>)" : ""},
           {"MxK", number(m) + "x" + number(k)},
           {"QxKxP", number(panels) + "x" + number(k) + "x" + number(panel)},
           {"MxN", number(m) + "x" + number(n)}}),
      unit.bits, unit.registers);
  ASSERT_TRUE(kernel);
  GuardedBuffer a(m * k * 4), b(panels * k * panel * 4), c(m * n * 4);
  fill(a.as<float>(), m * k, 1);
  fill(b.as<float>(), panels * k * panel, 2);
  fill(c.as<float>(), m * n, 3);
  std::vector<double> expected(m * n);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = start ? 0 : c.as<float>()[i * n + j];
      for (int64_t l = 0; l < k; ++l)
        sum += double(a.as<float>()[i * k + l]) *
               b.as<float>()[(j / panel * k + l) * panel + j % panel];
      expected[i * n + j] = sum;
    }
  kernel->run({a.as<void>(), b.as<void>(), c.as<void>()});
  for (int64_t i = 0; i < m * n; ++i)
    ASSERT_NEAR(c.as<float>()[i], expected[i], 2e-6 * std::sqrt(double(k)) + 1e-6) << "at " << i;
}

TEST(Contraction, PackedBoundaries) {
  for (Unit unit : kUnits) {
    for (int64_t m : {1, 5, 7, 8, 9, 13, 17})
      checkPacked(m, 96, 33, 48, m % 2, unit);
    for (int64_t n : {1, 3, 8, 15, 16, 17, 31, 33, 47, 48, 49, 65, 97})
      checkPacked(6, n, 20, n % 2 ? 48 : 32, n % 3 == 0, unit);
    for (int64_t k : {1, 2, 3, 4, 5, 8, 31, 700})
      checkPacked(k == 700 ? 40 : 9, 50, k, 16, k % 2, unit);
    checkPacked(3, 40, 10, 24, true, unit);
    checkPacked(3, 40, 10, 12, true, unit);
    checkPacked(2, 200, 10, 64, false, unit);
  }
}

TEST(Contraction, DynamicTile) {
  for (Unit unit : kUnits) {
    auto kernel = Kernel::compile(
        R"(#size = affine_map<(d0) -> (-d0 + 29, 12)>
        soc.kernel @k(%a: memref<29x37xf32>, %b: memref<4x37x16xf32>, %c: memref<29x61xf32>) attributes {KERNEL} {
        %z = arith.constant 0.0 : f32
        scf.forall (%i, %j) = (0, 0) to (29, 61) step (12, 32) {
          %m = affine.min #size(%i)
          %n = affine.min affine_map<(d0) -> (-d0 + 61, 32)>(%j)
          %p = affine.apply affine_map<(d0) -> (d0 floordiv 16)>(%j)
          %q = affine.apply affine_map<(d0) -> (d0 ceildiv 16)>(%n)
          %as = memref.subview %a[%i, 0] [%m, 37] [1, 1] : memref<29x37xf32> to memref<?x37xf32, strided<[37, 1], offset: ?>>
          %bs = memref.subview %b[%p, 0, 0] [%q, 37, 16] [1, 1, 1] : memref<4x37x16xf32> to memref<?x37x16xf32, strided<[592, 16, 1], offset: ?>>
          %cs = memref.subview %c[%i, %j] [%m, %n] [1, 1] : memref<29x61xf32> to memref<?x?xf32, strided<[61, 1], offset: ?>>
          linalg.fill ins(%z : f32) outs(%cs : memref<?x?xf32, strided<[61, 1], offset: ?>>)
          nn.packed_matmul ins(%as, %bs : memref<?x37xf32, strided<[37, 1], offset: ?>>, memref<?x37x16xf32, strided<[592, 16, 1], offset: ?>>) outs(%cs : memref<?x?xf32, strided<[61, 1], offset: ?>>)
        }
        soc.return
      })",
        unit.bits, unit.registers);
    ASSERT_TRUE(kernel);
    EXPECT_EQ(kernel->getGrid()[0], 2);
    EXPECT_EQ(kernel->getGrid()[1], 3);
    GuardedBuffer a(29 * 37 * 4), b(4 * 37 * 16 * 4), c(29 * 61 * 4);
    fill(a.as<float>(), 29 * 37, 1);
    fill(b.as<float>(), 4 * 37 * 16, 2);
    kernel->run({a.as<void>(), b.as<void>(), c.as<void>()});
    for (int64_t i = 0; i < 29; ++i)
      for (int64_t j = 0; j < 61; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < 37; ++l)
          sum += double(a.as<float>()[i * 37 + l]) * b.as<float>()[(j / 16 * 37 + l) * 16 + j % 16];
        ASSERT_NEAR(c.as<float>()[i * 61 + j], sum, 2e-5);
      }
  }
}

/// A contraction given by maps over (b, m, n, k).
void checkGeneric(const std::string &aType, const std::string &aMap, const std::string &bType,
                  const std::string &bMap, const int64_t (&aStrides)[4],
                  const int64_t (&bStrides)[4], int64_t batch, int64_t m, int64_t n, int64_t k,
                  Unit unit) {
  auto kernel = Kernel::compile(
      substitute(
          R"(soc.kernel @k(%a: memref<AT>, %b: memref<BT>, %c: memref<CT>) attributes {KERNEL} {
        linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> AM>, affine_map<(b, m, n, k) -> BM>, affine_map<(b, m, n, k) -> (b, m, n)>],
          iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
          ins(%a, %b : memref<AT>, memref<BT>) outs(%c : memref<CT>) {
        ^bb0(%x: f32, %y: f32, %s: f32):
          %p = arith.mulf %x, %y : f32
          %t = arith.addf %p, %s : f32
          linalg.yield %t : f32
        }
        soc.return
      })",
          {{"AT", aType},
           {"BT", bType},
           {"AM", aMap},
           {"BM", bMap},
           {"CT", number(batch) + "x" + number(m) + "x" + number(n) + "xf32"}}),
      unit.bits, unit.registers);
  ASSERT_TRUE(kernel);
  size_t aCount = batch * m * k, bCount = batch * n * k, cCount = batch * m * n;
  GuardedBuffer a(aCount * 4), b(bCount * 4), c(cCount * 4);
  fill(a.as<float>(), aCount, 1);
  fill(b.as<float>(), bCount, 2);
  fill(c.as<float>(), cCount, 3);
  std::vector<double> expected(cCount);
  for (int64_t g = 0; g < batch; ++g)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = c.as<float>()[(g * m + i) * n + j];
        for (int64_t l = 0; l < k; ++l)
          sum += double(a.as<float>()[g * aStrides[0] + i * aStrides[1] + l * aStrides[3]]) *
                 b.as<float>()[g * bStrides[0] + j * bStrides[2] + l * bStrides[3]];
        expected[(g * m + i) * n + j] = sum;
      }
  kernel->run({a.as<void>(), b.as<void>(), c.as<void>()});
  for (size_t i = 0; i < cCount; ++i)
    ASSERT_NEAR(c.as<float>()[i], expected[i], 2e-5) << "at " << i;
}

TEST(Contraction, BatchedAndStrided) {
  for (Unit unit : kUnits) {
    // Row-major batches.
    checkGeneric("3x5x7xf32", "(b, m, k)", "3x7x37xf32", "(b, k, n)", {35, 7, 0, 1},
                 {259, 0, 1, 37}, 3, 5, 37, 7, unit);
    // Heads inside of rows, as in attention: [S, H, D].
    checkGeneric("11x3x32xf32", "(m, b, k)", "3x32x19xf32", "(b, k, n)", {32, 96, 0, 1},
                 {608, 0, 1, 19}, 3, 11, 19, 32, unit);
    checkGeneric("3x11x13xf32", "(b, m, k)", "13x3x32xf32", "(k, b, n)", {143, 13, 0, 1},
                 {32, 0, 1, 96}, 3, 11, 32, 13, unit);
    // Transposed left-hand side.
    checkGeneric("2x9x14xf32", "(b, k, m)", "2x9x20xf32", "(b, k, n)", {126, 1, 0, 14},
                 {180, 0, 1, 20}, 2, 14, 20, 9, unit);
    // Unit stride along k on both sides: no register tile, but right.
    checkGeneric("2x6x35xf32", "(b, m, k)", "2x10x35xf32", "(b, n, k)", {210, 35, 0, 1},
                 {350, 0, 35, 1}, 2, 6, 10, 35, unit);
  }
}

TEST(Contraction, MatmulNamedOp) {
  auto kernel = Kernel::compile(
      R"(soc.kernel @k(%a: memref<5x8xf32>, %b: memref<8x18xf32>, %c: memref<5x18xf32>) attributes {KERNEL} {
    linalg.matmul ins(%a, %b : memref<5x8xf32>, memref<8x18xf32>) outs(%c : memref<5x18xf32>)
    soc.return
  })");
  ASSERT_TRUE(kernel);
  GuardedBuffer a(160), b(8 * 18 * 4), c(5 * 18 * 4);
  fill(a.as<float>(), 40, 1);
  fill(b.as<float>(), 144, 2);
  kernel->run({a.as<void>(), b.as<void>(), c.as<void>()});
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 18; ++j) {
      double sum = 0;
      for (int l = 0; l < 8; ++l)
        sum += a.as<float>()[i * 8 + l] * b.as<float>()[l * 18 + j];
      ASSERT_NEAR(c.as<float>()[i * 18 + j], sum, 1e-5);
    }
}

TEST(Contraction, ConvolutionDirect) {
  for (Unit unit : kUnits)
    for (int stride : {1, 2}) {
      int size = stride == 1 ? 17 : 8;
      auto kernel = Kernel::compile(
          substitute(
              R"(soc.kernel @k(%x: memref<2x3x19x19xf32>, %w: memref<5x3x3x3xf32>, %y: memref<2x5xOxOxf32>) attributes {KERNEL} {
        %z = arith.constant 0.0 : f32
        linalg.fill ins(%z : f32) outs(%y : memref<2x5xOxOxf32>)
        linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<T> : vector<2xi64>}
          ins(%x, %w : memref<2x3x19x19xf32>, memref<5x3x3x3xf32>) outs(%y : memref<2x5xOxOxf32>)
        soc.return
      })",
              {{"xOxO", "x" + number(size == 8 ? 9 : 17) + "x" + number(size == 8 ? 9 : 17)},
               {"dense<T>", "dense<" + number(stride) + ">"}}),
          unit.bits, unit.registers);
      size = size == 8 ? 9 : 17;
      ASSERT_TRUE(kernel);
      GuardedBuffer x(2 * 3 * 19 * 19 * 4), w(5 * 27 * 4), y(2 * 5 * size * size * 4);
      fill(x.as<float>(), 2 * 3 * 19 * 19, 1);
      fill(w.as<float>(), 135, 2);
      kernel->run({x.as<void>(), w.as<void>(), y.as<void>()});
      for (int n = 0; n < 2; ++n)
        for (int f = 0; f < 5; ++f)
          for (int i = 0; i < size; ++i)
            for (int j = 0; j < size; ++j) {
              double sum = 0;
              for (int c = 0; c < 3; ++c)
                for (int p = 0; p < 3; ++p)
                  for (int q = 0; q < 3; ++q)
                    sum += double(x.as<float>()[((n * 3 + c) * 19 + i * stride + p) * 19 +
                                                j * stride + q]) *
                           w.as<float>()[((f * 3 + c) * 3 + p) * 3 + q];
              ASSERT_NEAR(y.as<float>()[((n * 5 + f) * size + i) * size + j], sum, 1e-5);
            }
    }
}

} // namespace
