// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// arith and math in elementwise bodies, against values worked out by hand.

#include "EvaluatorFixture.h"

using namespace mlir;
using namespace tercet;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class ScalarTest : public EvaluatorTest {
protected:
  /// linalg.generic over vectors of `type` into `resultType`; `body` computes %r from %a and %b.
  Evaluator::Results binary(const std::string &type, const std::string &resultType,
                            const std::string &body, const Tensor &a, const Tensor &b) {
    std::string n = std::to_string(a.getNumElements());
    std::string in = "tensor<" + n + "x" + type + ">", out = "tensor<" + n + "x" + resultType + ">";
    return run("#m = affine_map<(i) -> (i)>\nfunc.func @main(%x: " + in + ", %y: " + in + ") -> " +
                   out + " {\n  %e = tensor.empty() : " + out +
                   "\n  %0 = linalg.generic {indexing_maps = [#m, #m, #m], iterator_types = "
                   "[\"parallel\"]} ins(%x, %y : " +
                   in + ", " + in + ") outs(%e : " + out + ") {\n  ^bb0(%a: " + type +
                   ", %b: " + type + ", %c: " + resultType + "):\n" + body +
                   "\n    linalg.yield %r : " + resultType + "\n  } -> " + out +
                   "\n  return %0 : " + out + "\n}",
               {a, b});
  }
  Tensor vector(ArrayRef<float> values) { return tensor({int64_t(values.size())}, values); }
  template <class T> Tensor vectorOf(ArrayRef<T> values, unsigned width = sizeof(T) * 8) {
    return Tensor::of<T>(ints({int64_t(values.size())}, width), values);
  }
  void expectFloat(const std::string &op, ArrayRef<float> a, ArrayRef<float> b,
                   ArrayRef<double> expected) {
    SCOPED_TRACE(op);
    expectElements(binary("f32", "f32", "%r = " + op + " : f32", vector(a), vector(b)), expected);
  }
  void expectInt8(const std::string &op, ArrayRef<int8_t> a, ArrayRef<int8_t> b,
                  ArrayRef<double> expected) {
    SCOPED_TRACE(op);
    expectElements(
        binary("i8", "i8", "%r = " + op + " : i8", vectorOf<int8_t>(a), vectorOf<int8_t>(b)),
        expected);
  }
};

TEST_F(ScalarTest, FloatArithmetic) {
  expectFloat("arith.addf %a, %b", {1, kInf, 3e38f}, {2, -kInf, 3e38f}, {3, kNaN, kInf});
  expectFloat("arith.subf %a, %b", {1, 0.1f}, {2, 0.1f}, {-1, 0});
  expectFloat("arith.mulf %a, %b", {1.5f, 0}, {4, kInf}, {6, kNaN});
  expectFloat("arith.divf %a, %b", {1, 0, -1}, {4, 0, 0}, {0.25, kNaN, -kInf});
  expectFloat("arith.remf %a, %b", {5.5f, -5.5f}, {2, 2}, {1.5, -1.5});
  expectFloat("math.fma %a, %b, %a", {3, 2}, {5, 7}, {18, 16});
  expectFloat("math.copysign %a, %b", {3, -2}, {-1, 1}, {-3, 2});
  expectFloat("math.powf %a, %b", {2, 2, -8}, {10, -1, 0.5f}, {1024, 0.5, kNaN});
}

TEST_F(ScalarTest, MaximumPropagatesNaNAndMaxnumDropsIt) {
  expectFloat("arith.maximumf %a, %b", {1, float(kNaN), 1}, {2, 1, float(kNaN)}, {2, kNaN, kNaN});
  expectFloat("arith.minimumf %a, %b", {1, float(kNaN), 1}, {2, 1, float(kNaN)}, {1, kNaN, kNaN});
  expectFloat("arith.maxnumf %a, %b", {1, float(kNaN), 1}, {2, 1, float(kNaN)}, {2, 1, 1});
  expectFloat("arith.minnumf %a, %b", {1, float(kNaN), 3}, {2, 1, float(kNaN)}, {1, 1, 3});
  auto zeros = binary("f32", "f32", "%r = arith.maximumf %a, %b : f32", vector({-0.0f, 0.0f}),
                      vector({0.0f, -0.0f}));
  for (float zero : zeros[0].elements<float>())
    EXPECT_FALSE(std::signbit(zero));
}

TEST_F(ScalarTest, FloatFunctions) {
  struct Case {
    const char *op;
    double (*function)(double);
  };
  const Case cases[] = {{"math.exp", std::exp},
                        {"math.exp2", std::exp2},
                        {"math.expm1", std::expm1},
                        {"math.log", std::log},
                        {"math.log2", std::log2},
                        {"math.log10", std::log10},
                        {"math.log1p", std::log1p},
                        {"math.sqrt", std::sqrt},
                        {"math.cbrt", std::cbrt},
                        {"math.sin", std::sin},
                        {"math.cos", std::cos},
                        {"math.tan", std::tan},
                        {"math.asin", std::asin},
                        {"math.acos", std::acos},
                        {"math.atan", std::atan},
                        {"math.sinh", std::sinh},
                        {"math.cosh", std::cosh},
                        {"math.tanh", std::tanh},
                        {"math.asinh", std::asinh},
                        {"math.acosh", std::acosh},
                        {"math.atanh", std::atanh},
                        {"math.erf", std::erf},
                        {"math.erfc", std::erfc},
                        {"math.floor", std::floor},
                        {"math.ceil", std::ceil},
                        {"math.trunc", std::trunc},
                        {"math.round", std::round},
                        {"math.absf", std::fabs},
                        {"math.rsqrt", [](double x) { return 1.0 / std::sqrt(x); }},
                        {"math.roundeven", [](double x) { return std::nearbyint(x); }}};
  std::vector<float> inputs{-2.5f, -1.5f, -0.5f, 0.0f, 0.25f, 0.5f, 1.0f, 1.5f, 2.5f, 88.0f};
  for (const Case &c : cases) {
    std::vector<double> expected;
    for (float x : inputs)
      expected.push_back(double(float(c.function(double(x)))));
    expectFloat(std::string(c.op) + " %a", inputs, inputs, expected);
  }
}

TEST_F(ScalarTest, SmallFloatsRoundAfterEveryOperation) {
  auto halves = [&](ArrayRef<float> values, bool brain) {
    std::vector<uint16_t> bits;
    for (float value : values)
      bits.push_back(brain ? toBFloat16(value).bits : toHalf(value).bits);
    Type type = brain ? Type(BFloat16Type::get(&context)) : Type(Float16Type::get(&context));
    return Tensor::of<uint16_t>(RankedTensorType::get(int64_t(bits.size()), type), bits);
  };
  const char *body = "%s = arith.addf %a, %b : f16\n%r = arith.subf %s, %a : f16";
  // 2048 + 1 is a tie that goes to even; 2050 + 1 goes up; 65504 + 32 overflows.
  expectElements(
      binary("f16", "f16", body, halves({2048, 2050, 65504}, false), halves({1, 1, 32}, false)),
      {0, 2, kInf});
  expectElements(binary("bf16", "f32",
                        "%s = arith.addf %a, %b : bf16\n%r = arith.extf %s : bf16 to f32",
                        halves({256, 258}, true), halves({1, 1}, true)),
                 {256, 260});
}

TEST_F(ScalarTest, IntegersWrapToTheirWidth) {
  expectInt8("arith.addi %a, %b", {127, -128}, {1, -1}, {-128, 127});
  expectInt8("arith.subi %a, %b", {-128, 5}, {1, 7}, {127, -2});
  expectInt8("arith.muli %a, %b", {100, -128}, {3, -1}, {44, -128});
  expectInt8("arith.divsi %a, %b", {-7, -128}, {2, -1}, {-3, -128});
  expectInt8("arith.floordivsi %a, %b", {-7, 7, 7}, {2, 2, -2}, {-4, 3, -4});
  expectInt8("arith.ceildivsi %a, %b", {-7, 7, 7}, {2, 2, -2}, {-3, 4, -3});
  expectInt8("arith.remsi %a, %b", {-7, 7}, {2, -2}, {-1, 1});
  expectInt8("arith.divui %a, %b", {-1, 7}, {2, 2}, {127, 3});
  expectInt8("arith.remui %a, %b", {-1, 7}, {16, 2}, {15, 1});
  expectInt8("arith.maxui %a, %b", {-1, 7}, {2, 9}, {-1, 9});
  expectInt8("arith.minui %a, %b", {-1, 7}, {2, 9}, {2, 7});
  expectInt8("arith.maxsi %a, %b", {-1, 7}, {2, 9}, {2, 9});
  expectInt8("arith.shli %a, %b", {1, 3, 1}, {7, 7, 8}, {-128, -128, 0});
  expectInt8("arith.shrsi %a, %b", {-128, -1}, {7, 1}, {-1, -1});
  expectInt8("arith.shrui %a, %b", {-128, -1}, {7, 1}, {1, 127});
  expectInt8("arith.xori %a, %b", {85, -1}, {-1, -1}, {-86, 0});
  expectInt8("math.absi %a", {-128, -5}, {0, 0}, {-128, 5});
  expectInt8("math.ctlz %a", {1, 0}, {0, 0}, {7, 8});
  expectInt8("math.cttz %a", {8, 0}, {0, 0}, {3, 8});
  expectInt8("math.ctpop %a", {-1, 5}, {0, 0}, {8, 2});
  expectInt8("math.ipowi %a, %b", {3, -1, 2}, {4, -3, -1}, {81, -1, 0});
}

TEST_F(ScalarTest, ComparesOrderedAndUnordered) {
  std::vector<float> a{1, 2, 2, float(kNaN)}, b{2, 2, 1, 1};
  auto compare = [&](const std::string &predicate, ArrayRef<double> expected) {
    SCOPED_TRACE(predicate);
    expectElements(binary("f32", "i1", "%r = arith.cmpf " + predicate + ", %a, %b : f32", vector(a),
                          vector(b)),
                   expected);
  };
  compare("olt", {1, 0, 0, 0});
  compare("ule", {1, 1, 0, 1});
  compare("oeq", {0, 1, 0, 0});
  compare("une", {1, 0, 1, 1});
  compare("one", {1, 0, 1, 0});
  compare("ord", {1, 1, 1, 0});
  compare("uno", {0, 0, 0, 1});
  compare("ogt", {0, 0, 1, 0});
  expectElements(binary("i8", "i1", "%r = arith.cmpi ult, %a, %b : i8", vectorOf<int8_t>({-1, 1}),
                        vectorOf<int8_t>({1, 2})),
                 {0, 1});
  expectElements(binary("i8", "i1", "%r = arith.cmpi slt, %a, %b : i8", vectorOf<int8_t>({-1, 1}),
                        vectorOf<int8_t>({1, 2})),
                 {1, 1});
  expectElements(binary("f32", "f32",
                        "%c0 = arith.cmpf olt, %a, %b : f32\n%r = arith.select %c0, %a, %b : f32",
                        vector(a), vector(b)),
                 {1, 2, 1, 1});
}

TEST_F(ScalarTest, Casts) {
  auto from8 = [&](const std::string &to, const std::string &op, ArrayRef<double> expected) {
    SCOPED_TRACE(op);
    expectElements(binary("i8", to, "%r = " + op + " %a : i8 to " + to, vectorOf<int8_t>({-1, 100}),
                          vectorOf<int8_t>({0, 0})),
                   expected);
  };
  from8("i32", "arith.extsi", {-1, 100});
  from8("i32", "arith.extui", {255, 100});
  from8("f32", "arith.sitofp", {-1, 100});
  from8("f32", "arith.uitofp", {255, 100});
  from8("i1", "arith.trunci", {1, 0});
  std::vector<float> values{-1.9f, 300.0f, float(kNaN), -300.0f};
  expectElements(
      binary("f32", "i8", "%r = arith.fptosi %a : f32 to i8", vector(values), vector(values)),
      {-1, 127, 0, -128});
  expectElements(binary("f32", "i8",
                        "%s = arith.fptoui %a : f32 to i8\n%r = arith.addi %s, %s : i8",
                        vector(values), vector(values)),
                 {0, -2, 0, 0});
  // A boolean is one bit: all ones when sign-extended.
  uint8_t flags[] = {1, 0};
  Tensor bools = Tensor::of<uint8_t>(ints({2}, 1), flags);
  expectElements(binary("i1", "i32", "%r = arith.extsi %a : i1 to i32", bools, bools), {-1, 0});
  expectElements(binary("i1", "f32", "%r = arith.uitofp %a : i1 to f32", bools, bools), {1, 0});
  expectElements(
      binary("i1", "i1", "%t = arith.constant true\n%r = arith.xori %a, %t : i1", bools, bools),
      {0, 1});
  expectElements(
      binary("f32", "i32", "%r = arith.bitcast %a : f32 to i32", vector({1.0f}), vector({0})),
      {double(0x3f800000)});
}

TEST_F(ScalarTest, ScalarsAndTensorsOutsideOfBodies) {
  auto results =
      run(R"(func.func @main(%x: tensor<3xf32>, %i: index) -> (tensor<3xf32>, index, tensor<3xi1>) {
    %c = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
    %0 = arith.addf %x, %c : tensor<3xf32>
    %1 = math.sqrt %0 : tensor<3xf32>
    %two = arith.constant 2 : index
    %2 = arith.muli %i, %two : index
    %3 = affine.apply affine_map<(a)[s] -> ((a + s) floordiv 3 + a mod 4)>(%2)[%two]
    %4 = arith.cmpf ogt, %1, %c : tensor<3xf32>
    return %1, %3, %4 : tensor<3xf32>, index, tensor<3xi1>
  })",
          {tensor({3}, {3, 7, -4}), Tensor::fromIndex(&context, 7)});
  expectElements(results, {2, 3, kNaN});
  EXPECT_EQ(results[1].getInt(), 5 + 2);
  EXPECT_EQ(results[2].getInt(0), 1);
  EXPECT_EQ(results[2].getInt(2), 0);
}

TEST_F(ScalarTest, DivisionByZeroIsAnErrorAtTheNode) {
  const char *text = R"(func.func @main(%x: tensor<2xi32>) -> tensor<2xi32> {
    %0 = arith.divsi %x, %x : tensor<2xi32> loc("model/Div_3")
    return %0 : tensor<2xi32>
  })";
  int32_t values[] = {1, 0};
  EXPECT_EQ(errorOf(text, {Tensor::of<int32_t>(ints({2}, 32), values)}),
            "node 'model/Div_3' (arith.divsi): integer division by zero");
}

} // namespace
