// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a model file to nn + linalg on tensors: functions whose types are static,
// whose operations carry the name of their source node, and whose large
// constants are nn.weight symbols that point into the file. An ONNX graph becomes
// @main, one node at a time; patterns are the graph stage's work. A language
// model's file has weights and a description, from which @decode, @prefill_N and
// @verify_N are built. What importers cannot translate exactly they refuse.

#ifndef TERCET_COMPILER_IMPORT_IMPORT_H
#define TERCET_COMPILER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <optional>
#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace tercet {

/// Elements of a language model's caches of keys and values: floats, or groups of
/// 32 elements of a token and head with a scale each.
enum class CacheType { F16, F32, Int8, Int4 };

/// What is chosen for a language model.
struct DecoderOptions {
  /// Positions that the caches have room for; absent: those that the model was
  /// made for, but at most kDefaultContext.
  std::optional<int64_t> context;
  /// All positions that the model was made for, if `context` is absent.
  bool longest = false;
  /// Lengths of the chunks in which a prompt is taken; absent: those of
  /// kDefaultPrefill that the context has room for.
  std::optional<llvm::SmallVector<int64_t>> prefill;
  /// Lengths of chunks of which every token's logits are wanted.
  llvm::SmallVector<int64_t> verify;
  CacheType cache = CacheType::F16;

  /// Whether anything was chosen.
  bool isSet() const {
    return context || longest || prefill || !verify.empty() || cache != CacheType::F16;
  }
};
constexpr int64_t kDefaultContext = 4096;
constexpr int64_t kDefaultPrefill[] = {128, 16};

/// Reads the value of --context, --prefill, --verify or --kv-cache. Returns the
/// complaint, empty if none.
std::string parseContext(llvm::StringRef text, DecoderOptions &options);
std::string parsePrefill(llvm::StringRef text, DecoderOptions &options);
std::string parseVerify(llvm::StringRef text, DecoderOptions &options);
std::string parseCache(llvm::StringRef text, DecoderOptions &options);

struct ImportOptions {
  /// Sizes of symbolic dimensions. A key is the name of a dimension, the whole
  /// text of an expression of names, or `input:index` where a dimension has no name.
  llvm::StringMap<int64_t> dims;
  /// Shapes of inputs that are known otherwise, say from an artifact: they give
  /// sizes to what `dims` leaves open.
  llvm::StringMap<llvm::SmallVector<int64_t>> inputShapes;
  DecoderOptions decoder;
};

/// One thing that stands in the way of the import; `node` and `op` are empty
/// where the fault is not a node's.
struct ImportError {
  std::string node;
  std::string op;
  std::string message;
};

/// Prints `node 'encoder/MatMul_3' (MatMul): message`, with control characters
/// of names made visible, so that an error stays one line.
llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const ImportError &error);

/// Reads `NAME=VALUE` as given to --dim. Returns the complaint, empty if none.
std::string parseDimension(llvm::StringRef text, ImportOptions &options);

/// Imports an ONNX file. Null if there is an error; then `errors` has every
/// node that cannot be imported, not only the first. The data of weights is not
/// copied: the module names the regions of the file.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options,
                                             llvm::SmallVectorImpl<ImportError> &errors);

/// Imports a language model in GGUF; `path` is the file, or the first of several
/// parts. Nothing is copied here either.
mlir::OwningOpRef<mlir::ModuleOp> importGguf(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options,
                                             llvm::SmallVectorImpl<ImportError> &errors);

/// Imports a language model from a directory of Hugging Face: config.json and
/// safetensors.
mlir::OwningOpRef<mlir::ModuleOp> importDirectory(mlir::MLIRContext &context, llvm::StringRef path,
                                                  const ImportOptions &options,
                                                  llvm::SmallVectorImpl<ImportError> &errors);

/// Whether importModel can import a file of this extension, or this directory.
bool isImportable(llvm::StringRef path);

/// Imports a file with the importer of its extension, or a directory.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context, llvm::StringRef path,
                                              const ImportOptions &options,
                                              llvm::SmallVectorImpl<ImportError> &errors);

/// The table of docs/operators.md, from the table that the importer works with.
void printSupportedOnnxOperators(llvm::raw_ostream &os);

} // namespace tercet

#endif // TERCET_COMPILER_IMPORT_IMPORT_H
