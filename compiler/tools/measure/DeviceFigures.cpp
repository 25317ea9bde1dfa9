// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A device's peak is what its fastest product reaches, for nothing in its machine
// file says what its clock and units could; peaks of other element types keep
// their ratio to that of f32. What a command costs in a row of them is what a
// longer row takes more.

#include "compiler/tools/measure/Figures.h"

#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace tercet;
using namespace tercet::measure;

namespace {

/// Thousandths of an operation in a nanosecond, which are megahertz of operations.
uint64_t rateOf(uint64_t operations, uint64_t ns) {
  return operations * 1000 / std::max<uint64_t>(1, ns) * 1000000;
}

/// Picoseconds of one more command behind others of the same engine.
llvm::Expected<uint64_t> measureLaunch(const Timing &timing, soc::MachineAttr both,
                                       llvm::StringRef name) {
  uint64_t latency[2] = {0, 0};
  constexpr unsigned steps[2] = {64, 320};
  for (auto [length, ns] : llvm::zip(steps, latency)) {
    llvm::Expected<Sample> sample =
        timing.time(makeTokenChain(name.str(), name.str(), length), both);
    if (!sample)
      return sample.takeError();
    ns = sample->latencyNs;
  }
  return (latency[1] - std::min(latency[0], latency[1])) * 1000 / (steps[1] - steps[0]);
}

} // namespace

soc::EngineAttr measure::withFigures(soc::EngineAttr device, soc::PerformanceAttr figures) {
  return soc::EngineAttr::get(device.getContext(), device.getName(), device.getTarget(),
                              device.getKind(), device.getMemories(), figures,
                              device.getProperties());
}

llvm::Expected<MeasuredDevice> measure::measureDevice(const Timing &timing,
                                                      soc::MachineAttr machine,
                                                      soc::EngineAttr device,
                                                      const MeasuredCpu &cpu) {
  mlir::Builder b(machine.getContext());
  llvm::StringRef name = device.getName().getValue();
  soc::MachineAttr both = soc::MachineAttr::get(
      machine.getContext(), b.getStringAttr("device"), machine.getWorkers(),
      b.getArrayAttr({cpu.engine, device}), machine.getMemories(), machine.getLinks());
  struct Work {
    uint64_t operations = 0, ns = 0;
  };
  std::map<std::string, Work> byClass;
  uint64_t bandwidth = 0, peak = 0;
  llvm::Expected<uint64_t> launch = measureLaunch(timing, both, name);
  if (!launch)
    return launch.takeError();
  for (auto [workload, operations] : llvm::zip(makeWorkloads(timing.isQuick()), cpu.operations)) {
    if (workload.what == "launch")
      continue;
    llvm::errs() << "tercet-measure: engine " << name << ": " << workload.what << " ...\n";
    llvm::Expected<Sample> sample = timing.time(workload, both, name);
    if (!sample)
      return sample.takeError();
    uint64_t ns = std::max<uint64_t>(1, sample->nanoseconds);
    if (workload.what == "memory") {
      bandwidth = std::max(bandwidth, workload.movedBytes * 1000000000 / ns);
      continue;
    }
    byClass[workload.what].operations += operations;
    byClass[workload.what].ns += ns;
    if (workload.what == "product")
      peak = std::max(peak, rateOf(operations, ns));
  }
  llvm::Expected<std::optional<uint64_t>> token =
      measureTokens(timing, machine, cpu.engine, device);
  if (!token)
    return token.takeError();

  MeasuredDevice measured;
  soc::PerformanceAttr base = device.getPerformance();
  uint64_t before = std::max<uint64_t>(1, base.getPeak(b.getF32Type()));
  mlir::NamedAttrList peaks, efficiency(base.getEfficiencyPercent());
  for (mlir::NamedAttribute entry : base.getOperationsPerSecond()) {
    auto stated = static_cast<unsigned __int128>(
        mlir::cast<mlir::IntegerAttr>(entry.getValue()).getValue().getZExtValue());
    auto scaled = static_cast<uint64_t>(stated * peak / before);
    peaks.set(entry.getName(), b.getI64IntegerAttr(std::max<uint64_t>(1, scaled)));
  }
  peaks.set("f32", b.getI64IntegerAttr(std::max<uint64_t>(1, peak)));
  measured.comment = "Measured by tercet-measure, in Gop/s of f32:";
  for (const auto &[workClass, work] : byClass) {
    uint64_t rate = rateOf(work.operations, work.ns);
    uint64_t percent = (rate / 1000 * 100 + peak / 2000) / std::max<uint64_t>(1, peak / 1000);
    efficiency.set(workClass, b.getI64IntegerAttr(std::clamp<uint64_t>(percent, 1, 100)));
    measured.comment +=
        llvm::formatv(" {0} {1}.{2}", workClass, rate / 1000000000, rate / 100000000 % 10);
  }
  measured.comment += "\nThe peak is the best product's; other types keep their ratio to f32.";
  measured.engine =
      withFigures(device, soc::PerformanceAttr::get(device.getContext(), *launch,
                                                    token->value_or(base.getSynchronisePs()),
                                                    std::max<uint64_t>(bandwidth, 1),
                                                    base.getCacheBytesPerSecond(),
                                                    peaks.getDictionary(device.getContext()),
                                                    efficiency.getDictionary(device.getContext())));
  return measured;
}
