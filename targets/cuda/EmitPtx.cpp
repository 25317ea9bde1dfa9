// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's middle and back end for NVIDIA's GPUs. Loops are unrolled and adjacent
// loads become one where alignment is known; products and sums are contracted, as
// everywhere in Tercet.

#include "targets/cuda/EmitPtx.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/BasicAliasAnalysis.h"
#include "llvm/Analysis/ScopedNoAliasAA.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace tercet;

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

namespace {

constexpr llvm::StringLiteral kTriple = "nvptx64-nvidia-cuda";

const llvm::Target *findTarget(std::string &error) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
}

std::string cpuOf(unsigned architecture) { return "sm_" + std::to_string(architecture); }

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine(unsigned architecture) {
  std::string error;
  const llvm::Target *target = findTarget(error);
  if (!target)
    return llvm::createStringError("this LLVM generates no code for NVIDIA's GPUs: %s",
                                   error.c_str());
  if (!cuda::knowsArchitecture(architecture))
    return llvm::createStringError("unknown architecture sm_%u", architecture);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(llvm::Triple(kTriple), cpuOf(architecture), "", options,
                                  std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// Only operations of the LLVM dialect have code.
std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerNVVMDialectTranslation(*module.getContext());
  OwningOpRef<ModuleOp> own = ModuleOp::create(module.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(own->getBody());
  for (Operation &op : *module.getBody())
    if (isa_and_nonnull<LLVM::LLVMDialect>(op.getDialect()))
      b.clone(op);
  return translateModuleToLLVMIR(*own, context, "tercet");
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  // Without the analysis of globals, for which a barrier is an instruction that
  // writes no shared memory.
  functions.registerPass([&] {
    llvm::AAManager aliases;
    aliases.registerFunctionAnalysis<llvm::BasicAA>();
    aliases.registerFunctionAnalysis<llvm::ScopedNoAliasAA>();
    return aliases;
  });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

llvm::Error checkCalls(const llvm::Module &module) {
  std::string unexpected;
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      unexpected += (unexpected.empty() ? "'" : ", '") + function.getName().str() + "'";
  if (unexpected.empty())
    return llvm::Error::success();
  return llvm::createStringError("kernels would call %s, which no GPU has", unexpected.c_str());
}

} // namespace

bool cuda::knowsArchitecture(unsigned architecture) {
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = findTarget(error);
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      target ? target->createMCSubtargetInfo(triple, "", "") : nullptr);
  return known && known->isCPUStringValid(cpuOf(architecture));
}

llvm::Expected<std::string> cuda::emitPtx(ModuleOp source, unsigned architecture) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createMachine(architecture);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translate(source, context);
  if (!module)
    return llvm::createStringError("the kernels have no form in LLVM IR");
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  for (llvm::Function &function : *module)
    if (!function.isDeclaration())
      function.addFnAttr(llvm::Attribute::NoUnwind);
  optimise(*module, **machine);
  if (llvm::Error error = checkCalls(*module))
    return error;
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("this LLVM writes no PTX");
  passes.run(*module);
  return std::string(text);
}
