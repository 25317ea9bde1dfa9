// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types of ONNX. MLIR's integers here are signless, so whether a value
// is signed is known only from this type; operations ask it, not the MLIR type.

#ifndef TERCET_COMPILER_IMPORT_ONNX_DATATYPE_H
#define TERCET_COMPILER_IMPORT_ONNX_DATATYPE_H

#include "mlir/IR/BuiltinTypes.h"

#include <string>

namespace tercet::onnx {

/// Numbers as in onnx.proto, of which Debian's copy ends at 16.
enum class DataType : int32_t {
  Undefined = 0,
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Uint16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Uint32 = 12,
  Uint64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16
};

/// `float16`, or `type 99` for a number that ONNX does not define.
std::string nameOf(DataType type);

/// Null if tensors of this type cannot be imported.
mlir::Type toMLIR(mlir::MLIRContext *context, DataType type);

bool isSupported(DataType type);
bool isFloat(DataType type);
bool isInteger(DataType type); ///< Not bool.
bool isUnsigned(DataType type);
inline bool isBool(DataType type) { return type == DataType::Bool; }
/// Bytes of an element in a file; 0 if the type is not supported.
unsigned bytesOf(DataType type);
/// Bits of the value: 1 for bool.
unsigned bitsOf(DataType type);

/// The nearest value of a floating-point type.
double roundTo(DataType type, double value);
/// The value that the low bits of an integer have in an integer type or bool.
int64_t wrapTo(DataType type, int64_t value);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_DATATYPE_H
