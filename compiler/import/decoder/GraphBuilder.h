// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of a described model: one token or a chunk of them at a
// position, with a cache of keys and values for each layer as state. All share
// the weights and, by name, the states.

#ifndef TERCET_COMPILER_IMPORT_DECODER_GRAPHBUILDER_H
#define TERCET_COMPILER_IMPORT_DECODER_GRAPHBUILDER_H

#include "compiler/import/decoder/ModelWeights.h"

namespace tercet::decoder {

/// Makes the module of a model: `decode`, `prefill_N` for each length, and
/// `verify_N`, which has logits for each of its tokens. Null if there are errors:
/// sizes of dimensions by name and tensors without a use are among them. The
/// description's context is chosen here.
mlir::OwningOpRef<mlir::ModuleOp> buildDecoder(mlir::MLIRContext &context, Description description,
                                               TensorSource &source, const ImportOptions &options,
                                               llvm::SmallVectorImpl<ImportError> &errors);

/// Chooses the context of a model of `model.positions` positions, and the lengths
/// of chunks, from the options. Heads of `model.headSize` have to suit the cache.
void chooseSizes(mlir::MLIRContext &context, Description &model, const DecoderOptions &options,
                 llvm::SmallVectorImpl<int64_t> &lengths,
                 llvm::SmallVectorImpl<ImportError> &errors);

} // namespace tercet::decoder

#endif // TERCET_COMPILER_IMPORT_DECODER_GRAPHBUILDER_H
