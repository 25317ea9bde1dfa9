// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from bufferised kernels to GPU functions on flat memory.

#ifndef TERCET_PASSES_CODEGEN_GPU_PASSES_TD
#define TERCET_PASSES_CODEGEN_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernelsPass : Pass<"gpu-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Kernels become functions that a workgroup runs once a tile";
  let description = [{
    Does: makes of every soc.kernel a gpu.module of its name with one gpu.func of
    the same name. Its arguments are the kernel's memories, flat, and last, where
    the kernel has scalars or can fault, the control block of vulkan_image.h as
    words: the only argument of static shape. The grid's variables become block ids, soc.scratch becomes workgroup
    memory, scalars are read from the control block and cf.assert writes its
    first word. The number of threads, in known_block_size, is the profile's, or
    fewer where no operation has as many results. What the kernel knows of its
    memories' alignment is stated by memref.assume_alignment.
    Requires: bufferised kernels of one engine with their grid and scratch.
    Fails if the scratch is more than the workgroup's memory.
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def LowerStructuredPass : Pass<"gpu-lower-structured", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Operations on memory become loops of the workgroup's threads";
  let description = [{
    Does: turns every linalg operation and memref.copy into scalar or vector code
    in which each thread computes some of the results; products for which the
    profile has tensor cores into code of its warps. Between operations that
    exchange data through memory it puts gpu.barrier; loops and conditions around
    operations stay, and must be the same for all threads. A store outside of
    them is done by one thread. Requires: what gpu-lower-kernels guarantees.
    Guarantees: no linalg operation and no memref.copy is left.
    Fails on an operation with effects on memory that it does not know.
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::nvgpu::NVGPUDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"nests", "num-nests", "Operations lowered to plain nests">,
    Statistic<"numProducts", "num-products", "Products with sums in registers">,
    Statistic<"reductions", "num-reductions", "Reductions by several threads">,
    Statistic<"barriers", "num-barriers", "Barriers between operations">];
}

def LowerMemoryPass : Pass<"gpu-lower-memory", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Loads and stores address flat memory";
  let description = [{
    Does: rewrites every load, store and atomic access through views so that it
    names an argument of the function, or a flat view of its workgroup memory,
    and one index in elements. Guarantees: no other view is left.
    Fails on memory whose origin is not one argument or workgroup memory.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect"];
}

#endif // TERCET_PASSES_CODEGEN_GPU_PASSES_TD
