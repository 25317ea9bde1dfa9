// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates the body that an elementwise operator would put into a
// linalg.generic. Folding runs the same operations that the compiled program
// would, so an operator is described once.

#ifndef TERCET_COMPILER_IMPORT_ONNX_SCALARINTERPRETER_H
#define TERCET_COMPILER_IMPORT_ONNX_SCALARINTERPRETER_H

#include "compiler/import/onnx/Constant.h"

#include "mlir/IR/Builders.h"

#include <optional>

namespace tercet::onnx {

/// Builds the result of an operator's body from its scalar arguments.
using ScalarBody =
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

class ScalarInterpreter {
public:
  ScalarInterpreter(mlir::MLIRContext *context, llvm::ArrayRef<mlir::Type> arguments,
                    ScalarBody body);
  ~ScalarInterpreter();

  /// The body's result, or none if it has an operation that is not handled
  /// here or that divides by zero. Integers come and go zero- or sign-extended;
  /// they are looked at modulo the width of their type.
  std::optional<Scalar> run(llvm::ArrayRef<Scalar> arguments);

private:
  struct Step {
    mlir::Operation *op;
    llvm::SmallVector<unsigned, 3> operands;
  };
  std::optional<Scalar> evaluate(mlir::Operation *op, llvm::ArrayRef<Scalar> operands);

  std::unique_ptr<mlir::Block> block;
  std::vector<Step> steps;
  std::vector<Scalar> slots;
  unsigned resultSlot = 0;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_SCALARINTERPRETER_H
