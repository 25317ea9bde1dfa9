// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations, reductions, transpositions, copies and gathers
// against plain loops, at sizes around the vector length.

#include "test/unit/cpu/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace tercet::test;

namespace {

struct Unit {
  unsigned bits, registers;
};
const Unit kUnits[] = {{0, 0}, {256, 16}, {128, 32}};
const int64_t kSizes[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67, 130};

void fill(float *data, size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (size_t i = 0; i < count; ++i)
    data[i] = uniform(random);
}

std::string number(int64_t value) { return std::to_string(value); }

TEST(Structured, RowBroadcast) {
  // y = (x - mean[row]) * inverse[row] * scale[column], in place.
  for (Unit unit : kUnits)
    for (int64_t n : kSizes) {
      SCOPED_TRACE(number(n) + " bits " + number(unit.bits));
      auto kernel = Kernel::compile(
          substitute(
              R"(soc.kernel @k(%x: memref<5xNxf32>, %mean: memref<5xf32>, %inverse: memref<5xf32>, %scale: memref<Nxf32>) attributes {KERNEL} {
        linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%mean, %inverse, %scale : memref<5xf32>, memref<5xf32>, memref<Nxf32>) outs(%x : memref<5xNxf32>) {
        ^bb0(%m: f32, %v: f32, %s: f32, %e: f32):
          %d = arith.subf %e, %m : f32
          %f = arith.mulf %v, %v : f32
          %g = arith.mulf %d, %f : f32
          %h = arith.mulf %g, %s : f32
          linalg.yield %h : f32
        }
        soc.return
      })",
              {{"xNx", "x" + number(n) + "x"}, {"<Nx", "<" + number(n) + "x"}}),
          unit.bits, unit.registers);
      ASSERT_TRUE(kernel);
      GuardedBuffer x(5 * n * 4), mean(20), inverse(20), scale(n * 4);
      fill(x.as<float>(), 5 * n, 1);
      fill(mean.as<float>(), 5, 2);
      fill(inverse.as<float>(), 5, 3);
      fill(scale.as<float>(), n, 4);
      std::vector<float> expected(5 * n);
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t j = 0; j < n; ++j)
          expected[i * n + j] = (x.as<float>()[i * n + j] - mean.as<float>()[i]) *
                                (inverse.as<float>()[i] * inverse.as<float>()[i]) *
                                scale.as<float>()[j];
      kernel->run({x.as<void>(), mean.as<void>(), inverse.as<void>(), scale.as<void>()});
      for (int64_t i = 0; i < 5 * n; ++i)
        ASSERT_EQ(x.as<float>()[i], expected[i]) << i;
    }
}

TEST(Structured, Reductions) {
  struct Case {
    const char *op;
    double (*combine)(double, double);
    double start;
  };
  const Case cases[] = {{"arith.addf", [](double a, double b) { return a + b; }, 0.5},
                        {"arith.maximumf", [](double a, double b) { return std::max(a, b); }, -0.5},
                        {"arith.minimumf", [](double a, double b) { return std::min(a, b); }, 0.25},
                        {"arith.mulf", [](double a, double b) { return a * b; }, 2.0}};
  for (Unit unit : kUnits)
    for (const Case &test : cases)
      for (bool rows : {true, false})
        for (int64_t n : kSizes) {
          SCOPED_TRACE(std::string(test.op) + " " + number(n) + (rows ? " rows" : " columns"));
          // [3, N] over N, or [N, 3] over N.
          auto kernel = Kernel::compile(
              substitute(
                  R"(soc.kernel @k(%x: memref<TxTT>, %y: memref<3xf32>) attributes {KERNEL} {
        linalg.generic {indexing_maps = [affine_map<(i, j) -> MAP>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
          ins(%x : memref<TxTT>) outs(%y : memref<3xf32>) {
        ^bb0(%e: f32, %s: f32):
          %t = OP %s, %e : f32
          linalg.yield %t : f32
        }
        soc.return
      })",
                  {{"TxTT", rows ? "3x" + number(n) + "xf32" : number(n) + "x3xf32"},
                   {"MAP", rows ? "(i, j)" : "(j, i)"},
                   {"OP", test.op}}),
              unit.bits, unit.registers);
          ASSERT_TRUE(kernel);
          GuardedBuffer x(3 * n * 4), y(12);
          fill(x.as<float>(), 3 * n, n);
          for (int i = 0; i < 3; ++i)
            y.as<float>()[i] = test.start;
          kernel->run({x.as<void>(), y.as<void>()});
          for (int64_t i = 0; i < 3; ++i) {
            double expected = test.start;
            for (int64_t j = 0; j < n; ++j)
              expected = test.combine(expected, x.as<float>()[rows ? i * n + j : j * 3 + i]);
            ASSERT_NEAR(y.as<float>()[i], expected, 1e-5) << i;
          }
        }
}

TEST(Structured, SoftmaxOfDynamicTile) {
  for (Unit unit : kUnits)
    for (int64_t n : {5, 16, 37, 128}) {
      auto kernel = Kernel::compile(substitute(R"(#all = affine_map<(i, j) -> (i, j)>
      #row = affine_map<(i, j) -> (i)>
      soc.kernel @k(%x: memref<7xNxf32>, %y: memref<7xNxf32>) attributes {KERNEL} {
        %low = arith.constant 0xFF800000 : f32
        %zero = arith.constant 0.0 : f32
        scf.forall (%i) = (0) to (7) step (4) {
          %m = affine.min affine_map<(d0) -> (-d0 + 7, 4)>(%i)
          %xs = memref.subview %x[%i, 0] [%m, N] [1, 1] : memref<7xNxf32> to memref<?xNxf32, strided<[N, 1], offset: ?>>
          %ys = memref.subview %y[%i, 0] [%m, N] [1, 1] : memref<7xNxf32> to memref<?xNxf32, strided<[N, 1], offset: ?>>
          %whole = soc.scratch 64 : memref<4xf32>
          %t = memref.subview %whole[0] [%m] [1] : memref<4xf32> to memref<?xf32, strided<[1]>>
          linalg.fill ins(%low : f32) outs(%t : memref<?xf32, strided<[1]>>)
          linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
            ins(%xs : memref<?xNxf32, strided<[N, 1], offset: ?>>) outs(%t : memref<?xf32, strided<[1]>>) {
          ^bb0(%e: f32, %s: f32):
            %r = arith.maxnumf %e, %s : f32
            linalg.yield %r : f32
          }
          linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
            ins(%xs, %t : memref<?xNxf32, strided<[N, 1], offset: ?>>, memref<?xf32, strided<[1]>>) outs(%ys : memref<?xNxf32, strided<[N, 1], offset: ?>>) {
          ^bb0(%e: f32, %s: f32, %o: f32):
            %d = arith.subf %e, %s : f32
            %r = math.exp %d : f32
            linalg.yield %r : f32
          }
          linalg.fill ins(%zero : f32) outs(%t : memref<?xf32, strided<[1]>>)
          linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
            ins(%ys : memref<?xNxf32, strided<[N, 1], offset: ?>>) outs(%t : memref<?xf32, strided<[1]>>) {
          ^bb0(%e: f32, %s: f32):
            %r = arith.addf %e, %s : f32
            linalg.yield %r : f32
          }
          linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]}
            ins(%t : memref<?xf32, strided<[1]>>) outs(%ys : memref<?xNxf32, strided<[N, 1], offset: ?>>) {
          ^bb0(%s: f32, %o: f32):
            %r = arith.divf %o, %s : f32
            linalg.yield %r : f32
          }
        }
        soc.return
      })",
                                               {{"xNx", "x" + number(n) + "x"},
                                                {", N]", ", " + number(n) + "]"},
                                                {"<[N,", "<[" + number(n) + ","}}),
                                    unit.bits, unit.registers);
      ASSERT_TRUE(kernel);
      GuardedBuffer x(7 * n * 4), y(7 * n * 4);
      fill(x.as<float>(), 7 * n, n);
      for (int64_t i = 0; i < 7 * n; ++i)
        x.as<float>()[i] *= 20;
      kernel->run({x.as<void>(), y.as<void>()}, 128);
      for (int64_t i = 0; i < 7; ++i) {
        double most = -1e30, sum = 0;
        for (int64_t j = 0; j < n; ++j)
          most = std::max<double>(most, x.as<float>()[i * n + j]);
        for (int64_t j = 0; j < n; ++j)
          sum += std::exp(x.as<float>()[i * n + j] - most);
        for (int64_t j = 0; j < n; ++j)
          ASSERT_NEAR(y.as<float>()[i * n + j], std::exp(x.as<float>()[i * n + j] - most) / sum,
                      1e-6);
      }
    }
}

TEST(Structured, Transpose) {
  for (Unit unit : kUnits)
    for (auto [t, d] :
         {std::pair<int64_t, int64_t>{128, 32}, {19, 37}, {3, 5}, {16, 16}, {33, 8}}) {
      auto kernel = Kernel::compile(
          substitute(
              R"(soc.kernel @k(%x: memref<2xTxDxf32>, %y: memref<2xDxTxf32>) attributes {KERNEL} {
        linalg.transpose ins(%x : memref<2xTxDxf32>) outs(%y : memref<2xDxTxf32>) permutation = [0, 2, 1]
        soc.return
      })",
              {{"TxD", number(t) + "x" + number(d)}, {"DxT", number(d) + "x" + number(t)}}),
          unit.bits, unit.registers);
      ASSERT_TRUE(kernel);
      GuardedBuffer x(2 * t * d * 4), y(2 * t * d * 4);
      fill(x.as<float>(), 2 * t * d, 1);
      kernel->run({x.as<void>(), y.as<void>()});
      for (int64_t b = 0; b < 2; ++b)
        for (int64_t i = 0; i < t; ++i)
          for (int64_t j = 0; j < d; ++j)
            ASSERT_EQ(y.as<float>()[(b * d + j) * t + i], x.as<float>()[(b * t + i) * d + j]);
    }
}

TEST(Structured, CopyOfStridedViews) {
  for (Unit unit : kUnits) {
    auto kernel = Kernel::compile(
        R"(soc.kernel @k(%x: memref<6x40xf32>, %y: memref<9x37xf32>) attributes {KERNEL} {
      %s = memref.subview %x[1, 3] [4, 21] [1, 1] : memref<6x40xf32> to memref<4x21xf32, strided<[40, 1], offset: 43>>
      %t = memref.subview %y[2, 5] [4, 21] [2, 1] : memref<9x37xf32> to memref<4x21xf32, strided<[74, 1], offset: 79>>
      memref.copy %s, %t : memref<4x21xf32, strided<[40, 1], offset: 43>> to memref<4x21xf32, strided<[74, 1], offset: 79>>
      soc.return
    })",
        unit.bits, unit.registers);
    ASSERT_TRUE(kernel);
    GuardedBuffer x(240 * 4), y(9 * 37 * 4);
    fill(x.as<float>(), 240, 1);
    kernel->run({x.as<void>(), y.as<void>()});
    for (int i = 0; i < 9; ++i)
      for (int j = 0; j < 37; ++j) {
        bool inside = i >= 2 && i % 2 == 0 && j >= 5 && j < 26;
        ASSERT_EQ(y.as<float>()[i * 37 + j],
                  inside ? x.as<float>()[((i - 2) / 2 + 1) * 40 + j - 5 + 3] : 0.0f);
      }
  }
}

TEST(Structured, GatherChecksIndices) {
  for (Unit unit : kUnits)
    for (int64_t axis : {0, 1}) {
      // data [10, 21]; along axis 0 of rows, or axis 1 of columns.
      auto kernel = Kernel::compile(
          substitute(
              R"(soc.kernel @k(%data: memref<10x21xf32>, %index: memref<6xi64>, %y: memref<YT>) attributes {KERNEL} {
        %limit = arith.constant BOUND : index
        %zero = arith.constant 0 : index
        %one = arith.constant 1 : index
        linalg.generic {indexing_maps = [affine_map<(i, j) -> OF_INDEX>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
          ins(%index : memref<6xi64>) outs(%y : memref<YT>) {
        ^bb0(%e: i64, %o: f32):
          %i = arith.index_cast %e : i64 to index
          %n = arith.cmpi slt, %i, %zero : index
          %f = arith.addi %i, %limit : index
          %p = arith.select %n, %f, %i : index
          %in = arith.cmpi ult, %p, %limit : index
          cf.assert %in, "gather index out of range"
          %l = arith.subi %limit, %one : index
          %q = arith.minsi %p, %l : index
          %r = arith.maxsi %q, %zero : index
          %d = linalg.index OTHER : index
          %v = memref.load %data[ORDER] : memref<10x21xf32>
          linalg.yield %v : f32
        }
        soc.return
      })",
              {{"YT", axis == 0 ? "6x21xf32" : "10x6xf32"},
               {"BOUND", axis == 0 ? "10" : "21"},
               {"OF_INDEX", axis == 0 ? "(i)" : "(j)"},
               {"OTHER", axis == 0 ? "1" : "0"},
               {"ORDER", axis == 0 ? "%r, %d" : "%d, %r"}}),
          unit.bits, unit.registers);
      ASSERT_TRUE(kernel);
      GuardedBuffer data(210 * 4), index(48), y(axis == 0 ? 6 * 21 * 4 : 240);
      fill(data.as<float>(), 210, 1);
      const int64_t indices[] = {0, 3, -1, 9, -10, 5};
      memcpy(index.as<void>(), indices, sizeof(indices));
      EXPECT_EQ(kernel->run({data.as<void>(), index.as<void>(), y.as<void>()}), 0u);
      int64_t limit = axis == 0 ? 10 : 21;
      for (int64_t i = 0; i < (axis == 0 ? 6 : 10); ++i)
        for (int64_t j = 0; j < (axis == 0 ? 21 : 6); ++j) {
          int64_t at = indices[axis == 0 ? i : j];
          at = at < 0 ? at + limit : at;
          float expected =
              axis == 0 ? data.as<float>()[at * 21 + j] : data.as<float>()[i * 21 + at];
          ASSERT_EQ(y.as<float>()[i * (axis == 0 ? 21 : 6) + j], expected);
        }
      for (int64_t bad : {limit, -limit - 1, int64_t(1) << 40}) {
        index.as<int64_t>()[4] = bad;
        EXPECT_EQ(kernel->run({data.as<void>(), index.as<void>(), y.as<void>()}), 1u);
      }
    }
}

TEST(Structured, PoolingAndConversions) {
  for (Unit unit : kUnits) {
    auto pool = Kernel::compile(
        R"(soc.kernel @k(%x: memref<1x3x11x23xf32>, %y: memref<1x3x9x21xf32>) attributes {KERNEL} {
      %low = arith.constant 0xFF800000 : f32
      %window = soc.scratch 0 : memref<3x3xf32>
      linalg.fill ins(%low : f32) outs(%y : memref<1x3x9x21xf32>)
      linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
        ins(%x, %window : memref<1x3x11x23xf32>, memref<3x3xf32>) outs(%y : memref<1x3x9x21xf32>)
      soc.return
    })",
        unit.bits, unit.registers);
    ASSERT_TRUE(pool);
    GuardedBuffer x(3 * 11 * 23 * 4), y(3 * 9 * 21 * 4);
    fill(x.as<float>(), 3 * 11 * 23, 1);
    pool->run({x.as<void>(), y.as<void>()}, 64);
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < 9; ++i)
        for (int j = 0; j < 21; ++j) {
          float most = -1e30f;
          for (int p = 0; p < 3; ++p)
            for (int q = 0; q < 3; ++q)
              most = std::max(most, x.as<float>()[(c * 11 + i + p) * 23 + j + q]);
          ASSERT_EQ(y.as<float>()[(c * 9 + i) * 21 + j], most);
        }

    auto convert = Kernel::compile(R"(#id = affine_map<(i) -> (i)>
    soc.kernel @k(%i: memref<19xi64>, %b: memref<19xi1>, %h: memref<19xf16>, %g: memref<19xbf16>, %q: memref<19xi8>, %y: memref<19xf32>, %m: memref<19xi1>, %z: memref<19xbf16>, %w: memref<19xf16>) attributes {KERNEL} {
      linalg.generic {indexing_maps = [#id, #id, #id, #id, #id, #id, #id, #id, #id], iterator_types = ["parallel"]}
        ins(%i, %b, %h, %g, %q : memref<19xi64>, memref<19xi1>, memref<19xf16>, memref<19xbf16>, memref<19xi8>) outs(%y, %m, %z, %w : memref<19xf32>, memref<19xi1>, memref<19xbf16>, memref<19xf16>) {
      ^bb0(%a: i64, %c: i1, %d: f16, %e: bf16, %f: i8, %o: f32, %p: i1, %r: bf16, %s: f16):
        %0 = arith.sitofp %a : i64 to f32
        %1 = arith.extf %d : f16 to f32
        %2 = arith.extf %e : bf16 to f32
        %3 = arith.sitofp %f : i8 to f32
        %4 = arith.addf %0, %1 : f32
        %5 = arith.addf %2, %3 : f32
        %6 = arith.select %c, %4, %5 : f32
        %7 = arith.cmpf ogt, %6, %4 : f32
        %8 = arith.truncf %6 : f32 to bf16
        %9 = arith.truncf %6 : f32 to f16
        linalg.yield %6, %7, %8, %9 : f32, i1, bf16, f16
      }
      soc.return
    })",
                                   unit.bits, unit.registers);
    ASSERT_TRUE(convert);
    GuardedBuffer i(19 * 8), b(20), h(40), g(40), q(20), out(76), m(20), z(40), w(40);
    auto bf16 = [](float f) {
      uint32_t bits;
      memcpy(&bits, &f, 4);
      return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    };
    for (int n = 0; n < 19; ++n) {
      i.as<int64_t>()[n] = n * 3 - 20;
      b.as<uint8_t>()[n] = n % 3 == 0;
      h.as<_Float16>()[n] = _Float16(n * 0.25f);
      g.as<uint16_t>()[n] = bf16(n * 0.5f);
      q.as<int8_t>()[n] = n - 9;
    }
    convert->run({i.as<void>(), b.as<void>(), h.as<void>(), g.as<void>(), q.as<void>(),
                  out.as<void>(), m.as<void>(), z.as<void>(), w.as<void>()});
    for (int n = 0; n < 19; ++n) {
      float left = float(n * 3 - 20) + n * 0.25f, right = n * 0.5f + float(n - 9);
      float expected = n % 3 == 0 ? left : right;
      ASSERT_EQ(out.as<float>()[n], expected);
      ASSERT_EQ(m.as<uint8_t>()[n], expected > left);
      ASSERT_EQ(z.as<uint16_t>()[n], bf16(expected));
      ASSERT_EQ(w.as<_Float16>()[n], _Float16(expected));
    }
  }
}

TEST(Structured, ScalarBodiesAndStrides) {
  // A body with a region, linalg.index, a reversed map and a diagonal.
  auto kernel = Kernel::compile(
      R"(soc.kernel @k(%x: memref<9x9xf32>, %y: memref<9xf32>) attributes {KERNEL} {
    %zero = arith.constant 0.0 : f32
    linalg.generic {indexing_maps = [affine_map<(i) -> (i, -i + 8)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<9x9xf32>) outs(%y : memref<9xf32>) {
    ^bb0(%e: f32, %o: f32):
      %i = linalg.index 0 : index
      %c = arith.constant 4 : index
      %l = arith.cmpi slt, %i, %c : index
      %r = scf.if %l -> f32 {
        %n = arith.negf %e : f32
        scf.yield %n : f32
      } else {
        %k = arith.index_cast %i : index to i32
        %f = arith.sitofp %k : i32 to f32
        scf.yield %f : f32
      }
      linalg.yield %r : f32
    }
    soc.return
  })");
  ASSERT_TRUE(kernel);
  GuardedBuffer x(324), y(36);
  fill(x.as<float>(), 81, 1);
  kernel->run({x.as<void>(), y.as<void>()});
  for (int i = 0; i < 9; ++i)
    ASSERT_EQ(y.as<float>()[i], i < 4 ? -x.as<float>()[i * 9 + 8 - i] : float(i));
}

TEST(Structured, ScalarsAndSeveralResults) {
  // Rank 0, a sum to a scalar, and a maximum with its position.
  auto kernel = Kernel::compile(
      R"(soc.kernel @k(%x: memref<4x37xf32>, %sum: memref<f32>, %best: memref<4xf32>, %at: memref<4xi64>) attributes {KERNEL} {
    %two = arith.constant 2.0 : f32
    linalg.fill ins(%two : f32) outs(%sum : memref<f32>)
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : memref<4x37xf32>) outs(%sum : memref<f32>) {
    ^bb0(%e: f32, %s: f32):
      %t = arith.addf %e, %s : f32
      linalg.yield %t : f32
    }
    linalg.generic {indexing_maps = [affine_map<() -> ()>], iterator_types = []} outs(%sum : memref<f32>) {
    ^bb0(%s: f32):
      %t = arith.mulf %s, %two : f32
      linalg.yield %t : f32
    }
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4x37xf32>) outs(%best, %at : memref<4xf32>, memref<4xi64>) {
    ^bb0(%e: f32, %b: f32, %a: i64):
      %i = linalg.index 1 : index
      %w = arith.index_cast %i : index to i64
      %g = arith.cmpf ogt, %e, %b : f32
      %r = arith.select %g, %e, %b : f32
      %q = arith.select %g, %w, %a : i64
      linalg.yield %r, %q : f32, i64
    }
    soc.return
  })");
  ASSERT_TRUE(kernel);
  GuardedBuffer x(4 * 37 * 4), sum(4), best(16), at(32);
  fill(x.as<float>(), 148, 9);
  for (int i = 0; i < 4; ++i)
    best.as<float>()[i] = -10;
  kernel->run({x.as<void>(), sum.as<void>(), best.as<void>(), at.as<void>()});
  double total = 2;
  for (int i = 0; i < 4; ++i) {
    int most = 0;
    for (int j = 0; j < 37; ++j) {
      total += x.as<float>()[i * 37 + j];
      if (x.as<float>()[i * 37 + j] > x.as<float>()[i * 37 + most])
        most = j;
    }
    EXPECT_EQ(at.as<int64_t>()[i], most);
    EXPECT_EQ(best.as<float>()[i], x.as<float>()[i * 37 + most]);
  }
  EXPECT_NEAR(sum.as<float>()[0], 2 * total, 1e-5);
}

TEST(Structured, ReductionOverRowsKeepsNaNAndInfinity) {
  for (Unit unit : kUnits) {
    auto kernel = Kernel::compile(
        R"(soc.kernel @k(%x: memref<2x35xf32>, %y: memref<2xf32>) attributes {KERNEL} {
      %low = arith.constant 0xFF800000 : f32
      linalg.fill ins(%low : f32) outs(%y : memref<2xf32>)
      linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<2x35xf32>) outs(%y : memref<2xf32>) {
      ^bb0(%e: f32, %s: f32):
        %t = arith.maximumf %e, %s : f32
        linalg.yield %t : f32
      }
      soc.return
    })",
        unit.bits, unit.registers);
    ASSERT_TRUE(kernel);
    GuardedBuffer x(280), y(8);
    for (int i = 0; i < 70; ++i)
      x.as<float>()[i] = -INFINITY;
    x.as<float>()[35 + 33] = NAN;
    kernel->run({x.as<void>(), y.as<void>()});
    EXPECT_EQ(y.as<float>()[0], -INFINITY);
    EXPECT_TRUE(std::isnan(y.as<float>()[1]));
  }
}

} // namespace
