// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a language model takes for each context length, and the longest context
// that fits into so much memory: --plan-context. Nothing is estimated: each length
// is compiled up to the plan with all other options as they are.

#ifndef TERCET_COMPILER_PIPELINE_PLANCONTEXT_H
#define TERCET_COMPILER_PIPELINE_PLANCONTEXT_H

#include "compiler/pipeline/Compile.h"

namespace tercet {

/// Reads a number of bytes with a unit, such as 24GiB, 1.5GB or 4096B. Returns what
/// is wrong with it, empty if nothing is.
std::string parseByteBudget(llvm::StringRef text, uint64_t &bytes);

/// Prints a table of the bytes of each pool to `out`, and the longest context for
/// which their sum is at most the budget. That nothing fits is an error.
CompileStatus planContext(const CompileOptions &options, llvm::raw_ostream &out,
                          llvm::raw_ostream &err);

} // namespace tercet

#endif // TERCET_COMPILER_PIPELINE_PLANCONTEXT_H
