// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The engine interface of #soc.cpu, attached from outside of the dialect.

#include "targets/cpu/CpuEngine.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "targets/cpu/AttentionKernel.h"
#include "targets/cpu/CpuVariants.h"
#include "targets/cpu/GroupKernel.h"
#include "targets/cpu/Passes.h"

using namespace mlir;
using namespace tercet;

namespace {

struct CpuEngineModel : soc::EngineAttrInterface::ExternalModel<CpuEngineModel, soc::CpuAttr> {
  StringRef getEngineName(Attribute attr) const { return cast<soc::CpuAttr>(attr).getName(); }
  StringRef getEngineKind(Attribute attr) const { return "cpu"; }
  StringRef getEngineMemory(Attribute attr) const { return cast<soc::CpuAttr>(attr).getMemory(); }
  SmallVector<StringRef> getEngineMemories(Attribute attr) const {
    return {cast<soc::CpuAttr>(attr).getMemory().getValue()};
  }
  uint32_t getEngineCores(Attribute attr) const { return cast<soc::CpuAttr>(attr).getCores(); }
  soc::PerformanceAttr getEnginePerformance(Attribute attr) const {
    return cpu::performanceOf(cast<soc::CpuAttr>(attr));
  }
  soc::CpuAttr getObjectCpu(Attribute attr) const { return cast<soc::CpuAttr>(attr); }
  bool isPresent(Attribute attr, std::string &reason) const { return true; }

  bool supports(Attribute attr, soc::GroupOp group, std::string &reason) const {
    return cpu::supportsElements(group, reason) && !cpu::precisionsOf(group, reason).empty();
  }

  SmallVector<soc::VariantAttr> variants(Attribute attr, soc::GroupOp group, int64_t rows) const {
    auto machine = soc::MachineAttr::of(group);
    return cpu::variantsOf(cast<soc::CpuAttr>(attr), group, rows,
                           machine ? machine.getWorkersOf(attr) : 1);
  }

  bool takesWhole(Attribute attr, Operation *op) const {
    if (auto product = dyn_cast<nn::GroupMatmulOp>(op))
      return cpu::hasGroupKernel(product);
    if (auto attention = dyn_cast<nn::CachedAttentionOp>(op))
      return cpu::hasAttentionKernel(attention);
    return isa<nn::PackedMatmulOp, nn::EncodeGroupsOp>(op);
  }

  uint64_t stagingBytes(Attribute attr, soc::KernelOp kernel) const {
    return cpu::workspaceBytes(kernel, cast<soc::CpuAttr>(attr));
  }

  void buildCodegenPipeline(Attribute attr, OpPassManager &pm) const {
    cpu::buildCpuCodegenPipeline(pm);
  }
};

} // namespace

bool cpu::supportsElements(soc::GroupOp group, std::string &reason) {
  auto check = [&](Type type) {
    Type element = getElementTypeOrSelf(type);
    if (element.isF32() || element.isF64() || element.isF16() || element.isBF16() ||
        element.isInteger(1) || element.isInteger(8) || element.isInteger(16) ||
        element.isInteger(32) || element.isInteger(64))
      return true;
    llvm::raw_string_ostream(reason) << "no elements of type " << element;
    return false;
  };
  return llvm::all_of(group.getInputs().getTypes(), check) &&
         llvm::all_of(group->getResultTypes(), check);
}

void cpu::registerEngine(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, soc::SocDialect *) {
    soc::CpuAttr::attachInterface<CpuEngineModel>(*context);
  });
}
