// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names of the source nodes that an operation came from, from its location.

#ifndef TERCET_DIALECTS_SOC_SOURCENAMES_H
#define TERCET_DIALECTS_SOC_SOURCENAMES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace tercet::soc {

/// Each name once, in order; empty for a location without names.
mlir::SmallVector<mlir::StringRef> getSourceNames(mlir::Location location);

/// The names joined by " + ", as the ABI's PROFILE record wants them.
std::string joinSourceNames(mlir::Location location);

} // namespace tercet::soc

#endif // TERCET_DIALECTS_SOC_SOURCENAMES_H
