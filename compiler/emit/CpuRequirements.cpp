// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks LLVM's subtarget which features a cpu and feature list switch on, and
// keeps those that the ABI has a bit for. Left out are features that no kernel
// can hold an instruction of: a machine need not prove that it has them.

#include "compiler/emit/CpuRequirements.h"

#include "compiler/emit/Faults.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

namespace {
struct FeatureBit {
  StringRef name;
  unsigned bit;
};

#define TERCET_FEATURE_ROW(id, bit, name) {name, bit},
constexpr FeatureBit kX86Features[] = {TERCET_X86_FEATURES(TERCET_FEATURE_ROW)};
constexpr FeatureBit kAArch64Features[] = {TERCET_AARCH64_FEATURES(TERCET_FEATURE_ROW)};
constexpr FeatureBit kRiscvFeatures[] = {TERCET_RISCV_FEATURES(TERCET_FEATURE_ROW)};
#undef TERCET_FEATURE_ROW

/// Checksums and JavaScript's conversion come from intrinsics alone, atomic
/// read-modify-write is not in kernels, and a RISC-V prefetch is a no-op where
/// there is none.
constexpr StringRef kNeverUsed[] = {"crc", "jsconv", "lse", "zicbop"};
} // namespace

static std::pair<tercet_isa, ArrayRef<FeatureBit>> getIsa(const llvm::Triple &triple) {
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return {TERCET_ISA_X86_64, kX86Features};
  case llvm::Triple::aarch64:
    return {TERCET_ISA_AARCH64, kAArch64Features};
  case llvm::Triple::riscv64:
    return {TERCET_ISA_RISCV64, kRiscvFeatures};
  case llvm::Triple::riscv32:
    return {TERCET_ISA_RISCV32, kRiscvFeatures};
  case llvm::Triple::arm:
  case llvm::Triple::thumb:
    return {TERCET_ISA_ARM32, {}};
  default:
    return {TERCET_ISA_NONE, {}};
  }
}

/// LLVM only warns, on its error stream, about names that it does not know.
static llvm::Error checkNames(const llvm::MCSubtargetInfo &info, soc::CpuAttr cpu) {
  StringRef name = cpu.getCpu().getValue();
  if (!name.empty() && !info.isCPUStringValid(name))
    return failure("engine '" + cpu.getName().getValue() + "': LLVM knows no " +
                   cpu.getTriple().getValue() + " processor '" + name + "'");
  llvm::StringSet<> known;
  for (const llvm::SubtargetFeatureKV &feature : info.getAllProcessorFeatures())
    known.insert(feature.Key);
  SmallVector<StringRef> features;
  cpu.getFeatures().getValue().split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    if (!known.contains(feature.trim().ltrim("+-")))
      return failure("engine '" + cpu.getName().getValue() + "': LLVM knows no " +
                     cpu.getTriple().getValue() + " feature '" + feature + "'");
  return llvm::Error::success();
}

llvm::Expected<CpuRequirements> emit::getCpuRequirements(soc::CpuAttr cpu) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::Triple triple(llvm::Triple::normalize(cpu.getTriple().getValue()));
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return failure("engine '" + cpu.getName().getValue() + "': " + error);
  std::unique_ptr<llvm::MCSubtargetInfo> plain(target->createMCSubtargetInfo(triple, "", ""));
  if (!plain)
    return failure("engine '" + cpu.getName().getValue() + "': LLVM has no back end for " +
                   triple.str());
  if (llvm::Error unknown = checkNames(*plain, cpu))
    return unknown;

  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, cpu.getCpu().getValue(), cpu.getFeatures().getValue()));
  llvm::StringSet<> enabled;
  CpuRequirements result;
  for (const llvm::SubtargetFeatureKV &feature : info->getEnabledProcessorFeatures()) {
    StringRef name = feature.Key;
    enabled.insert(name);
    // RISC-V: code for zvl256b may keep 256 bits in one register.
    unsigned bits;
    if (name.consume_front("zvl") && name.consume_back("b") && !name.getAsInteger(10, bits))
      result.vectorBitsMin = std::max(result.vectorBitsMin, bits);
  }
  // The ABI has bits of their own for what LLVM derives from two features.
  if (enabled.contains("sve"))
    for (StringRef name : {"i8mm", "bf16"})
      if (enabled.contains(name))
        enabled.insert(("sve-" + name).str());
  auto [isa, bits] = getIsa(triple);
  result.isa = isa;
  for (const FeatureBit &feature : bits)
    if (enabled.contains(feature.name) && !llvm::is_contained(kNeverUsed, feature.name))
      result.features |= TERCET_BIT(feature.bit);
  return result;
}
