// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, widths and value ranges of ONNX element types.

#include "compiler/import/onnx/DataType.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"

using namespace tercet::onnx;

std::string tercet::onnx::nameOf(DataType type) {
  static const char *const names[] = {
      "undefined",      "float",      "uint8",          "int8",       "uint16",   "int16",
      "int32",          "int64",      "string",         "bool",       "float16",  "double",
      "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
      "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};
  auto number = static_cast<int32_t>(type);
  if (number >= 0 && number < static_cast<int32_t>(std::size(names)))
    return names[number];
  return "type " + std::to_string(number);
}

bool tercet::onnx::isFloat(DataType type) {
  return type == DataType::Float || type == DataType::Float16 || type == DataType::Double ||
         type == DataType::BFloat16;
}

bool tercet::onnx::isUnsigned(DataType type) {
  return type == DataType::Uint8 || type == DataType::Uint16 || type == DataType::Uint32 ||
         type == DataType::Uint64 || type == DataType::Bool;
}

bool tercet::onnx::isInteger(DataType type) {
  return (isUnsigned(type) && !isBool(type)) || type == DataType::Int8 || type == DataType::Int16 ||
         type == DataType::Int32 || type == DataType::Int64;
}

bool tercet::onnx::isSupported(DataType type) {
  return isFloat(type) || isInteger(type) || isBool(type);
}

unsigned tercet::onnx::bytesOf(DataType type) { return isBool(type) ? 1 : bitsOf(type) / 8; }

unsigned tercet::onnx::bitsOf(DataType type) {
  switch (type) {
  case DataType::Bool:
    return 1;
  case DataType::Uint8:
  case DataType::Int8:
    return 8;
  case DataType::Uint16:
  case DataType::Int16:
  case DataType::Float16:
  case DataType::BFloat16:
    return 16;
  case DataType::Float:
  case DataType::Int32:
  case DataType::Uint32:
    return 32;
  case DataType::Double:
  case DataType::Int64:
  case DataType::Uint64:
    return 64;
  default:
    return 0;
  }
}

mlir::Type tercet::onnx::toMLIR(mlir::MLIRContext *context, DataType type) {
  switch (type) {
  case DataType::Float:
    return mlir::Float32Type::get(context);
  case DataType::Float16:
    return mlir::Float16Type::get(context);
  case DataType::BFloat16:
    return mlir::BFloat16Type::get(context);
  case DataType::Double:
    return mlir::Float64Type::get(context);
  default:
    if (!isSupported(type))
      return {};
    return mlir::IntegerType::get(context, bitsOf(type));
  }
}

double tercet::onnx::roundTo(DataType type, double value) {
  if (type == DataType::Double)
    return value;
  if (type == DataType::Float)
    return static_cast<float>(value);
  llvm::APFloat number(value);
  bool inexact = false;
  number.convert(type == DataType::Float16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat(),
                 llvm::APFloat::rmNearestTiesToEven, &inexact);
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return number.convertToDouble();
}

int64_t tercet::onnx::wrapTo(DataType type, int64_t value) {
  unsigned bits = bitsOf(type);
  if (bits == 0 || bits == 64)
    return value;
  auto low = static_cast<uint64_t>(value) & ((uint64_t(1) << bits) - 1);
  if (!isUnsigned(type) && (low >> (bits - 1)))
    low |= ~uint64_t(0) << bits;
  return static_cast<int64_t>(low);
}
