// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a module given as text on the reference evaluator.

#ifndef TERCET_TEST_UNIT_REFERENCE_EVALUATORFIXTURE_H
#define TERCET_TEST_UNIT_REFERENCE_EVALUATORFIXTURE_H

#include "compiler/reference/Evaluator.h"
#include "compiler/support/RegisterAll.h"
#include "compiler/weights/WeightReader.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <random>

namespace tercet {

class EvaluatorTest : public testing::Test {
protected:
  EvaluatorTest() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
  }

  mlir::RankedTensorType floats(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, mlir::Float32Type::get(&context));
  }
  mlir::RankedTensorType ints(llvm::ArrayRef<int64_t> shape, unsigned width = 64) {
    return mlir::RankedTensorType::get(shape, mlir::IntegerType::get(&context, width));
  }
  Tensor tensor(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
    return Tensor::of<float>(floats(shape), values);
  }
  /// Seeded values in [-2, 2).
  Tensor random(llvm::ArrayRef<int64_t> shape, unsigned seed) {
    std::mt19937 generator(seed);
    std::vector<float> values(floats(shape).getNumElements());
    for (float &value : values)
      value = float(generator()) / 0x1p30f - 2.0f;
    return tensor(shape, values);
  }

  llvm::Expected<Evaluator::Results> tryRun(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs,
                                            Evaluator::Observer observer = {}) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return llvm::createStringError(llvm::inconvertibleErrorCode(), "the test does not parse");
    Evaluator evaluator(*module, weights);
    return evaluator.run(module->lookupSymbol<mlir::func::FuncOp>("main"), inputs, observer);
  }

  Evaluator::Results run(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs = {},
                         Evaluator::Observer observer = {}) {
    llvm::Expected<Evaluator::Results> results = tryRun(text, inputs, observer);
    if (results)
      return std::move(*results);
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }

  std::string errorOf(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs = {}) {
    llvm::Expected<Evaluator::Results> results = tryRun(text, inputs);
    return results ? "" : llvm::toString(results.takeError());
  }

  /// Every element of the first result equals the expected one; NaN equals NaN.
  void expectElements(const Evaluator::Results &results, llvm::ArrayRef<double> expected,
                      double tolerance = 0.0) {
    ASSERT_FALSE(results.empty());
    std::vector<double> got = results[0].toDoubles();
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(expected[i]))
        EXPECT_TRUE(std::isnan(got[i])) << "at " << i << ": " << got[i];
      else if (std::isinf(expected[i]) || tolerance == 0.0)
        EXPECT_EQ(got[i], expected[i]) << "at " << i;
      else
        EXPECT_NEAR(got[i], expected[i], tolerance * std::max(1.0, std::fabs(expected[i])))
            << "at " << i;
    }
  }

  mlir::MLIRContext context;
  WeightReader weights;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace tercet

#endif // TERCET_TEST_UNIT_REFERENCE_EVALUATORFIXTURE_H
