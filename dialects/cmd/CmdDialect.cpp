// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what the cmd dialect consists of.

#include "dialects/cmd/Cmd.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet::cmd;

#include "dialects/cmd/CmdDialect.cpp.inc"
#include "dialects/cmd/CmdEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/cmd/CmdTypes.cpp.inc"

void CmdDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/cmd/CmdTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/cmd/CmdOps.cpp.inc"
      >();
}
