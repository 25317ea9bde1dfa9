// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding one operation of constant operands.

#include "EvaluatorFixture.h"

#include "compiler/reference/FoldConstant.h"

using namespace mlir;
using namespace tercet;

namespace {

class FoldConstantTest : public EvaluatorTest {
protected:
  Operation *first(StringRef body, StringRef arguments) {
    module = parseSourceString<ModuleOp>(
        ("func.func @main(" + arguments + ") { " + body + " return }").str(), &context);
    EXPECT_TRUE(module);
    return &module->lookupSymbol<func::FuncOp>("main").front().front();
  }
};

TEST_F(FoldConstantTest, FoldsElementsAndScalars) {
  Operation *add = first("%0 = arith.addf %x, %x : tensor<2xf32>", "%x: tensor<2xf32>");
  auto value = DenseElementsAttr::get(floats({2}), ArrayRef<float>{1, 2});
  auto folded = foldConstant(add, {value, value}, weights);
  ASSERT_TRUE(bool(folded));
  EXPECT_EQ((*folded)[0], DenseElementsAttr::get(floats({2}), ArrayRef<float>{2, 4}));

  Operation *compare = first("%0 = arith.cmpi slt, %x, %y : index", "%x: index, %y: index");
  Builder b(&context);
  auto flag = foldConstant(compare, {b.getIndexAttr(1), b.getIndexAttr(2)}, weights);
  ASSERT_TRUE(bool(flag));
  EXPECT_TRUE((*flag)[0].getSplatValue<bool>());
}

TEST_F(FoldConstantTest, TakesArbitraryContentsForDestinations) {
  Operation *op =
      first("%0 = linalg.transpose ins(%x : tensor<1x2xf32>) outs(%e : tensor<2x1xf32>) "
            "permutation = [1, 0]",
            "%x: tensor<1x2xf32>, %e: tensor<2x1xf32>");
  auto value = DenseElementsAttr::get(floats({1, 2}), ArrayRef<float>{1, 2});
  auto folded = foldConstant(op, {value, Attribute()}, weights);
  ASSERT_TRUE(bool(folded));
  EXPECT_EQ((*folded)[0], DenseElementsAttr::get(floats({2, 1}), ArrayRef<float>{1, 2}));
}

TEST_F(FoldConstantTest, RefusesEffectsAndFailures) {
  Builder b(&context);
  Operation *assertion = first("cf.assert %x, \"no\"", "%x: i1");
  auto effects = foldConstant(assertion, {b.getBoolAttr(true)}, weights);
  EXPECT_TRUE(StringRef(llvm::toString(effects.takeError())).contains("has side effects"));
  Operation *division = first("%0 = arith.divsi %x, %y : i32", "%x: i32, %y: i32");
  auto failed = foldConstant(division, {b.getI32IntegerAttr(1), b.getI32IntegerAttr(0)}, weights);
  EXPECT_TRUE(StringRef(llvm::toString(failed.takeError())).contains("division by zero"));
}

} // namespace
