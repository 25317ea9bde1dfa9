// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cmd dialect: the command stream, one to one with the ABI.

#ifndef TERCET_DIALECTS_CMD_CMDDIALECT_TD
#define TERCET_DIALECTS_CMD_CMDDIALECT_TD

include "mlir/IR/OpBase.td"

def Cmd_Dialect : Dialect {
  let name = "cmd";
  let summary = "The command stream: buffers at fixed offsets, dispatch, copy, signal, wait";
  let description = [{
    What plan hands to emit. Each operation is one record of the ABI
    (runtime/include/tercet/abi.h): pools, buffers in them, entry points, and
    the commands of each entry in the order of its queues. Nothing is decided
    any more; a table can be written by walking it.
  }];
  let cppNamespace = "::tercet::cmd";
  let useDefaultTypePrinterParser = 1;
}

#endif // TERCET_DIALECTS_CMD_CMDDIALECT_TD
