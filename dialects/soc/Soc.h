// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The soc dialect: include this to use its operations, attributes and the
// interface of engines.

#ifndef TERCET_DIALECTS_SOC_SOC_H
#define TERCET_DIALECTS_SOC_SOC_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/StringMap.h"

namespace tercet::soc {
class CpuAttr;
class EngineModel;
class MemoryAttr;
class PerformanceAttr;
class VariantAttr;
} // namespace tercet::soc

#include "dialects/soc/SocDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/soc/SocAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/soc/SocTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/soc/SocOps.h.inc"

// Last: its methods take groups and return variants.
#include "dialects/soc/SocAttrInterfaces.h.inc"

#endif // TERCET_DIALECTS_SOC_SOC_H
