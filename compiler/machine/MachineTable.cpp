// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers are rounded down to a tenth by integer division.

#include "compiler/machine/MachineTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;

static std::string decimal(uint64_t value, uint64_t unit) {
  std::string text = llvm::utostr(value / unit);
  if (uint64_t tenth = value % unit * 10 / unit)
    text += "." + llvm::utostr(tenth);
  return text;
}

static std::string bytesText(uint64_t bytes) {
  if (bytes == 0)
    return "-";
  if (bytes % (UINT64_C(1) << 20) == 0)
    return llvm::utostr(bytes >> 20) + " MiB";
  if (bytes % 1024 == 0)
    return llvm::utostr(bytes >> 10) + " KiB";
  return llvm::utostr(bytes) + " B";
}

static void printCpu(soc::CpuAttr cpu, llvm::raw_ostream &os) {
  os << "    " << cpu.getCpu().getValue() << " (" << cpu.getTriple().getValue() << "), "
     << cpu.getCores() << (cpu.getCores() == 1 ? " core" : " cores") << " of " << cpu.getMegahertz()
     << " MHz, " << cpu.getVectorRegisters() << " vector registers of " << cpu.getVectorBits()
     << " bits\n    caches: " << bytesText(cpu.getL1Bytes()) << " and "
     << bytesText(cpu.getL2Bytes()) << " a core, " << bytesText(cpu.getL3Bytes()) << " shared\n";
}

static void printPerformance(soc::PerformanceAttr figures, llvm::raw_ostream &os) {
  os << "    launch " << decimal(figures.getLaunchPs(), 1000000) << " us, synchronise "
     << decimal(figures.getSynchronisePs(), 1000000) << " us, "
     << decimal(figures.getBandwidthBytesPerSecond(), 1000000000) << " GB/s";
  if (uint64_t rate = figures.getCacheBytesPerSecond())
    os << ", caches cleaned at " << decimal(rate, 1000000000) << " GB/s";
  auto printNumbers = [&](StringRef title, DictionaryAttr numbers, uint64_t unit,
                          StringRef suffix) {
    if (numbers.empty())
      return;
    os << "\n    " << title << ":";
    for (NamedAttribute entry : numbers)
      os << " " << entry.getName().getValue() << " "
         << decimal(cast<IntegerAttr>(entry.getValue()).getInt(), unit) << suffix;
  };
  printNumbers("peak in Gop/s", figures.getOperationsPerSecond(), 1000000000, "");
  printNumbers("efficiency", figures.getEfficiencyPercent(), 1, "%");
  os << "\n";
}

void tercet::printMachineTable(soc::MachineAttr machine, llvm::raw_ostream &os) {
  os << "machine " << machine.getName().getValue() << ", at most " << machine.getWorkers()
     << (machine.getWorkers() == 1 ? " worker" : " workers") << " an engine\nengines\n";
  for (Attribute attr : machine.getEngines()) {
    auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
    if (!engine)
      continue;
    std::string reason;
    os << "  " << engine.getEngineName() << ": " << engine.getEngineKind() << " on memory "
       << engine.getEngineMemory();
    if (auto described = dyn_cast<soc::EngineAttr>(attr)) {
      for (Attribute other : described.getMemories().getValue().drop_front())
        os << ", " << cast<StringAttr>(other).getValue();
      os << ", target " << described.getTarget().getValue();
    }
    if (!engine.isPresent(reason))
      os << " (absent: " << reason << ")";
    os << "\n";
    if (soc::CpuAttr cpu = engine.getObjectCpu())
      printCpu(cpu, os);
    printPerformance(engine.getEnginePerformance(), os);
  }
  os << "memories\n";
  for (auto memory : machine.getMemories().getAsRange<soc::MemoryAttr>()) {
    os << "  " << memory.getName().getValue() << ": "
       << (memory.getBytes() ? bytesText(memory.getBytes()) : "not limited") << ", aligned to "
       << memory.getAlignment();
    if (uint64_t rate = memory.getBandwidthBytesPerSecond())
      os << ", " << decimal(rate, 1000000000) << " GB/s";
    os << "\n";
  }
  if (!machine.getLinks())
    return;
  os << "links\n";
  for (auto link : machine.getLinks().getAsRange<soc::LinkAttr>())
    os << "  " << link.getFirst().getValue() << " - " << link.getSecond().getValue() << ": "
       << decimal(link.getBandwidthBytesPerSecond(), 1000000000) << " GB/s, "
       << decimal(link.getLatencyPs(), 1000) << " ns\n";
}
