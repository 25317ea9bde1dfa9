// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a CPU takes products and gathers of weights in groups: panels, tiles, and
// the bytes that the weights have then.

#ifndef TERCET_TARGETS_CPU_GROUPTILES_H
#define TERCET_TARGETS_CPU_GROUPTILES_H

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

namespace tercet::cpu {

/// Columns of a panel: as many as a vector of sums has, for products and gathers
/// alike, so that what they share stays one weight.
int64_t groupPanelOf(soc::CpuAttr cpu);

/// Whether an input of the group is a weight that only products and gathers of
/// weights in groups read, as such.
bool isWeightInGroups(soc::GroupOp group, size_t input);

/// Bytes of such a weight in panels.
uint64_t bytesInPanels(soc::GroupOp group, size_t input, int64_t panel);

/// Tiles of a product with `rows` rows and `columns` columns. A few rows are bound
/// by the memory that the weights come from: each worker streams a few long runs
/// of panels. Of many, the left-hand side of a tile stays in the second-level
/// cache while panels pass by.
llvm::SmallVector<int64_t> tilesOfGroupProduct(soc::CpuAttr cpu, nn::GroupMatmulOp product,
                                               int64_t rows, int64_t columns, unsigned workers);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_GROUPTILES_H
