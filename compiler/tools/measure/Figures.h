// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The figures of an engine's roofline from what small programs take on it. What
// an operation is, the compiler's own cost model says: compiled for a machine of
// one operation a picosecond, a command's predicted time is its number of
// operations.

#ifndef TERCET_COMPILER_TOOLS_MEASURE_FIGURES_H
#define TERCET_COMPILER_TOOLS_MEASURE_FIGURES_H

#include "compiler/tools/measure/Timing.h"

namespace tercet::measure {

/// The same engine with other figures.
soc::CpuAttr withFigures(soc::CpuAttr cpu, soc::PerformanceAttr figures);
soc::EngineAttr withFigures(soc::EngineAttr device, soc::PerformanceAttr figures);

/// An engine with its figures, and the operations of each workload.
struct MeasuredCpu {
  soc::CpuAttr engine;
  std::vector<uint64_t> operations;
  std::string comment;
};

/// Of a CPU that this process can run on.
llvm::Expected<MeasuredCpu> measureCpu(const Timing &timing, soc::MachineAttr machine,
                                       soc::CpuAttr cpu);

/// Picoseconds to wait for another engine (both are soc::EngineAttrInterface): a chain that
/// alternates between two takes so much longer a step than what the engines take by themselves.
/// None where there is nothing to see.
llvm::Expected<std::optional<uint64_t>> measureTokens(const Timing &timing,
                                                      soc::MachineAttr machine,
                                                      mlir::Attribute first,
                                                      mlir::Attribute second);

struct MeasuredDevice {
  soc::EngineAttr engine;
  std::string comment;
};

/// Of an engine with a driver, beside a CPU that has been measured. Errors: there
/// is no such device here, or it lacks what its file says; why is in the text.
llvm::Expected<MeasuredDevice> measureDevice(const Timing &timing, soc::MachineAttr machine,
                                             soc::EngineAttr device, const MeasuredCpu &cpu);

} // namespace tercet::measure

#endif // TERCET_COMPILER_TOOLS_MEASURE_FIGURES_H
