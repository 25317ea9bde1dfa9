// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers and effects of operations share that stand on tensors or,
// inside kernels, on memrefs (NN_KernelOp).

#ifndef TERCET_DIALECTS_NN_KERNELOPERANDS_H
#define TERCET_DIALECTS_NN_KERNELOPERANDS_H

#include "dialects/nn/NN.h"

namespace tercet::nn {

/// Reports a shape that cannot be the expected one. Inside of tiles either may
/// be known in part.
mlir::LogicalResult expectShape(mlir::Operation *op, llvm::StringRef name, mlir::Value value,
                                llvm::ArrayRef<int64_t> expected);

/// All tensors or all memrefs but for scalars, and ranked: what
/// DestinationStyleOpInterface leaves open.
mlir::LogicalResult expectOneKind(mlir::Operation *op);

using EffectInstances =
    llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>;

/// On memrefs: reads of inputs and writes of destinations, which are read as well
/// where the operation adds to them.
void getReadsAndWrites(mlir::DestinationStyleOpInterface op, EffectInstances &effects,
                       bool addsToInit = false);

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_KERNELOPERANDS_H
