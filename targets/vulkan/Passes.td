// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from GPU functions on flat memory to SPIR-V modules.

#ifndef TERCET_TARGETS_VULKAN_PASSES_TD
#define TERCET_TARGETS_VULKAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerAlternativesPass : Pass<"vulkan-lower-alternatives", "::mlir::ModuleOp"> {
  let summary = "Kernels become SPIR-V modules, one for each profile that makes a difference";
  let description = [{
    Does: has every soc.kernel lowered by the whole of code generation once for
    each profile. Where profiles lead to the same code, that of the last stays. A
    kernel @k with one alternative becomes spirv.module @k, one with several
    @k.0, @k.1, ... in the order of the profiles, which begins with the most
    needs. Requires: bufferised kernels of one Vulkan engine.
    Fails where code generation does.
  }];
  let options = [ListOption<"profiles", "profiles", "std::string",
    "What devices can do, as GpuProfile::parse reads it, from the most on">];
  let statistics = [Statistic<"alternatives", "num-alternatives", "Modules made">];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::spirv::SPIRVDialect"];
}

def LowerByteDotsPass : Pass<"vulkan-lower-byte-dots", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Sums of products of four bytes become one instruction";
  let description = [{
    Does: replaces vector.reduction of the products of sign-extended bytes, where
    these are seen in words, by spirv.SDot of the words and an addition, if the
    profile has `dot`. Others stay, and are computed element by element later on.

    ```mlir
    %p = arith.muli %l, %r : vector<4xi32>     // %l, %r: arith.extsi of bytes of words %a, %b
    %s = vector.reduction <add>, %p, %c : vector<4xi32> into i32
    ```

    becomes

    ```mlir
    %d = spirv.SDot %a, %b, <PackedVectorFormat4x8Bit> : i32 -> i32
    %s = arith.addi %c, %d : i32
    ```
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let statistics = [Statistic<"dots", "num-dots", "Sums that became an instruction">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::spirv::SPIRVDialect",
    "::mlir::vector::VectorDialect"];
}

def LowerStoragePass : Pass<"vulkan-lower-storage", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Memory becomes storage buffers of words, with offsets in push constants";
  let description = [{
    Does: replaces the arguments by those of the interface that vulkan_image.h
    describes: for operand i one argument or several that are binding i, of words
    or of vectors of words, and one argument that is the push constants, word i of
    which is the number of bytes that binding i begins before the operand. The
    control block is the binding behind the operands. Elements of 8 and 16 bits
    are fields of words; those of 64 bits are two words. A vector is loaded or
    stored as one where its alignment and its operand's are known to allow that.
    Bytes that are seen as other elements by vector.bitcast are loaded and stored
    as words. Workgroup memory becomes words. Requires: what gpu-lower-memory guarantees.
    Guarantees: every memref is flat, of words or of vectors of words, and has a
    storage class. Fails on elements of other types, and on operands that begin at
    less than a multiple of 4 bytes. With float16 and storage16 in the profile a
    single half is an element of a view of halves instead.
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::spirv::SPIRVDialect", "::mlir::vector::VectorDialect"];
}

def LowerWideIntegersPass : Pass<"vulkan-lower-wide-integers", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Integers of 64 bits become pairs of words";
  let description = [{
    Does: rewrites arithmetic on i64 so that it computes with two words of 32
    bits, exactly. A conversion to index gives the nearest that 32 bits can hold,
    so that a check of an index against its bounds means what it said.
    Guarantees: no i64 is left. Fails on operations that have no such form
    (division among them).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def LowerNarrowTypesPass : Pass<"vulkan-lower-narrow-types", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Values of fewer than 32 bits are held in 32 bits";
  let description = [{
    Does: computes on integers of fewer than 32 bits as i32 and on f16 and bf16 as
    f32, with results wrapped or rounded to the type that they had. A half is
    rounded as the device rounds halves, to nearest or towards zero. Requires:
    memory of words, as vulkan-lower-storage leaves it. Guarantees: no value of
    these types is left, but for f16 where the profile has float16. Fails on
    operations that look at the bits of several elements at once.
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::spirv::SPIRVDialect",
    "::mlir::vector::VectorDialect"];
}

def ConvertToSpirvPass : Pass<"vulkan-convert-to-spirv", "::mlir::ModuleOp"> {
  let summary = "GPU modules become SPIR-V modules of version 1.3";
  let description = [{
    Does: makes of every gpu.module a spirv.module of its name with the entry
    point "main", whose arguments become global variables: storage buffers with
    their bindings, push constants, workgroup memory. The index has 32 bits.
    Overflow flags are dropped, since SPIR-V 1.3 has no word for them, and the
    version stays 1.3 whatever else would do, since interfaces are listed as that
    version lists them. Requires: what vulkan-lower-storage guarantees, and
    scalars of 32 bits.
    Fails on any operation that is left.
  }];
  let options = [Option<"profile", "profile", "std::string", "\"\"",
    "What the device can do, as GpuProfile::parse reads it">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::spirv::SPIRVDialect"];
}

def VerifyAbiPass : Pass<"verify-vulkan", "::mlir::spirv::ModuleOp"> {
  let summary = "Check that a module is what its driver will bind";
  let description = [{
    A storage buffer is a block of one array without end, of words or of vectors
    of two or four words (or of halves or bytes, where the module declares the
    capability), without gaps, in descriptor set 0; the push constants are at most
    32 words; the entry point is "main" and has a local size; the version is 1.3;
    no pointer is cast. The same is checked of the binary when an image is
    written.
  }];
  let options = [Option<"workgroupBytes", "workgroup-bytes", "int64_t", "16384",
    "Bytes of workgroup memory that the device has">];
}

#endif // TERCET_TARGETS_VULKAN_PASSES_TD
