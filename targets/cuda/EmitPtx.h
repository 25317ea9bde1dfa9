// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels in the LLVM and NVVM dialects to PTX.

#ifndef TERCET_TARGETS_CUDA_EMITPTX_H
#define TERCET_TARGETS_CUDA_EMITPTX_H

#include "mlir/IR/BuiltinOps.h"

#include "llvm/Support/Error.h"

#include <string>

namespace tercet::cuda {

/// The module's functions as PTX for `architecture` (87: sm_87), of the oldest
/// version of PTX that has it. Everything that kernels call is in the module.
/// Same module, same text.
llvm::Expected<std::string> emitPtx(mlir::ModuleOp module, unsigned architecture);

/// Whether LLVM knows that architecture.
bool knowsArchitecture(unsigned architecture);

} // namespace tercet::cuda

#endif // TERCET_TARGETS_CUDA_EMITPTX_H
