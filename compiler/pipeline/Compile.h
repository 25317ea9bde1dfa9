// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole compilation, from a model file to an artifact.

#ifndef TERCET_COMPILER_PIPELINE_COMPILE_H
#define TERCET_COMPILER_PIPELINE_COMPILE_H

#include "compiler/pipeline/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace tercet {

/// Exit statuses of a compilation.
enum class CompileStatus {
  Ok = 0,
  /// Something is wrong with the model, the options or the machine's files.
  UserError = 1,
  /// A fault of the compiler itself.
  InternalError = 2
};

/// Compiles. Results (text of a stage) go to `out`, everything else to `err`.
/// On failure no file of the artifact is left behind.
CompileStatus compile(const CompileOptions &options, llvm::raw_ostream &out,
                      llvm::raw_ostream &err);

/// Compiles up to the stage of --stop-after and calls `use` with the module after it
/// instead of printing it.
CompileStatus compileUpTo(const CompileOptions &options, llvm::raw_ostream &err,
                          llvm::function_ref<void(mlir::ModuleOp)> use);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_COMPILE_H
