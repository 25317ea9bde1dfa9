// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Structured operations as loops: a domain, an access for each operand, and a
// body. linalg operations, elementwise operations on tensors, and the bodies of
// tensor.generate and tensor.pad all run here.

#ifndef TERCET_COMPILER_REFERENCE_LINALGLOOPS_H
#define TERCET_COMPILER_REFERENCE_LINALGLOOPS_H

#include "compiler/reference/Program.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace tercet {

/// Evaluates any structured linalg operation on tensors. `operands` are those
/// of the operation; destinations among them are reused where nothing else
/// shares them. A sum or product of floats over reduction loops is accumulated
/// in f64 (chunks of up to 512 terms pairwise, chunks in order) and rounded
/// once; other bodies run iteration by iteration, in loop order.
llvm::Expected<mlir::SmallVector<Tensor>>
evaluateLinalg(mlir::linalg::LinalgOp op, mlir::MutableArrayRef<Tensor> operands, Lookup lookup);

/// Evaluates an operation on scalars, or elementwise on tensors of one shape.
llvm::Expected<mlir::SmallVector<Tensor>> evaluateElementwise(mlir::Operation *op,
                                                              mlir::ArrayRef<Tensor> operands);

/// A tensor whose elements the body computes from their indices, which are its
/// arguments.
llvm::Expected<Tensor> evaluateGenerate(mlir::Operation *op, mlir::Block &body,
                                        mlir::RankedTensorType type, Lookup lookup);

/// The contraction fast path: nothing if the operation is no plain sum of
/// products of two operands, else its result. Products and sums are exact or
/// in f64, in the order of the reduction loops, and rounded once.
std::optional<Tensor> evaluateContraction(mlir::linalg::LinalgOp op,
                                          mlir::MutableArrayRef<Tensor> operands);

/// The coefficients of an affine expression in its dimensions, then its
/// constant; nothing if it is not linear.
std::optional<mlir::SmallVector<int64_t>> getLinearCoefficients(mlir::AffineExpr expr,
                                                                unsigned numDims);

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_LINALGLOOPS_H
