// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes of a decoder that joins past and new keys and values itself, with Concat.
// Past keys and values become states: whatever follows their length is tracked
// here, node by node, until it comes to attention over a cache, rows of a table
// at a position, or numbers. A node that would make anything else of it is
// refused by its name. Nothing is recognised by how names are spelled.

#ifndef TERCET_COMPILER_IMPORT_ONNX_PAST_PASTIMPORTER_H
#define TERCET_COMPILER_IMPORT_ONNX_PAST_PASTIMPORTER_H

#include "compiler/import/onnx/DecoderEntry.h"
#include "compiler/import/onnx/ModelFile.h"
#include "compiler/import/onnx/past/Evaluate.h"
#include "compiler/import/onnx/past/PastTensor.h"

namespace tercet::onnx {

/// A function of such a decoder while its nodes are imported.
class PastImporter {
public:
  using Values = llvm::StringMap<std::optional<Operand>>;
  using Results = llvm::SmallVector<std::optional<Operand>>;
  /// Imports a node as any other with these operands; the complaint, empty if none.
  using Run = std::function<std::string(const Node &, llvm::ArrayRef<Operand *>, Results &)>;

  /// Of a cache that attention reads: its keys and its values.
  struct Layer {
    unsigned keys, values;
  };

  PastImporter(mlir::OpBuilder &b, WeightTable &weights, ModelFile &file, DecoderEntry &entry,
               Values &values, Run run)
      : b(b), weights(weights), file(file), entry(entry), values(values), run(std::move(run)),
        lastPosition(entry.context - entry.tokens) {}

  // Inputs.
  void addCache(llvm::StringRef name, int64_t heads, int64_t elements);
  void addMask(llvm::StringRef name, DataType element);
  void addPositions(llvm::StringRef name, DataType element);
  /// Only sizes matter of what is imported: tables are given one row.
  void setTrial() { isTrial = true; }

  enum class Outcome { Ordinary, Done, Failed };
  /// Imports the node if an input follows the position; Ordinary if none does.
  Outcome import(const Node &node, int64_t opset, mlir::Location loc, std::string &reason);

  const PastTensor *find(llvm::StringRef name) const {
    auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
  }
  /// In the order of nodes.
  llvm::ArrayRef<Layer> getLayers() const { return layers; }
  /// Tokens that constant tables of the model have room for.
  int64_t getLimit() const { return limit; }

private:
  struct Input {
    const PastTensor *past = nullptr;
    Operand *operand = nullptr;
    explicit operator bool() const { return past || operand; }
  };
  /// What is known of a node while it is imported.
  struct Step {
    const Node &node;
    int64_t opset;
    TensorBuilder tensors;
    llvm::SmallVector<Input> inputs;
    std::string reason;
    bool fail(const llvm::Twine &text) {
      if (reason.empty())
        reason = text.str();
      return false;
    }
    const PastTensor *past(unsigned i) const {
      return i < inputs.size() ? inputs[i].past : nullptr;
    }
    Operand *operand(unsigned i) const { return i < inputs.size() ? inputs[i].operand : nullptr; }
  };

  bool importShape(Step &step);
  bool importFunction(Step &step);
  void setFunction(const Node &node, unsigned output, Piecewise function);
  void set(const Node &node, PastTensor tensor);
  std::optional<Piecewise> functionOf(Step &step, unsigned input);
  ConstantRef constantOf(Operand &operand);

  // Caches and attention (PastAttention.cpp).
  bool importCache(Step &step);
  bool joinCache(Step &step, CacheView view);
  bool importScores(Step &step);
  bool multiply(Step &step);
  bool addToMask(Step &step, Scores scores, const Piecewise &addend);
  bool hideScores(Step &step, unsigned at);
  bool reshapeScores(Step &step);
  bool attend(Step &step);
  bool checkMask(Step &step, const Scores &scores, std::optional<int64_t> &window);

  // Tables (PositionTables.cpp).
  std::optional<PositionTable> tableOf(Step &step, unsigned input);
  bool importTable(Step &step);
  bool gatherRows(Step &step);
  bool takeRows(Step &step);
  bool runOnTables(Step &step, llvm::ArrayRef<std::optional<PositionTable>> tables, int64_t axis,
                   bool allConstant);
  void setTable(const Node &node, PositionTable table);
  Operand rowsAtPosition(TensorBuilder &tensors, const PositionTable &table);
  std::optional<Operand> materialize(Step &step, const PastTensor &tensor);
  bool importOrdinary(Step &step);
  int64_t tableRows() const { return isTrial ? entry.tokens : entry.context; }
  mlir::Value positionsOfTokens(TensorBuilder &tensors);

  mlir::OpBuilder &b;
  WeightTable &weights;
  ModelFile &file;
  DecoderEntry &entry;
  Values &values;
  Run run;
  int64_t lastPosition;
  int64_t limit = int64_t(1) << 24;
  bool isTrial = false;
  llvm::StringMap<PastTensor> tensors;
  llvm::SmallVector<std::string> caches;
  llvm::SmallVector<Layer> layers;
  mlir::Value tokenPositions;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_PAST_PASTIMPORTER_H
