// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor whose elements the importer knows: shape arithmetic, small
// initializers, masks made of them. Floats are kept as doubles, which hold
// every value of the narrower types exactly; integers as the int64 of equal
// value. One stored element stands for all (a splat), so a constant of any
// shape is cheap.

#ifndef TERCET_COMPILER_IMPORT_ONNX_CONSTANT_H
#define TERCET_COMPILER_IMPORT_ONNX_CONSTANT_H

#include "compiler/import/onnx/DataType.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <memory>
#include <vector>

namespace tercet::onnx {

/// An element: which member holds it follows from the data type.
union Scalar {
  int64_t i;
  double d;
};

struct Constant {
  DataType element = DataType::Undefined;
  llvm::SmallVector<int64_t> shape;
  std::vector<Scalar> values;

  int64_t size() const { return mlir::ShapedType::getNumElements(shape); }
  bool isSplat() const { return values.size() == 1; }
  Scalar at(int64_t index) const { return values[isSplat() ? 0 : index]; }
  int64_t intAt(int64_t index) const { return at(index).i; }
  double floatAt(int64_t index) const { return at(index).d; }
  /// Stores one element where all are the same to the bit.
  void compress();
};

using ConstantRef = std::shared_ptr<const Constant>;

ConstantRef makeConstant(DataType element, llvm::ArrayRef<int64_t> shape,
                         std::vector<Scalar> values);
ConstantRef makeInts(llvm::ArrayRef<int64_t> values);

/// From `size` elements as they lie in a file, little-endian.
ConstantRef decodeConstant(DataType element, llvm::ArrayRef<int64_t> shape, llvm::StringRef bytes);

mlir::DenseElementsAttr toAttribute(mlir::MLIRContext *context, const Constant &constant);

/// The constant of `shape` whose element at a position is the one that
/// `source` gives for it (a row-major index into `from`).
ConstantRef rearrange(const Constant &from, llvm::ArrayRef<int64_t> shape,
                      llvm::function_ref<int64_t(llvm::ArrayRef<int64_t>)> source);

/// Row-major strides; a dimension of size 1 has stride 0 when `broadcast`.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape, bool broadcast = false);

/// Steps `position` through `shape` in row-major order; false after the last.
bool advance(llvm::MutableArrayRef<int64_t> position, llvm::ArrayRef<int64_t> shape);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_CONSTANT_H
