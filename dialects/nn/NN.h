// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nn dialect: include this to use its operations and attributes.

#ifndef TERCET_DIALECTS_NN_NN_H
#define TERCET_DIALECTS_NN_NN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include "dialects/nn/NNDialect.h.inc"
#include "dialects/nn/NNEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/nn/NNAttrs.h.inc"

namespace tercet::nn {
// AggregatedOpInterface declares its method with these names unqualified.
using mlir::FailureOr;
using mlir::OpBuilder;
using mlir::SmallVector;
using mlir::Value;
} // namespace tercet::nn

#define GET_OP_CLASSES
#include "dialects/nn/NNOps.h.inc"

namespace tercet::nn {

/// Lets one-shot bufferisation handle the nn operations that live on inside
/// kernels.
void registerBufferizationModels(mlir::DialectRegistry &registry);

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_NN_H
