// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a Hexagon NPU runs groups: tiles, scratch and time.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONVARIANTS_H
#define TERCET_TARGETS_HEXAGON_HEXAGONVARIANTS_H

#include "dialects/soc/Soc.h"

namespace tercet::hexagon {

/// The best variant for each precision that the group allows and the kernels
/// have, in the group's order; empty, and why in words for the user, if there
/// is none. `rows` as in EngineModel::variants.
llvm::SmallVector<soc::VariantAttr> findVariants(soc::EngineAttr engine, soc::GroupOp group,
                                                 int64_t rows, std::string &reason);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONVARIANTS_H
