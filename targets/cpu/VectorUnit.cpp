// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Derives the shape of the vector registers from a #soc.cpu.

#include "targets/cpu/VectorUnit.h"

using namespace mlir;
using namespace tercet;

int64_t cpu::VectorUnit::tileRows(int64_t vectors) const {
  // 8 x 3 leaves four registers free, without which the allocator spills, and
  // divides the usual tiles; taller tiles of one or two vectors than these
  // would only lengthen the code.
  int64_t most = vectors >= 3 || registers < 32 ? 8 : 12;
  return std::clamp<int64_t>((registers - vectors - 1) / vectors, 1, most);
}

cpu::VectorUnit cpu::VectorUnit::of(soc::CpuAttr cpu) {
  VectorUnit unit;
  unit.bits = cpu.getVectorBits();
  unit.registers = cpu.getVectorRegisters();
  StringRef triple = cpu.getTriple().getValue();
  unit.masks = (triple.starts_with("x86_64") && unit.bits >= 512) || triple.starts_with("riscv");
  unit.pairs = triple.starts_with("x86_64");
  if (cpu.getL1Bytes())
    unit.l1Bytes = cpu.getL1Bytes();
  return unit;
}

static Attribute lookupEngine(soc::KernelOp kernel) {
  soc::MachineAttr machine = soc::MachineAttr::of(kernel);
  return machine ? machine.lookupEngine(kernel.getEngine()) : Attribute();
}

FailureOr<soc::CpuAttr> cpu::lookupCpu(soc::KernelOp kernel) {
  auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(lookupEngine(kernel));
  soc::CpuAttr cpu = engine ? engine.getObjectCpu() : soc::CpuAttr();
  if (!cpu)
    return kernel.emitOpError() << "expected engine '" << kernel.getEngine()
                                << "' to be a CPU of the module's soc.machine";
  return cpu;
}

bool cpu::isCpuKernel(soc::KernelOp kernel) {
  Attribute attr = lookupEngine(kernel);
  auto engine = dyn_cast_or_null<soc::EngineAttrInterface>(attr);
  // A missing engine is let through to lookupCpu, which reports it.
  return !attr || (engine && engine.getObjectCpu());
}
