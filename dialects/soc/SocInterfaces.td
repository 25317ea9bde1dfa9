// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the passes ask of an engine. Declared here, implemented by targets/ as
// external models, so that passes link no target and an engine can come from
// a plug-in.

#ifndef TERCET_DIALECTS_SOC_SOCINTERFACES_TD
#define TERCET_DIALECTS_SOC_SOCINTERFACES_TD

include "mlir/IR/OpBase.td"

def Soc_EngineAttrInterface : AttrInterface<"EngineAttrInterface"> {
  let description = [{
    A processor with its own queue. Nothing here changes the IR: variants are
    computed analytically, before any tiling.
  }];
  let cppNamespace = "::tercet::soc";
  let methods = [
    InterfaceMethod<"The engine's name within its machine.", "::llvm::StringRef", "getEngineName">,
    InterfaceMethod<"What it is: cpu, gpu, npu or dma.", "::llvm::StringRef", "getEngineKind">,
    InterfaceMethod<"The memory that the engine works on.", "::llvm::StringRef", "getEngineMemory">,
    InterfaceMethod<"The memories that it can address, the one that it works on first.",
      "::llvm::SmallVector<::llvm::StringRef>", "getEngineMemories">,
    InterfaceMethod<"The workers that its queue has by itself.", "uint32_t", "getEngineCores">,
    InterfaceMethod<"The figures of its roofline, never null.", "::tercet::soc::PerformanceAttr",
      "getEnginePerformance">,
    InterfaceMethod<[{The CPU whose object code its kernels are; null where they are an image of
      their own.}], "::tercet::soc::CpuAttr", "getObjectCpu">,
    InterfaceMethod<[{Whether the engine's target is part of this build; if not, `reason` says
      so in words for the user.}], "bool", "isPresent", (ins "::std::string &":$reason)>,
    InterfaceMethod<[{Whether the engine can run the group; if not, `reason` says why in
      words for the user.}], "bool", "supports",
      (ins "::tercet::soc::GroupOp":$group, "::std::string &":$reason)>,
    InterfaceMethod<[{The ways in which the engine can run `rows` rows of a group that it
      supports, best first; 0 rows stand for all. Never empty for such a group.}],
      "::llvm::SmallVector<::tercet::soc::VariantAttr>", "variants",
      (ins "::tercet::soc::GroupOp":$group, "int64_t":$rows)>,
    InterfaceMethod<[{Whether the engine's code generation takes the operation whole instead of
      its decomposition.}], "bool", "takesWhole", (ins "::mlir::Operation *":$op), "",
      [{ return false; }]>,
    InterfaceMethod<[{The bytes of scratch that code generation needs for a bufferised kernel,
      behind what the kernel itself allocates.}], "uint64_t", "stagingBytes",
      (ins "::tercet::soc::KernelOp":$kernel), "", [{ return 0; }]>,
    InterfaceMethod<[{Whether the engine has a kernel's scratch in a memory of its own, which
      is in no pool.}], "bool", "keepsScratch", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{Adds the passes that turn a bufferised soc.kernel of this engine into
      code that emit can write. The pass manager is anchored on the module.}],
      "void", "buildCodegenPipeline", (ins "::mlir::OpPassManager &":$pm)>
  ];
}

#endif // TERCET_DIALECTS_SOC_SOCINTERFACES_TD
