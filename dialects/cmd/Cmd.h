// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cmd dialect: include this to use its operations.

#ifndef TERCET_DIALECTS_CMD_CMD_H
#define TERCET_DIALECTS_CMD_CMD_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/soc/Soc.h"

#include "dialects/cmd/CmdDialect.h.inc"
#include "dialects/cmd/CmdEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/cmd/CmdTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/cmd/CmdOps.h.inc"

#endif // TERCET_DIALECTS_CMD_CMD_H
