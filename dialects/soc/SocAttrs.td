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

def Soc_LinkAttr : Soc_Attr<"Link", "link"> {
  let summary = "a way over which bytes are copied between two memories";
  let description = [{
    It carries both directions. Links form no cycle, so that there is at most
    one route between two memories.
  }];
  let parameters = (ins "::mlir::StringAttr":$first, "::mlir::StringAttr":$second,
    "uint64_t":$bandwidthBytesPerSecond, "uint64_t":$latencyPs);
  let assemblyFormat = [{ `<` $first `,` $second `,`
    `bandwidth_bytes_per_second` `=` $bandwidthBytesPerSecond `,` `latency_ps` `=` $latencyPs `>` }];
  let genVerifyDecl = 1;
}

def Soc_PerformanceAttr : Soc_Attr<"Performance", "performance"> {
  let summary = "the figures of an engine's roofline";
  let description = [{
    `launch_ps` is what a command costs before its first operation,
    `synchronise_ps` what it costs to wait for another engine's command.
    `bandwidth_bytes_per_second` is what the engine alone streams from its
    memory; `cache_bytes_per_second` the rate at which caches are cleaned
    before another engine reads, 0 where that is coherent.
    `operations_per_second` has the peak of all cores for each element type;
    `efficiency_percent` the part of the peak, or of the bandwidth, that each
    class of work reaches: product, thin_product, attention, rows, elements.
  }];
  let parameters = (ins "uint64_t":$launchPs, "uint64_t":$synchronisePs,
    "uint64_t":$bandwidthBytesPerSecond, "uint64_t":$cacheBytesPerSecond,
    "::mlir::DictionaryAttr":$operationsPerSecond, "::mlir::DictionaryAttr":$efficiencyPercent);
  let assemblyFormat = [{ `<` `launch_ps` `=` $launchPs `,` `synchronise_ps` `=` $synchronisePs `,`
    `bandwidth_bytes_per_second` `=` $bandwidthBytesPerSecond `,`
    `cache_bytes_per_second` `=` $cacheBytesPerSecond `,`
    `operations_per_second` `=` $operationsPerSecond `,`
    `efficiency_percent` `=` $efficiencyPercent `>` }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Peak rate for elements of that type; 0 if the engine does not compute in it.
    uint64_t getPeak(::mlir::Type element);
    /// Efficiency of a class of work in percent; 100 if it is not given.
    uint64_t getEfficiency(::llvm::StringRef workClass);
  }];
}

def Soc_CpuAttr : Soc_Attr<"Cpu", "cpu"> {
  let summary = "a cluster of equal CPU cores with one queue";
  let description = [{
    `triple`, `cpu` and `features` are LLVM's. `vector_bits` is the width of the
    registers that kernels use; caches are in bytes a core, `l3_bytes` for all.
    Without `performance` the figures follow from the clock and the registers.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::StringAttr":$memory,
    "::mlir::StringAttr":$triple, "::mlir::StringAttr":$cpu, "::mlir::StringAttr":$features,
    "uint32_t":$cores, "uint32_t":$vectorBits, "uint32_t":$vectorRegisters,
    "uint64_t":$megahertz, "uint64_t":$l1Bytes, "uint64_t":$l2Bytes, "uint64_t":$l3Bytes,
    OptionalParameter<"::tercet::soc::PerformanceAttr">:$performance);
  let assemblyFormat = [{ `<` $name `,` `memory` `=` $memory `,` `triple` `=` $triple `,`
    `cpu` `=` $cpu `,` `features` `=` $features `,` `cores` `=` $cores `,`
    `vector_bits` `=` $vectorBits `,` `vector_registers` `=` $vectorRegisters `,`
    `megahertz` `=` $megahertz `,` `l1_bytes` `=` $l1Bytes `,` `l2_bytes` `=` $l2Bytes `,`
    `l3_bytes` `=` $l3Bytes (`,` `performance` `=` $performance^)? `>` }];
  let genVerifyDecl = 1;
}

def Soc_EngineAttr : Soc_Attr<"Engine", "engine"> {
  let summary = "an engine of a target that the dialect does not know";
  let description = [{
    `target` names the soc::EngineModel that answers for it, which a folder of
    targets/ or a plug-in registers; without one it is described but cannot be
    used. `kind` is cpu, gpu, npu or dma. `memories` are those that it can
    address, the one that it works on first. `properties` are the target's own.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::StringAttr":$target,
    "::mlir::StringAttr":$kind, "::mlir::ArrayAttr":$memories,
    "::tercet::soc::PerformanceAttr":$performance, "::mlir::DictionaryAttr":$properties);
  let assemblyFormat = [{ `<` $name `,` `target` `=` $target `,` `kind` `=` $kind `,`
    `memories` `=` $memories `,` `performance` `=` $performance `,`
    `properties` `=` $properties `>` }];
  let genVerifyDecl = 1;
}

def Soc_MachineAttr : Soc_Attr<"Machine", "machine"> {
  let summary = "a chip: engines, memories and the links between them";
  let description = [{
    `workers` is the greatest number of workers that any engine's queue has: the
    CPU's on a machine of one, and no more than an engine's cores where there are
    several, and for engines that are no CPU.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "uint32_t":$workers,
    "::mlir::ArrayAttr":$engines, "::mlir::ArrayAttr":$memories,
    OptionalParameter<"::mlir::ArrayAttr">:$links);
  let assemblyFormat = [{ `<` $name `,` `workers` `=` $workers `,` `engines` `=` $engines `,`
    `memories` `=` $memories (`,` `links` `=` $links^)? `>` }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The engine of that name, or null.
    ::mlir::Attribute lookupEngine(::llvm::StringRef name);
    /// The workers that the queue of an engine has.
    uint32_t getWorkersOf(::mlir::Attribute engine);
    /// The memory of that name, or null.
    ::tercet::soc::MemoryAttr lookupMemory(::llvm::StringRef name);
    /// Picoseconds to copy bytes from one memory to another over the links
    /// between them, one after another; 0 within one memory and where no link
    /// leads: then one engine or the other addresses both.
    uint64_t getTransferPs(::llvm::StringRef from, ::llvm::StringRef to, uint64_t bytes);
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
    with, 0 for row-major order. `time_ps` is the predicted time with all of the
    engine's workers, without the launch; `scratch_bytes` what one worker needs
    at most, `resident_bytes` what the weights take in the engine's layout.
    `granularity` is what the parts of a share are multiples of, in rows of the
    first result's outermost dimension of more than one element; 0 if the group
    cannot be shared.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::TypeAttr":$precision,
    "::mlir::DenseI64ArrayAttr":$tiles, "::mlir::DenseI64ArrayAttr":$panels,
    "uint64_t":$timePs, "uint64_t":$scratchBytes, DefaultValuedParameter<"uint64_t", "0">:$residentBytes,
    DefaultValuedParameter<"uint64_t", "0">:$granularity);
  let assemblyFormat = [{ `<` $name `,` `precision` `=` $precision `,` `tiles` `=` $tiles `,`
    `panels` `=` $panels `,` `time_ps` `=` $timePs `,` `scratch_bytes` `=` $scratchBytes
    `` custom<BytesAndShares>($residentBytes, $granularity) `>` }];
}

def Soc_ShareAttr : Soc_Attr<"Share", "share"> {
  let summary = "a part of a group's iteration space on an engine";
  let description = [{
    Rows `begin` to `begin + size` of the outermost dimension of more than one
    element of the group's first result.
  }];
  let parameters = (ins "::mlir::StringAttr":$engine, "int64_t":$begin, "int64_t":$size,
    "::tercet::soc::VariantAttr":$variant);
  let assemblyFormat = [{ `<` $engine `,` `begin` `=` $begin `,` `size` `=` $size `,`
    `variant` `=` $variant `>` }];
}

def Soc_AlternativeAttr : Soc_Attr<"Alternative", "alternative"> {
  let summary = "what became of an engine when a group was placed";
  let description = [{
    `reason` is a code: chosen, share (runs a part), slower (costs more by
    itself), transfer (costs more with what has to be moved or waited for),
    overlap (the schedule as a whole takes longer), tie (costs the same, and is
    not the first), unsupported, absent (the target is not in the build), pinned
    (the text or a flag names another), limit (does not fit a memory with what
    else is there). `cost_ps` is what the group costs there, with
    its transfers and everything else placed as it is; 0 where it cannot run.
    `detail` is for people.
  }];
  let parameters = (ins "::mlir::StringAttr":$engine, "::mlir::StringAttr":$reason,
    "uint64_t":$costPs, "::mlir::StringAttr":$detail);
  let assemblyFormat = [{ `<` $engine `,` $reason `,` `cost_ps` `=` $costPs `,` $detail `>` }];
}

def Soc_ProofAttr : Soc_Attr<"Proof", "proof"> {
  let summary = "the value of a decision and the bound that no other can go below";
  let description = [{
    Equal numbers: proven optimal under the model. `method` names the algorithm,
    and what the bound follows from where that is not the search itself.
  }];
  let parameters = (ins "uint64_t":$value, "uint64_t":$lowerBound, "::mlir::StringAttr":$method);
  let assemblyFormat = [{ `<` $value `,` `lower_bound` `=` $lowerBound `,` $method `>` }];
}

def Soc_PrecisionAttr : Soc_Attr<"Precision", "precision"> {
  let summary = "a precision that a group may be computed in";
  let description = [{
    `scheme` is f32 (the group as it is written, whatever its types), w8a8 or
    w8a16. For the integer schemes `inputs` says what each operand of the group
    is stored as, and `results` what the result of each operation of the body is
    that has one, in their order: a !quant.uniform, with a scale for each element
    of the last dimension where it has several, or `none` where the value keeps
    its type or does not come to exist. For a weight whose
    columns have scales of their own it is the greatest of them. `means` are those
    of the channels of the left-hand side of the group's product, from which its
    bias makes up for the rounding of the weight; absent, it does not. `snr_centibel`
    is the ratio of signal to noise of the group's first result that calibration
    has measured, in hundredths of a bel (389: 38.9 dB); 0: not
    measured. `reason` says for people why a group that was to be in integers is
    f32. Once it has been applied a precision has no types any more.
  }];
  let parameters = (ins "::mlir::StringAttr":$scheme, DefaultValuedParameter<"::mlir::ArrayAttr",
      "::mlir::ArrayAttr::get($_ctxt, {})">:$inputs, DefaultValuedParameter<"::mlir::ArrayAttr",
      "::mlir::ArrayAttr::get($_ctxt, {})">:$results, DefaultValuedParameter<"int64_t", "0">:$snrCentibel,
    OptionalParameter<"::mlir::DenseElementsAttr">:$means, OptionalParameter<"::mlir::StringAttr">:$reason);
  let hasCustomAssemblyFormat = 1;
  let builders = [AttrBuilder<(ins "::mlir::StringAttr":$scheme, "::mlir::ArrayAttr":$inputs,
      "::mlir::ArrayAttr":$results, "int64_t":$snrCentibel,
      CArg<"::mlir::DenseElementsAttr", "{}">:$means), [{
    return $_get($_ctxt, scheme, inputs, results, snrCentibel, means, ::mlir::StringAttr());
  }]>];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Element type that variants of this precision have: f32, i8 or i16.
    ::mlir::Type getComputeType();
    bool isFloat() { return getScheme() == "f32"; }
    /// Whether it has no types any more.
    bool isApplied() { return getInputs().empty() && getResults().empty(); }
    /// The same without types.
    ::tercet::soc::PrecisionAttr getApplied();
  }];
}

def Soc_ComputationAttr : Soc_Attr<"Computation", "computation"> {
  let summary = "what a command of a quantised program computes, for reports";
  let description = [{
    `scheme`, `snr_centibel` and `reason` are those of the #soc.precision that
    was applied; `multiply_adds` counts the products of matrices, convolutions
    and attention.
  }];
  let parameters = (ins "::mlir::StringAttr":$scheme, "uint64_t":$multiplyAdds,
    DefaultValuedParameter<"int64_t", "0">:$snrCentibel, OptionalParameter<"::mlir::StringAttr">:$reason);
  let hasCustomAssemblyFormat = 1;
}

#endif // TERCET_DIALECTS_SOC_SOCATTRS_TD
