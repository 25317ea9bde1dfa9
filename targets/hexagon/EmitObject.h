// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels in the LLVM dialect to an ELF object for Hexagon, which the
// target links with its runtime.

#ifndef TERCET_TARGETS_HEXAGON_EMITOBJECT_H
#define TERCET_TARGETS_HEXAGON_EMITOBJECT_H

#include "mlir/IR/BuiltinOps.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <array>

namespace tercet::hexagon {

enum class EmitKind { Object, Assembly, LLVMIR };

struct EmitOptions {
  /// v66, v67, v68, v69, v73, v75, ...
  std::string architecture = "v67";
  EmitKind kind = EmitKind::Object;
  /// What tercet_npu_kernels lists, in its order; every kernel of the module
  /// if empty.
  std::vector<std::string> kernels;
  /// What tercet_npu_digest holds.
  std::array<uint8_t, 32> digest{};
};

/// What an object may leave undefined besides the DMA of the runtime.
llvm::ArrayRef<llvm::StringRef> builtins();

/// Writes the code of the module's functions, and the three symbols that the
/// runtime looks for. `stackBytes` gets the frames of functions by name. Same
/// module and options, same bytes.
llvm::Error emitObject(mlir::ModuleOp module, const EmitOptions &options,
                       llvm::raw_pwrite_stream &out, llvm::StringMap<uint64_t> &stackBytes);

} // namespace tercet::hexagon

#endif // TERCET_TARGETS_HEXAGON_EMITOBJECT_H
