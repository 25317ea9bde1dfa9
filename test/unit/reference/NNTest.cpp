// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn operations through their decompositions, against plain loops in f64.

#include "EvaluatorFixture.h"

using namespace mlir;
using namespace tercet;

namespace {

class NNTest : public EvaluatorTest {
protected:
  /// tensor<AxBxf32>
  static std::string typeOf(const Tensor &t) {
    std::string text;
    llvm::raw_string_ostream(text) << t.getType();
    return text;
  }
  static double at(const Tensor &t, ArrayRef<int64_t> index) {
    int64_t flat = 0;
    for (auto [i, size] : llvm::zip_equal(index, t.getShape()))
      flat = flat * size + (size == 1 ? 0 : i); // Broadcasts.
    return t.elements<float>()[flat];
  }
};

TEST_F(NNTest, Activations) {
  Tensor x = tensor({6}, {-100, -1, -0.0f, 0.5f, 3, 100});
  auto activate = [&](const std::string &kind) {
    return run(
        "func.func @main(%x: tensor<6xf32>) -> tensor<6xf32> {\n%e = tensor.empty() : "
        "tensor<6xf32>\n%0 = nn.activation " +
            kind +
            " ins(%x : tensor<6xf32>) outs(%e : tensor<6xf32>)\nreturn %0 : tensor<6xf32>\n}",
        {x});
  };
  auto expected = [&](double (*function)(double)) {
    std::vector<double> values;
    for (double value : x.toDoubles())
      values.push_back(function(value));
    return values;
  };
  expectElements(activate("gelu_erf"),
                 expected([](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); }),
                 1e-6);
  expectElements(activate("gelu_tanh"), expected([](double v) {
                   return v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
                 }),
                 1e-6);
  expectElements(activate("quick_gelu"),
                 expected([](double v) { return v / (1 + std::exp(-1.702 * v)); }), 1e-6);
  expectElements(activate("silu"), expected([](double v) { return v / (1 + std::exp(-v)); }), 1e-6);
  expectElements(activate("sigmoid"), expected([](double v) { return 1 / (1 + std::exp(-v)); }),
                 1e-6);
}

TEST_F(NNTest, Norms) {
  for (int64_t size : {1, 8, 513}) {
    Tensor x = random({2, 3, size}, 1), scale = random({size}, 2), bias = random({size}, 3);
    std::string tx = typeOf(x), ts = typeOf(scale);
    auto results =
        run("func.func @main(%x: " + tx + ", %s: " + ts + ", %b: " + ts + ") -> (" + tx + ", " +
                tx + ", " + tx + ") {\n%e = tensor.empty() : " + tx +
                "\n%0 = nn.layer_norm ins(%x, %s : " + tx + ", " + ts + ") bias(%b : " + ts +
                ") outs(%e : " + tx + ") epsilon 1.0e-5\n" +
                "%1 = nn.layer_norm ins(%x, %s : " + tx + ", " + ts + ") outs(%e : " + tx +
                ") epsilon 1.0e-5\n%2 = nn.rms_norm ins(%x, %s : " + tx + ", " + ts +
                ") outs(%e : " + tx + ") epsilon 1.0e-5\nreturn %0, %1, %2 : " + tx + ", " + tx +
                ", " + tx + "\n}",
            {x, scale, bias});
    std::vector<double> norm, plain, rms, in = x.toDoubles();
    for (int64_t row = 0; row < 6; ++row) {
      double mean = 0, variance = 0, square = 0;
      for (int64_t i = 0; i < size; ++i)
        mean += in[row * size + i] / size;
      for (int64_t i = 0; i < size; ++i) {
        variance += std::pow(in[row * size + i] - mean, 2) / size;
        square += std::pow(in[row * size + i], 2) / size;
      }
      for (int64_t i = 0; i < size; ++i) {
        double v = (in[row * size + i] - mean) / std::sqrt(variance + 1e-5) * at(scale, i);
        plain.push_back(v);
        norm.push_back(v + at(bias, i));
        rms.push_back(in[row * size + i] / std::sqrt(square + 1e-5) * at(scale, i));
      }
    }
    expectElements(results, norm, 2e-6);
    expectElements({results[1]}, plain, 2e-6);
    expectElements({results[2]}, rms, 2e-6);
  }
}

TEST_F(NNTest, Rope) {
  for (int64_t tableBatch : {1, 2}) {
    Tensor x = random({2, 3, 2, 8}, 1), cos = random({tableBatch, 3, 8}, 2),
           sin = random({tableBatch, 3, 8}, 3);
    std::string tx = typeOf(x), tt = typeOf(cos);
    auto results =
        run("func.func @main(%x: " + tx + ", %c: " + tt + ", %s: " + tt + ") -> " + tx +
                " {\n%e = tensor.empty() : " + tx + "\n%0 = nn.rope ins(%x, %c, %s : " + tx + ", " +
                tt + ", " + tt + ") outs(%e : " + tx + ")\nreturn %0 : " + tx + "\n}",
            {x, cos, sin});
    std::vector<double> expected;
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t s = 0; s < 3; ++s)
        for (int64_t h = 0; h < 2; ++h)
          for (int64_t d = 0; d < 8; ++d) {
            double turned = d < 4 ? -at(x, {b, s, h, d + 4}) : at(x, {b, s, h, d - 4});
            expected.push_back(at(x, {b, s, h, d}) * at(cos, {b, s, d}) +
                               turned * at(sin, {b, s, d}));
          }
    expectElements(results, expected, 1e-6);
  }
}

TEST_F(NNTest, AttentionWithGroupedHeadsAndMasks) {
  const int64_t B = 2, S = 3, T = 5, D = 4, E = 6;
  for (auto [H, G] : {std::pair<int64_t, int64_t>{4, 2}, {2, 2}, {3, 1}}) {
    const std::vector<int64_t> maskShapes[] = {
        {}, {1, 1, 1, T}, {B, 1, S, T}, {1, H, S, T}, {B, H, 1, T}};
    for (const std::vector<int64_t> &maskShape : maskShapes) {
      Tensor q = random({B, S, H, D}, 1), k = random({B, T, G, D}, 2), v = random({B, T, G, E}, 3);
      SmallVector<Tensor> inputs{q, k, v};
      Tensor mask;
      std::string maskArgument, maskText;
      if (!maskShape.empty()) {
        mask = random(maskShape, 4);
        // One key is hidden from everybody.
        float *data = reinterpret_cast<float *>(mask.mutableData());
        for (int64_t i = 2; i < mask.getNumElements(); i += T)
          data[i] = -std::numeric_limits<float>::infinity();
        inputs.push_back(mask);
        maskArgument = ", %m: " + typeOf(mask);
        maskText = " mask(%m : " + typeOf(mask) + ")";
      }
      std::string tq = typeOf(q), tk = typeOf(k), tv = typeOf(v);
      std::string to = typeOf(Tensor::allocate(floats({B, S, H, E})));
      auto results =
          run("func.func @main(%q: " + tq + ", %k: " + tk + ", %v: " + tv + maskArgument + ") -> " +
                  to + " {\n%e = tensor.empty() : " + to +
                  "\n%0 = nn.attention ins(%q, %k, %v : " + tq + ", " + tk + ", " + tv + ")" +
                  maskText + " outs(%e : " + to + ") scale 0.5\nreturn %0 : " + to + "\n}",
              inputs);
      std::vector<double> expected(B * S * H * E);
      for (int64_t b = 0; b < B; ++b)
        for (int64_t s = 0; s < S; ++s)
          for (int64_t h = 0; h < H; ++h) {
            int64_t g = h / (H / G);
            std::vector<double> scores(T, 0.0);
            double total = 0;
            for (int64_t t = 0; t < T; ++t) {
              for (int64_t d = 0; d < D; ++d)
                scores[t] += at(q, {b, s, h, d}) * at(k, {b, t, g, d});
              scores[t] = std::exp(scores[t] * 0.5 + (mask ? at(mask, {b, h, s, t}) : 0.0));
              total += scores[t];
            }
            for (int64_t e = 0; e < E; ++e)
              for (int64_t t = 0; t < T; ++t)
                expected[((b * S + s) * H + h) * E + e] += scores[t] / total * at(v, {b, t, g, e});
          }
      expectElements(results, expected, 2e-6);
    }
  }
}

TEST_F(NNTest, GatherCountsNegativeIndicesFromTheEnd) {
  const char *text =
      R"(func.func @main(%x: tensor<2x3x2xf32>, %i: tensor<2x2xi64>) -> tensor<2x2x2x2xf32> {
    %e = tensor.empty() : tensor<2x2x2x2xf32>
    %0 = nn.gather axis 1 ins(%x, %i : tensor<2x3x2xf32>, tensor<2x2xi64>) outs(%e : tensor<2x2x2x2xf32>) loc("emb/Gather")
    return %0 : tensor<2x2x2x2xf32>
  })";
  Tensor x = tensor({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  auto indices = [&](std::vector<int64_t> values) {
    return Tensor::of<int64_t>(ints({2, 2}), values);
  };
  expectElements(run(text, {x, indices({0, -1, 2, -3})}),
                 {0, 1, 4, 5, 4, 5, 0, 1, 6, 7, 10, 11, 10, 11, 6, 7});
  for (int64_t bad : {int64_t(3), int64_t(-4), INT64_MAX, INT64_MIN})
    EXPECT_EQ(errorOf(text, {x, indices({0, 0, bad, 0})}),
              "node 'emb/Gather' (cf.assert): gather index out of range");
}

TEST_F(NNTest, PackedMatmulIsMatmul) {
  // The right-hand side once as it is and once in panels, through the reader.
  for (int64_t n : {1, 15, 16, 17, 33}) {
    Tensor a = random({5, 7}, 1), b = random({7, n}, 2), c = random({5, n}, 3);
    int64_t panels = (n + 15) / 16;
    std::vector<float> packed(panels * 7 * 16, 1e30f); // What pads is never looked at.
    for (int64_t k = 0; k < 7; ++k)
      for (int64_t j = 0; j < n; ++j)
        packed[j / 16 * 7 * 16 + k * 16 + j % 16] = b.elements<float>()[k * n + j];
    Tensor p = tensor({panels, 7, 16}, packed);
    std::string tb = typeOf(b), tc = typeOf(c), tp = typeOf(p);
    auto results = run("func.func @main(%a: tensor<5x7xf32>, %b: " + tb + ", %p: " + tp +
                           ", %c: " + tc + ") -> (" + tc + ", " + tc +
                           ") {\n%0 = " + "linalg.matmul ins(%a, %b : tensor<5x7xf32>, " + tb +
                           ") outs(%c : " + tc + ") -> " + tc +
                           "\n%1 = nn.packed_matmul ins(%a, %p : tensor<5x7xf32>, " + tp +
                           ") outs(%c : " + tc + ")\nreturn %0, %1 : " + tc + ", " + tc + "\n}",
                       {a, b, p, c});
    EXPECT_EQ(results[0].toDoubles(), results[1].toDoubles()) << n;
  }
}

TEST_F(NNTest, AnOperandUsedTwice) {
  auto results = run(R"(func.func @main(%x: tensor<1x2x1x4xf32>) -> tensor<1x2x1x4xf32> {
    %e = tensor.empty() : tensor<1x2x1x4xf32>
    %0 = nn.attention ins(%x, %x, %x : tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>, tensor<1x2x1x4xf32>)
           outs(%e : tensor<1x2x1x4xf32>) scale 0.0
    return %0 : tensor<1x2x1x4xf32>
  })",
                     {tensor({1, 2, 1, 4}, {1, 2, 3, 4, 5, 6, 7, 8})});
  expectElements(results, {3, 4, 5, 6, 3, 4, 5, 6});
}

} // namespace
