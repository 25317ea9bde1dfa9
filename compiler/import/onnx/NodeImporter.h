// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the translation of one node sees: its inputs, attributes, operator set,
// and a builder at its location. An operator either sets every result or
// reports why it cannot; reading an attribute also marks it as known, and one
// that no translation has read is refused.

#ifndef TERCET_COMPILER_IMPORT_ONNX_NODEIMPORTER_H
#define TERCET_COMPILER_IMPORT_ONNX_NODEIMPORTER_H

#include "compiler/import/onnx/Model.h"
#include "compiler/import/onnx/TensorBuilder.h"

#include "mlir/Support/LLVM.h"

namespace tercet::onnx {

class ModelFile;
struct DecoderEntry;

class NodeImporter : public TensorBuilder {
public:
  NodeImporter(mlir::OpBuilder &b, mlir::Location loc, WeightTable &weights, ModelFile &file,
               const Node &node, int64_t opset, llvm::ArrayRef<Operand *> inputs)
      : TensorBuilder(b, loc, weights), node(node), opset(opset), file(file), inputs(inputs),
        results(node.outputs.size()), attributesRead(node.attributes.size()) {}

  const Node &node;
  const int64_t opset;
  /// The function that is imported, if it is one of a decoder.
  DecoderEntry *decoder = nullptr;

  /// Records why the node is refused; the first reason stays.
  mlir::LogicalResult fail(const llvm::Twine &reason);
  bool failed() const { return !reason.empty(); }
  const std::string &getReason() const { return reason; }

  // Inputs. An optional input that is left out is absent.
  unsigned inputCount() const { return inputs.size(); }
  bool has(unsigned i) const { return i < inputs.size() && inputs[i]; }
  Operand &in(unsigned i) { return *inputs[i]; }
  /// The elements of an integer input that must be known at compile time.
  std::optional<llvm::SmallVector<int64_t>> knownInts(unsigned i, llvm::StringRef name);
  /// A known input of one element.
  std::optional<Scalar> knownScalar(unsigned i, llvm::StringRef name);
  bool usesOutput(unsigned i) const { return i < node.outputs.size() && !node.outputs[i].empty(); }

  // Attributes.
  const NodeAttribute *attribute(llvm::StringRef name, NodeAttribute::Kind kind);
  std::optional<int64_t> findInt(llvm::StringRef name);
  int64_t getInt(llvm::StringRef name, int64_t absent) { return findInt(name).value_or(absent); }
  double getFloat(llvm::StringRef name, double absent);
  std::string getString(llvm::StringRef name, llvm::StringRef absent);
  std::optional<llvm::SmallVector<int64_t>> findInts(llvm::StringRef name);
  /// A value as an initializer would be read.
  std::optional<Operand> readTensor(const Tensor &tensor, llvm::StringRef name);
  /// An input that is a weight becomes one whose elements are known, if it is small.
  void readElements(Operand &operand);
  /// The name of an attribute that nothing has read, empty if there is none.
  llvm::StringRef unknownAttribute() const;

  // Checks that many operators share; each reports what it finds wrong.
  bool expectFloat(unsigned i);
  bool expectNumber(unsigned i);
  bool expectSameType(llvm::ArrayRef<unsigned> indices);
  bool expectBroadcast(llvm::ArrayRef<unsigned> indices);
  /// Moves a negative axis into [0, rank); none and an error outside of it.
  std::optional<int64_t> normalizeAxis(int64_t axis, int64_t rank);
  /// Axes in [0, rank), sorted, none twice.
  std::optional<llvm::SmallVector<int64_t>> normalizeAxes(llvm::ArrayRef<int64_t> axes,
                                                          int64_t rank);
  /// The size of the shape is not negative and no more than memory can be.
  bool expectSize(llvm::ArrayRef<int64_t> shape, DataType element);

  // Results.
  mlir::LogicalResult set(Operand operand, unsigned i = 0) {
    results[i] = std::move(operand);
    return mlir::success();
  }
  llvm::MutableArrayRef<std::optional<Operand>> getResults() { return results; }

private:
  ModelFile &file;
  llvm::SmallVector<Operand *> inputs;
  llvm::SmallVector<std::optional<Operand>> results;
  llvm::SmallVector<bool> attributesRead;
  std::string reason;
};

/// `2x3xfloat`, as errors show types.
std::string describe(const Operand &operand);
std::string describe(llvm::ArrayRef<int64_t> shape);

/// Whether a tensor has more bytes than any machine; guards all arithmetic on
/// sizes that come from the file.
bool isTooLarge(llvm::ArrayRef<int64_t> shape, DataType element);

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_NODEIMPORTER_H
