// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CPU's peak follows from its clock and registers, unless products are faster:
// then the clock is above what is stated.

#include "compiler/tools/measure/Figures.h"

#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace tercet;
using namespace tercet::measure;

soc::CpuAttr measure::withFigures(soc::CpuAttr cpu, soc::PerformanceAttr figures) {
  return soc::CpuAttr::get(cpu.getContext(), cpu.getName(), cpu.getMemory(), cpu.getTriple(),
                           cpu.getCpu(), cpu.getFeatures(), cpu.getCores(), cpu.getVectorBits(),
                           cpu.getVectorRegisters(), cpu.getMegahertz(), cpu.getL1Bytes(),
                           cpu.getL2Bytes(), cpu.getL3Bytes(), figures);
}

/// The CPU alone, one operation a picosecond and nothing else to wait for.
static soc::MachineAttr makeCalibration(soc::MachineAttr machine, soc::CpuAttr cpu) {
  mlir::Builder b(cpu.getContext());
  auto one = b.getI64IntegerAttr(1000000000000);
  auto figures = soc::PerformanceAttr::get(
      cpu.getContext(), 0, 0, UINT64_C(1000000000000000000), 0,
      b.getDictionaryAttr({b.getNamedAttr("f32", one)}),
      b.getDictionaryAttr({b.getNamedAttr("product", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("thin_product", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("attention", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("rows", b.getI64IntegerAttr(100)),
                           b.getNamedAttr("elements", b.getI64IntegerAttr(100))}));
  soc::CpuAttr own = withFigures(cpu, figures);
  return soc::MachineAttr::get(cpu.getContext(), b.getStringAttr("calibration"), cpu.getCores(),
                               b.getArrayAttr({own}),
                               b.getArrayAttr({machine.lookupMemory(cpu.getMemory())}), {});
}

llvm::Expected<MeasuredCpu> measure::measureCpu(const Timing &timing, soc::MachineAttr machine,
                                                soc::CpuAttr cpu) {
  MeasuredCpu measured;
  soc::MachineAttr calibration = makeCalibration(machine, cpu);
  std::map<std::string, Sample> byClass;
  uint64_t bandwidth = 0, launch = 0, bestProduct = 0;
  for (const Workload &workload : makeWorkloads(timing.isQuick())) {
    llvm::errs() << "tercet-measure: engine " << cpu.getName().getValue() << ": " << workload.what
                 << " ...\n";
    llvm::Expected<Sample> sample = timing.time(workload, calibration);
    if (!sample)
      return sample.takeError();
    measured.operations.push_back(sample->predictedPs);
    // What a launch costs is charged by itself.
    uint64_t overhead = sample->commands * launch / 1000;
    uint64_t ns =
        std::max<uint64_t>(sample->nanoseconds - std::min(overhead, sample->nanoseconds / 2), 1);
    if (workload.what == "memory") {
      bandwidth = std::max(bandwidth, workload.movedBytes * 1000000000 / ns);
    } else if (workload.what == "launch") {
      launch = ns * 1000;
    } else {
      byClass[workload.what].nanoseconds += ns;
      byClass[workload.what].predictedPs += sample->predictedPs;
      if (workload.what == "product")
        bestProduct = std::max(bestProduct, sample->predictedPs * 1000 / ns);
    }
  }
  // Operations are predicted picoseconds; thousands a nanosecond keep digits.
  auto engine = mlir::cast<soc::EngineAttrInterface>(mlir::Attribute(cpu));
  soc::PerformanceAttr base = engine.getEnginePerformance();
  mlir::Builder b(cpu.getContext());
  uint64_t theory = base.getPeak(b.getF32Type()), best = bestProduct * 1000000;
  uint64_t peak = std::max(theory, best);
  mlir::NamedAttrList peaks(base.getOperationsPerSecond()), efficiency;
  peaks.set("f32", b.getI64IntegerAttr(peak));
  std::string &comment = measured.comment;
  comment = "Measured by tercet-measure, in Gop/s of f32:";
  for (const auto &[name, sample] : byClass) {
    uint64_t rate = sample.predictedPs * 1000 / sample.nanoseconds * 1000000;
    // Rounded to the nearest; a class is never free and never above the peak.
    uint64_t percent = (rate / 1000 * 100 + peak / 2000) / (peak / 1000);
    efficiency.set(name, b.getI64IntegerAttr(std::clamp<uint64_t>(percent, 1, 100)));
    comment += llvm::formatv(" {0} {1}.{2}", name, rate / 1000000000, rate / 100000000 % 10);
  }
  comment += "\n";
  comment += best > theory ? "The peak is the best product's: the clock is above what is stated."
                           : "The peak is what clock and registers give.";
  auto figures = soc::PerformanceAttr::get(
      cpu.getContext(), launch, base.getSynchronisePs(), std::max<uint64_t>(bandwidth, 1),
      base.getCacheBytesPerSecond(), peaks.getDictionary(cpu.getContext()),
      efficiency.getDictionary(cpu.getContext()));
  measured.engine = withFigures(cpu, figures);
  return measured;
}
