// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes are those of transformer layers, small enough to stay in the caches
// where a class is meant to be bound by computing.

#include "compiler/tools/measure/Workloads.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tercet::measure;
using llvm::formatv;

static Workload makeProduct(const char *what, int64_t rows, int64_t inner, int64_t columns) {
  constexpr const char *text = R"(
nn.weight @w = dense<0.01> : tensor<{1}x{2}xf32>
func.func @main(%x: tensor<{0}x{1}xf32> {{nn.name = "x0"}) -> (tensor<{0}x{2}xf32> {{nn.name = "y"}) {{
  %w = nn.get_weight @w : tensor<{1}x{2}xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{0}x{2}xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<{0}x{2}xf32>) -> tensor<{0}x{2}xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<{0}x{1}xf32>, tensor<{1}x{2}xf32>) outs(%z : tensor<{0}x{2}xf32>) -> tensor<{0}x{2}xf32> loc("work")
  return %0 : tensor<{0}x{2}xf32>
}
)";
  return {what, formatv(text, rows, inner, columns).str(), {uint64_t(4 * rows * inner)}, 0};
}

static Workload makeAttention(int64_t length, int64_t heads, int64_t width) {
  constexpr const char *text = R"(
!t = tensor<1x{0}x{1}x{2}xf32>
func.func @main(%q: !t {{nn.name = "x0"}, %k: !t {{nn.name = "x1"}, %v: !t {{nn.name = "x2"}) -> (!t {{nn.name = "y"}) {{
  %e = tensor.empty() : !t
  %0 = nn.attention ins(%q, %k, %v : !t, !t, !t) outs(%e : !t) scale 1.250000e-01 loc("work")
  return %0 : !t
}
)";
  uint64_t bytes = 4 * length * heads * width;
  return {"attention", formatv(text, length, heads, width).str(), {bytes, bytes, bytes}, 0};
}

/// One operation from a tensor to one of the same shape.
static Workload makeMap(const char *what, int64_t rows, int64_t columns, const char *operation) {
  constexpr const char *text = R"(
!t = tensor<{0}x{1}xf32>
func.func @main(%x: !t {{nn.name = "x0"}) -> (!t {{nn.name = "y"}) {{
  %e = tensor.empty() : !t
  %0 = {2} loc("work")
  return %0 : !t
}
)";
  uint64_t bytes = 4 * rows * columns;
  return {what, formatv(text, rows, columns, operation).str(), {bytes}, 2 * bytes};
}

std::vector<Workload> tercet::measure::makeWorkloads(bool quick) {
  constexpr const char *silu = "nn.activation silu ins(%x : !t) outs(%e : !t)";
  constexpr const char *square = "linalg.square ins(%x : !t) outs(%e : !t) -> !t";
  constexpr const char *softmax = "linalg.softmax dimension(1) ins(%x : !t) outs(%e : !t) -> !t";
  std::vector<Workload> all = {
      makeMap("launch", 64, 16, square), // first: it is taken off the others
      makeProduct("product", 128, 512, 512),
      makeProduct("thin_product", 1, 512, 1024),
      makeAttention(128, 8, 64),
      makeMap("rows", 128, 512, softmax),
      makeMap("elements", 128, 1024, silu),
      makeMap("memory", 4096, 2048, square),
  };
  if (quick)
    return all;
  all.push_back(makeProduct("product", 256, 768, 3072));
  all.push_back(makeProduct("product", 32, 768, 768));
  all.push_back(makeProduct("thin_product", 4, 768, 768));
  all.push_back(makeAttention(256, 12, 64));
  all.push_back(makeMap("rows", 256, 768, softmax));
  all.push_back(makeMap("elements", 64, 3072, silu));
  all.push_back(makeMap("memory", 8192, 4096, square));
  return all;
}

Workload tercet::measure::makeTokenChain(const std::string &first, const std::string &second,
                                         unsigned length) {
  std::string text = "!t = tensor<1x16xf32>\nfunc.func @main(%v0: !t {nn.name = \"x0\"}) -> "
                     "(!t {nn.name = \"y\"}) {\n";
  for (unsigned i = 0; i < length; ++i)
    text += formatv("  %v{0} = soc.group on \"{1}\" (%v{2}) : (!t) -> !t {{\n"
                    "  ^bb0(%x: !t):\n    %e = tensor.empty() : !t\n"
                    "    %0 = linalg.exp ins(%x : !t) outs(%e : !t) -> !t\n"
                    "    soc.yield %0 : !t\n  }\n",
                    i + 1, i % 2 ? second : first, i)
                .str();
  text += formatv("  return %v{0} : !t\n}\n", length).str();
  return {"token", text, {64}, 0, /*isGraph=*/true};
}
