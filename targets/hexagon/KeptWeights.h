// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scratchpad keeps of weights for as long as a program is open: those
// of all products, of all entries, if they take no more than a half of it, else
// none. So the other half is there for tiles, whatever is chosen.

#ifndef TERCET_TARGETS_HEXAGON_KEPTWEIGHTS_H
#define TERCET_TARGETS_HEXAGON_KEPTWEIGHTS_H

#include "dialects/soc/Soc.h"

namespace tercet::hexagon {

/// Columns of a panel of weights.
inline constexpr int64_t kPanel = 32;

/// Bytes of a weight of two dimensions in panels.
uint64_t getPanelBytes(mlir::RankedTensorType weight);

struct KeptWeights {
  /// What tiles have to leave of the scratchpad.
  uint64_t bytes = 0;
  /// Whether variants may keep their weights there.
  bool offered = false;
};

/// Of the program of a group. Once groups have been placed, weights are
/// rewritten one after the other: then what they chose stands, and with it the
/// half that it may take.
KeptWeights findKeptWeights(soc::EngineAttr engine, soc::GroupOp group);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_KEPTWEIGHTS_H
