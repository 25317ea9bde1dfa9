// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's middle and back end, configured for kernels that have been vectorised
// already: no loop or SLP vectoriser, no library calls made out of loops, no
// fast-math.

#include "targets/cpu/EmitObject.h"
#include "targets/cpu/HostCpu.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/DataExtractor.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace tercet;

namespace {

/// What a leaf function may use beyond its own frame: memcpy and its return.
constexpr uint64_t kCalleeStackBytes = 128;

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

/// Functions of one object may be for CPUs of different kinds: LLVM generates
/// code for each as its attributes say.
void setFunctionAttributes(llvm::Module &module, const ObjectJob &job) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    auto own = job.functionCpus.find(function.getName());
    soc::CpuAttr cpu = own == job.functionCpus.end() ? job.cpu : own->second;
    function.addFnAttr("target-cpu", cpu.getCpu().getValue());
    if (!cpu.getFeatures().getValue().empty())
      function.addFnAttr("target-features", cpu.getFeatures().getValue());
    function.addFnAttr("prefer-vector-width", llvm::utostr(cpu.getVectorBits()));
    function.addFnAttr("no-trapping-math", "true");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr(llvm::Attribute::WillReturn);
  }
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine, unsigned level) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  // Kernels call nothing, and short loops are faster than a call of memset.
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  auto optLevel = level == 0   ? llvm::OptimizationLevel::O0
                  : level == 1 ? llvm::OptimizationLevel::O1
                  : level == 2 ? llvm::OptimizationLevel::O2
                               : llvm::OptimizationLevel::O3;
  llvm::ModulePassManager passes = level == 0 ? builder.buildO0DefaultPipeline(optLevel)
                                              : builder.buildPerModuleDefaultPipeline(optLevel);
  passes.run(module, modules);
}

/// Undefined symbols that the module did not declare itself.
llvm::Error checkSymbols(const llvm::object::ObjectFile &object, ModuleOp module) {
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
    if (name->empty() || *name == "memcpy" || *name == "memset" || *name == "memmove" ||
        module.lookupSymbol(*name))
      continue;
    unexpected += (unexpected.empty() ? "'" : ", '") + name->str() + "'";
  }
  if (unexpected.empty())
    return llvm::Error::success();
  return llvm::createStringError(
      "kernels would call %s, which the target's C library would have to "
      "provide; choose a CPU with more features",
      unexpected.c_str());
}

/// Reads .stack_sizes: pairs of a function's address, given by a relocation,
/// and the size of its frame.
llvm::Error readStackSizes(const llvm::object::ELFObjectFileBase &object, cpu::EmittedCode &code) {
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
    llvm::DataExtractor data(*contents, /*IsLittleEndian=*/true,
                             /*AddressSize=*/8);
    for (const llvm::object::RelocationRef &relocation : relocations.relocations()) {
      auto symbol = relocation.getSymbol();
      if (symbol == object.symbol_end())
        continue;
      llvm::Expected<llvm::object::section_iterator> section = symbol->getSection();
      if (!section)
        return section.takeError();
      if (*section == object.section_end())
        continue;
      uint64_t offset = relocation.getOffset() + 8;
      uint64_t bytes = data.getULEB128(&offset);
      auto found = functionOfSection.find((*section)->getIndex());
      if (found != functionOfSection.end())
        code.stackBytes[found->second] = bytes + kCalleeStackBytes;
    }
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<cpu::EmittedCode> cpu::emitObject(ModuleOp module, soc::CpuAttr cpu,
                                                 llvm::raw_pwrite_stream &out,
                                                 const EmitOptions &options) {
  return emitObject(ObjectJob{module, cpu, {}}, out, options);
}

llvm::Expected<cpu::EmittedCode> cpu::emitObject(const ObjectJob &job, llvm::raw_pwrite_stream &out,
                                                 const EmitOptions &options) {
  soc::CpuAttr cpu = job.cpu;
  llvm::Expected<const llvm::Target *> target = lookupTarget(cpu.getTriple().getValue());
  if (!target)
    return target.takeError();
  llvm::Triple triple(cpu.getTriple().getValue());
  llvm::TargetOptions targetOptions;
  targetOptions.FunctionSections = true;
  targetOptions.EmitStackSizeSection = true;
  targetOptions.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  if (triple.isRISCV64())
    targetOptions.MCOptions.ABIName = "lp64d";
  std::unique_ptr<llvm::TargetMachine> machine((*target)->createTargetMachine(
      triple, cpu.getCpu().getValue(), cpu.getFeatures().getValue(), targetOptions,
      llvm::Reloc::PIC_, std::nullopt,
      options.optLevel == 0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return llvm::createStringError("no code generator for '%s'", triple.str().c_str());

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(job.module, context);
  if (!code)
    return llvm::createStringError("translation to LLVM IR failed");
  code->setTargetTriple(triple);
  code->setDataLayout(machine->createDataLayout());
  code->setPICLevel(llvm::PICLevel::BigPIC);
  if (triple.isRISCV64())
    code->addModuleFlag(llvm::Module::Error, "target-abi", llvm::MDString::get(context, "lp64d"));
  setFunctionAttributes(*code, job);
  optimise(*code, *machine, options.optLevel);

  EmittedCode result;
  if (options.kind == EmitKind::LLVMIR) {
    code->print(out, nullptr);
    return result;
  }
  SmallVector<char, 0> bytes;
  {
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    auto kind = options.kind == EmitKind::Object ? llvm::CodeGenFileType::ObjectFile
                                                 : llvm::CodeGenFileType::AssemblyFile;
    if (machine->addPassesToEmitFile(passes, stream, nullptr, kind))
      return llvm::createStringError("'%s' cannot emit object files", triple.str().c_str());
    passes.run(*code);
  }
  if (options.kind == EmitKind::Object) {
    llvm::MemoryBufferRef buffer(StringRef(bytes.data(), bytes.size()), "kernels");
    llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> object =
        llvm::object::ObjectFile::createELFObjectFile(buffer);
    if (!object)
      return object.takeError();
    if (llvm::Error error = checkSymbols(**object, job.module))
      return error;
    if (llvm::Error error = readStackSizes(cast<llvm::object::ELFObjectFileBase>(**object), result))
      return error;
  }
  out.write(bytes.data(), bytes.size());
  return result;
}
