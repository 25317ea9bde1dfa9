// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant folding by evaluation: one operation, all of whose operands are known.

#ifndef TERCET_COMPILER_REFERENCE_FOLDCONSTANT_H
#define TERCET_COMPILER_REFERENCE_FOLDCONSTANT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"

namespace tercet {

class WeightReader;

/// The results of an operation of constant operands (elements, or an integer or
/// float for a scalar; a null attribute is allowed only for the contents of a
/// tensor.empty, which are arbitrary). A scalar result is an elements attribute
/// of rank 0. An error says why the operation cannot be folded: it is not pure,
/// is unknown to the evaluator, or fails when it runs.
llvm::Expected<llvm::SmallVector<mlir::DenseElementsAttr>>
foldConstant(mlir::Operation *op, llvm::ArrayRef<mlir::Attribute> operands, WeightReader &weights);

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_FOLDCONSTANT_H
