// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops that may not run at all. Upstream's conversion to SPIR-V (MLIR 22) keeps
// the results of an scf.for in a variable that only the loop's body writes, so
// that those of an empty loop would be undefined.

#ifndef TERCET_TARGETS_VULKAN_EMPTYLOOPS_H
#define TERCET_TARGETS_VULKAN_EMPTYLOOPS_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace tercet::vulkan {

/// Behind each loop that is not known to run, has what follows use what the loop
/// began with if it did not.
void selectResultsOfLoops(mlir::gpu::GPUFuncOp function);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_EMPTYLOOPS_H
