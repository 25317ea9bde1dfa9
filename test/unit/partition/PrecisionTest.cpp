// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups of each kind before and after partition-apply-precision on the
// reference evaluator: the noise that integers bring is what their widths
// explain, and no more.

#include "test/unit/partition/PrecisionFixture.h"

using namespace tercet;

namespace {

/// A module with weights and a function of one group.
std::string moduleOf(const std::string &weights, const std::string &function) {
  return R"mlir(
#cpu = #soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v3", features = "",
  cores = 1, vector_bits = 256, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>
#dram = #soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 0>
#all = affine_map<(d0, d1) -> (d0, d1)>
#last = affine_map<(d0, d1) -> (d1)>
module attributes {soc.machine = #soc.machine<"board", workers = 1, engines = [#cpu], memories = [#dram]>} {
)mlir" + weights +
         function + "\n}\n";
}

/// A function of one group: `parameters` as `%x: type`, `operands` likewise.
std::string function(const std::string &parameters, const std::string &before,
                     const std::string &operands, const std::string &types,
                     const std::string &result, const std::string &arguments,
                     const std::string &body, const std::string &value) {
  return "  func.func @main(" + parameters + ") -> " + result + " {\n" + before +
         "    %group = soc.group (" + operands + ") : (" + types + ") -> " + result +
         " {\n    ^bb0(" + arguments + "):\n" + body + "      soc.yield " + value + " : " + result +
         "\n    }\n    return %group : " + result + "\n  }";
}

/// A product of [8, K] and [K, N] with its bias, and what follows it.
std::string product(int64_t depth, int64_t columns, const std::string &weights,
                    const std::string &after, const std::string &value, bool residual) {
  std::string k = std::to_string(depth), n = std::to_string(columns);
  std::string in = "tensor<8x" + k + "xf32>", w = "tensor<" + k + "x" + n + "xf32>";
  std::string b = "tensor<" + n + "xf32>", out = "tensor<8x" + n + "xf32>";
  std::string body = "      %z = arith.constant 0.0 : f32\n      %e = tensor.empty() : " + out +
                     "\n      %f = linalg.fill ins(%z : f32) outs(%e : " + out + ") -> " + out +
                     "\n      %p = linalg.matmul ins(%x, %w : " + in + ", " + w +
                     ") outs(%f : " + out + ") -> " + out +
                     "\n      %s = linalg.generic {indexing_maps = [#last, #all, #all], "
                     "iterator_types = [\"parallel\", \"parallel\"]} ins(%b, %p : " +
                     b + ", " + out + ") outs(%e : " + out +
                     ") {\n      ^bb0(%i: f32, %j: f32, %o: f32):\n        %t = arith.addf %i, %j "
                     ": f32\n        linalg.yield %t : f32\n      } -> " +
                     out + "\n" + after;
  return moduleOf(
      weights,
      function("%a: " + in + (residual ? ", %r: " + out : ""),
               "    %gw = nn.get_weight @w : " + w + "\n    %gb = nn.get_weight @b : " + b + "\n",
               std::string("%a, %gw, %gb") + (residual ? ", %r" : ""),
               in + ", " + w + ", " + b + (residual ? ", " + out : ""), out,
               "%x: " + in + ", %w: " + w + ", %b: " + b + (residual ? ", %y: " + out : ""), body,
               value));
}

const char *const kResidual = R"mlir(
      %q = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%s, %y : tensor<8x48xf32>, tensor<8x48xf32>) outs(%e : tensor<8x48xf32>) {
      ^bb0(%i: f32, %j: f32, %o: f32):
        %t = arith.addf %i, %j : f32
        linalg.yield %t : f32
      } -> tensor<8x48xf32>
)mlir";

TEST_F(PrecisionTest, ProductWithBias) {
  std::string weights = weight("w", {64, 48}, 0.5, 1) + weight("b", {48}, 1.0, 2);
  std::string text = product(64, 48, weights, "", "%s", false);
  EXPECT_GT(measure(text, {random({8, 64}, 3)}, {}), 35);
  EXPECT_EQ(count("nn.quantized_matmul"), 1u);
  EXPECT_EQ(count("linalg.matmul"), 0u);
  EXPECT_GT(measure(text, {random({8, 64}, 3)}, {"w8a8", true}), 38);
  EXPECT_GT(measure(text, {random({8, 64}, 3)}, {"w8a16", true}), 42);
}

TEST_F(PrecisionTest, ProductOfUnevenChannels) {
  // Channels of different sizes lose less with a scale for each of them.
  std::string weights = weight("w", {64, 48}, 0.5, 1) + weight("b", {48}, 1.0, 2);
  std::string text = product(64, 48, weights, "", "%s", false);
  double one = measure(text, {uneven({8, 64}, 3)}, {});
  double each = measure(text, {uneven({8, 64}, 3)}, {"w8a8", false, true});
  EXPECT_GT(one, 30);
  EXPECT_GT(each, 35);
}

TEST_F(PrecisionTest, CorrectedBias) {
  // Of channels with a mean the rounding of weights has one too.
  std::string weights = weight("w", {64, 48}, 0.5, 1) + weight("b", {48}, 1.0, 2);
  std::string text = product(64, 48, weights, "", "%s", false);
  Tensor input = uneven({8, 64}, 3);
  std::vector<float> values(input.elements<float>().begin(), input.elements<float>().end());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] += 4.0f * (i % 64 % 3);
  input = tensor({8, 64}, values);
  double wide = measure(text, {input}, {"w8a16", true});
  EXPECT_GT(measure(text, {input}, {"w8a16", true, false, false, true}), wide + 6);
  // The same where rows of the weight have taken the scales of channels.
  double narrow = measure(text, {input}, {"w8a8", true, true});
  EXPECT_GT(measure(text, {input}, {"w8a8", true, true, false, true}), narrow);
}

TEST_F(PrecisionTest, ProductWithFunction) {
  std::string weights = weight("w", {64, 48}, 0.5, 1) + weight("b", {48}, 1.0, 2);
  std::string text = product(64, 48, weights,
                             "      %g = nn.activation gelu_erf ins(%s : tensor<8x48xf32>) outs(%e "
                             ": tensor<8x48xf32>)\n",
                             "%g", false);
  EXPECT_GT(measure(text, {random({8, 64}, 3)}, {}), 30);
  EXPECT_EQ(count("nn.lookup"), 1u);
  EXPECT_GT(measure(text, {random({8, 64}, 3)}, {"w8a16", true}), 30);
}

TEST_F(PrecisionTest, ProductWithFunctionByBlocks) {
  std::string weights = weight("w", {32, 256}, 0.5, 1) + weight("b", {256}, 1.0, 2);
  std::string text = product(32, 256, weights,
                             "      %g = nn.activation silu ins(%s : tensor<8x256xf32>) outs(%e : "
                             "tensor<8x256xf32>)\n",
                             "%g", false);
  EXPECT_GT(measure(text, {random({8, 32}, 3)}, {"w8a8", false, true}), 30);
}

TEST_F(PrecisionTest, ProductWithResidual) {
  std::string weights = weight("w", {64, 48}, 0.5, 1) + weight("b", {48}, 1.0, 2);
  std::string text = product(64, 48, weights, kResidual, "%q", true);
  EXPECT_GT(measure(text, {random({8, 64}, 3), random({8, 48}, 4)}, {}), 30);
  EXPECT_EQ(count("nn.quantized_add"), 1u);
  EXPECT_GT(measure(text, {random({8, 64}, 3), random({8, 48}, 4)}, {"w8a8", true}), 35);
}

/// A norm over 96 columns, with a bias or without.
std::string norm(const std::string &weights, const std::string &operation, bool bias) {
  std::string type = "tensor<8x96xf32>", vector = "tensor<96xf32>";
  return moduleOf(weights,
                  function("%a: " + type,
                           "    %gg = nn.get_weight @g : " + vector + "\n" +
                               (bias ? "    %gb = nn.get_weight @b : " + vector + "\n" : ""),
                           std::string("%a, %gg") + (bias ? ", %gb" : ""),
                           type + ", " + vector + (bias ? ", " + vector : ""), type,
                           "%x: " + type + ", %g: " + vector + (bias ? ", %b: " + vector : ""),
                           "      %e = tensor.empty() : " + type + "\n      %n = nn." + operation +
                               " ins(%x, %g : " + type + ", " + vector + ") " +
                               (bias ? "bias(%b : " + vector + ") " : "") + "outs(%e : " + type +
                               ") epsilon 1.0e-5\n",
                           "%n"));
}

TEST_F(PrecisionTest, Norms) {
  std::string weights = weight("g", {96}, 2.0, 1) + weight("b", {96}, 1.0, 2);
  EXPECT_GT(measure(norm(weights, "layer_norm", true), {random({8, 96}, 3)}, {}), 35);
  EXPECT_EQ(count("nn.quantized_layer_norm"), 1u);
  EXPECT_GT(measure(norm(weights, "layer_norm", false), {random({8, 96}, 3)}, {"w8a8", true}), 70);
  EXPECT_GT(measure(norm(weights, "layer_norm", true), {uneven({8, 96}, 3)}, {"w8a8", false, true}),
            30);
  EXPECT_GT(measure(norm(weights, "rms_norm", false), {random({8, 96}, 3)}, {}), 35);
  EXPECT_EQ(count("nn.quantized_rms_norm"), 1u);
  EXPECT_GT(measure(norm(weights, "rms_norm", false), {random({8, 96}, 3)}, {"w8a16", true}), 70);
}

TEST_F(PrecisionTest, Attention) {
  std::string q = "tensor<1x6x4x16xf32>", k = "tensor<1x12x2x16xf32>", m = "tensor<1x1x1x12xf32>";
  auto text = [&](bool mask) {
    return moduleOf("",
                    function("%q: " + q + ", %k: " + k + ", %v: " + k + (mask ? ", %m: " + m : ""),
                             "", std::string("%q, %k, %v") + (mask ? ", %m" : ""),
                             q + ", " + k + ", " + k + (mask ? ", " + m : ""), q,
                             "%a: " + q + ", %b: " + k + ", %c: " + k + (mask ? ", %d: " + m : ""),
                             "      %e = tensor.empty() : " + q +
                                 "\n      %r = nn.attention ins(%a, %b, %c : " + q + ", " + k +
                                 ", " + k + ")" + (mask ? " mask(%d : " + m + ")" : "") +
                                 " outs(%e : " + q + ") scale 2.5e-1\n",
                             "%r"));
  };
  llvm::SmallVector<Tensor> inputs{random({1, 6, 4, 16}, 1), random({1, 12, 2, 16}, 2),
                                   random({1, 12, 2, 16}, 3)};
  EXPECT_GT(measure(text(false), inputs, {}), 30);
  EXPECT_EQ(count("nn.quantized_attention"), 1u);
  // As exported: what is masked gets the most negative number there is.
  std::vector<float> masked(12, 0.0f);
  std::fill(masked.begin() + 7, masked.end(), std::numeric_limits<float>::lowest());
  inputs.push_back(tensor({1, 1, 1, 12}, masked));
  EXPECT_GT(measure(text(true), inputs, {}), 30);
}

TEST_F(PrecisionTest, FunctionsOfFunctions) {
  // exp(tanh(x)) / 2 is one table.
  std::string text = moduleOf("", function("%a: tensor<4x32xf32>", "", "%a", "tensor<4x32xf32>",
                                           "tensor<4x32xf32>", "%x: tensor<4x32xf32>", R"mlir(
      %e = tensor.empty() : tensor<4x32xf32>
      %h = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%x : tensor<4x32xf32>) outs(%e : tensor<4x32xf32>) {
      ^bb0(%i: f32, %o: f32):
        %t = math.tanh %i : f32
        linalg.yield %t : f32
      } -> tensor<4x32xf32>
      %half = arith.constant 0.5 : f32
      %r = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%h : tensor<4x32xf32>) outs(%e : tensor<4x32xf32>) {
      ^bb0(%i: f32, %o: f32):
        %t = math.exp %i : f32
        %u = arith.mulf %t, %half : f32
        linalg.yield %u : f32
      } -> tensor<4x32xf32>
)mlir",
                                           "%r"));
  EXPECT_GT(measure(text, {random({4, 32}, 1)}, {}), 40);
  EXPECT_EQ(count("nn.lookup"), 1u);
  EXPECT_GT(measure(text, {random({4, 32}, 1)}, {"w8a8", true}), 40);
}

TEST_F(PrecisionTest, Movements) {
  std::string text = moduleOf("", function("%a: tensor<4x6xf32>, %b: tensor<6x4xf32>", "", "%a, %b",
                                           "tensor<4x6xf32>, tensor<6x4xf32>", "tensor<12x5xf32>",
                                           "%x: tensor<4x6xf32>, %y: tensor<6x4xf32>", R"mlir(
      %e = tensor.empty() : tensor<6x4xf32>
      %t = linalg.transpose ins(%x : tensor<4x6xf32>) outs(%e : tensor<6x4xf32>) permutation = [1, 0]
      %c = tensor.concat dim(0) %t, %y : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<12x4xf32>
      %s = tensor.extract_slice %c[0, 1] [12, 3] [1, 1] : tensor<12x4xf32> to tensor<12x3xf32>
      %z = arith.constant 0.0 : f32
      %p = tensor.pad %s low[0, 1] high[0, 1] {
      ^bb0(%i: index, %j: index):
        tensor.yield %z : f32
      } : tensor<12x3xf32> to tensor<12x5xf32>
)mlir",
                                           "%p"));
  EXPECT_GT(measure(text, {random({4, 6}, 1), random({6, 4}, 2)}, {}), 35);
  EXPECT_EQ(count("tensor.pad"), 1u);
  EXPECT_GT(measure(text, {random({4, 6}, 1), random({6, 4}, 2)}, {"w8a16", true}), 70);
}

/// A block of a transformer without its attention, whose result a softmax reads:
/// that has no form in integers. The norm's result is read in 8 and in 16 bits.
const char *const kBlock = R"mlir(
  func.func @main(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
    %g = nn.get_weight @g : tensor<64xf32>
    %h = nn.get_weight @h : tensor<64xf32>
    %0 = soc.group (%x, %g, %h) : (tensor<8x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<8x64xf32> {
    ^bb0(%a: tensor<8x64xf32>, %b: tensor<64xf32>, %c: tensor<64xf32>):
      %e = tensor.empty() : tensor<8x64xf32>
      %n = nn.layer_norm ins(%a, %b : tensor<8x64xf32>, tensor<64xf32>) bias(%c : tensor<64xf32>)
        outs(%e : tensor<8x64xf32>) epsilon 1.0e-5
      soc.yield %n : tensor<8x64xf32>
    }
    %u = nn.get_weight @u : tensor<64x128xf32>
    %v = nn.get_weight @v : tensor<128xf32>
    %1 = soc.group (%0, %u, %v) : (tensor<8x64xf32>, tensor<64x128xf32>, tensor<128xf32>) -> tensor<8x128xf32> {
    ^bb0(%a: tensor<8x64xf32>, %b: tensor<64x128xf32>, %c: tensor<128xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<8x128xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<8x128xf32>) -> tensor<8x128xf32>
      %p = linalg.matmul ins(%a, %b : tensor<8x64xf32>, tensor<64x128xf32>) outs(%f : tensor<8x128xf32>) -> tensor<8x128xf32>
      %s = linalg.generic {indexing_maps = [#last, #all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%c, %p : tensor<128xf32>, tensor<8x128xf32>) outs(%e : tensor<8x128xf32>) {
      ^bb0(%i: f32, %j: f32, %o: f32):
        %t = arith.addf %i, %j : f32
        linalg.yield %t : f32
      } -> tensor<8x128xf32>
      %r = nn.activation gelu_tanh ins(%s : tensor<8x128xf32>) outs(%e : tensor<8x128xf32>)
      soc.yield %r : tensor<8x128xf32>
    }
    %w = nn.get_weight @w : tensor<128x64xf32>
    %2 = soc.group (%1, %w, %0) : (tensor<8x128xf32>, tensor<128x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32> {
    ^bb0(%a: tensor<8x128xf32>, %b: tensor<128x64xf32>, %c: tensor<8x64xf32>):
      %z = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<8x64xf32>
      %f = linalg.fill ins(%z : f32) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
      %p = linalg.matmul ins(%a, %b : tensor<8x128xf32>, tensor<128x64xf32>) outs(%f : tensor<8x64xf32>) -> tensor<8x64xf32>
      %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
          ins(%p, %c : tensor<8x64xf32>, tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) {
      ^bb0(%i: f32, %j: f32, %o: f32):
        %t = arith.addf %i, %j : f32
        linalg.yield %t : f32
      } -> tensor<8x64xf32>
      soc.yield %s : tensor<8x64xf32>
    }
    %3 = soc.group (%2) : (tensor<8x64xf32>) -> tensor<8x64xf32> {
    ^bb0(%a: tensor<8x64xf32>):
      %e = tensor.empty() : tensor<8x64xf32>
      %r = linalg.softmax dimension(1) ins(%a : tensor<8x64xf32>) outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
      soc.yield %r : tensor<8x64xf32>
    }
    return %3 : tensor<8x64xf32>
  }
)mlir";

TEST_F(PrecisionTest, Block) {
  std::string text = moduleOf(weight("g", {64}, 2.0, 1) + weight("h", {64}, 1.0, 2) +
                                  weight("u", {64, 128}, 0.3, 3) + weight("v", {128}, 1.0, 4) +
                                  weight("w", {128, 64}, 0.3, 5),
                              kBlock);
  EXPECT_GT(measure(text, {random({8, 64}, 6)}, {"w8a8", true, false, true}), 30);
  EXPECT_EQ(count("nn.quantized_matmul"), 2u);
  // The second product reads the table's 16 bits.
  EXPECT_EQ(count("nn.rescale"), 2u);
  EXPECT_EQ(count("nn.quantize"), 1u);
  EXPECT_EQ(count("nn.dequantize"), 1u);
  EXPECT_GT(measure(text, {random({8, 64}, 6)}, {"w8a8", true, true, true}), 30);
  // What both readers take in 8 bits is not converted.
  EXPECT_GT(measure(text, {random({8, 64}, 6)}, {"w8a8", false, false, true}), 25);
  EXPECT_EQ(count("nn.rescale"), 0u);
}

} // namespace
