// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks LLVM for the features of CPUs and the operating system for the host's
// cores and caches.

#include "targets/cpu/HostCpu.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <map>
#include <mutex>
#include <set>

#ifdef __linux__
#include <sched.h>
#endif

using namespace mlir;
using namespace tercet;

extern "C" {
#define TERCET_DECLARE_TARGET(NAME)                                                                \
  void LLVMInitialize##NAME##TargetInfo();                                                         \
  void LLVMInitialize##NAME##Target();                                                             \
  void LLVMInitialize##NAME##TargetMC();                                                           \
  void LLVMInitialize##NAME##AsmPrinter();
TERCET_DECLARE_TARGET(X86)
TERCET_DECLARE_TARGET(AArch64)
TERCET_DECLARE_TARGET(RISCV)
#undef TERCET_DECLARE_TARGET
}

static void initialiseTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeRISCVTargetInfo();
    LLVMInitializeRISCVTarget();
    LLVMInitializeRISCVTargetMC();
    LLVMInitializeRISCVAsmPrinter();
  });
}

llvm::Expected<const llvm::Target *> cpu::lookupTarget(StringRef name) {
  initialiseTargets();
  llvm::Triple triple(name);
  bool known = triple.getArch() == llvm::Triple::x86_64 ||
               triple.getArch() == llvm::Triple::aarch64 ||
               triple.getArch() == llvm::Triple::riscv64;
  std::string error;
  const llvm::Target *target = known && triple.isOSBinFormatELF()
                                   ? llvm::TargetRegistry::lookupTarget(triple, error)
                                   : nullptr;
  if (!target)
    return llvm::createStringError("unknown target '%s'; expected x86_64-linux-gnu, "
                                   "aarch64-linux-gnu or riscv64-linux-gnu",
                                   name.str().c_str());
  return target;
}

namespace {

struct Caches {
  uint64_t l1 = 32 << 10, l2 = 512 << 10, l3 = 0, megahertz = 2000;
  uint32_t cores = 1;
};

struct Registers {
  uint32_t bits = 0, count = 0;
};

std::unique_ptr<llvm::MCSubtargetInfo> subtargetOf(const llvm::Target &target, StringRef triple,
                                                   StringRef cpu, StringRef features) {
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target.createMCSubtargetInfo(llvm::Triple(triple), cpu, features));
}

llvm::Expected<Registers> registersOf(const llvm::MCSubtargetInfo &subtarget, StringRef triple,
                                      StringRef cpu) {
  auto has = [&](const char *feature) { return subtarget.checkFeatures(feature); };
  switch (llvm::Triple(triple).getArch()) {
  case llvm::Triple::x86_64:
    if (has("+avx512f") && has("+avx512bw") && has("+avx512dq") && has("+avx512vl"))
      return Registers{512, 32};
    if (has("+avx2") && has("+fma") && has("+f16c"))
      return Registers{256, 16};
    return llvm::createStringError("cpu '%s' has no AVX2, FMA and F16C, which kernels for x86-64 "
                                   "need; try x86-64-v3",
                                   cpu.str().c_str());
  case llvm::Triple::aarch64:
    if (has("+neon"))
      return Registers{128, 32};
    return llvm::createStringError("cpu '%s' has no NEON", cpu.str().c_str());
  default:
    break;
  }
  if (!has("+v") || !has("+d"))
    return llvm::createStringError("cpu '%s' has no vector extension (V); try generic-rv64",
                                   cpu.str().c_str());
  for (uint32_t bits : {1024, 512, 256})
    if (has(("+zvl" + llvm::utostr(bits) + "b").c_str()))
      return Registers{bits, 32};
  return Registers{128, 32};
}

bool isKnownFeature(const llvm::MCSubtargetInfo &subtarget, StringRef name) {
  return llvm::any_of(subtarget.getAllProcessorFeatures(),
                      [&](const llvm::SubtargetFeatureKV &entry) { return name == entry.Key; });
}

/// The host's features where they differ from those that its CPU's name
/// implies.
std::string hostFeatures(const llvm::MCSubtargetInfo &subtarget) {
  std::map<std::string, bool> sorted;
  for (const auto &entry : llvm::sys::getHostCPUFeatures())
    sorted[entry.getKey().str()] = entry.getValue();
  std::string features;
  for (const auto &[name, enabled] : sorted) {
    if (!isKnownFeature(subtarget, name) || subtarget.checkFeatures("+" + name) == enabled)
      continue;
    features += (features.empty() ? "" : ",") + std::string(enabled ? "+" : "-") + name;
  }
  return features;
}

std::string readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFileAsStream(path);
  return buffer ? (*buffer)->getBuffer().trim().str() : std::string();
}

uint64_t readNumber(const std::string &path) {
  std::string text = readFile(path);
  StringRef rest(text);
  uint64_t value = 0;
  if (rest.consumeInteger(10, value))
    return 0;
  if (rest.starts_with("K"))
    value <<= 10;
  else if (rest.starts_with("M"))
    value <<= 20;
  return value;
}

/// Cores that the process may run on: one for each physical core of the kind
/// with the greatest capacity.
uint32_t countCores(std::vector<unsigned> &usable) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    for (unsigned id = 0; id < CPU_SETSIZE; ++id)
      if (CPU_ISSET(id, &set))
        usable.push_back(id);
#endif
  if (usable.empty())
    usable.push_back(0);
  uint64_t best = 0;
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> cores;
  for (unsigned id : usable) {
    std::string base = "/sys/devices/system/cpu/cpu" + llvm::utostr(id) + "/";
    uint64_t capacity = readNumber(base + "cpu_capacity");
    if (!capacity)
      capacity = readNumber(base + "cpufreq/cpuinfo_max_freq") / 1000;
    best = std::max(best, capacity);
    std::string core = readFile(base + "topology/core_id");
    uint64_t number = core.empty() ? id : readNumber(base + "topology/core_id");
    cores[{readNumber(base + "topology/physical_package_id"), number}] = capacity;
  }
  uint32_t count = 0;
  for (const auto &[core, capacity] : cores)
    count += capacity * 10 >= best * 8; // slower by more than a fifth: another kind
  return std::max(1u, count);
}

Caches hostCaches() {
  Caches caches;
  std::vector<unsigned> usable;
  caches.cores = countCores(usable);
  std::string base = "/sys/devices/system/cpu/cpu" + llvm::utostr(usable.front()) + "/";
  for (unsigned index = 0; index < 8; ++index) {
    std::string cache = base + "cache/index" + llvm::utostr(index) + "/";
    uint64_t level = readNumber(cache + "level"), size = readNumber(cache + "size");
    if (!size || readFile(cache + "type") == "Instruction")
      continue;
    (level == 1 ? caches.l1 : level == 2 ? caches.l2 : caches.l3) = size;
  }
  uint64_t kilohertz = readNumber(base + "cpufreq/cpuinfo_max_freq");
  caches.megahertz = kilohertz / 1000;
  if (!caches.megahertz) {
    std::string info = readFile("/proc/cpuinfo");
    StringRef text(info);
    size_t at = text.find("cpu MHz");
    if (at != StringRef::npos) {
      StringRef rest = text.substr(at).split(':').second.ltrim();
      rest.consumeInteger(10, caches.megahertz);
    }
  }
  if (!caches.megahertz)
    caches.megahertz = 2000;
  return caches;
}

llvm::Expected<soc::CpuAttr> describe(MLIRContext *context, StringRef triple, StringRef cpu,
                                      StringRef features, const Caches &caches,
                                      const cpu::CpuNames &names) {
  llvm::Expected<const llvm::Target *> target = cpu::lookupTarget(triple);
  if (!target)
    return target.takeError();
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget = subtargetOf(**target, triple, cpu, features);
  llvm::Expected<Registers> registers = registersOf(*subtarget, triple, cpu);
  if (!registers)
    return registers.takeError();
  auto text = [&](StringRef value) { return StringAttr::get(context, value); };
  return soc::CpuAttr::get(context, text(names.engine), text(names.memory), text(triple), text(cpu),
                           text(features), caches.cores, registers->bits, registers->count,
                           caches.megahertz, caches.l1, caches.l2, caches.l3,
                           /*performance=*/{});
}

} // namespace

llvm::Expected<soc::CpuAttr> cpu::describeHostCpu(MLIRContext *context, const CpuNames &names) {
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  std::string triple = llvm::Triple::getArchTypeName(host.getArch()).str() + "-linux-gnu";
  llvm::Expected<const llvm::Target *> target = lookupTarget(triple);
  if (!target)
    return target.takeError();
  std::string cpu = llvm::sys::getHostCPUName().str();
  std::unique_ptr<llvm::MCSubtargetInfo> plain = subtargetOf(**target, triple, "", "");
  if (cpu == "generic" || !plain->isCPUStringValid(cpu))
    cpu = host.isX86() ? "x86-64" : host.isRISCV64() ? "generic-rv64" : "generic";
  std::string features = hostFeatures(*subtargetOf(**target, triple, cpu, ""));
  return describe(context, triple, cpu, features, hostCaches(), names);
}

bool cpu::hasFeature(soc::CpuAttr cpu, StringRef feature) {
  StringRef triple = cpu.getTriple().getValue();
  llvm::Expected<const llvm::Target *> target = lookupTarget(triple);
  if (!target) {
    llvm::consumeError(target.takeError());
    return false;
  }
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget =
      subtargetOf(**target, triple, cpu.getCpu().getValue(), cpu.getFeatures().getValue());
  return subtarget && isKnownFeature(*subtarget, feature.drop_front()) &&
         subtarget->checkFeatures(feature.str());
}

llvm::Error cpu::checkFeatures(StringRef triple, StringRef features) {
  llvm::Expected<const llvm::Target *> target = lookupTarget(triple);
  if (!target)
    return target.takeError();
  std::unique_ptr<llvm::MCSubtargetInfo> plain = subtargetOf(**target, triple, "", "");
  SmallVector<StringRef> list;
  features.split(list, ',');
  for (StringRef feature : list) {
    StringRef name = feature;
    bool isSigned = name.consume_front("+") || name.consume_front("-");
    if (!isSigned || !isKnownFeature(*plain, name))
      return llvm::createStringError("expected features as '+name,-name' that LLVM knows for %s, "
                                     "got '%s'",
                                     triple.str().c_str(), feature.str().c_str());
  }
  return llvm::Error::success();
}

llvm::Expected<soc::CpuAttr> cpu::describeCpu(MLIRContext *context, StringRef name, StringRef cpu,
                                              const CpuNames &names, StringRef added) {
  llvm::Expected<const llvm::Target *> target = lookupTarget(name);
  if (!target)
    return target.takeError();
  llvm::Triple triple(name);
  if (cpu == "host") {
    llvm::Triple host(llvm::sys::getDefaultTargetTriple());
    if (host.getArch() != triple.getArch())
      return llvm::createStringError("cpu 'host' is no %s",
                                     llvm::Triple::getArchTypeName(triple.getArch()).data());
    return describeHostCpu(context, names);
  }
  Caches caches;
  std::string features;
  if (cpu.empty())
    cpu = triple.isX86() ? "x86-64-v3" : triple.isRISCV64() ? "generic-rv64" : "generic";
  if (triple.isX86())
    caches.megahertz = 3000, caches.l2 = 1 << 20;
  if (triple.isRISCV64() && cpu.starts_with("generic"))
    features = "+m,+a,+f,+d,+c,+v";
  std::unique_ptr<llvm::MCSubtargetInfo> plain = subtargetOf(**target, name, "", "");
  if (!plain->isCPUStringValid(cpu)) {
    std::vector<std::string> valid;
    for (const llvm::SubtargetSubTypeKV &entry : plain->getAllProcessorDescriptions())
      valid.push_back(entry.Key);
    return llvm::createStringError("unknown cpu '%s' for %s; expected host or one of %s",
                                   cpu.str().c_str(), name.str().c_str(),
                                   llvm::join(valid, ", ").c_str());
  }
  // Of a description that was made here the features may come back.
  if (!added.empty() && !added.starts_with(features))
    features += "," + added.str();
  else if (!added.empty())
    features = added.str();
  return describe(context, name, cpu, features, caches, names);
}
