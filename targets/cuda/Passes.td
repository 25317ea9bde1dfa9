// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from GPU functions on flat memory to the LLVM dialect of NVIDIA's GPUs.

#ifndef TERCET_TARGETS_CUDA_PASSES_TD
#define TERCET_TARGETS_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerMathPass : Pass<"cuda-lower-math", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Functions of the math dialect become arithmetic";
  let description = [{
    Does: computes exp by the GPU's power of two (its relative error is at most
    2^-22 and 2^-23 times the argument's size), rsqrt by its instruction, and the
    other functions that have no instruction by polynomials; in f32, also of
    narrower types. Vectors are taken apart for the instructions. What has an
    instruction of its own (sqrt, fma, floor, ...) stays.
    Fails on functions of f64 that have no instruction.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ConvertToNvvmPass : Pass<"cuda-convert-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "GPU modules become kernels in the LLVM and NVVM dialects";
  let description = [{
    Does: makes of every gpu.module an llvm.func of its name with the calling
    convention of cuda_image.h: an address for each memory, then that of the
    control block, also where the kernel has no use for it. Addresses have 64 bits,
    the index 32. Workgroup memory becomes shared memory: static up to 48 KiB, else
    dynamic, whose size is stated on the function. What the function
    assumes of its memories' alignment is stated by attributes of the arguments.
    Requires: what gpu-lower-memory guarantees, no function of the math dialect
    without an instruction.
    Fails on any operation that is left, on memory of index, on more shared memory
    than 227 KiB, and on dynamic shared memory in several pieces.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // TERCET_TARGETS_CUDA_PASSES_TD
