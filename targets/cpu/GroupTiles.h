// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of a CPU's products with weights in groups.

#ifndef TERCET_TARGETS_CPU_GROUPTILES_H
#define TERCET_TARGETS_CPU_GROUPTILES_H

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

namespace tercet::cpu {

/// Tiles of a product with `rows` rows and `columns` columns. A few rows are bound
/// by the memory that the weights come from: each worker streams a few long runs
/// of panels. Of many, the left-hand side of a tile stays in the second-level
/// cache while panels pass by.
llvm::SmallVector<int64_t> tilesOfGroupProduct(soc::CpuAttr cpu, nn::GroupMatmulOp product,
                                               int64_t rows, int64_t columns, unsigned workers);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_GROUPTILES_H
