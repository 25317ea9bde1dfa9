// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of a described model: each tensor of the file found by its role,
// checked against the description, merged and ordered as the graph uses it, and
// declared as an nn.weight. Roles have the names of GGUF ("blk.0.attn_q"); a
// format with other names translates.

#ifndef TERCET_COMPILER_IMPORT_DECODER_MODELWEIGHTS_H
#define TERCET_COMPILER_IMPORT_DECODER_MODELWEIGHTS_H

#include "compiler/import/Import.h"
#include "compiler/import/decoder/StoredRows.h"

#include "llvm/ADT/StringSet.h"

namespace tercet::decoder {

/// A tensor of the file.
struct SourceTensor {
  /// Its name there, for messages and symbols.
  std::string name;
  llvm::SmallVector<int64_t, 4> shape;
  StoredRows rows;
};

/// What a format provides.
class TensorSource {
public:
  virtual ~TensorSource() = default;
  /// The tensor of a role such as "blk.0.attn_q.weight", null where the file
  /// has none. A tensor that cannot be used is null with a complaint.
  virtual const SourceTensor *find(llvm::StringRef role, std::string &complaint) = 0;
  /// How messages call the tensor of a role.
  virtual std::string describe(llvm::StringRef role) const = 0;
  /// The first of the file's tensors for which no role has asked, and how many
  /// there are. Some that families compute themselves do not count.
  virtual std::pair<llvm::StringRef, size_t> unused() const = 0;
  /// Which tensors are expected, for messages: "the tensors that ...".
  virtual std::string expected() const = 0;
};

/// A product x W (+ b), of one tensor or several side by side.
struct Linear {
  mlir::FlatSymbolRefAttr weight, bias;
  /// If not null, row j of the weight belongs to column order[j] of x.
  mlir::FlatSymbolRefAttr order;
  mlir::RankedTensorType type; // of the weight, [K, N]
  /// Columns of each tensor.
  llvm::SmallVector<int64_t, 3> parts;
  /// Node names, without the operation.
  llvm::SmallVector<std::string, 3> names;
};

struct NormWeights {
  mlir::FlatSymbolRefAttr scale, bias;
  int64_t size = 0;
  std::string name;
};

struct LayerWeights {
  NormWeights attentionNorm, forwardNorm, queryNorm, keyNorm;
  /// Query, key and value; those in one matrix are one product.
  llvm::SmallVector<Linear, 3> projections;
  Linear output;
  /// Gate and up, or up alone.
  llvm::SmallVector<Linear, 2> inner;
  Linear down;
};

struct ModelWeights {
  mlir::FlatSymbolRefAttr embedding, positions, cos, sin, mask;
  std::vector<LayerWeights> layers;
  NormWeights norm;
  Linear head;
};

/// Declares the weights at the start of the module. What is missing or of
/// another shape than the description says goes to `errors`.
ModelWeights declareWeights(mlir::ModuleOp module, const Description &description,
                            TensorSource &source, llvm::SmallVectorImpl<ImportError> &errors);

} // namespace tercet::decoder

#endif // TERCET_COMPILER_IMPORT_DECODER_MODELWEIGHTS_H
