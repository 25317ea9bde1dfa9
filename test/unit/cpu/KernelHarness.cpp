// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In-memory compilation by the target's own pipeline and object emission.

#include "test/unit/cpu/KernelHarness.h"

#include "compiler/support/RegisterAll.h"
#include "passes/tile/Passes.h"
#include "targets/cpu/EmitObject.h"
#include "targets/cpu/HostCpu.h"
#include "targets/cpu/Passes.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
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

std::string
tercet::test::substitute(std::string text,
                         const std::vector<std::pair<std::string, std::string>> &values) {
  for (const auto &[from, to] : values)
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

static std::nullopt_t complain(llvm::Error error) {
  llvm::logAllUnhandledErrors(std::move(error), llvm::errs(), "harness: ");
  return std::nullopt;
}

namespace {

/// The object file of a kernel, and its grid.
struct Compiled {
  SmallVector<char, 0> bytes;
  int64_t grid[3] = {1, 1, 1};
  uint64_t stackBytes = 0;
};

/// `describe` gives the CPU to compile for.
std::optional<Compiled>
compileText(const std::string &text,
            function_ref<llvm::Expected<soc::CpuAttr>(MLIRContext *)> describe) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string source = substitute(
      text, {{"KERNEL", "engine = \"cpu\", num_inputs = 0 : i64, variant = #soc.variant<\"v\", "
                        "precision = f32, tiles = [1], panels = [0], time_ps = 1, "
                        "scratch_bytes = 0>"}});
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    return std::nullopt;
  llvm::Expected<soc::CpuAttr> cpu = describe(&context);
  if (!cpu)
    return complain(cpu.takeError());
  auto memory = soc::MemoryAttr::get(&context, cpu->getMemory(), 0, 64, 0);
  module->getOperation()->setAttr(soc::SocDialect::kMachineAttrName,
                                  soc::MachineAttr::get(&context, StringAttr::get(&context, "host"),
                                                        1, ArrayAttr::get(&context, {*cpu}),
                                                        ArrayAttr::get(&context, {memory}), {}));
  Compiled result;
  PassManager grid(&context);
  grid.nest<soc::KernelOp>().addPass(tile::createAssignGridPass());
  if (failed(grid.run(*module)))
    return std::nullopt;
  llvm::copy(*cast<soc::KernelOp>(module->lookupSymbol("k")).getGrid(), result.grid);
  PassManager pm(&context);
  cpu::buildCpuCodegenPipeline(pm);
  if (failed(pm.run(*module)))
    return std::nullopt;
  // Visible to the linker.
  cast<LLVM::LLVMFuncOp>(module->lookupSymbol("k")).setVisibility_(LLVM::Visibility::Default);
  if (const char *path = getenv("TERCET_TEST_ASSEMBLY")) {
    SmallVector<char, 0> assembly;
    llvm::raw_svector_ostream stream(assembly);
    llvm::consumeError(
        cpu::emitObject(*module, *cpu, stream, {cpu::EmitKind::Assembly, 3}).takeError());
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << stream.str();
  }
  llvm::raw_svector_ostream stream(result.bytes);
  llvm::Expected<cpu::EmittedCode> code = cpu::emitObject(*module, *cpu, stream);
  if (!code)
    return complain(code.takeError());
  result.stackBytes = code->stackBytes.lookup("k");
  return result;
}

} // namespace

std::unique_ptr<Kernel> Kernel::compile(const std::string &text, unsigned bits,
                                        unsigned registers) {
  std::optional<Compiled> compiled = compileText(text, [&](MLIRContext *context) {
    llvm::Expected<soc::CpuAttr> cpu = cpu::describeHostCpu(context);
    // Narrower vectors of x86-64 are AVX2 without what came after it.
    if (cpu && bits == 256 && cpu->getTriple().getValue().starts_with("x86_64"))
      return cpu::describeCpu(context, "x86_64-linux-gnu", "x86-64-v3");
    if (cpu && bits)
      return llvm::Expected<soc::CpuAttr>(soc::CpuAttr::get(
          context, cpu->getName(), cpu->getMemory(), cpu->getTriple(), cpu->getCpu(),
          cpu->getFeatures(), cpu->getCores(), bits, registers, cpu->getMegahertz(),
          cpu->getL1Bytes(), cpu->getL2Bytes(), cpu->getL3Bytes(), {}));
    return cpu;
  });
  if (!compiled)
    return nullptr;
  auto impl = std::make_unique<Impl>();
  llvm::copy(compiled->grid, impl->grid);
  impl->stackBytes = compiled->stackBytes;
  llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return complain(jit.takeError()), nullptr;
  impl->jit = std::move(*jit);
  auto object = llvm::MemoryBuffer::getMemBufferCopy(
      StringRef(compiled->bytes.data(), compiled->bytes.size()), "k");
  if (llvm::Error error = impl->jit->addObjectFile(std::move(object)))
    return complain(std::move(error)), nullptr;
  auto symbol = impl->jit->lookup("k");
  if (!symbol)
    return complain(symbol.takeError()), nullptr;
  impl->function = symbol->toPtr<KernelFn>();
  return std::unique_ptr<Kernel>(new Kernel(std::move(impl)));
}

static const char kDriver[] = R"(
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct args { void *const *buffers; const int64_t *scalars; unsigned char *scratch; uint64_t stride; uint32_t *fault; };
void k(const struct args *, uint32_t, uint32_t, uint32_t, uint32_t);
int main(int argc, char **argv) {
  FILE *f = fopen(argv[1], "rb");
  uint64_t head[5], size[16];
  void *buffers[16];
  uint32_t fault = 0;
  if (!f || fread(head, 8, 5, f) != 5 || fread(size, 8, head[0], f) != head[0]) return 2;
  for (uint64_t i = 0; i < head[0]; ++i) {
    buffers[i] = aligned_alloc(64, (size[i] + 127) / 64 * 64);
    if (fread(buffers[i], 1, size[i], f) != size[i]) return 3;
  }
  fclose(f);
  struct args a = {buffers, 0, aligned_alloc(64, (head[4] + 127) / 64 * 64), head[4], &fault};
  for (uint32_t z = 0; z < head[3]; ++z)
    for (uint32_t y = 0; y < head[2]; ++y)
      for (uint32_t x = 0; x < head[1]; ++x) k(&a, x, y, z, 0);
  f = fopen(argv[1], "wb");
  for (uint64_t i = 0; i < head[0]; ++i) fwrite(buffers[i], 1, size[i], f);
  return fclose(f) != 0 || fault != 0;
}
)";

std::vector<std::vector<unsigned char>>
tercet::test::runOnTarget(const std::string &text, const std::string &triple,
                          const std::string &cpu, std::vector<std::vector<unsigned char>> buffers,
                          size_t scratchBytes, std::string &reason, bool &skipped) {
  bool arm = triple.rfind("aarch64", 0) == 0;
  std::string emulator = arm ? "qemu-aarch64" : "qemu-riscv64";
  for (const std::string &tool : {emulator, std::string("clang-22")})
    if (!llvm::sys::findProgramByName(tool)) {
      reason = tool + " is not installed";
      skipped = true;
      return {};
    }
  std::optional<Compiled> compiled = compileText(
      text, [&](MLIRContext *context) { return cpu::describeCpu(context, triple, cpu); });
  reason = "does not compile";
  if (!compiled)
    return {};
  SmallString<128> folder;
  if (llvm::sys::fs::createUniqueDirectory("tercet-cpu", folder))
    return {};
  std::string base = folder.str().str() + "/";
  auto write = [&](const std::string &name, StringRef data) {
    std::error_code code;
    llvm::raw_fd_ostream(base + name, code) << data;
  };
  write("k.o", StringRef(compiled->bytes.data(), compiled->bytes.size()));
  write("driver.c", kDriver);
  std::string input;
  auto word = [&](uint64_t value) { input.append(reinterpret_cast<char *>(&value), 8); };
  word(buffers.size());
  for (int64_t count : compiled->grid)
    word(count);
  word(scratchBytes);
  for (auto &buffer : buffers)
    word(buffer.size());
  for (auto &buffer : buffers)
    input.append(reinterpret_cast<char *>(buffer.data()), buffer.size());
  write("data", input);
  std::string link = "clang-22 --target=" + triple + (arm ? "" : " -march=rv64gcv") +
                     " -O1 -static -fuse-ld=lld " + base + "driver.c " + base + "k.o -o " + base +
                     "run 2> " + base + "log";
  std::string run = emulator + (arm ? " -cpu max " : " -cpu rv64,v=true,vext_spec=v1.0,vlen=128 ") +
                    base + "run " + base + "data";
  bool good = true;
  if (std::system(link.c_str()) != 0)
    reason = "does not link", good = false;
  else if (std::system(run.c_str()) != 0)
    reason = "does not run", good = false;
  if (good) {
    auto data = llvm::MemoryBuffer::getFile(base + "data");
    const char *at = (*data)->getBufferStart();
    for (auto &buffer : buffers) {
      memcpy(buffer.data(), at, buffer.size());
      at += buffer.size();
    }
  }
  llvm::sys::fs::remove_directories(folder);
  return good ? buffers : std::vector<std::vector<unsigned char>>();
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
