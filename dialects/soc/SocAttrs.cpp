// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Consistency of machines, and look-up in them.

#include "dialects/soc/Soc.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

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
                              uint64_t, uint64_t, uint64_t) {
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

LogicalResult MachineAttr::verify(EmitError emitError, StringAttr name, uint32_t workers,
                                  ArrayAttr engines, ArrayAttr memories) {
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
  for (Attribute attr : engines) {
    // Engines of absent targets are let through here; passes that need them complain.
    auto cpu = dyn_cast<CpuAttr>(attr);
    if (!cpu)
      continue;
    if (!engineNames.insert(cpu.getName().getValue()).second)
      return emitError() << "two engines are called '" << cpu.getName().getValue() << "'";
    if (!memoryNames.contains(cpu.getMemory().getValue()))
      return emitError() << "engine '" << cpu.getName().getValue() << "' works on memory '"
                         << cpu.getMemory().getValue() << "', which the machine does not have";
  }
  return success();
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

MemoryAttr MachineAttr::lookupMemory(StringRef name) {
  for (auto memory : getMemories().getAsRange<MemoryAttr>())
    if (memory.getName().getValue() == name)
      return memory;
  return {};
}

MachineAttr MachineAttr::of(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto machine = op->getAttrOfType<MachineAttr>(SocDialect::kMachineAttrName))
      return machine;
  return {};
}
