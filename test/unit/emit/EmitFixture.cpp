// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts, and the shortest way from the LLVM dialect to an object.

#include "test/unit/emit/EmitFixture.h"

#include "targets/cpu/CpuEngine.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <cstdlib>

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

static std::string replace(std::string text, StringRef from, StringRef to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string emit::getPlannedText(StringRef triple, StringRef cpu) {
  const char *text = R"(
#machine = #soc.machine<"small", workers = 2,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "TRIPLE", cpu = "CPU", features = "",
             cores = 2, vector_bits = 128, vector_registers = 16, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 32>
module attributes {soc.machine = #machine} {
  nn.weight @w = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  soc.kernel @add(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>) attributes {engine = "cpu", num_inputs = 2 : i64, variant = #rows} {
    soc.return
  }
  cmd.pool @arena arena in "dram" bytes 256 alignment 64 lower_bound 192 method "greedy-by-size"
  cmd.pool @weights weights in "dram" bytes 80 alignment 64 lower_bound 80 method "in order"
  cmd.entry @main {
    %in = cmd.input 0 "x" : tensor<4xf32>
    %out = cmd.output 0 "y/0" : tensor<4xf32>
    %w = cmd.weight @w @weights [64 for 16]
    %a = cmd.buffer @arena [0 for 64]
    %s = cmd.buffer @arena [64 for 128]
    %t = cmd.dispatch @add on "cpu" (%in, %w, %a) offsets [0, 0, 0] bytes [16, 16, 16] grid [1, 1, 1] scratch (%s stride 64) predicted_ps 1000 loc(fused["layer/MatMul", "layer/Add"])
    %v = cmd.copy %a [0] to %out [0] bytes 16 on "cpu" wait (%t) loc("layer/Copy")
  }
}
)";
  return replace(replace(text, "TRIPLE", triple), "CPU", cpu);
}

std::string emit::getLoweredText(StringRef body) {
  const char *text = R"(
llvm.func @rsqrt_of_nothing(f32) -> f32
llvm.func @unused_helper() {
  llvm.return
}
llvm.func @add(%args: !llvm.ptr, %x: i32, %y: i32, %z: i32, %worker: i32) {
  %buffers = llvm.load %args : !llvm.ptr -> !llvm.ptr
  %a = llvm.load %buffers : !llvm.ptr -> !llvm.ptr
  %1 = llvm.getelementptr %buffers[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %b = llvm.load %1 : !llvm.ptr -> !llvm.ptr
  %2 = llvm.getelementptr %buffers[2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %c = llvm.load %2 : !llvm.ptr -> !llvm.ptr
  %va = llvm.load %a : !llvm.ptr -> vector<4xf32>
  %vb = llvm.load %b : !llvm.ptr -> vector<4xf32>
  %vc = llvm.fadd %va, %vb : vector<4xf32>
  llvm.store %vc, %c : vector<4xf32>, !llvm.ptr
  BODY
  llvm.return
}
)";
  return replace(text, "BODY", body);
}

static llvm::Error emitWithLLVM(const ObjectJob &job, llvm::raw_pwrite_stream &os,
                                llvm::StringMap<uint64_t> &stackBytes) {
  ModuleOp module = job.module;
  soc::CpuAttr cpu = job.cpu;
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(module, llvmContext);
  if (!ir)
    return llvm::createStringError("no translation");
  llvm::Triple triple(llvm::Triple::normalize(cpu.getTriple().getValue()));
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return llvm::createStringError(error);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, cpu.getCpu().getValue(), cpu.getFeatures().getValue(), {}, llvm::Reloc::PIC_));
  ir->setTargetTriple(triple);
  ir->setDataLayout(machine->createDataLayout());
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr, llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("no object emission");
  passes.run(*ir);
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    stackBytes[function.getSymName()] = 40;
  return llvm::Error::success();
}

EmitFixture::EmitFixture() {
  DialectRegistry registry;
  registry.insert<cmd::CmdDialect, nn::NNDialect, soc::SocDialect, LLVM::LLVMDialect>();
  cpu::registerEngine(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  llvm::SmallString<128> path;
  llvm::sys::fs::createUniqueDirectory("tercet-emit-test", path);
  folder = path.str().str();
}

EmitFixture::~EmitFixture() { llvm::sys::fs::remove_directories(folder); }

OwningOpRef<ModuleOp> EmitFixture::parse(const std::string &text) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module);
  return module;
}

EmitOptions EmitFixture::getOptions(StringRef name) {
  EmitOptions options;
  options.outputDirectory = folder;
  options.name = name.str();
  options.modelPath = "/somewhere/model.onnx";
  options.emitObject = emitWithLLVM;
  options.readWeight = [](nn::WeightOp weight, ChunkSink sink) {
    ArrayRef<char> bytes = cast<DenseElementsAttr>(weight.getRecipe()).getRawData();
    if (llvm::Error error = sink(bytes.take_front(8)))
      return error;
    return sink(bytes.drop_front(8));
  };
  options.statistics = {{"groups", 1}, {"tasks", 2}};
  return options;
}

llvm::Error EmitFixture::emitSmall(const EmitOptions &options, StringRef body) {
  OwningOpRef<ModuleOp> planned = parse(getPlannedText()), lowered = parse(getLoweredText(body));
  return emitArtifact(*planned, *lowered, options);
}

std::string EmitFixture::readFile(StringRef name) {
  auto buffer = llvm::MemoryBuffer::getFile(folder + "/" + name);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

std::vector<std::string> EmitFixture::listFiles() {
  std::vector<std::string> names;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; !code && it != end;
       it.increment(code))
    names.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(names);
  return names;
}

bool EmitFixture::shell(const std::string &command) { return std::system(command.c_str()) == 0; }
