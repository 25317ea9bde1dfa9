// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module that becomes NAME.o: the lowered kernels under their final names,
// and the program's data beside them. Table and embedded weights are zeros of
// the right size here; their contents are written into the finished object
// (ObjectFile.h), since the table tells stack sizes and a digest that are known
// only then, and weights must not pass through memory. So theirs is a section
// without contents at first, which to LLVM is one whose name begins with ".bss".

#ifndef TERCET_COMPILER_EMIT_OBJECTMODULE_H
#define TERCET_COMPILER_EMIT_OBJECTMODULE_H

#include "compiler/emit/Program.h"

namespace tercet::emit {

inline constexpr llvm::StringLiteral kTableSection = ".tercet.table";
inline constexpr llvm::StringLiteral kEmptyWeightsSection = ".bss.tercet.weights";
inline constexpr llvm::StringLiteral kWeightsSection = ".tercet.weights";

/// Rewrites `lowered` in place: renames the kernels (llvm.func under the symbols
/// of their soc.kernel) and hides them, makes all else internal, erases what no
/// command uses and operations of our own dialects, and adds tercet_NAME,
/// tercet_NAME_table, tercet_NAME_kernels and, where there are such,
/// tercet_NAME_images and the embedded tercet_NAME_weights.
llvm::Error prepareObjectModule(mlir::ModuleOp lowered, const Program &program);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_OBJECTMODULE_H
