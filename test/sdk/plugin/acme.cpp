// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A vendor's engine as a plug-in: a second cluster of CPU cores that is built
// for matrix products and what is fused to them. It says which groups it runs,
// what they cost, and that its kernels are object code of a CPU, which the
// description names; code generation is then the CPU target's. An engine with
// an instruction set of its own would add its passes in buildCodegenPipeline.

#include "passes/partition/GroupWork.h"
#include "targets/Plugin.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace tercet;

namespace {

/// The one property of the target: the longest matrices that it takes.
constexpr const char *kMaxRows = "max_rows";

int64_t maxRowsOf(soc::EngineAttr engine) {
  auto rows = engine.getProperties().getAs<IntegerAttr>(kMaxRows);
  return rows ? rows.getInt() : INT64_MAX;
}

class AcmeModel : public soc::EngineModel {
public:
  /// Matrix products and operations on elements, in f32.
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    if (!getObjectCpu(engine)) {
      reason = "Acme's cluster is described without a CPU";
      return false;
    }
    for (Type type : llvm::concat<const Type>(group->getOperandTypes(), group->getResultTypes()))
      if (!getElementTypeOrSelf(type).isF32()) {
        reason = "Acme's cluster computes in f32 only";
        return false;
      }
    if (partition::getShareRows(group) > maxRowsOf(engine)) {
      reason = "more than " + std::to_string(maxRowsOf(engine)) + " rows";
      return false;
    }
    for (Operation &op : group.getBody().front().without_terminator()) {
      bool isProduct = isa<linalg::MatmulOp, nn::PackedMatmulOp>(op);
      auto structured = dyn_cast<linalg::LinalgOp>(op);
      bool isElementwise = isa<nn::ActivationOp, tensor::EmptyOp>(op) ||
                           op.hasTrait<OpTrait::ConstantLike>() ||
                           (structured && structured.getNumReductionLoops() == 0);
      if (isProduct || isElementwise)
        continue;
      reason = "Acme's cluster has no '" + op.getName().getStringRef().str() + "'";
      return false;
    }
    return true;
  }

  /// The CPU's tiles, at this cluster's price.
  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    soc::CpuAttr cpu = getObjectCpu(engine);
    auto work = partition::GroupWork::of(group, rows);
    SmallVector<soc::VariantAttr> result;
    for (soc::VariantAttr tiled : cast<soc::EngineAttrInterface>(cpu).variants(group, rows))
      result.push_back(soc::VariantAttr::get(
          group.getContext(), tiled.getName(), tiled.getPrecision(), tiled.getTiles(),
          tiled.getPanels(),
          work.timePs(engine.getPerformance(), getCores(engine), getCores(engine)),
          tiled.getScratchBytes(), tiled.getResidentBytes(), tiled.getGranularity()));
    return result;
  }

  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    cast<soc::EngineAttrInterface>(getObjectCpu(engine)).buildCodegenPipeline(pm);
  }

  /// The field `cpu` of the machine file.
  soc::CpuAttr getObjectCpu(soc::EngineAttr engine) const override {
    return engine.getProperties().getAs<soc::CpuAttr>("cpu");
  }

  uint32_t getCores(soc::EngineAttr engine) const override {
    soc::CpuAttr cpu = getObjectCpu(engine);
    return cpu ? cpu.getCores() : 1;
  }

  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    if (!getObjectCpu(engine))
      return llvm::createStringError("Acme's clusters need the field 'cpu'");
    for (NamedAttribute property : engine.getProperties())
      if (property.getName() != "cpu" && property.getName() != kMaxRows)
        return llvm::createStringError("Acme's clusters have no property '%s'; there is max_rows",
                                       property.getName().str().c_str());
    if (Attribute rows = engine.getProperties().get(kMaxRows))
      if (!isa<IntegerAttr>(rows) || maxRowsOf(engine) <= 0)
        return llvm::createStringError("max_rows: expected a number above 0");
    return llvm::Error::success();
  }
};

class AcmeTarget : public Target {
public:
  StringRef getName() const override { return "acme"; }
  std::unique_ptr<soc::EngineModel> createModel() const override {
    return std::make_unique<AcmeModel>();
  }
};

} // namespace

extern "C" __attribute__((visibility("default"))) const PluginInfo *tercetPlugin() {
  static const PluginInfo info = {TERCET_PLUGIN_VERSION, "Acme", [](PluginRegistry &registry) {
                                    registry.addTarget(std::make_unique<AcmeTarget>());
                                  }};
  return &info;
}
