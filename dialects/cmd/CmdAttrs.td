// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Enumerations of the cmd dialect.

#ifndef TERCET_DIALECTS_CMD_CMDATTRS_TD
#define TERCET_DIALECTS_CMD_CMDATTRS_TD

include "dialects/cmd/CmdDialect.td"
include "mlir/IR/EnumAttr.td"

def Cmd_PoolKind : I32EnumAttr<"PoolKind", "what a pool is for; values are the ABI's", [
    I32EnumAttrCase<"Arena", 1, "arena">,
    I32EnumAttrCase<"Weights", 2, "weights">,
    I32EnumAttrCase<"State", 3, "state">,
    I32EnumAttrCase<"IO", 4, "io">]> {
  let cppNamespace = "::tercet::cmd";
}

#endif // TERCET_DIALECTS_CMD_CMDATTRS_TD
