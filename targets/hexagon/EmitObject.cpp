// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's middle and back end for Hexagon. Kernels are vectors already, so no
// vectoriser runs, and no loop becomes a call of memcpy.

#include "targets/hexagon/EmitObject.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/DataExtractor.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace tercet;

extern "C" {
void LLVMInitializeHexagonTargetInfo();
void LLVMInitializeHexagonTarget();
void LLVMInitializeHexagonTargetMC();
void LLVMInitializeHexagonAsmPrinter();
}

namespace {

constexpr llvm::StringLiteral kTriple = "hexagon-unknown-linux-musl";

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const hexagon::EmitOptions &options) {
  LLVMInitializeHexagonTargetInfo();
  LLVMInitializeHexagonTarget();
  LLVMInitializeHexagonTargetMC();
  LLVMInitializeHexagonAsmPrinter();
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return llvm::createStringError("this LLVM generates no code for Hexagon: %s", error.c_str());
  std::string cpu = "hexagon" + options.architecture;
  std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
  if (!known || !known->isCPUStringValid(cpu))
    return llvm::createStringError(
        "unknown Hexagon architecture '%s'; expected one such as v66, v67, v68, v73, v75",
        options.architecture.c_str());
  llvm::TargetOptions targetOptions;
  targetOptions.FunctionSections = true;
  targetOptions.EmitStackSizeSection = true;
  std::string features = "+hvx" + options.architecture + ",+hvx-length128b";
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, cpu, features, targetOptions, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// Only operations of the LLVM dialect have code.
std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  OwningOpRef<ModuleOp> own = ModuleOp::create(module.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(own->getBody());
  for (Operation &op : *module.getBody())
    if (isa_and_nonnull<LLVM::LLVMDialect>(op.getDialect()))
      b.clone(op);
  return translateModuleToLLVMIR(*own, context, "tercet");
}

/// tercet_npu_kernels, tercet_npu_kernel_count and tercet_npu_digest.
llvm::Error addTable(llvm::Module &module, const hexagon::EmitOptions &options) {
  std::vector<llvm::Constant *> kernels;
  if (options.kernels.empty()) {
    for (llvm::Function &function : module)
      if (!function.isDeclaration())
        kernels.push_back(&function);
  }
  for (const std::string &name : options.kernels) {
    llvm::Function *function = module.getFunction(name);
    if (!function || function->isDeclaration())
      return llvm::createStringError("no kernel '%s' in the module", name.c_str());
    kernels.push_back(function);
  }
  llvm::LLVMContext &context = module.getContext();
  auto define = [&](const char *name, llvm::Constant *value, unsigned alignment) {
    auto *global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, value, name);
    global->setAlignment(llvm::Align(alignment));
    global->setDSOLocal(true);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  };
  auto *pointer = llvm::PointerType::get(context, 0);
  define("tercet_npu_kernels",
         llvm::ConstantArray::get(llvm::ArrayType::get(pointer, kernels.size()), kernels), 4);
  define("tercet_npu_kernel_count",
         llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), kernels.size()), 4);
  define("tercet_npu_digest",
         llvm::ConstantDataArray::get(context, llvm::ArrayRef<uint8_t>(options.digest)), 8);
  return llvm::Error::success();
}

void setFunctionAttributes(llvm::Module &module, const llvm::TargetMachine &machine) {
  for (llvm::Function &function : module) {
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr(llvm::Attribute::WillReturn);
  }
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

llvm::Error checkSymbols(const llvm::object::ObjectFile &object) {
  std::string unexpected;
  for (const llvm::object::SymbolRef &symbol : object.symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined))
      continue;
    llvm::Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    if (!name->empty() && !llvm::is_contained(hexagon::builtins(), *name))
      unexpected += (unexpected.empty() ? "'" : ", '") + name->str() + "'";
  }
  if (unexpected.empty())
    return llvm::Error::success();
  return llvm::createStringError("kernels would call %s, which the NPU's runtime does not have",
                                 unexpected.c_str());
}

/// Pairs of an address, given by a relocation to the function's section, and
/// the size of its frame.
llvm::Error readStackSizes(const llvm::object::ELFObjectFileBase &object,
                           llvm::StringMap<uint64_t> &stackBytes) {
  llvm::DenseMap<uint64_t, std::string> functionOfSection;
  for (const llvm::object::ELFSymbolRef symbol : object.symbols()) {
    if (symbol.getELFType() != llvm::ELF::STT_FUNC)
      continue;
    llvm::Expected<llvm::object::section_iterator> section = symbol.getSection();
    llvm::Expected<StringRef> name = symbol.getName();
    if (!section)
      return section.takeError();
    if (!name)
      return name.takeError();
    if (*section != object.section_end())
      functionOfSection[(*section)->getIndex()] = name->str();
  }
  for (const llvm::object::ELFSectionRef relocations : object.sections()) {
    llvm::Expected<llvm::object::section_iterator> target = relocations.getRelocatedSection();
    if (!target) {
      llvm::consumeError(target.takeError());
      continue;
    }
    if (*target == object.section_end())
      continue;
    llvm::Expected<StringRef> name = (*target)->getName();
    if (!name)
      return name.takeError();
    if (*name != ".stack_sizes")
      continue;
    llvm::Expected<StringRef> contents = (*target)->getContents();
    if (!contents)
      return contents.takeError();
    llvm::DataExtractor data(*contents, /*IsLittleEndian=*/true, /*AddressSize=*/4);
    for (const llvm::object::RelocationRef &relocation : relocations.relocations()) {
      auto symbol = relocation.getSymbol();
      if (symbol == object.symbol_end())
        continue;
      llvm::Expected<llvm::object::section_iterator> section = symbol->getSection();
      if (!section)
        return section.takeError();
      if (*section == object.section_end())
        continue;
      uint64_t offset = relocation.getOffset() + 4;
      auto found = functionOfSection.find((*section)->getIndex());
      if (found != functionOfSection.end())
        stackBytes[found->second] = data.getULEB128(&offset);
    }
  }
  return llvm::Error::success();
}

} // namespace

ArrayRef<StringRef> hexagon::builtins() {
  static const StringRef names[] = {
      "tercet_dma_start", "tercet_dma_wait",
      "memcpy",           "memmove",
      "memset",           "__hexagon_memcpy_likely_aligned_min32bytes_mult8bytes",
      "__hexagon_divsi3", "__hexagon_udivsi3",
      "__hexagon_modsi3", "__hexagon_umodsi3",
      "__hexagon_divdi3", "__hexagon_udivdi3",
      "__hexagon_moddi3", "__hexagon_umoddi3"};
  return names;
}

llvm::Error hexagon::emitObject(ModuleOp module, const EmitOptions &options,
                                llvm::raw_pwrite_stream &out,
                                llvm::StringMap<uint64_t> &stackBytes) {
  auto machine = createMachine(options);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context);
  if (!code)
    return llvm::createStringError("translation to LLVM IR failed");
  code->setTargetTriple(llvm::Triple(kTriple));
  code->setDataLayout((*machine)->createDataLayout());
  code->setPICLevel(llvm::PICLevel::SmallPIC);
  if (llvm::Error error = addTable(*code, options))
    return error;
  setFunctionAttributes(*code, **machine);
  optimise(*code, **machine);
  if (options.kind == EmitKind::LLVMIR) {
    code->print(out, nullptr);
    return llvm::Error::success();
  }
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  auto kind = options.kind == EmitKind::Object ? llvm::CodeGenFileType::ObjectFile
                                               : llvm::CodeGenFileType::AssemblyFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, kind))
    return llvm::createStringError("this LLVM cannot write objects for Hexagon");
  passes.run(*code);
  if (options.kind == EmitKind::Object) {
    llvm::MemoryBufferRef buffer(StringRef(bytes.data(), bytes.size()), "kernels");
    llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> object =
        llvm::object::ObjectFile::createELFObjectFile(buffer);
    if (!object)
      return object.takeError();
    if (llvm::Error error = checkSymbols(**object))
      return error;
    if (llvm::Error error =
            readStackSizes(cast<llvm::object::ELFObjectFileBase>(**object), stackBytes))
      return error;
  }
  out.write(bytes.data(), bytes.size());
  return llvm::Error::success();
}
