// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an engine's kernels in the LLVM dialect to the ELF file that it runs.

#ifndef TERCET_TARGETS_HEXAGON_HEXAGONIMAGE_H
#define TERCET_TARGETS_HEXAGON_HEXAGONIMAGE_H

#include "targets/Target.h"

namespace tercet::hexagon {

/// See Target::emitImage.
llvm::Expected<EngineImage> emitImage(const ImageJob &job);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_HEXAGONIMAGE_H
