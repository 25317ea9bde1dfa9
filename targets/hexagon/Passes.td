// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that turn bufferised kernels of a Hexagon engine into the LLVM dialect.

#ifndef TERCET_TARGETS_HEXAGON_PASSES_TD
#define TERCET_TARGETS_HEXAGON_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernelsPass : Pass<"hexagon-lower-kernels", "::tercet::soc::KernelOp"> {
  let summary = "Turns integer operations on memory into loops of HVX instructions";
  let description = [{
    Does: rewrites nn.quantized_*, nn.rescale, nn.lookup, linalg.fill,
    linalg.transpose and memref.copy into scf loops around operations of the hvx
    dialect. Weights of a matrix product come through two buffers in the worker's
    scratch, filled by DMA, unless the kernel's variant says that they are
    resident. Staging memory lies behind the kernel's own scratch. Requires:
    memrefs; the bytes of stagingBytes (Lowerable.h) in the scratch. Guarantees:
    none of these operations is left. Fails on those that Lowerable.h gives a
    reason against, and if the kernel's scratch is too small.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::tercet::hvx::HVXDialect"];
  let statistics = [
    Statistic<"lowered", "num-operations", "Number of operations lowered">];
}

def ConvertToLLVMPass : Pass<"hexagon-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Kernels become functions of the LLVM dialect";
  let description = [{
    Does: gives every soc.kernel of a Hexagon engine the calling convention
    (args, x, y, z, worker) with addresses of 32 bits, as abi.h is laid out on
    Hexagon: arguments from args->buffers, soc.scratch from the worker's part of
    args->scratch, the forall's variables from x, y and z. hvx operations become
    calls of LLVM's intrinsics, the rest is converted with an index of 32 bits,
    and the module gets Hexagon's data layout and triple. Requires: what
    hexagon-lower-kernels guarantees, and a module of kernels for one Hexagon
    engine.
    Fails on any operation that is left.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::affine::AffineDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

#endif // TERCET_TARGETS_HEXAGON_PASSES_TD
