// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The remainder of a division of floats, exactly, without a call of fmodf.

#ifndef TERCET_TARGETS_CPU_FLOATREMAINDER_H
#define TERCET_TARGETS_CPU_FLOATREMAINDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::cpu {

/// x - n * y with n = trunc(x / y), for f32 or vectors of it; exact for all
/// operands, with the sign of x, and NaN where C's fmodf gives it.
mlir::Value expandRemainder(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_FLOATREMAINDER_H
