// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The soc dialect: the machine, and what runs where on it.

#ifndef TERCET_DIALECTS_SOC_SOCDIALECT_TD
#define TERCET_DIALECTS_SOC_SOCDIALECT_TD

include "mlir/IR/OpBase.td"

def Soc_Dialect : Dialect {
  let name = "soc";
  let summary = "The machine as attributes; groups, tasks and kernels on it";
  let description = [{
    `#soc.machine` on the module (`soc.machine`) is all that a pass knows about
    the chip. A `soc.group` is the unit of fusion; a `soc.task` is a group that
    has been given to an engine; a `soc.kernel` is a task's code. Every decision
    is an inherent attribute of one of these.
  }];
  let cppNamespace = "::tercet::soc";
  // #soc.precision is made of quantised types.
  let dependentDialects = ["::mlir::quant::QuantDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Name of the module attribute that holds the #soc.machine.
    static constexpr ::llvm::StringLiteral kMachineAttrName = "soc.machine";
    /// Names of the attributes of a function with the #soc.proof of its placement
    /// and of its schedule.
    static constexpr ::llvm::StringLiteral kPartitionAttrName = "soc.partition";
    static constexpr ::llvm::StringLiteral kScheduleAttrName = "soc.schedule";

    /// Lets `model` answer for every #soc.engine of that target. A second model
    /// for a target replaces the first.
    void registerEngineModel(::llvm::StringRef target, ::std::unique_ptr<EngineModel> model);
    /// The model of a target; null if no folder of targets/ and no plug-in has
    /// registered one.
    const EngineModel *lookupEngineModel(::llvm::StringRef target) const;

  private:
    ::llvm::StringMap<::std::unique_ptr<EngineModel>> engineModels;

  public:
  }];
}

#endif // TERCET_DIALECTS_SOC_SOCDIALECT_TD
