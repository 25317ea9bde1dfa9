// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small tensor language in which operators are translated. An operand is
// known at compile time, a weight in a file, or a value of the program; each
// function here does the right thing for all three: it computes, extends the
// weight's recipe, or emits linalg and tensor operations. Nothing here fails:
// callers have checked shapes and types.

#ifndef TERCET_COMPILER_IMPORT_ONNX_TENSORBUILDER_H
#define TERCET_COMPILER_IMPORT_ONNX_TENSORBUILDER_H

#include "compiler/import/onnx/ScalarInterpreter.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"

#include <string>

namespace tercet::onnx {

/// A tensor that a name of the graph stands for. Exactly one of `constant`,
/// `weight`, `value` says what it is; `value` may be set beside the others once
/// they have been used by an operation.
struct Operand {
  DataType element = DataType::Undefined;
  llvm::SmallVector<int64_t> shape;
  ConstantRef constant;
  mlir::TypedAttr weight;
  std::string weightName;
  /// Of a weight in groups: its products keep their left-hand side in f32.
  bool floatActivations = false;
  mlir::Value value;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t size() const { return mlir::ShapedType::getNumElements(shape); }
};

/// Gives weights their symbols.
class WeightTable {
public:
  WeightTable(mlir::ModuleOp module) : module(module) { reserve("main"); }
  /// No weight gets this name.
  void reserve(llvm::StringRef name) { used[name]; }
  /// The symbol of a recipe, declared on first use; `name` is the initializer.
  mlir::FlatSymbolRefAttr symbolOf(mlir::TypedAttr recipe, llvm::StringRef name,
                                   bool floatActivations = false);

private:
  mlir::ModuleOp module;
  llvm::DenseMap<std::pair<mlir::Attribute, unsigned>, mlir::FlatSymbolRefAttr> symbols;
  llvm::StringMap<unsigned> used;
};

class TensorBuilder {
public:
  TensorBuilder(mlir::OpBuilder &b, mlir::Location loc, WeightTable &weights)
      : b(b), loc(loc), weights(weights) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  /// The operand as a value of the program.
  mlir::Value materialize(Operand &operand);
  Operand ofValue(mlir::Value value, DataType element);
  Operand ofConstant(ConstantRef constant);
  Operand scalar(DataType element, double value);
  mlir::RankedTensorType typeOf(DataType element, llvm::ArrayRef<int64_t> shape);

  // Elementwise with broadcasting; `compute` says whether a known result is
  // wanted.
  Operand elementwise(llvm::ArrayRef<Operand *> inputs, DataType element, ScalarBody body);
  Operand convert(Operand &input, DataType to);

  // The same elements elsewhere.
  Operand reshape(Operand &input, llvm::ArrayRef<int64_t> shape);
  Operand transpose(Operand &input, llvm::ArrayRef<int64_t> perm);
  Operand broadcast(Operand &input, llvm::ArrayRef<int64_t> shape);
  /// Strides may be negative; offsets are the first elements taken.
  Operand slice(Operand &input, llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes,
                llvm::ArrayRef<int64_t> strides);
  Operand concat(llvm::ArrayRef<Operand *> inputs, int64_t axis);
  /// As ONNX Gather; known indices must be in range, and may be negative.
  Operand gather(Operand &data, Operand &indices, int64_t axis);
  Operand pad(Operand &input, llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high,
              Operand &value);

  /// Folds `axes` (sorted) away with a body of (element, accumulator); the
  /// accumulator starts from `init`. `finish` is applied to every result.
  Operand reduce(Operand &input, llvm::ArrayRef<int64_t> axes, bool keepDims, Scalar init,
                 ScalarBody body, ScalarBody finish = nullptr);

  /// [.., M, K] x [.., K, N] as numpy.matmul, for rank >= 1 each.
  Operand matmul(Operand &lhs, Operand &rhs);

  mlir::Value empty(DataType element, llvm::ArrayRef<int64_t> shape);
  mlir::Value fill(DataType element, llvm::ArrayRef<int64_t> shape, Scalar value);
  mlir::Value generic(mlir::ValueRange inputs, mlir::Value init,
                      llvm::ArrayRef<mlir::AffineMap> maps,
                      llvm::ArrayRef<mlir::utils::IteratorType> loops, ScalarBody body);
  mlir::Value reshapeValue(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  /// The map from the loops of a result of `rank` to an operand that
  /// broadcasts.
  mlir::AffineMap broadcastMap(llvm::ArrayRef<int64_t> shape, int64_t rank,
                               llvm::ArrayRef<int64_t> result);

private:
  Operand ofWeight(const Operand &from, mlir::TypedAttr recipe);

  WeightTable &weights;
};

/// An arith.constant of a float or integer type.
mlir::Value scalarConstant(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double value);

/// The shape that operands broadcast to as numpy does, or none.
std::optional<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// Known results larger than this many elements become operations instead.
constexpr int64_t kMaxFoldedElements = 1 << 18;
constexpr int64_t kMaxFoldedIntegers = 1 << 20;
/// Floats up to this many elements are written into the module.
constexpr int64_t kMaxInlineFloats = 64;

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_TENSORBUILDER_H
