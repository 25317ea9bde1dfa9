// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that turn bufferised kernels of a CPU into the LLVM dialect.

#ifndef TERCET_TARGETS_CPU_PASSES_TD
#define TERCET_TARGETS_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerContractionsPass : Pass<"cpu-lower-contractions", "::tercet::soc::KernelOp"> {
  let summary = "Turns matrix products into register-tiled vector code";
  let description = [{
    Does: rewrites nn.packed_matmul and every linalg operation whose body is
    `c + a * b` and whose right-hand side and result have unit stride along one
    common loop into scf loops around a micro-kernel in the vector dialect:
    accumulators in registers, a row of the right-hand side loaded with unit
    stride, elements of the left-hand side broadcast, and math.fma, or products
    and sums of i32 for narrow integers (of pairs of them where the machine has
    an instruction for those). A linalg.fill of the same destination right
    before it becomes the accumulators' start.
    Requires: memrefs and a machine. Guarantees: no nn.packed_matmul is left.
    Other contractions are left to cpu-lower-structured.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"lowered", "num-contractions", "Number of products lowered to micro-kernels">,
    Statistic<"foldedFills", "num-folded-fills", "Number of fills folded into products">];
}

def LowerGroupsPass : Pass<"cpu-lower-groups", "::tercet::soc::KernelOp"> {
  let summary = "Turns products with weights in groups, and the rounding of rows to groups, into vector code";
  let description = [{
    Does: rewrites nn.group_matmul with a packed right-hand side and
    nn.encode_groups into scf loops in the vector dialect, with the machine's
    instruction for sums of products of bytes where it has one. A sum is one chain
    of additions along K in all of them, so the result of a row does not depend on
    how many rows there are. A linalg.fill of the destination right before a
    product becomes the start of its sums. Requires: memrefs and a machine.
    Guarantees: neither of the two is left. Fails on layouts without a kernel.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"products", "num-products", "Number of products lowered">,
    Statistic<"encoded", "num-encoded", "Number of quantisations of rows lowered">];
}

def LowerAttentionPass : Pass<"cpu-lower-attention", "::tercet::soc::KernelOp"> {
  let summary = "Turns attention over caches into blocks of keys with a softmax that goes along";
  let description = [{
    Does: rewrites nn.cached_attention into scf loops over blocks of 32 keys: keys
    are decoded and turned, multiplied with the queries, weighed by the greatest
    score so far, and values added with these weights; a greater score scales down
    what was added before. Only keys that some row sees are read. A row's result
    does not depend on the other rows. Memory for one block lies in the worker's
    scratch, behind what the kernel allocates itself. Leaves transpositions to
    cpu-lower-structured. Requires: memrefs, a machine, and the scratch that
    tile-assign-scratch gives. Guarantees: no nn.cached_attention is left. Fails on
    types without a kernel, heads of another stride than 1, and too little scratch.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"lowered", "num-attentions", "Number of attentions lowered">];
}

def LowerStructuredPass : Pass<"cpu-lower-structured", "::tercet::soc::KernelOp"> {
  let summary = "Turns the other linalg operations into vectorised loops";
  let description = [{
    Does: rewrites every linalg operation and memref.copy into scf loops. The
    loop that costs least when vectorised is: a parallel one with unit stride,
    or a reduction over several vector accumulators. Values that do not change
    along it are computed once outside of it; tails run under a mask or in
    narrower vectors; a transposition goes through registers in square blocks.
    What cannot be vectorised runs element by element. Requires: memrefs and a
    machine. Guarantees: no linalg operation and no memref.copy is left.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"vectorised", "num-vectorised", "Number of operations vectorised">,
    Statistic<"scalar", "num-scalar", "Number of operations left scalar">];
}

def LowerMathPass : Pass<"cpu-lower-math", "::tercet::soc::KernelOp"> {
  let summary = "Expands math functions into arithmetic";
  let description = [{
    Does: replaces the transcendental functions of the math dialect, on scalars
    and vectors, by polynomials of stated error (docs in MathFunctions.h), and
    conversions between float types that the target has no instruction for.
    f16 and bf16 functions are computed in f32. Guarantees: nothing left would
    become a call of the C library. Fails on transcendental functions of f64.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect"];
}

def LowerKernelsPass : Pass<"cpu-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Gives kernels the calling convention of the runtime";
  let description = [{
    Does: turns every soc.kernel of a CPU into an llvm.func of hidden visibility
    with the parameters (args, x, y, z, worker) of abi.h. Arguments come from
    args->buffers, soc.scratch from the worker's part of args->scratch, the
    forall's induction variables from x, y and z, and a failing cf.assert
    stores a fault and goes on. Requires: tile-assign-grid's conditions.
    Guarantees: no soc.kernel of a CPU is left.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect"];
}

def ConvertToLLVMPass : Pass<"cpu-convert-to-llvm", "::mlir::LLVM::LLVMFuncOp"> {
  let summary = "Converts the bodies of lowered kernels to the LLVM dialect";
  let description = [{
    Does: resolves views into addresses, then converts affine, scf, cf, arith,
    math, vector and memref to the LLVM dialect. Requires: what
    cpu-lower-kernels guarantees. Fails on any operation that is left.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

#endif // TERCET_TARGETS_CPU_PASSES_TD
