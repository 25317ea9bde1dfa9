// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats of groups by name (GroupFormats.def): GGUF's block types, what
// `--quantize` makes, and left-hand sides that are quantised as the program runs.

#ifndef TERCET_DIALECTS_NN_GROUPFORMATS_H
#define TERCET_DIALECTS_NN_GROUPFORMATS_H

#include "dialects/nn/NN.h"

namespace tercet::nn {

/// The format of this name, in lower case as in "q4_0"; null if there is none.
GroupsAttr groupFormat(mlir::MLIRContext *context, llvm::StringRef name);

/// The name of a format; empty if it has none.
llvm::StringRef nameOfGroupFormat(GroupsAttr format);

/// What a left-hand side is quantised to for a product with weights of this
/// format: signed bytes in groups of 32, or as short as the weights' are.
GroupsAttr leftFormatFor(GroupsAttr weights);

/// Whether nn.encode_groups can make it as the program runs: one plane of codes
/// that do not straddle bytes and are signed bytes or unsigned around the middle, each
/// group with a scale of f16 or f32.
bool isEncodable(GroupsAttr format);

/// Bytes of a stored scale, 0 if there is none.
int64_t bytesOf(ScaleKind kind);

} // namespace tercet::nn

#endif // TERCET_DIALECTS_NN_GROUPFORMATS_H
