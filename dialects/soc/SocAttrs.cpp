// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Consistency of machines, and look-up in them.

#include "dialects/soc/Soc.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

#include <functional>

using namespace mlir;
using namespace tercet::soc;

using EmitError = function_ref<InFlightDiagnostic()>;

LogicalResult MemoryAttr::verify(EmitError emitError, StringAttr name, uint64_t bytes,
                                 uint64_t alignment, uint64_t) {
  if (name.getValue().empty())
    return emitError() << "expected a memory with a name";
  if (!llvm::isPowerOf2_64(alignment))
    return emitError() << "memory '" << name.getValue() << "': alignment " << alignment
                       << " is no power of two";
  return success();
}

LogicalResult CpuAttr::verify(EmitError emitError, StringAttr name, StringAttr memory,
                              StringAttr triple, StringAttr, StringAttr, uint32_t cores,
                              uint32_t vectorBits, uint32_t vectorRegisters, uint64_t megahertz,
                              uint64_t, uint64_t, uint64_t, PerformanceAttr) {
  if (name.getValue().empty())
    return emitError() << "expected an engine with a name";
  if (cores == 0)
    return emitError() << "engine '" << name.getValue() << "': expected at least one core";
  if (vectorBits < 64 || !llvm::isPowerOf2_32(vectorBits) || vectorRegisters < 8)
    return emitError() << "engine '" << name.getValue()
                       << "': expected vectors of a power of two of at least 64 bits in at least 8 "
                          "registers, got "
                       << vectorBits << " bits in " << vectorRegisters;
  if (megahertz == 0)
    return emitError() << "engine '" << name.getValue() << "': expected a clock above 0 MHz";
  return success();
}

LogicalResult LinkAttr::verify(EmitError emitError, StringAttr first, StringAttr second,
                               uint64_t bandwidth, uint64_t) {
  if (first == second)
    return emitError() << "a link joins memory '" << first.getValue() << "' with itself";
  if (bandwidth == 0)
    return emitError() << "the link of '" << first.getValue() << "' and '" << second.getValue()
                       << "' has a bandwidth of 0";
  return success();
}

LogicalResult PerformanceAttr::verify(EmitError emitError, uint64_t, uint64_t, uint64_t bandwidth,
                                      uint64_t, DictionaryAttr operations,
                                      DictionaryAttr efficiency) {
  if (bandwidth == 0)
    return emitError() << "expected a bandwidth above 0 bytes per second";
  auto checkNumbers = [&](DictionaryAttr numbers, StringRef what, int64_t most) -> LogicalResult {
    for (NamedAttribute entry : numbers) {
      auto number = dyn_cast<IntegerAttr>(entry.getValue());
      if (!number || number.getInt() <= 0 || number.getInt() > most)
        return emitError() << what << " of '" << entry.getName().getValue() << "': expected 1 to "
                           << most << ", got " << entry.getValue();
    }
    return success();
  };
  // 2^62 operations per second: rates are multiplied in 128 bits, sums in 64.
  if (failed(checkNumbers(operations, "operations per second", int64_t(1) << 62)))
    return failure();
  return checkNumbers(efficiency, "efficiency in percent", 100);
}

uint64_t PerformanceAttr::getPeak(Type element) {
  std::string name;
  llvm::raw_string_ostream(name) << element;
  auto found = getOperationsPerSecond().getAs<IntegerAttr>(name);
  return found ? found.getInt() : 0;
}

uint64_t PerformanceAttr::getEfficiency(StringRef workClass) {
  auto found = getEfficiencyPercent().getAs<IntegerAttr>(workClass);
  return found ? found.getInt() : 100;
}

LogicalResult EngineAttr::verify(EmitError emitError, StringAttr name, StringAttr target,
                                 StringAttr kind, ArrayAttr memories, PerformanceAttr,
                                 DictionaryAttr) {
  if (name.getValue().empty())
    return emitError() << "expected an engine with a name";
  if (target.getValue().empty())
    return emitError() << "engine '" << name.getValue() << "': expected the name of its target";
  if (!llvm::is_contained({"cpu", "gpu", "npu", "dma"}, kind.getValue()))
    return emitError() << "engine '" << name.getValue()
                       << "': expected a kind of cpu, gpu, npu or dma, got '" << kind.getValue()
                       << "'";
  if (memories.empty() || !llvm::all_of(memories, llvm::IsaPred<StringAttr>))
    return emitError() << "engine '" << name.getValue() << "' reaches no memory";
  return success();
}

/// An error if the links form a cycle or join what is not there.
static LogicalResult verifyLinks(EmitError emitError, ArrayAttr links,
                                 const llvm::StringSet<> &memories) {
  llvm::EquivalenceClasses<StringRef> joined;
  for (Attribute attr : links) {
    auto link = dyn_cast<LinkAttr>(attr);
    if (!link)
      return emitError() << "expected a #soc.link, got " << attr;
    StringRef first = link.getFirst().getValue(), second = link.getSecond().getValue();
    for (StringRef end : {first, second})
      if (!memories.contains(end))
        return emitError() << "a link ends at memory '" << end
                           << "', which the machine does not have";
    if (joined.isEquivalent(first, second))
      return emitError() << "the link of '" << first << "' and '" << second
                         << "' closes a cycle: expected one route between two memories";
    joined.unionSets(first, second);
  }
  return success();
}

LogicalResult MachineAttr::verify(EmitError emitError, StringAttr name, uint32_t workers,
                                  ArrayAttr engines, ArrayAttr memories, ArrayAttr links) {
  if (workers == 0)
    return emitError() << "machine '" << name.getValue() << "': expected at least one worker";
  llvm::StringSet<> memoryNames, engineNames;
  for (Attribute attr : memories) {
    auto memory = dyn_cast<MemoryAttr>(attr);
    if (!memory)
      return emitError() << "expected a #soc.memory, got " << attr;
    if (!memoryNames.insert(memory.getName().getValue()).second)
      return emitError() << "two memories are called '" << memory.getName().getValue() << "'";
  }
  auto checkEngine = [&](StringRef engine, ArrayRef<StringRef> reached) -> LogicalResult {
    if (!engineNames.insert(engine).second)
      return emitError() << "two engines are called '" << engine << "'";
    for (StringRef memory : reached)
      if (!memoryNames.contains(memory))
        return emitError() << "engine '" << engine << "' works on memory '" << memory
                           << "', which the machine does not have";
    return success();
  };
  for (Attribute attr : engines) {
    // Other attributes are let through here; passes that need them complain.
    LogicalResult checked = success();
    if (auto cpu = dyn_cast<CpuAttr>(attr))
      checked = checkEngine(cpu.getName().getValue(), {cpu.getMemory().getValue()});
    else if (auto engine = dyn_cast<EngineAttr>(attr))
      checked = checkEngine(engine.getName().getValue(),
                            llvm::map_to_vector(engine.getMemories().getAsRange<StringAttr>(),
                                                [](StringAttr text) { return text.getValue(); }));
    if (failed(checked))
      return failure();
  }
  return links ? verifyLinks(emitError, links, memoryNames) : success();
}

Attribute MachineAttr::lookupEngine(StringRef name) {
  for (Attribute attr : getEngines()) {
    if (auto engine = dyn_cast<EngineAttrInterface>(attr))
      if (engine.getEngineName() == name)
        return attr;
    if (auto cpu = dyn_cast<CpuAttr>(attr))
      if (cpu.getName().getValue() == name)
        return attr;
  }
  return {};
}

uint32_t MachineAttr::getWorkersOf(Attribute engine) {
  auto found = dyn_cast<EngineAttrInterface>(engine);
  unsigned present = llvm::count_if(getEngines(), [](Attribute attr) {
    auto other = dyn_cast<EngineAttrInterface>(attr);
    std::string reason;
    return other && (other.getEngineKind() == "cpu" || other.isPresent(reason));
  });
  // A CPU alone has as many as the user says, more than it has cores even. With
  // others beside it each has its own: the threads of an NPU are no cores.
  bool asked = !found || (present < 2 && found.getObjectCpu());
  return asked ? getWorkers() : std::min(getWorkers(), found.getEngineCores());
}

MemoryAttr MachineAttr::lookupMemory(StringRef name) {
  for (auto memory : getMemories().getAsRange<MemoryAttr>())
    if (memory.getName().getValue() == name)
      return memory;
  return {};
}

uint64_t MachineAttr::getTransferPs(StringRef from, StringRef to, uint64_t bytes) {
  if (from == to || !getLinks())
    return 0;
  // Links form no cycle, so walking on without turning back finds the route.
  SmallVector<LinkAttr> links(getLinks().getAsRange<LinkAttr>());
  std::function<std::optional<uint64_t>(StringRef, LinkAttr)> walk =
      [&](StringRef at, LinkAttr cameBy) -> std::optional<uint64_t> {
    if (at == to)
      return 0;
    for (LinkAttr link : links) {
      if (link == cameBy || (link.getFirst() != at && link.getSecond() != at))
        continue;
      StringRef next = link.getFirst() == at ? link.getSecond() : link.getFirst();
      if (std::optional<uint64_t> rest = walk(next, link)) {
        uint64_t rate = link.getBandwidthBytesPerSecond();
        auto copying = (static_cast<unsigned __int128>(bytes) * 1000000000000 + rate - 1) / rate;
        return *rest + link.getLatencyPs() + static_cast<uint64_t>(copying);
      }
    }
    return std::nullopt;
  };
  return walk(from, {}).value_or(0);
}

MachineAttr MachineAttr::of(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto machine = op->getAttrOfType<MachineAttr>(SocDialect::kMachineAttrName))
      return machine;
  return {};
}
