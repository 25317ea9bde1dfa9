// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The values of the reference evaluator: dense row-major tensors in host
// memory, laid out as compiler/weights/ElementKind.h says. Scalars are tensors
// of rank 0. Copies share their storage until one of them is written to.

#ifndef TERCET_COMPILER_REFERENCE_TENSOR_H
#define TERCET_COMPILER_REFERENCE_TENSOR_H

#include "compiler/weights/ElementKind.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace tercet {

class Tensor {
public:
  Tensor() = default;

  /// Whether elements of this type can be held at all.
  static bool isSupported(mlir::Type elementType) {
    return getElementKind(elementType).has_value();
  }

  /// A tensor whose bytes are all 0xff (NaN for floats, -1 for integers), so
  /// that a value which is read before it is written shows. The type must be
  /// static and its elements supported.
  static Tensor allocate(mlir::RankedTensorType type);
  static Tensor fromBytes(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);
  static Tensor fromIndex(mlir::MLIRContext *context, int64_t value);
  /// From the value of an arith.constant: elements, an integer or a float.
  static llvm::Expected<Tensor> fromAttribute(mlir::TypedAttr attribute);

  /// A tensor of this type with the given elements; T must be the storage type.
  template <class T> static Tensor of(mlir::RankedTensorType type, llvm::ArrayRef<T> elements) {
    return fromBytes(
        type, {reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(T)});
  }

  explicit operator bool() const { return bool(storage); }
  mlir::RankedTensorType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  ElementKind getKind() const { return *getElementKind(type.getElementType()); }
  unsigned getElementBytes() const { return tercet::getElementBytes(getKind()); }
  int64_t getNumElements() const { return type.getNumElements(); }

  const char *data() const { return storage->data(); }
  llvm::ArrayRef<char> bytes() const { return {storage->data(), storage->size()}; }
  /// The elements, to be written; unshares the storage first.
  char *mutableData();

  /// The elements as their storage type (float for f32, uint8_t for i1, ...).
  template <class T> llvm::ArrayRef<T> elements() const {
    return {reinterpret_cast<const T *>(storage->data()), storage->size() / sizeof(T)};
  }
  /// All elements, converted to double.
  std::vector<double> toDoubles() const;
  /// Element `index` (in row-major order) of an integer tensor; booleans are 0 or 1.
  int64_t getInt(int64_t index = 0) const;

  /// The same storage under another type with as many bytes.
  Tensor withType(mlir::RankedTensorType newType) const;

  mlir::DenseElementsAttr toAttribute() const;

private:
  using Storage = std::vector<char>;
  mlir::RankedTensorType type;
  std::shared_ptr<Storage> storage;
};

/// The type of the tensor that holds a value of this type: itself for ranked
/// tensors, rank 0 for scalars, null for everything else.
mlir::RankedTensorType getHolderType(mlir::Type type);

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_TENSOR_H
