// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In-memory compilation by the target's own pipeline and object emission.

#include "test/unit/cpu/KernelHarness.h"

#include "compiler/support/RegisterAll.h"
#include "targets/cpu/EmitObject.h"
#include "targets/cpu/HostCpu.h"
#include "targets/cpu/Passes.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <cstdio>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace tercet;
using namespace tercet::test;

GuardedBuffer::GuardedBuffer(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t body = (bytes + page - 1) / page * page;
  mapped = body + 2 * page;
  base = static_cast<unsigned char *>(
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(base, page, PROT_NONE);
  mprotect(base + page + body, page, PROT_NONE);
  // Aligned to 4 bytes only if need be: the end must touch the guard page.
  data = base + page + (body - bytes) / 4 * 4;
}

GuardedBuffer::~GuardedBuffer() { munmap(base, mapped); }

struct Kernel::Impl {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  KernelFn function = nullptr;
  int64_t grid[3] = {1, 1, 1};
  uint64_t stackBytes = 0;
};

Kernel::Kernel(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Kernel::~Kernel() = default;

std::string tercet::test::substitute(
    std::string text, const std::vector<std::pair<std::string, std::string>> &values) {
  for (const auto &[from, to] : values)
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

static std::nullptr_t complain(llvm::Error error) {
  llvm::logAllUnhandledErrors(std::move(error), llvm::errs(), "harness: ");
  return nullptr;
}

std::unique_ptr<Kernel> Kernel::compile(const std::string &text, unsigned bits,
                                        unsigned registers) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string source = substitute(
      text, {{"KERNEL", "engine = \"cpu\", num_inputs = 0 : i64, variant = #soc.variant<\"v\", "
                        "precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>"}});
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    return nullptr;
  llvm::Expected<soc::CpuAttr> cpu = cpu::describeHostCpu(&context);
  if (!cpu)
    return complain(cpu.takeError());
  soc::CpuAttr used = *cpu;
  if (bits)
    used = soc::CpuAttr::get(&context, cpu->getName(), cpu->getMemory(), cpu->getTriple(),
                             cpu->getCpu(), cpu->getFeatures(), cpu->getCores(), bits, registers,
                             cpu->getMegahertz(), cpu->getL1Bytes(), cpu->getL2Bytes(),
                             cpu->getL3Bytes());
  auto memory = soc::MemoryAttr::get(&context, StringAttr::get(&context, "dram"), 0, 64, 0);
  module->getOperation()->setAttr(
      soc::SocDialect::kMachineAttrName,
      soc::MachineAttr::get(&context, StringAttr::get(&context, "host"), 1,
                            ArrayAttr::get(&context, {used}), ArrayAttr::get(&context, {memory})));
  auto impl = std::make_unique<Impl>();
  {
    PassManager grid(&context);
    grid.nest<soc::KernelOp>().addPass(cpu::createAssignGridPass());
    if (failed(grid.run(*module)))
      return nullptr;
    auto kernel = cast<soc::KernelOp>(module->lookupSymbol("k"));
    llvm::copy(*kernel.getGrid(), impl->grid);
  }
  PassManager pm(&context);
  cpu::buildCpuCodegenPipeline(pm);
  if (failed(pm.run(*module))) {
    if (getenv("TERCET_DUMP"))
      module->dump();
    return nullptr;
  }
  // Visible to the in-memory linker.
  cast<LLVM::LLVMFuncOp>(module->lookupSymbol("k")).setVisibility_(LLVM::Visibility::Default);
  if (const char *path = getenv("TERCET_DUMP")) {
    SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    (void)!!cpu::emitObject(*module, used, stream, {cpu::EmitKind::Assembly});
    std::error_code code;
    llvm::raw_fd_ostream file(path, code);
    file << stream.str();
  }
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::Expected<cpu::EmittedCode> code = cpu::emitObject(*module, used, stream);
  if (!code)
    return complain(code.takeError());
  impl->stackBytes = code->stackBytes.lookup("k");
  llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return complain(jit.takeError());
  impl->jit = std::move(*jit);
  auto object = llvm::MemoryBuffer::getMemBufferCopy(StringRef(bytes.data(), bytes.size()), "k");
  if (llvm::Error error = impl->jit->addObjectFile(std::move(object)))
    return complain(std::move(error));
  auto symbol = impl->jit->lookup("k");
  if (!symbol)
    return complain(symbol.takeError());
  impl->function = symbol->toPtr<KernelFn>();
  return std::unique_ptr<Kernel>(new Kernel(std::move(impl)));
}

uint32_t Kernel::run(const std::vector<void *> &buffers, size_t scratchBytes) {
  uint32_t fault = 0;
  GuardedBuffer scratch(scratchBytes + 64);
  KernelArgs args{buffers.data(), nullptr, scratch.as<unsigned char>() + 64 % (scratchBytes + 64),
                  scratchBytes, &fault};
  args.scratch = scratch.as<unsigned char>();
  for (uint32_t z = 0; z < impl->grid[2]; ++z)
    for (uint32_t y = 0; y < impl->grid[1]; ++y)
      for (uint32_t x = 0; x < impl->grid[0]; ++x)
        impl->function(&args, x, y, z, 0);
  return fault;
}

KernelFn Kernel::getFunction() const { return impl->function; }
const int64_t *Kernel::getGrid() const { return impl->grid; }
uint64_t Kernel::getStackBytes() const { return impl->stackBytes; }
