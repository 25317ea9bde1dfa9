// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what the hvx dialect consists of, and the little that its
// operations check beyond their types.

#include "dialects/hvx/HVX.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace tercet::hvx;

#include "dialects/hvx/HVXDialect.cpp.inc"
#include "dialects/hvx/HVXOpInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/hvx/HVXOps.cpp.inc"

void HVXDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/hvx/HVXOps.cpp.inc"
      >();
}

std::string tercet::hvx::intrinsicOf(StringRef operation) {
  std::string name = operation.split('.').second.str();
  std::replace(name.begin(), name.end(), '_', '.');
  return "llvm.hexagon.V6." + name + ".128B";
}

void AddressOp::build(OpBuilder &builder, OperationState &state, Value memory) {
  build(builder, state, LLVM::LLVMPointerType::get(builder.getContext()), memory);
}

static Type registerType(OpBuilder &builder) {
  return VectorType::get({kRegisterBytes / 4}, builder.getI32Type());
}

void LoadOp::build(OpBuilder &builder, OperationState &state, Value address, bool aligned) {
  build(builder, state, registerType(builder), address, aligned);
}

void LoadPartOp::build(OpBuilder &builder, OperationState &state, Value address, Value bytes) {
  build(builder, state, registerType(builder), address, bytes);
}

void DmaStartOp::build(OpBuilder &builder, OperationState &state, Value to, Value from,
                       Value rowBytes, Value rows, Value toStride, Value fromStride) {
  build(builder, state, builder.getI32Type(), to, from, rowBytes, rows, toStride, fromStride);
}

static LogicalResult verifyPart(Operation *op, Value bytes) {
  APInt count;
  if (!matchPattern(bytes, m_ConstantInt(&count)))
    return success();
  int64_t value = count.getSExtValue();
  if (value >= 1 && value <= kRegisterBytes)
    return success();
  return op->emitOpError() << "expected 1 to " << kRegisterBytes << " bytes, got " << value;
}

LogicalResult LoadPartOp::verify() { return verifyPart(*this, getBytes()); }
LogicalResult StorePartOp::verify() { return verifyPart(*this, getBytes()); }
