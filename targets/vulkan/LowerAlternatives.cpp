// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every kernel once for each profile. Profiles that lead to the same code are
// one alternative: what a module needs is told by the capabilities that it
// declares, not by the profile that it was made for.

#include "passes/codegen/gpu/Passes.h"
#include "targets/vulkan/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_LOWERALTERNATIVESPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

namespace {

/// What distinguishes modules, apart from their names.
std::string textOf(spirv::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (Operation &op : *module.getBody())
    op.print(os, OpPrintingFlags().useLocalScope());
  module.getVceTriple()->print(os);
  return text;
}

struct LowerAlternativesPass : vulkan::impl::LowerAlternativesPassBase<LowerAlternativesPass> {
  using LowerAlternativesPassBase::LowerAlternativesPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    LowerAlternativesPassBase::getDependentDialects(registry);
    for (const std::string &profile : profiles) {
      OpPassManager pm(ModuleOp::getOperationName());
      buildPipeline(pm, profile, 0);
      pm.getDependentDialects(registry);
    }
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<soc::KernelOp> kernels(module.getOps<soc::KernelOp>());
    llvm::MapVector<StringRef, SmallVector<spirv::ModuleOp>> made;
    for (const std::string &text : profiles) {
      llvm::Expected<codegen::GpuProfile> profile = codegen::GpuProfile::parse(text);
      if (!profile) {
        module.emitError() << llvm::toString(profile.takeError());
        return signalPassFailure();
      }
      auto nested = ModuleOp::create(b, module.getLoc());
      OpBuilder inside = OpBuilder::atBlockEnd(nested.getBody());
      for (soc::KernelOp kernel : kernels)
        inside.clone(*kernel);
      OpPassManager pm(ModuleOp::getOperationName());
      buildPipeline(pm, text, profile->workgroupBytes);
      if (failed(runPipeline(pm, nested)))
        return signalPassFailure();
      for (soc::KernelOp kernel : kernels)
        made[kernel.getSymName()].push_back(
            nested.lookupSymbol<spirv::ModuleOp>(kernel.getSymName()));
    }
    for (auto &[name, modules] : made)
      keepDifferent(module, name, modules);
    for (soc::KernelOp kernel : kernels)
      kernel.erase();
    for (auto nested : llvm::make_early_inc_range(module.getOps<ModuleOp>()))
      nested.erase();
  }

private:
  /// The code-generation pipeline for one profile.
  static void buildPipeline(OpPassManager &pm, StringRef profile, int64_t workgroupBytes) {
    codegen::buildGpuPipeline(pm, profile);
    OpPassManager &functions = pm.nest<gpu::GPUModuleOp>().nest<gpu::GPUFuncOp>();
    LowerByteDotsPassOptions dots;
    dots.profile = profile.str();
    functions.addPass(createLowerByteDotsPass(dots));
    LowerStoragePassOptions storage;
    storage.profile = profile.str();
    functions.addPass(createLowerStoragePass(storage));
    functions.addPass(createLowerWideIntegersPass());
    // What is left between storage and arithmetic of other widths.
    functions.addPass(createCanonicalizerPass());
    LowerNarrowTypesPassOptions types;
    types.profile = profile.str();
    functions.addPass(createLowerNarrowTypesPass(types));
    functions.addPass(createCanonicalizerPass());
    functions.addPass(createCSEPass());
    ConvertToSpirvPassOptions conversion;
    conversion.profile = profile.str();
    pm.addPass(createConvertToSpirvPass(conversion));
    VerifyAbiPassOptions limits;
    limits.workgroupBytes = workgroupBytes;
    pm.nest<spirv::ModuleOp>().addPass(createVerifyAbiPass(limits));
  }

  /// Of equal ones the last stays: the profile with the fewest needs.
  void keepDifferent(ModuleOp module, StringRef name, ArrayRef<spirv::ModuleOp> modules) {
    SmallVector<spirv::ModuleOp> kept;
    for (auto [number, candidate] : llvm::enumerate(modules)) {
      std::string text = textOf(candidate);
      bool again = llvm::any_of(modules.drop_front(number + 1),
                                [&](spirv::ModuleOp later) { return textOf(later) == text; });
      if (!again)
        kept.push_back(candidate);
    }
    for (auto [number, alternative] : llvm::enumerate(kept)) {
      alternative->moveBefore(module.getBody(), module.getBody()->end());
      if (kept.size() > 1)
        alternative.setName((name + "." + llvm::Twine(number)).str());
      ++alternatives;
    }
  }
};

} // namespace
