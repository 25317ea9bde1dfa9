// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a model of any supported format.

#ifndef TERCET_COMPILER_PIPELINE_MODELINPUT_H
#define TERCET_COMPILER_PIPELINE_MODELINPUT_H

#include "compiler/pipeline/Diagnostics.h"
#include "compiler/pipeline/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tercet {

/// The model as a module: imported if it is an ONNX file, parsed if it is MLIR
/// (TOSA is lowered to linalg). Null, with the errors printed, if that fails.
mlir::OwningOpRef<mlir::ModuleOp>
readModel(mlir::MLIRContext &context, const CompileOptions &options, UserDiagnostics &diagnostics);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_MODELINPUT_H
