// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a CPU does in a second: measured figures of the machine file, or what
// follows from its clock and registers, with the share of it that kernels of
// each class reach.

#include "targets/cpu/CpuVariants.h"

using namespace mlir;
using namespace tercet;

// Measured on two x86-64 servers: a dispatch to workers that spin, and a token
// from one spinning thread to another.
static constexpr uint64_t kDefaultLaunchPs = 500000;
static constexpr uint64_t kDefaultSynchronisePs = 250000;

/// What follows from clock and registers for so many cores.
soc::PerformanceAttr cpu::performanceOf(soc::CpuAttr cpu, uint64_t cores) {
  if (cpu.getPerformance())
    return cpu.getPerformance();
  Builder builder(cpu.getContext());
  auto entry = [&](StringRef name, uint64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  uint64_t cycles = cpu.getMegahertz() * 1000000 * cores;
  auto peak = [&](unsigned elementBits) {
    return cycles * std::max<uint64_t>(1, cpu.getVectorBits() / elementBits) * 4;
  };
  return soc::PerformanceAttr::get(
      cpu.getContext(), kDefaultLaunchPs, kDefaultSynchronisePs, 8 * cycles, 0,
      builder.getDictionaryAttr({entry("f64", peak(64)), entry("f32", peak(32)),
                                 entry("i8", peak(32)), entry("i16", peak(32)),
                                 entry("i32", peak(32)), entry("i64", peak(64))}),
      builder.getDictionaryAttr({entry("product", 80), entry("thin_product", 40),
                                 entry("attention", 50), entry("rows", 20),
                                 entry("elements", 20)}));
}

soc::PerformanceAttr cpu::performanceOf(soc::CpuAttr cpu) {
  return performanceOf(cpu, cpu.getCores());
}
