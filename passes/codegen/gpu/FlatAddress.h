// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements of a view lie in the memory that it is a view of. A
// function's memory is its arguments, which are flat, and the workgroup memory
// that it attributes, in bytes.

#ifndef TERCET_PASSES_CODEGEN_GPU_FLATADDRESS_H
#define TERCET_PASSES_CODEGEN_GPU_FLATADDRESS_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace tercet::codegen {

/// The memory that a view is a part of, without arithmetic.
struct MemoryRange {
  mlir::Value root; // a block argument of the function; null if there is no telling
  bool isWorkgroup = false;
  int64_t begin = 0, end = 0; // bytes within workgroup memory
};
MemoryRange rangeOf(mlir::Value memref);

/// Element (i, j, ...) of a view is element `offset + i * strides[0] + ...` of
/// the root, counted from `byteShift` if that is workgroup memory.
struct FlatAddress {
  mlir::Value root;
  bool isWorkgroup = false;
  int64_t byteShift = 0;
  /// The root, or what states its alignment.
  mlir::Value memory;
  mlir::OpFoldResult offset;
  llvm::SmallVector<mlir::OpFoldResult> strides;

  mlir::OpFoldResult of(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange indices) const;
  /// Bytes, a power of two, that the place where counting starts is known to be
  /// a multiple of.
  int64_t alignment() const;
};

/// Arithmetic is built where `b` is. Fails for memory that comes from anything
/// but views.
mlir::FailureOr<FlatAddress> flatAddressOf(mlir::OpBuilder &b, mlir::Location loc,
                                           mlir::Value memref);

/// The greatest power of two that a number is known to be a multiple of; 0 is of
/// any. Looks through arithmetic and the offsets of views.
int64_t divisorOf(mlir::OpFoldResult value);

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_FLATADDRESS_H
