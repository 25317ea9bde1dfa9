// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds planned pools to the bytes that the user has for them, before any code
// is generated, and says what would have to change where they do not fit.

#ifndef TERCET_COMPILER_PIPELINE_BUDGET_H
#define TERCET_COMPILER_PIPELINE_BUDGET_H

#include "compiler/pipeline/Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace tercet {

/// Bytes of a pool if the program is made for so many workers; none where that
/// cannot be said.
using WorkersTrial = llvm::function_ref<std::optional<int64_t>(unsigned, llvm::StringRef)>;

/// One line for every budget that is exceeded or names no pool: required,
/// available and excess bytes, the largest tensors that are live at the peak by
/// their source nodes, and levers, each with the bytes that it would leave.
std::vector<std::string> checkBudgets(mlir::ModuleOp planned, const CompileOptions &options,
                                      WorkersTrial trial);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_BUDGET_H
