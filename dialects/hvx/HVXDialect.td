// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hvx dialect: instructions of Hexagon's vector unit, and the way between
// its memories.

#ifndef TERCET_DIALECTS_HVX_HVXDIALECT_TD
#define TERCET_DIALECTS_HVX_HVXDIALECT_TD

include "mlir/IR/OpBase.td"

def HVX_Dialect : Dialect {
  let name = "hvx";
  let summary = "Instructions of Hexagon's vector unit in its 128-byte mode";
  let description = [{
    What kernels of the Hexagon target become before LLVM. A register is
    vector<32xi32> whatever its lanes mean, as in LLVM's intrinsics; a pair of
    registers vector<64xi32>, a predicate vector<128xi1>. Operations named as
    an instruction are that instruction; the few others (memory at any address,
    copies between memories) become several or a call.
  }];
  let cppNamespace = "::tercet::hvx";
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TERCET_DIALECTS_HVX_HVXDIALECT_TD
