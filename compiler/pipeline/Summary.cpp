// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what was decided, in terms of the machine.

#include "compiler/pipeline/Summary.h"

#include "compiler/report/PlannedMemory.h"
#include "dialects/cmd/Cmd.h"
#include "dialects/soc/Soc.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

#include <map>

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

/// Those that are part of the build, then those that are not, and why.
static unsigned printEngines(soc::MachineAttr machine, raw_ostream &os) {
  unsigned present = 0;
  std::string absent;
  for (Attribute attr : machine.getEngines()) {
    auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
    if (!engine)
      continue;
    std::string reason;
    if (!engine.isPresent(reason)) {
      absent += ("engine[" + engine.getEngineName() + "] left out: " + reason + "\n").str();
      continue;
    }
    ++present;
    os << "engine[" << engine.getEngineName() << "] ";
    if (soc::CpuAttr cpu = engine.getObjectCpu())
      os << cpu.getCpu().getValue() << ", " << cpu.getTriple().getValue();
    else
      os << engine.getEngineKind();
    os << ", " << formatCount(machine.getWorkersOf(engine), "worker") << "\n";
  }
  os << absent;
  return present;
}

static void printProof(StringRef what, cmd::EntryOp entry, soc::ProofAttr proof, raw_ostream &os) {
  if (!proof)
    return;
  uint64_t value = proof.getValue(), bound = proof.getLowerBound();
  os << what << '[' << entry.getSymName() << "] " << formatPs(value);
  if (value > bound)
    os << ", bound " << formatPs(bound) << ", gap " << formatPercent(value - bound, bound);
  else
    os << " = lower bound, optimal";
  os << " (" << proof.getMethod().getValue() << ")\n";
}

/// Where commands went, and for each engine why groups are not on it.
static void printPlacement(cmd::EntryOp entry, soc::MachineAttr machine, raw_ostream &os) {
  llvm::MapVector<StringRef, unsigned> commands;
  llvm::MapVector<StringRef, std::map<StringRef, unsigned>> reasons;
  // In the order of the machine.
  for (Attribute attr : machine.getEngines())
    if (auto engine = dyn_cast<soc::EngineAttrInterface>(attr)) {
      commands[engine.getEngineName()] = 0;
      reasons[engine.getEngineName()] = {};
    }
  unsigned shared = 0;
  // The parts of a share have the alternatives of one group, and follow its name.
  llvm::DenseSet<std::pair<Location, Attribute>> shares;
  entry.walk([&](cmd::DispatchOp op) {
    ++commands[op.getEngine()];
    ArrayAttr alternatives = op.getAlternativesAttr();
    if (!alternatives)
      return;
    auto range = alternatives.getAsRange<soc::AlternativeAttr>();
    bool isShare = llvm::any_of(range, [](auto a) { return a.getReason() == "share"; });
    if (isShare && !shares.insert({op.getLoc(), alternatives}).second)
      return;
    shared += isShare;
    for (soc::AlternativeAttr alternative : range) {
      StringRef reason = alternative.getReason();
      // What ran there needs no reason, and of what is left out all is known.
      if (reason != "chosen" && reason != "share" && reason != "absent")
        ++reasons[alternative.getEngine()][reason];
    }
  });
  os << "placement[" << entry.getSymName() << "]";
  llvm::ListSeparator comma(",");
  for (auto [engine, count] : commands)
    if (count)
      os << comma << ' ' << engine << ' ' << count;
  os << " commands";
  if (shared)
    os << ", " << formatCount(shared, "group") << " shared";
  for (auto &[engine, counts] : reasons) {
    if (counts.empty())
      continue;
    os << "; not on " << engine << ":";
    llvm::ListSeparator separator(",");
    for (auto [reason, count] : counts)
      os << separator << ' ' << count << ' ' << reason;
  }
  os << "\n";
}

static void printPool(cmd::PoolOp pool, const report::PlannedMemory &memory, raw_ostream &os) {
  uint64_t bytes = pool.getBytes();
  os << "memory[" << pool.getMemory() << '/' << pool.getSymName() << "] " << formatBytes(bytes)
     << formatBound(bytes, pool.getLowerBound()) << " (" << pool.getMethod() << ")";
  for (const report::PlannedArena &arena : memory.arenas) {
    if (arena.pool != pool)
      continue;
    uint64_t greedy = arena.greedyBySizeBytes;
    if (greedy > bytes)
      os << "; greedy by size " << formatBytes(greedy) << ", "
         << formatPercent(greedy - bytes, greedy) << " less";
    if (!arena.separateArenas.empty())
      os << "; an arena for each engine " << formatBytes(arena.getSeparateBytes());
  }
  os << "\n";
}

void tercet::printSummary(ModuleOp planned, raw_ostream &os) {
  unsigned engines = 0;
  auto machine = soc::MachineAttr::of(planned);
  if (machine)
    engines = printEngines(machine, os);
  unsigned kernels = llvm::range_size(planned.getOps<soc::KernelOp>());
  for (auto entry : planned.getOps<cmd::EntryOp>()) {
    unsigned dispatches = 0, copies = 0;
    uint64_t predicted = 0;
    entry.walk([&](cmd::DispatchOp op) {
      ++dispatches;
      predicted += op.getPredictedPs();
    });
    entry.walk([&](cmd::CopyOp) { ++copies; });
    soc::ProofAttr schedule = entry.getScheduleAttr();
    os << "entry[" << entry.getSymName() << "] " << dispatches << " dispatches of " << kernels
       << " kernels, " << copies << " copies, predicted "
       << formatPs(schedule ? schedule.getValue() : predicted) << "\n";
    // On one engine there is nothing to choose, and the sum is the latency.
    if (engines < 2)
      continue;
    printProof("partition", entry, entry.getPartitionAttr(), os);
    printProof("schedule", entry, schedule, os);
    printPlacement(entry, machine, os);
  }
  report::PlannedMemory memory = report::getPlannedMemory(planned);
  for (auto pool : planned.getOps<cmd::PoolOp>())
    if (pool.getBytes() != 0)
      printPool(pool, memory, os);
}

void tercet::printStatistics(const std::vector<StageStatistics> &stages, raw_ostream &os) {
  os << "stage        seconds   peak memory\n";
  for (const StageStatistics &stage : stages)
    os << llvm::format("%-10s %9.3f   ", stage.stage.c_str(), stage.seconds)
       << formatBytes(stage.peakBytes) << "\n";
}
