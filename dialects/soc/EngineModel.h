// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a target implements to answer for engines that are described by
// #soc.engine. A folder of targets/ or a plug-in registers one with the soc
// dialect under its target's name; passes go through EngineAttrInterface and
// never see it.

#ifndef TERCET_DIALECTS_SOC_ENGINEMODEL_H
#define TERCET_DIALECTS_SOC_ENGINEMODEL_H

#include "dialects/soc/Soc.h"

#include "llvm/Support/Error.h"

namespace tercet::soc {

class EngineModel {
public:
  virtual ~EngineModel();

  /// Whether the engine can run the group; if not, `reason` says why in words
  /// for the user.
  virtual bool supports(EngineAttr engine, GroupOp group, std::string &reason) const = 0;

  /// The ways in which it can run `rows` rows of a group that it supports (0:
  /// all), best first; at least one. Analytic: nothing here changes the IR.
  virtual llvm::SmallVector<VariantAttr> variants(EngineAttr engine, GroupOp group,
                                                  int64_t rows) const = 0;

  /// Whether code generation takes the operation whole, on memrefs, instead of
  /// its decomposition into linalg.
  virtual bool takesWhole(EngineAttr engine, mlir::Operation *op) const { return false; }

  /// The bytes of scratch that code generation needs for a bufferised kernel,
  /// behind what the kernel itself allocates; its variants promise both.
  virtual uint64_t stagingBytes(EngineAttr engine, KernelOp kernel) const { return 0; }

  /// Whether the engine has a kernel's scratch in a memory of its own (such as
  /// the workgroup memory of a GPU): the plan then gives it none in a pool.
  virtual bool keepsScratch(EngineAttr engine) const { return false; }

  /// Adds the passes that turn bufferised soc.kernels of this target into code
  /// that emit can write. Kernels whose engine has an object CPU are lowered by
  /// the CPU target already.
  virtual void buildCodegenPipeline(EngineAttr engine, mlir::OpPassManager &pm) const {}

  /// The CPU whose object code the engine's kernels are; null where they are an
  /// image of their own.
  virtual CpuAttr getObjectCpu(EngineAttr engine) const { return {}; }

  /// The workers of its queue.
  virtual uint32_t getCores(EngineAttr engine) const { return 1; }

  /// An error if the properties are not what the target expects, naming them.
  virtual llvm::Error checkProperties(EngineAttr engine) const { return llvm::Error::success(); }
};

} // namespace tercet::soc

#endif // TERCET_DIALECTS_SOC_ENGINEMODEL_H
