// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bf16 and f16 on targets that can only load and store them.

#ifndef TERCET_TARGETS_CPU_NARROWFLOATS_H
#define TERCET_TARGETS_CPU_NARROWFLOATS_H

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace tercet::cpu {

/// Computes in f32 what the kernel computes in bf16 (everywhere) and in f16
/// (on RISC-V), and expands their conversions from and to f32 into integer
/// operations: round to nearest even, subnormals, infinities and NaN included.
mlir::LogicalResult emulateNarrowFloats(soc::KernelOp kernel, soc::CpuAttr cpu);

/// Loads and stores bf16 as integers: of a vector with a constant mask the back
/// end would make scalars, and of scalars conversions by functions of the
/// compiler's run-time library.
void accessBits(mlir::LLVM::LLVMFuncOp function);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_NARROWFLOATS_H
