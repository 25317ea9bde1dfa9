// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variants of groups for engines that run a grid of workgroups: a tile is what
// a workgroup computes, and what it keeps between two operations is in
// workgroup memory. A few tiles for each class of kernel, priced on the
// engine's roofline with what a tile makes of it: padding at the borders,
// compute units without work, how often operands are read, sums in registers.

#ifndef TERCET_PASSES_PARTITION_WORKGROUPTILES_H
#define TERCET_PASSES_PARTITION_WORKGROUPTILES_H

#include "dialects/soc/Soc.h"

#include <string>

namespace tercet::partition {

/// What tiles depend on of a device.
struct WorkgroupLimits {
  uint64_t memoryBytes;  // of workgroup memory
  uint32_t threads;      // of a workgroup
  uint32_t computeUnits; // that run workgroups side by side
  uint32_t accumulators; // f32 that a thread sums without spilling
  int64_t gridSize;      // workgroups in one dimension
  /// Products of two operands in f16, or in bf16, are for tensor cores.
  bool tensorCores = false;
};

/// At most four variants for `rows` rows of the group (0: all), the fastest
/// first, computed as the group is written. None if it cannot be cut in tiles
/// that fit, and why in words for the user. `takesWhole` says which operations
/// keep nothing in workgroup memory but what kernels of the engine do by
/// themselves.
llvm::SmallVector<soc::VariantAttr>
findWorkgroupVariants(soc::PerformanceAttr performance, const WorkgroupLimits &limits,
                      soc::GroupOp group, int64_t rows,
                      llvm::function_ref<bool(mlir::Operation *)> takesWhole, std::string &reason);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_WORKGROUPTILES_H
