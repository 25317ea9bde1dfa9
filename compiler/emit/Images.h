// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code of engines that run no code of the object: one image each, made by
// the engine's target and carried in the object as data.

#ifndef TERCET_COMPILER_EMIT_IMAGES_H
#define TERCET_COMPILER_EMIT_IMAGES_H

#include "compiler/emit/Emit.h"
#include "compiler/emit/Program.h"

namespace tercet::emit {

/// Takes the engines' modules out of `lowered`, has an image made of each that
/// the program has kernels of, and enters the images into the program.
llvm::Error addImages(mlir::ModuleOp lowered, const EmitOptions &options, Program &program);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_IMAGES_H
