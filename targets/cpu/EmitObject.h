// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the LLVM dialect to an object file. Same input, same bytes: nothing of
// the machine that compiles shows in the result.

#ifndef TERCET_TARGETS_CPU_EMITOBJECT_H
#define TERCET_TARGETS_CPU_EMITOBJECT_H

#include "targets/Target.h"

namespace tercet::cpu {

enum class EmitKind { Object, Assembly, LLVMIR };

struct EmitOptions {
  EmitKind kind = EmitKind::Object;
  unsigned optLevel = 3;
};

/// What is known of the emitted code.
struct EmittedCode {
  /// The worst-case stack of every function, in bytes, from its entry and
  /// including the return address. For objects only.
  llvm::StringMap<uint64_t> stackBytes;
};

/// Compiles the job's functions, each for its CPU. An object may have no
/// undefined symbols but memcpy, memset, memmove and those that the module
/// declares: any other is an error that names it.
llvm::Expected<EmittedCode> emitObject(const ObjectJob &job, llvm::raw_pwrite_stream &out,
                                       const EmitOptions &options = {});

/// The same with one CPU for all functions.
llvm::Expected<EmittedCode> emitObject(mlir::ModuleOp module, soc::CpuAttr cpu,
                                       llvm::raw_pwrite_stream &out,
                                       const EmitOptions &options = {});

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_EMITOBJECT_H
