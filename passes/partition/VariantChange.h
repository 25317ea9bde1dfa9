// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keeps the variants of a group, which an engine has promised for it as it was,
// true for what it becomes when its precision is applied.

#ifndef TERCET_PASSES_PARTITION_VARIANTCHANGE_H
#define TERCET_PASSES_PARTITION_VARIANTCHANGE_H

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// The variants of a group: its own, or one for each share.
llvm::SmallVector<soc::VariantAttr> getVariants(soc::GroupOp group);

/// Row-major order for `count` operands that follow those that there were.
void addPanels(soc::GroupOp group, unsigned count);

/// Scratch for an operation that its body has got: twice what a tile needs of its
/// result, as for the other values of a tile. Tiles cut the first `cutDims` of its
/// dimensions like those of the group's first result.
void addScratch(soc::GroupOp group, mlir::Operation *op, unsigned cutDims);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_VARIANTCHANGE_H
