// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What it costs that one engine reads what another has written. Partition and
// schedule price the same thing the same way.

#ifndef TERCET_PASSES_PARTITION_MOVECOST_H
#define TERCET_PASSES_PARTITION_MOVECOST_H

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// Picoseconds from the end of a command on `from` until `to` can read its
/// bytes: the token, cleaning the caches of engines that are not coherent, and
/// the links between the memories that they work on and the one that both
/// address. 0 on one engine; a second without such a memory, so that a placement
/// avoids it.
int64_t movePs(soc::MachineAttr machine, soc::EngineAttrInterface from, soc::EngineAttrInterface to,
               int64_t bytes);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_MOVECOST_H
