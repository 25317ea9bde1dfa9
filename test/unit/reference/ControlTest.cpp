// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls, loops, assertions, regions with a meaning of their own, the observer,
// and what the evaluator refuses.

#include "EvaluatorFixture.h"

#include <fstream>

using namespace mlir;
using namespace tercet;

namespace {

using ControlTest = EvaluatorTest;

TEST_F(ControlTest, CallsFunctionsOfTheModule) {
  expectElements(run(R"(func.func private @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = arith.addf %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }
  func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = func.call @twice(%x) : (tensor<2xf32>) -> tensor<2xf32>
    %1 = func.call @twice(%0) : (tensor<2xf32>) -> tensor<2xf32>
    return %1 : tensor<2xf32>
  })",
                     {tensor({2}, {1, 2})}),
                 {4, 8});
  EXPECT_NE(errorOf(R"(func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = func.call @main(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  })",
                    {tensor({2}, {1, 2})})
                .find("the function calls itself"),
            std::string::npos);
}

TEST_F(ControlTest, LoopsAndBranches) {
  const char *text = R"(func.func @main(%x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %ten = arith.constant 10.0 : f32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%t = %x) -> tensor<4xf32> {
      %even = arith.remui %i, %c2 : index
      %isEven = arith.cmpi eq, %even, %c0 : index
      %u = scf.if %isEven -> tensor<4xf32> {
        %v = tensor.extract %x[%i] : tensor<4xf32>
        %w = arith.addf %v, %ten : f32
        %s = tensor.insert %w into %t[%i] : tensor<4xf32>
        scf.yield %s : tensor<4xf32>
      } else {
        scf.yield %t : tensor<4xf32>
      }
      scf.yield %u : tensor<4xf32>
    }
    return %0 : tensor<4xf32>
  })";
  Tensor x = tensor({4}, {1, 2, 3, 4});
  expectElements(run(text, {x, Tensor::fromIndex(&context, 3)}), {11, 2, 13, 4});
  expectElements(run(text, {x, Tensor::fromIndex(&context, 0)}), {1, 2, 3, 4});
  expectElements(run(R"(func.func @main(%n: i64) -> i64 {
    %z = arith.constant 0 : i64
    %one = arith.constant 1 : i64
    %0:2 = scf.while (%i = %n, %s = %z) : (i64, i64) -> (i64, i64) {
      %c = arith.cmpi sgt, %i, %z : i64
      scf.condition(%c) %i, %s : i64, i64
    } do {
    ^bb0(%i: i64, %s: i64):
      %a = arith.addi %s, %i : i64
      %b = arith.subi %i, %one : i64
      scf.yield %b, %a : i64, i64
    }
    return %0#1 : i64
  })",
                     {Tensor::of<int64_t>(ints({}), int64_t(4))}),
                 {10});
}

TEST_F(ControlTest, AssertionsNameTheNode) {
  EXPECT_EQ(errorOf(R"(func.func @main(%c: i1) {
    cf.assert %c, "position is too large" loc("decoder/Where_2")
    return
  })",
                    {Tensor::of<uint8_t>(ints({}, 1), uint8_t(0))}),
            "node 'decoder/Where_2' (cf.assert): position is too large");
}

TEST_F(ControlTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(errorOf(R"(func.func @main(%x: memref<2xf32>) {
    return
  })",
                    {tensor({2}, {1, 2})})
                .substr(0, 17),
            "-:1:1 (func.func)");
  EXPECT_NE(errorOf(R"(func.func @main() -> memref<2xf32> {
    %0 = memref.alloc() : memref<2xf32> loc(fused["a/b", "c"])
    return %0 : memref<2xf32>
  })")
                .find("nodes 'a/b', 'c' (memref.alloc): the reference evaluator does not know"),
            std::string::npos);
  EXPECT_NE(errorOf("func.func @main(%x: tensor<2xf32> {nn.name = \"ids\"}) { return }",
                    {tensor({3}, {1, 2, 3})})
                .find("input 0 'ids': expected tensor<2xf32>, got tensor<3xf32>"),
            std::string::npos);
}

TEST_F(ControlTest, ObserverSeesSourceOperationsOnly) {
  std::vector<std::string> seen;
  run(R"(func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
    %e = tensor.empty() : tensor<2x4xf32>
    %0 = nn.activation silu ins(%x : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>)
    return %0 : tensor<2x4xf32>
  })",
      {random({2, 4}, 1)}, [&](Operation *op, ArrayRef<Tensor> results) {
        seen.push_back(op->getName().getStringRef().str());
        EXPECT_EQ(results.size(), op->getNumResults());
      });
  EXPECT_EQ(seen, (std::vector<std::string>{"tensor.empty", "nn.activation"}));
}

TEST_F(ControlTest, WhatAnObserverReplacesIsWhatFollows) {
  auto negate = [](Operation *op, MutableArrayRef<Tensor> results) {
    if (op->getName().getStringRef() != "nn.activation")
      return;
    float *data = reinterpret_cast<float *>(results[0].mutableData());
    for (int64_t i = 0; i < results[0].getNumElements(); ++i)
      data[i] = -data[i];
  };
  const char *text = R"(func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = soc.group(%x) : (tensor<2xf32>) -> tensor<2xf32> {
    ^bb0(%y: tensor<2xf32>):
      %e = tensor.empty() : tensor<2xf32>
      %1 = nn.activation sigmoid ins(%y : tensor<2xf32>) outs(%e : tensor<2xf32>)
      soc.yield %1 : tensor<2xf32>
    }
    return %0 : tensor<2xf32>
  })";
  expectElements(run(text, tensor({2}, {0, 0}), negate), {-0.5, -0.5});
  // Of one operation alone, what is inside of it.
  Operation *group = &module->lookupSymbol<func::FuncOp>("main").getBody().front().front();
  auto results = Evaluator(*module, weights).evaluate(group, tensor({2}, {0, 0}), negate);
  ASSERT_TRUE(bool(results));
  expectElements(*results, {-0.5, -0.5});
}

TEST_F(ControlTest, HandlersGiveOperationsAMeaning) {
  context.allowUnregisteredDialects();
  module = parseSourceString<ModuleOp>(R"(func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = "test.twice"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  })",
                                       &context);
  Evaluator evaluator(*module, weights);
  evaluator.setHandler(
      "test.twice",
      [](Operation *op, MutableArrayRef<Tensor> operands) -> llvm::Expected<Evaluator::Results> {
        Tensor result = std::move(operands[0]);
        float *data = reinterpret_cast<float *>(result.mutableData());
        data[0] *= 2, data[1] *= 2;
        return Evaluator::Results{result};
      });
  auto results = evaluator.run(module->lookupSymbol<func::FuncOp>("main"), tensor({2}, {1, 2}));
  ASSERT_TRUE(bool(results));
  expectElements(*results, {2, 4});
}

TEST_F(ControlTest, ReadsWeights) {
  expectElements(run(R"(
    nn.weight @w = #nn.transpose<dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>, perm = [1, 0]> : tensor<2x2xf32>
    func.func @main() -> tensor<2x2xf32> {
      %0 = nn.get_weight @w : tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    })"),
                 {1, 3, 2, 4});
  EXPECT_NE(errorOf(R"(
    nn.weight @w = #nn.file<"/nonexistent/w.bin", offset = 0, bytes = 8> : tensor<2xf32> loc("dense.weight")
    func.func @main() -> tensor<2xf32> {
      %0 = nn.get_weight @w : tensor<2xf32>
      return %0 : tensor<2xf32>
    })")
                .find("node 'dense.weight' (nn.weight): weights file '/nonexistent/w.bin': cannot "
                      "be opened"),
            std::string::npos);
}

} // namespace
