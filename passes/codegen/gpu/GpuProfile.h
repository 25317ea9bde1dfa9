// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a GPU's code generation has to know of the device, in terms that all
// APIs share. A target makes one of an engine's properties, or several: each is
// an alternative of the same kernel for a device with more or fewer features.

#ifndef TERCET_PASSES_CODEGEN_GPU_GPUPROFILE_H
#define TERCET_PASSES_CODEGEN_GPU_GPUPROFILE_H

#include "mlir/Support/LLVM.h"

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace tercet::codegen {

struct GpuProfile {
  /// Threads of a workgroup: of a kernel that has work for fewer, fewer.
  int64_t threads = 128;
  /// Bytes of memory that the threads of a workgroup share.
  int64_t workgroupBytes = 16384;
  /// Reductions and broadcasts over a subgroup, whose size is read at run time.
  bool subgroupArithmetic = false;
  bool subgroupShuffle = false;
  /// Arithmetic on f16, not only storage.
  bool float16 = false;
  /// Loads and stores of 16 and of 8 bits.
  bool storage16 = false;
  bool storage8 = false;
  /// Products of four bytes, summed into a word.
  bool dot = false;
  /// Tensor cores for products of 16-bit floats, summed in f32, with copies into
  /// workgroup memory beside the computation: NVIDIA's from sm_80 on.
  bool mma = false;

  /// `threads=64+workgroup_bytes=32768+float16`: what is not named is as
  /// above. The form in which passes take a profile as an option.
  static llvm::Expected<GpuProfile> parse(llvm::StringRef text);
  std::string print() const;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_GPUPROFILE_H
