// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What operations that are one instruction have in common.

#ifndef TERCET_DIALECTS_HVX_HVXINTERFACES_TD
#define TERCET_DIALECTS_HVX_HVXINTERFACES_TD

include "mlir/IR/OpBase.td"

def HVX_InstructionOpInterface : OpInterface<"InstructionOpInterface"> {
  let description = [{
    An operation whose operands and results are those of one of LLVM's
    intrinsics, in their order.
  }];
  let cppNamespace = "::tercet::hvx";
  let methods = [InterfaceMethod<"The name of the intrinsic, of 128-byte mode.",
    "std::string", "getIntrinsic">];
}

#endif // TERCET_DIALECTS_HVX_HVXINTERFACES_TD
