// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what was decided, in terms of the machine.

#include "compiler/pipeline/Summary.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/soc/Soc.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace tercet;

uint64_t tercet::peakResidentBytes() {
  // Not getrusage: that remembers what the process was before it became this
  // program, which may have been large.
  auto status = llvm::MemoryBuffer::getFileAsStream("/proc/self/status");
  if (!status)
    return 0;
  StringRef rest = (*status)->getBuffer().split("VmHWM:").second;
  uint64_t kilobytes = 0;
  return rest.ltrim().split(' ').first.getAsInteger(10, kilobytes) ? 0 : kilobytes * 1024;
}

std::string tercet::formatBytes(uint64_t bytes) {
  static const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = bytes;
  unsigned unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(unit ? "%.1f " : "%.0f ", value) << units[unit];
  return text;
}

void tercet::printSummary(ModuleOp planned, raw_ostream &os) {
  if (auto machine = soc::MachineAttr::of(planned))
    for (Attribute attr : machine.getEngines())
      if (auto cpu = dyn_cast<soc::CpuAttr>(attr))
        os << "engine[" << cpu.getName().getValue() << "] " << cpu.getCpu().getValue() << ", "
           << cpu.getTriple().getValue() << ", " << machine.getWorkers() << " workers\n";
  for (auto entry : planned.getOps<cmd::EntryOp>()) {
    unsigned dispatches = 0, copies = 0;
    uint64_t predicted = 0;
    entry.walk([&](cmd::DispatchOp op) {
      ++dispatches;
      predicted += op.getPredictedPs();
    });
    entry.walk([&](cmd::CopyOp) { ++copies; });
    unsigned kernels = llvm::range_size(planned.getOps<soc::KernelOp>());
    os << "entry[" << entry.getSymName() << "] " << dispatches << " dispatches of " << kernels
       << " kernels, " << copies << " copies, predicted "
       << llvm::format("%.2f ms on one worker\n", predicted * 1e-9);
  }
  for (auto pool : planned.getOps<cmd::PoolOp>()) {
    if (pool.getBytes() == 0)
      continue;
    os << "memory[" << pool.getSymName() << "] " << formatBytes(pool.getBytes());
    if (pool.getBytes() == pool.getLowerBound())
      os << " = lower bound, optimal";
    else
      os << llvm::format(", at most %.1f %% above the lower bound",
                         100.0 * (double(pool.getBytes()) / double(pool.getLowerBound()) - 1.0));
    os << " (" << pool.getMethod() << ")\n";
  }
}

void tercet::printStatistics(const std::vector<StageStatistics> &stages, raw_ostream &os) {
  os << "stage        seconds   peak memory\n";
  for (const StageStatistics &stage : stages)
    os << llvm::format("%-10s %9.3f   ", stage.stage.c_str(), stage.seconds)
       << formatBytes(stage.peakBytes) << "\n";
}
