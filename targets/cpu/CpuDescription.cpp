// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks LLVM about the CPU that a description names, then lays what the
// description says itself over that.

#include "targets/cpu/CpuDescription.h"

#include "targets/cpu/CpuVariants.h"
#include "targets/cpu/HostCpu.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tercet;

namespace {

soc::PerformanceAttr overlay(soc::PerformanceAttr base, const PerformanceDescription &given) {
  Builder b(base.getContext());
  auto merge = [&](DictionaryAttr numbers, const std::map<std::string, uint64_t> &over) {
    NamedAttrList list(numbers);
    for (const auto &[name, value] : over)
      list.set(name, b.getI64IntegerAttr(value));
    return list.getDictionary(base.getContext());
  };
  // Peaks belong together: those that are given are all that the engine has.
  DictionaryAttr peaks =
      given.operationsPerSecond.empty() ? base.getOperationsPerSecond() : b.getDictionaryAttr({});
  return soc::PerformanceAttr::get(
      base.getContext(), given.launchPs.value_or(base.getLaunchPs()),
      given.synchronisePs.value_or(base.getSynchronisePs()),
      given.bandwidthBytesPerSecond.value_or(base.getBandwidthBytesPerSecond()),
      given.cacheBytesPerSecond.value_or(base.getCacheBytesPerSecond()),
      merge(peaks, given.operationsPerSecond),
      merge(base.getEfficiencyPercent(), given.efficiencyPercent));
}

class CpuBuilder {
public:
  CpuBuilder(MLIRContext *context, const EngineDescription &engine, Complain complain)
      : context(context), engine(engine), complain(complain),
        names{engine.name, engine.memories.front()} {}

  soc::CpuAttr build();

private:
  soc::CpuAttr fail(StringRef field, const Twine &text) {
    complain(field, text);
    return {};
  }
  soc::CpuAttr fail(StringRef field, llvm::Error error) {
    return fail(field, llvm::toString(std::move(error)));
  }
  soc::CpuAttr buildHost(const CpuDescription &cpu);
  soc::CpuAttr buildNamed(const CpuDescription &cpu);

  MLIRContext *context;
  const EngineDescription &engine;
  Complain complain;
  cpu::CpuNames names;
};

soc::CpuAttr CpuBuilder::buildHost(const CpuDescription &cpu) {
  llvm::Expected<soc::CpuAttr> host = cpu::describeHostCpu(context, names);
  if (!host)
    return fail("cpu", host.takeError());
  uint32_t cores = host->getCores() / cpu.hostParts;
  if (cores == 0)
    return fail("cpu", "this machine has " + Twine(host->getCores()) +
                           (host->getCores() == 1 ? " core" : " cores") + ", which cannot be " +
                           Twine(cpu.hostParts) + " engines; try --soc host");
  soc::CpuAttr all = *host;
  return soc::CpuAttr::get(context, all.getName(), all.getMemory(), all.getTriple(), all.getCpu(),
                           all.getFeatures(), cores, all.getVectorBits(), all.getVectorRegisters(),
                           all.getMegahertz(), all.getL1Bytes(), all.getL2Bytes(), all.getL3Bytes(),
                           /*performance=*/{});
}

soc::CpuAttr CpuBuilder::buildNamed(const CpuDescription &cpu) {
  if (llvm::Expected<const llvm::Target *> target = cpu::lookupTarget(cpu.triple); !target)
    return fail("cpu.triple", target.takeError());
  if (!cpu.features.empty())
    if (llvm::Error error = cpu::checkFeatures(cpu.triple, cpu.features))
      return fail("cpu.features", std::move(error));
  llvm::Expected<soc::CpuAttr> found =
      cpu::describeCpu(context, cpu.triple, cpu.cpu, names, cpu.features);
  if (!found)
    return fail("cpu.cpu", found.takeError());
  soc::CpuAttr base = *found;
  uint32_t bits = cpu.vectorBits ? cpu.vectorBits : base.getVectorBits();
  uint32_t least = llvm::Triple(cpu.triple).isX86() ? 256 : 128;
  if (bits > base.getVectorBits() || bits < least || !llvm::isPowerOf2_32(bits))
    return fail("cpu.vector_bits", "expected a power of two from " + Twine(least) + " to " +
                                       Twine(base.getVectorBits()) + " for this CPU, got " +
                                       Twine(bits));
  return soc::CpuAttr::get(
      context, base.getName(), base.getMemory(), base.getTriple(), base.getCpu(),
      base.getFeatures(), cpu.cores ? cpu.cores : base.getCores(), bits, base.getVectorRegisters(),
      cpu.megahertz ? cpu.megahertz : base.getMegahertz(), cpu.l1Bytes.value_or(base.getL1Bytes()),
      cpu.l2Bytes.value_or(base.getL2Bytes()), cpu.l3Bytes.value_or(base.getL3Bytes()),
      /*performance=*/{});
}

soc::CpuAttr CpuBuilder::build() {
  if (engine.kind != "cpu")
    return fail("kind", "target 'cpu' makes engines of kind cpu, got '" + engine.kind + "'");
  if (engine.memories.size() != 1)
    return fail("memories",
                "engines of target 'cpu' work on one memory, got " + Twine(engine.memories.size()));
  if (!engine.properties.empty())
    return fail("properties", "engines of target 'cpu' have none");
  if (!engine.cpu)
    return fail("", "expected field 'cpu', which engines of target 'cpu' need: host, or triple "
                    "and cpu");
  soc::CpuAttr cpu = engine.cpu->isHost ? buildHost(*engine.cpu) : buildNamed(*engine.cpu);
  if (!cpu || !engine.performance)
    return cpu;
  return soc::CpuAttr::get(context, cpu.getName(), cpu.getMemory(), cpu.getTriple(), cpu.getCpu(),
                           cpu.getFeatures(), cpu.getCores(), cpu.getVectorBits(),
                           cpu.getVectorRegisters(), cpu.getMegahertz(), cpu.getL1Bytes(),
                           cpu.getL2Bytes(), cpu.getL3Bytes(),
                           overlay(cpu::performanceOf(cpu), *engine.performance));
}

} // namespace

soc::CpuAttr cpu::buildCpu(MLIRContext *context, const EngineDescription &description,
                           Complain complain) {
  return CpuBuilder(context, description, complain).build();
}
