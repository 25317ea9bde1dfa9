// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What it costs that one engine reads what another has written, or reads it in
// another type. Partition and schedule price the same thing the same way.

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

/// The number of the engine that turns a value which `producer` makes in floating
/// point into integers, or for the user back: it itself if it is a CPU, else the
/// first CPU that is present; it itself where there is none. Engines are those of
/// the machine, in order.
unsigned converterOf(llvm::ArrayRef<soc::EngineAttrInterface> engines, unsigned producer);

/// Picoseconds of a pass over so many elements on an engine, with its launch.
int64_t convertPs(soc::MachineAttr machine, soc::EngineAttrInterface engine, uint64_t elements,
                  uint64_t fromBits, uint64_t toBits);

/// Picoseconds of a copy of so many bytes by an engine, with its launch.
int64_t copyPs(soc::MachineAttr machine, soc::EngineAttrInterface engine, uint64_t bytes);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_MOVECOST_H
