// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machines of one CPU with one memory.

#include "compiler/pipeline/Machine.h"

#include "targets/cpu/HostCpu.h"

#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tercet;

llvm::ArrayRef<llvm::StringLiteral> tercet::machineNames() {
  static constexpr llvm::StringLiteral names[] = {"host"};
  return names;
}

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Expected<soc::MachineAttr> tercet::buildMachine(MLIRContext *context,
                                                      const CompileOptions &options) {
  if (!options.soc.empty() && (!options.target.empty() || !options.cpu.empty()))
    return error("--soc and --target or --cpu were given; a machine file names its CPUs itself, "
                 "so give one or the other");
  if (!options.soc.empty() && options.soc != "host")
    return error("no machine '" + options.soc + "'; known: host; try --target TRIPLE --cpu CPU");
  bool host = options.target.empty() && (options.cpu.empty() || options.cpu == "host");
  // A CPU alone is one of the kind that the compiler runs on.
  std::string target = options.target;
  if (target.empty())
    target = (llvm::Triple(llvm::sys::getProcessTriple()).getArchName() + "-linux-gnu").str();
  llvm::Expected<soc::CpuAttr> cpu =
      host ? cpu::describeHostCpu(context) : cpu::describeCpu(context, target, options.cpu);
  if (!cpu)
    return cpu.takeError();
  Builder builder(context);
  unsigned workers = options.workers ? options.workers : cpu->getCores();
  auto memory = soc::MemoryAttr::get(context, cpu->getMemory(), /*bytes=*/0, /*alignment=*/64,
                                     /*bandwidthBytesPerSecond=*/0);
  return soc::MachineAttr::get(
      context, builder.getStringAttr(host ? "host" : cpu->getTriple().getValue()), workers,
      builder.getArrayAttr({*cpu}), builder.getArrayAttr({memory}), /*links=*/{});
}
