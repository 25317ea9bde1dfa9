// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vector registers that kernels of a CPU engine may use, as the machine's
// description states them. All shapes of generated code follow from this.

#ifndef TERCET_TARGETS_CPU_VECTORUNIT_H
#define TERCET_TARGETS_CPU_VECTORUNIT_H

#include "dialects/soc/Soc.h"

namespace tercet::cpu {

struct VectorUnit {
  int64_t bits = 128;
  int64_t registers = 16;
  /// Loads, stores and selects under a mask cost what unmasked ones cost.
  bool masks = false;
  /// Sums of two products of 16-bit integers are one instruction.
  bool pairs = false;
  uint64_t l1Bytes = 32768;

  int64_t lanes(unsigned elementBits = 32) const {
    return std::max<int64_t>(1, bits / std::max(8u, elementBits));
  }
  /// Vectors side by side in a register tile of a matrix product.
  int64_t tileVectors() const { return registers >= 32 ? 3 : 2; }
  /// Rows of a register tile that is `vectors` wide: accumulators, one row of
  /// the right-hand side and one broadcast value fill the registers.
  int64_t tileRows(int64_t vectors) const;

  static VectorUnit of(soc::CpuAttr cpu);
};

/// The CPU engine that the kernel is for; an error at the kernel if the
/// module's machine has none of that name.
mlir::FailureOr<soc::CpuAttr> lookupCpu(soc::KernelOp kernel);

/// Whether the kernel is for an engine of this target. Passes skip others.
bool isCpuKernel(soc::KernelOp kernel);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_VECTORUNIT_H
