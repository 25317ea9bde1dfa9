// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in groups are laid out in panels, which engines of one machine agree
// on: then what several of them read is in memory once.

#ifndef TERCET_PASSES_PARTITION_GROUPPANELS_H
#define TERCET_PASSES_PARTITION_GROUPPANELS_H

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// Columns of a panel for a CPU: as many as a vector of sums has, for products and
/// gathers alike, so that what they share stays one weight.
int64_t groupPanelOf(soc::CpuAttr cpu);

/// For other engines of the machine, which may be null: what its CPUs read, or 16.
int64_t groupPanelOf(soc::MachineAttr machine);

/// Whether an input of the group is a weight that only products and gathers of
/// weights in groups read, as such.
bool isWeightInGroups(soc::GroupOp group, size_t input);

/// Bytes of such a weight in panels.
uint64_t bytesInPanels(soc::GroupOp group, size_t input, int64_t panel);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_GROUPPANELS_H
