// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations that move elements without computing any: the tensor dialect.

#ifndef TERCET_COMPILER_REFERENCE_TENSOROPS_H
#define TERCET_COMPILER_REFERENCE_TENSOROPS_H

#include "compiler/reference/Program.h"

namespace tercet {

/// Evaluates an operation of the tensor dialect; nothing if it is not known.
/// Operands that nothing else shares are reused for results.
std::optional<llvm::Expected<Tensor>>
evaluateTensorOp(mlir::Operation *op, mlir::MutableArrayRef<Tensor> operands, Lookup lookup);

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_TENSOROPS_H
