// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The work of a group from shapes alone, and what it costs on a roofline
// (Williams, Waterman, Patterson: "Roofline", CACM 52(4), 2009). Engines whose
// target has no better figure price their variants with it. Integers only: a
// floating-point result would depend on the compiler that built Tercet.

#ifndef TERCET_PASSES_PARTITION_GROUPWORK_H
#define TERCET_PASSES_PARTITION_GROUPWORK_H

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// Bytes of a tensor whose elements take whole bytes each.
uint64_t bytesOf(mlir::Type tensor);

/// Bits of an element of `tensor` that is stored as `stored`, a !quant.uniform
/// as #soc.precision has it; as it is written if that is null or none.
uint64_t storedBitsOf(mlir::Type tensor, mlir::Type stored);
uint64_t storedBytesOf(mlir::Type tensor, mlir::Type stored);

/// The dimension along which a group is shared: the outermost one of more than
/// one element of its first result. Absent for a result of one element.
std::optional<unsigned> getShareDim(soc::GroupOp group);

/// The size of that dimension; 0 without one.
int64_t getShareRows(soc::GroupOp group);

/// Bytes that work on these operands moves through memory, where the caches
/// hold all else: each once, but of a table no more than the results can take.
uint64_t trafficOf(mlir::TypeRange inputs, mlir::TypeRange outputs);

/// Bytes per second of the memory that the first engine works on, which all
/// share; 0: not known.
int64_t sharedBandwidth(soc::MachineAttr machine);

struct GroupWork {
  /// Operations of one class; a multiplication and an addition are two.
  struct Part {
    llvm::StringRef workClass; // as in #soc.performance
    mlir::Type element;
    uint64_t operations = 0;
  };
  llvm::SmallVector<Part, 4> parts;
  /// Bytes that come from and go to memory if the caches hold all else.
  uint64_t readBytes = 0, writtenBytes = 0;
  /// Bytes of weights among those read.
  uint64_t weightBytes = 0;

  /// The work of `rows` rows along the share dimension; 0: of all. In an
  /// integer precision operands and results have the bytes that it says they are
  /// stored in, and operations count in its element type.
  static GroupWork of(soc::GroupOp group, int64_t rows = 0, soc::PrecisionAttr precision = {});
  /// A pass over so many elements, which changes how they are stored.
  static GroupWork ofConversion(mlir::MLIRContext *context, uint64_t elements, uint64_t fromBits,
                                uint64_t toBits);

  /// Picoseconds with `cores` of an engine's `allCores` at work: the longer of
  /// computing at the peak times the efficiency of each class, and moving the
  /// bytes. At least 1. Where the engine has no peak for an element type that
  /// of f32 is taken.
  uint64_t timePs(soc::PerformanceAttr performance, uint64_t cores, uint64_t allCores) const;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_GROUPWORK_H
