// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of the cmd dialect.

#ifndef TERCET_DIALECTS_CMD_CMDTYPES_TD
#define TERCET_DIALECTS_CMD_CMDTYPES_TD

include "dialects/cmd/CmdDialect.td"
include "mlir/IR/AttrTypeBase.td"

def Cmd_BufferType : TypeDef<Cmd_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "a range of a pool";
}

def Cmd_TokenType : TypeDef<Cmd_Dialect, "Token"> {
  let mnemonic = "token";
  let summary = "signalled when a command has completed";
}

#endif // TERCET_DIALECTS_CMD_CMDTYPES_TD
