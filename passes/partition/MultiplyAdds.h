// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplications with an addition behind them, which is what a network mostly
// consists of and what peaks of engines are stated in.

#ifndef TERCET_PASSES_PARTITION_MULTIPLYADDS_H
#define TERCET_PASSES_PARTITION_MULTIPLYADDS_H

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// Those of a group's matrix products, convolutions and attention, in floats or
/// integers. All else counts as none.
uint64_t countMultiplyAdds(soc::GroupOp group);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_MULTIPLYADDS_H
