// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function of a decoder while its nodes are imported: what stands for the
// model's inputs that a program has as a position and as states. Node importers
// ask it; DecoderGraph.h says how it is found.

#ifndef TERCET_COMPILER_IMPORT_ONNX_DECODERENTRY_H
#define TERCET_COMPILER_IMPORT_ONNX_DECODERENTRY_H

#include "compiler/import/onnx/TensorBuilder.h"
#include "dialects/nn/NN.h"

namespace tercet::onnx {

struct DecoderEntry {
  /// Tokens that come in; every one has logits, or the last alone.
  int64_t tokens = 0;
  bool all = false;
  /// Positions that the caches have room for.
  int64_t context = 0;
  /// How the caches store a head; null for floats.
  nn::GroupsAttr format;
  /// Of the first token.
  mlir::Value position;
  /// Positions of all tokens, [1, tokens] of i64, where the model has such an input.
  mlir::Value positions;
  /// Caches by the names of the inputs that they stand for, as they come in;
  /// each node that updates one replaces it.
  llvm::StringMap<mlir::Value> caches;
  /// What the mask of attention is taken for when the lengths that are computed
  /// from it are checked: ones in [1, probe].
  int64_t probe = 0;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_DECODERENTRY_H
