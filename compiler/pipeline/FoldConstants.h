// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes at compile time what depends on constants alone, with the reference
// evaluator. Importers fold what they need for shapes; this takes the rest.

#ifndef TERCET_COMPILER_PIPELINE_FOLDCONSTANTS_H
#define TERCET_COMPILER_PIPELINE_FOLDCONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace tercet {

/// Replaces operations of constant operands by their results, up to 1 MiB each:
/// beyond that text would grow by the data. What the evaluator refuses stays.
/// Returns how many operations were replaced.
unsigned foldConstants(mlir::ModuleOp module);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_FOLDCONSTANTS_H
