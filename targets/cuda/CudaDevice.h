// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a CUDA engine is, by the properties of the machine file: the architecture
// that its code is for, and figures that tiles depend on.

#ifndef TERCET_TARGETS_CUDA_CUDADEVICE_H
#define TERCET_TARGETS_CUDA_CUDADEVICE_H

#include "dialects/soc/Soc.h"
#include "passes/codegen/gpu/GpuProfile.h"

#include "llvm/Support/Error.h"

namespace tercet::cuda {

/// Name of the target in machine files, and of #soc.engine's `target`.
inline constexpr llvm::StringLiteral kTargetName = "cuda";

/// The oldest architecture: the first Jetson whose GPU maps memory of a process
/// and multiplies in f16 and int8.
inline constexpr unsigned kOldestArchitecture = 72;

/// The oldest one whose tensor cores are used: the first with copies to shared
/// memory beside the computation, and with all of mma.sync's 16-bit floats.
inline constexpr unsigned kTensorArchitecture = 80;

struct Device {
  unsigned architecture = 87; // 87: sm_87
  uint32_t threads = 256;     // of a block at most
  uint64_t sharedBytes = 48 << 10;
  uint32_t processors = 8; // that run blocks side by side
  uint32_t accumulators = 64;

  /// Of an engine that checkProperties has accepted.
  static Device of(soc::EngineAttr engine);
  codegen::GpuProfile profile() const;
};

/// An error if the engine is not described as the target expects, saying what is
/// wrong and what there is.
llvm::Error checkProperties(soc::EngineAttr engine);

} // namespace tercet::cuda

#endif // TERCET_TARGETS_CUDA_CUDADEVICE_H
