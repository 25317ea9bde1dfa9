// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs functions of a module on the host, operation by operation, as the
// reference for everything that Tercet generates code for: it shares no code
// with the passes and engines. nn operations mean what their decomposition
// into linalg says. Tensors are freed after their last use.

#ifndef TERCET_COMPILER_REFERENCE_EVALUATOR_H
#define TERCET_COMPILER_REFERENCE_EVALUATOR_H

#include "compiler/reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace tercet {

class WeightReader;

class Evaluator {
public:
  using Results = llvm::SmallVector<Tensor>;
  /// Called after every operation of the module's functions, also inside of
  /// called functions and of regions, with the operation's results, which it may
  /// replace by others of their types. What a decomposition consists of is not
  /// reported.
  using Observer = std::function<void(mlir::Operation *, mlir::MutableArrayRef<Tensor>)>;
  /// Evaluates one operation from the values of its operands.
  using Handler =
      std::function<llvm::Expected<Results>(mlir::Operation *, mlir::MutableArrayRef<Tensor>)>;

  /// Both must outlive the evaluator.
  Evaluator(mlir::ModuleOp module, WeightReader &weights);
  ~Evaluator();

  /// Inputs must have the types of the function's arguments, scalars as tensors
  /// of rank 0. Errors name the location of the operation that failed.
  llvm::Expected<Results> run(mlir::func::FuncOp function, mlir::ArrayRef<Tensor> inputs,
                              Observer observer = {});

  /// Evaluates one operation of any kind that run() knows. An observer is called
  /// for what its regions hold, not for itself.
  llvm::Expected<Results> evaluate(mlir::Operation *op, mlir::ArrayRef<Tensor> operands,
                                   Observer observer = {});

  /// Gives operations of this name a meaning of their own. Without one, an
  /// operation whose single-block region is isolated from above, takes the
  /// operands as block arguments and yields the results is run as that block.
  void setHandler(mlir::StringRef operation, Handler handler);

private:
  class Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_EVALUATOR_H
