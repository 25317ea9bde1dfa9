// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What engines answer whose kernels are those of this folder, whatever the API
// that they are driven by: which groups have kernels and why others have none,
// and their variants. A target derives from it and adds its limits.

#ifndef TERCET_PASSES_CODEGEN_GPU_GPUENGINEMODEL_H
#define TERCET_PASSES_CODEGEN_GPU_GPUENGINEMODEL_H

#include "dialects/soc/EngineModel.h"
#include "passes/partition/WorkgroupTiles.h"

namespace tercet::codegen {

/// Of what one kernel is given.
struct GpuOperandLimits {
  size_t operands;
  uint64_t bytes; // of one operand
};

class GpuEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override;
  llvm::SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                               int64_t rows) const override;
  bool takesWhole(soc::EngineAttr engine, mlir::Operation *op) const override;

  /// Workgroup memory is the device's own.
  bool keepsScratch(soc::EngineAttr engine) const override { return true; }

protected:
  virtual partition::WorkgroupLimits tileLimits(soc::EngineAttr engine) const = 0;
  virtual GpuOperandLimits operandLimits(soc::EngineAttr engine) const = 0;

  /// What the engine refuses beyond what all do: false and `reason`.
  virtual bool checkOperation(mlir::Operation &op, std::string &reason) const { return true; }

private:
  llvm::SmallVector<soc::VariantAttr> findVariants(soc::EngineAttr engine, soc::GroupOp group,
                                                   int64_t rows, std::string &reason) const;
};

} // namespace tercet::codegen

#endif // TERCET_PASSES_CODEGEN_GPU_GPUENGINEMODEL_H
