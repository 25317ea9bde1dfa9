// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The source nodes of an imported function and what the reference computes for
// each. A node becomes one operation or several: its values are those that
// another node or the function's result reads, and before them those on the way.

#ifndef TERCET_COMPILER_TOOLS_COMPARE_REFERENCENODES_H
#define TERCET_COMPILER_TOOLS_COMPARE_REFERENCENODES_H

#include "compiler/reference/Evaluator.h"
#include "compiler/weights/WeightReader.h"

#include "llvm/ADT/StringMap.h"

namespace tercet::compare {

class ReferenceNodes {
public:
  explicit ReferenceNodes(mlir::func::FuncOp function);

  /// The node among `joined` (names with " + " between them) that is executed
  /// last: what a fused command computes. Empty if none is known.
  llvm::StringRef findLast(llvm::StringRef joined) const;

  /// Runs the function and keeps the values of the nodes in `wanted`. Returns
  /// the function's results.
  llvm::Expected<Evaluator::Results> run(WeightReader &weights, mlir::ArrayRef<Tensor> inputs,
                                         const llvm::StringMap<bool> &wanted);

  struct Result {
    Tensor tensor;
    /// Whether only the node itself reads it: a command may compute one part of a node.
    bool inner;
  };
  /// The node's values, of one run.
  mlir::ArrayRef<Result> getValues(llvm::StringRef node) const;

private:
  struct Node {
    /// Place of the node's last operation.
    size_t place = 0;
    mlir::SmallVector<mlir::Operation *> ops;
    mlir::SmallVector<Result> values;
  };
  mlir::func::FuncOp function;
  llvm::StringMap<Node> nodes;
};

} // namespace tercet::compare

#endif // TERCET_COMPILER_TOOLS_COMPARE_REFERENCENODES_H
