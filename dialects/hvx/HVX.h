// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hvx dialect: include this to use its operations.

#ifndef TERCET_DIALECTS_HVX_HVX_H
#define TERCET_DIALECTS_HVX_HVX_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <string>

namespace tercet::hvx {

/// Bytes in a vector register.
constexpr int64_t kRegisterBytes = 128;

/// LLVM's name for the instruction of an operation.
std::string intrinsicOf(llvm::StringRef operation);

} // namespace tercet::hvx

#include "dialects/hvx/HVXDialect.h.inc"

#include "dialects/hvx/HVXOpInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/hvx/HVXOps.h.inc"

#endif // TERCET_DIALECTS_HVX_HVX_H
