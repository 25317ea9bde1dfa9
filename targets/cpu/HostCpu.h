// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions of CPUs: of the host, and of those that a triple and a name
// stand for.

#ifndef TERCET_TARGETS_CPU_HOSTCPU_H
#define TERCET_TARGETS_CPU_HOSTCPU_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"

namespace llvm {
class Target;
} // namespace llvm

namespace tercet::cpu {

/// Name of the engine and of its memory in the machine.
struct CpuNames {
  llvm::StringRef engine = "cpu";
  llvm::StringRef memory = "dram";
};

/// The machine that the compiler runs on: its cores (those of the fastest
/// kind), features, caches and clock.
llvm::Expected<soc::CpuAttr> describeHostCpu(mlir::MLIRContext *context,
                                             const CpuNames &names = {});

/// The CPU that `--target TRIPLE --cpu CPU` names. The cpu "host" means the
/// host's, if the triple is of its architecture; an empty one the plainest CPU
/// that is supported: x86-64-v3, generic AArch64, generic RV64GCV. Caches and
/// clock are those of a usual core.
/// `features` are added to those of the CPU, `+name,-name,...`.
llvm::Expected<soc::CpuAttr> describeCpu(mlir::MLIRContext *context, llvm::StringRef triple,
                                         llvm::StringRef cpu, const CpuNames &names = {},
                                         llvm::StringRef features = "");

/// Whether the CPU has a feature, written as "+name".
bool hasFeature(soc::CpuAttr cpu, llvm::StringRef feature);

/// An error that names the first feature that the triple does not have.
llvm::Error checkFeatures(llvm::StringRef triple, llvm::StringRef features);

/// The code generator for a triple; an error naming the valid ones if there is
/// none. Initialises LLVM's targets.
llvm::Expected<const llvm::Target *> lookupTarget(llvm::StringRef triple);

} // namespace tercet::cpu

#endif // TERCET_TARGETS_CPU_HOSTCPU_H
