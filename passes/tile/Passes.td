// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the tile stage: from tasks to kernels on memory.

#ifndef TERCET_PASSES_TILE_PASSES_TD
#define TERCET_PASSES_TILE_PASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"tile-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move the bodies of tasks into kernels, equal bodies into one";
  let description = [{
    Every task's body becomes a `soc.kernel` whose arguments are the memory of
    the inputs and of the outputs, and a `soc.call` of it. Tasks whose bodies,
    engine and variant are the same share a kernel. A kernel is named after the
    operation that does its work. Inputs that the first output may overwrite in
    place are noted on the kernel.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
    "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect",
    "::tercet::soc::SocDialect"];
  let statistics = [Statistic<"kernels", "kernels", "Number of kernels">];
}

def ApplyVariantsPass : Pass<"tile-apply-variants", "::tercet::soc::KernelOp"> {
  let summary = "Tile a kernel's root by its variant and fuse the rest into the tiles";
  let description = [{
    The operation that computes the first output is tiled by the sizes of the
    variant into one `scf.forall`, and its producers are fused into the loop. Of a
    slice, which has no loops, a copy is made first.
    Fails if the operation cannot be tiled so.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
    "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect"];
}

def LowerAggregatesPass : Pass<"tile-lower-aggregates", "::tercet::soc::KernelOp"> {
  let summary = "Decompose what is not one loop nest, and fuse elementwise operations in a tile";
  let description = [{
    Norms, softmax, attention and the like become the linalg operations that
    they stand for, but for those that the kernel's engine takes whole
    (`takesWhole`; without a machine, `nn.packed_matmul`). Chains of elementwise
    operations become one.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def LowerToBuffersPass : Pass<"tile-lower-to-buffers", "::tercet::soc::KernelOp"> {
  let summary = "Bufferise a kernel; results are computed in the memory of its outputs";
  let description = [{
    One-shot bufferisation of the kernel's body alone; what other tasks do with
    the same memory is the planner's business. A tensor that starts in an output's
    memory stays there; any other becomes an allocation aligned to 64 bytes, which
    tile-assign-scratch places. Fails on operations on tensors that have no form
    on memory.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
    "::mlir::memref::MemRefDialect"];
}

def AssignScratchPass : Pass<"tile-assign-scratch", "::tercet::soc::KernelOp"> {
  let summary = "Give tile-local memory a place in the worker's scratch";
  let description = [{
    Replaces allocations by `soc.scratch` at offsets that keep what is live at
    once apart, and records the size in `scratch_bytes`: from the next multiple of
    128 on with what the engine's code generation wants behind it
    (`stagingBytes`). An allocation of dynamic size gets the bound of its size.
    Fails if there is none.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def AssignGridPass : Pass<"tile-assign-grid", "::tercet::soc::KernelOp"> {
  let summary = "Writes the number of tiles into the kernel's grid";
  let description = [{
    Does: sets `grid` to the trip counts [x, y, z] of the kernel's outermost
    `scf.forall`: its last dimension is x, the one before it y, then z; absent
    dimensions are 1. Requires: static bounds, rank at most 3, and at most one
    top-level forall beside which nothing writes memory. Fails otherwise, at
    the forall. Guarantees: `grid` is present.
  }];
}

def VerifyTilePass : Pass<"verify-tile"> {
  let summary = "Check what the tile stage promises";
  let description = [{
    No tensor is left in a kernel; its scratch is known and no more than its
    variant promised; at most one grid, of at most three dimensions, with
    constant bounds; every task is one call of a kernel.
  }];
}

#endif // TERCET_PASSES_TILE_PASSES_TD
