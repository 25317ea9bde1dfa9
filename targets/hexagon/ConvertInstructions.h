// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hvx dialect in terms of LLVM.

#ifndef TERCET_TARGETS_HEXAGON_CONVERTINSTRUCTIONS_H
#define TERCET_TARGETS_HEXAGON_CONVERTINSTRUCTIONS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tercet::hexagon {

void populateInstructionPatterns(mlir::LLVMTypeConverter &converter,
                                 mlir::RewritePatternSet &patterns);

/// Declares what conversions call: tercet_dma_start and tercet_dma_wait.
void declareRuntime(mlir::ModuleOp module);
/// Erases those that nothing calls.
void eraseUnusedDeclarations(mlir::ModuleOp module);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_CONVERTINSTRUCTIONS_H
