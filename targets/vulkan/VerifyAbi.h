// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a driver relies on in a module, whether it comes from the compiler's
// passes or was read back from the binary.

#ifndef TERCET_TARGETS_VULKAN_VERIFYABI_H
#define TERCET_TARGETS_VULKAN_VERIFYABI_H

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"

#include <array>
#include <string>

namespace tercet::vulkan {

/// The interface that a module turns out to have.
struct ModuleInterface {
  std::array<uint32_t, 3> localSize = {1, 1, 1};
  uint32_t bindings = 0;  // one more than the greatest
  uint32_t pushWords = 0; // of the push constants
  uint64_t workgroupBytes = 0;
  uint32_t features = 0; // bits of tercet_vulkan_feature
};

/// Says what is wrong in `problem`, at the operation it returns; null if nothing
/// is. `interface` is then what the module has.
mlir::Operation *findAbiProblem(mlir::spirv::ModuleOp module, ModuleInterface &interface,
                                std::string &problem);

} // namespace tercet::vulkan

#endif // TERCET_TARGETS_VULKAN_VERIFYABI_H
