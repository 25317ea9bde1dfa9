// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import of one ONNX graph: names to operands, nodes in order, results. A
// graph becomes the function @main; that of a decoder becomes the functions of a
// language model (DecoderImporter.cpp).

#ifndef TERCET_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H
#define TERCET_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H

#include "compiler/import/Import.h"
#include "compiler/import/onnx/DecoderEntry.h"
#include "compiler/import/onnx/DecoderGraph.h"
#include "compiler/import/onnx/Dimensions.h"
#include "compiler/import/onnx/ModelFile.h"
#include "compiler/import/onnx/past/PastImporter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace tercet::onnx {

struct Operator;

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext &context, ModelFile &file, const ImportOptions &options,
                llvm::SmallVectorImpl<ImportError> &errors)
      : context(context), file(file), graph(*file.getModel().graph), options(options),
        dimensions(options), errors(errors),
        module(mlir::ModuleOp::create(mlir::UnknownLoc::get(&context))), weights(*module),
        builder(&context) {}

  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  void error(const llvm::Twine &message, llvm::StringRef node = {}, llvm::StringRef op = {}) {
    errors.push_back({node.str(), op.str(), message.str()});
  }
  bool readOpsets();
  void readNames();
  void readInitializers();
  void createFunction();
  std::vector<unsigned> orderNodes();
  void importNode(unsigned index);
  /// The operator of a node, if the model may use it; else an error.
  const Operator *operatorOf(const Node &node, const std::string &name);
  /// Imports a node with these inputs; the complaint, empty if none.
  std::string runOperator(const Operator &op, const Node &node, mlir::Location loc,
                          llvm::ArrayRef<Operand *> inputs,
                          llvm::SmallVector<std::optional<Operand>> &results);
  bool isPlain() const;
  void returnResults();
  void prune();
  std::string nameOfNode(unsigned index) const;
  std::optional<Operand> argumentType(const ValueInfo &info);

  // Decoders (DecoderImporter.cpp).
  void importDecoder();
  /// Reads the roles of a graph that joins past and new rows from a function of one token.
  bool tryDecoder();
  void trackPast();
  void importEntry(llvm::StringRef name, int64_t tokens, bool all, int64_t cacheSize);
  void createEntry(llvm::StringRef name);
  void returnEntry();
  mlir::Value positionsOfTokens();
  /// Input 0 of the node that makes the logits, cut to the tokens that have some.
  std::optional<Operand> cutToAnswered(unsigned index);

  mlir::MLIRContext &context;
  ModelFile &file;
  const Graph &graph;
  const ImportOptions &options;
  Dimensions dimensions;
  llvm::SmallVectorImpl<ImportError> &errors;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  WeightTable weights;
  mlir::OpBuilder builder;
  mlir::func::FuncOp main;
  llvm::StringMap<int64_t> opsets;
  llvm::StringSet<> initializers, argumentNames;
  /// Absent: not yet defined. None: its definition could not be imported.
  llvm::StringMap<std::optional<Operand>> values;

  /// Null for a graph that is no decoder.
  std::optional<DecoderGraph> roles;
  std::optional<DecoderEntry> entry;
  /// Null unless nodes of the graph join past and new rows.
  std::unique_ptr<PastImporter> past;
  bool isTrial = false;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_GRAPHIMPORTER_H
