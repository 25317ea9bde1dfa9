// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine as attributes, and the variants in which its engines run groups.

#ifndef TERCET_DIALECTS_SOC_SOCATTRS_TD
#define TERCET_DIALECTS_SOC_SOCATTRS_TD

include "dialects/soc/SocDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Soc_Attr<string name, string attrMnemonic> : AttrDef<Soc_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Soc_MemoryAttr : Soc_Attr<"Memory", "memory"> {
  let summary = "a memory with one arena";
  let description = [{
    `bytes` is its capacity (0: not limited), `alignment` what every buffer in
    it is aligned to, `bandwidth_bytes_per_second` what one engine alone
    streams (0: unknown).
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "uint64_t":$bytes, "uint64_t":$alignment,
    "uint64_t":$bandwidthBytesPerSecond);
  let assemblyFormat = [{ `<` $name `,` `bytes` `=` $bytes `,` `alignment` `=` $alignment `,`
    `bandwidth_bytes_per_second` `=` $bandwidthBytesPerSecond `>` }];
  let genVerifyDecl = 1;
}

def Soc_CpuAttr : Soc_Attr<"Cpu", "cpu"> {
  let summary = "a cluster of equal CPU cores with one queue";
  let description = [{
    `triple`, `cpu` and `features` are LLVM's. `vector_bits` is the width of the
    registers that kernels use; caches are in bytes a core, `l3_bytes` for all.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::StringAttr":$memory,
    "::mlir::StringAttr":$triple, "::mlir::StringAttr":$cpu, "::mlir::StringAttr":$features,
    "uint32_t":$cores, "uint32_t":$vectorBits, "uint32_t":$vectorRegisters,
    "uint64_t":$megahertz, "uint64_t":$l1Bytes, "uint64_t":$l2Bytes, "uint64_t":$l3Bytes);
  let assemblyFormat = [{ `<` $name `,` `memory` `=` $memory `,` `triple` `=` $triple `,`
    `cpu` `=` $cpu `,` `features` `=` $features `,` `cores` `=` $cores `,`
    `vector_bits` `=` $vectorBits `,` `vector_registers` `=` $vectorRegisters `,`
    `megahertz` `=` $megahertz `,` `l1_bytes` `=` $l1Bytes `,` `l2_bytes` `=` $l2Bytes `,`
    `l3_bytes` `=` $l3Bytes `>` }];
  let genVerifyDecl = 1;
}

def Soc_MachineAttr : Soc_Attr<"Machine", "machine"> {
  let summary = "a chip: engines and memories";
  let parameters = (ins "::mlir::StringAttr":$name, "uint32_t":$workers,
    "::mlir::ArrayAttr":$engines, "::mlir::ArrayAttr":$memories);
  let assemblyFormat = [{ `<` $name `,` `workers` `=` $workers `,` `engines` `=` $engines `,`
    `memories` `=` $memories `>` }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The engine of that name, or null.
    ::mlir::Attribute lookupEngine(::llvm::StringRef name);
    /// The memory of that name, or null.
    ::tercet::soc::MemoryAttr lookupMemory(::llvm::StringRef name);
    /// The machine of the module that the operation is in, or null.
    static ::tercet::soc::MachineAttr of(::mlir::Operation *op);
  }];
}

def Soc_VariantAttr : Soc_Attr<"Variant", "variant"> {
  let summary = "one way in which an engine can run a group";
  let description = [{
    `tiles` are the sizes of a tile along the dimensions of the group's first
    result (0: not tiled); the tiles form the kernel's grid. `panels` has one
    entry for each operand: the panel that a constant right-hand side is packed
    with, 0 for row-major order. `time_ps` is the predicted time on one worker,
    `scratch_bytes` what one worker needs at most.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::TypeAttr":$precision,
    "::mlir::DenseI64ArrayAttr":$tiles, "::mlir::DenseI64ArrayAttr":$panels,
    "uint64_t":$timePs, "uint64_t":$scratchBytes);
  let assemblyFormat = [{ `<` $name `,` `precision` `=` $precision `,` `tiles` `=` $tiles `,`
    `panels` `=` $panels `,` `time_ps` `=` $timePs `,` `scratch_bytes` `=` $scratchBytes `>` }];
}

#endif // TERCET_DIALECTS_SOC_SOCATTRS_TD
