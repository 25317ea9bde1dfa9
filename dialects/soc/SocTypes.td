// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of the soc dialect.

#ifndef TERCET_DIALECTS_SOC_SOCTYPES_TD
#define TERCET_DIALECTS_SOC_SOCTYPES_TD

include "dialects/soc/SocDialect.td"
include "mlir/IR/AttrTypeBase.td"

def Soc_TokenType : TypeDef<Soc_Dialect, "Token"> {
  let mnemonic = "token";
  let summary = "an edge of happens-before between tasks";
}

#endif // TERCET_DIALECTS_SOC_SOCTYPES_TD
