// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX operators on tensors that are known but for the position.

#ifndef TERCET_COMPILER_IMPORT_ONNX_PAST_EVALUATE_H
#define TERCET_COMPILER_IMPORT_ONNX_PAST_EVALUATE_H

#include "compiler/import/onnx/Model.h"
#include "compiler/import/onnx/past/Piecewise.h"

namespace tercet::onnx {

class Evaluator {
public:
  /// `tokens` come in at each position. `limit` is lowered to the tokens, past and
  /// new ones, that constant tables of the model have room for.
  Evaluator(const Node &node, int64_t opset, int64_t tokens, int64_t lastPosition, int64_t &limit)
      : node(node), opset(opset), tokens(tokens), lastPosition(lastPosition), limit(limit) {}

  /// The results, null where an input is left out. None with a reason if the
  /// operator or what it would make cannot be described by pieces.
  std::optional<llvm::SmallVector<Piecewise, 1>> run(llvm::ArrayRef<const Piecewise *> inputs);
  const std::string &getReason() const { return reason; }

  /// The list that an attribute or, in newer operator sets, an input gives; none
  /// with a reason if it is not known, and empty if there is none.
  std::optional<llvm::SmallVector<int64_t>> numbers(llvm::StringRef name, unsigned input);
  const NodeAttribute *attribute(llvm::StringRef name) const;
  int64_t number(llvm::StringRef name, int64_t absent) const;

  /// Where a slice of a dimension begins, and its size.
  struct Extent {
    Length begin, size;
  };
  std::optional<Extent> extentOf(Length size, Length begin, Length end);
  /// The slices that the node takes of a tensor of these sizes, for each dimension.
  std::optional<llvm::SmallVector<Extent>> extents(llvm::ArrayRef<Length> dims);

  void setInputs(llvm::ArrayRef<const Piecewise *> values) { inputs = values; }

private:
  using Result = std::optional<Piecewise>;

  std::nullopt_t fail(const llvm::Twine &text) {
    if (reason.empty())
      reason = text.str();
    return std::nullopt;
  }
  bool has(unsigned i) const { return i < inputs.size() && inputs[i]; }
  const Piecewise &in(unsigned i) const { return *inputs[i]; }
  std::optional<llvm::SmallVector<Length>> lengths(unsigned input);

  Result elementwise();
  Result compare(llvm::ArrayRef<const Piecewise *> wide);
  Result arithmetic(llvm::ArrayRef<const Piecewise *> wide);
  Result select(llvm::ArrayRef<const Piecewise *> wide);
  Result cast();
  Result reshape();
  Result unsqueeze();
  Result squeeze();
  Result transpose();
  Result expand();
  Result slice();
  Result concat();
  Result gather();
  Result range();
  Result triangle();
  Result cumulate();
  Result scatter();
  Result withDims(llvm::ArrayRef<Length> to);

  const Node &node;
  int64_t opset, tokens, lastPosition;
  int64_t &limit;
  llvm::ArrayRef<const Piecewise *> inputs;
  std::string reason;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_PAST_EVALUATE_H
