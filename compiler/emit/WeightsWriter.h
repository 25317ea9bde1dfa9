// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the weights of a program: each at its place, zeros between, and the
// digest of it all, with memory for one chunk.

#ifndef TERCET_COMPILER_EMIT_WEIGHTSWRITER_H
#define TERCET_COMPILER_EMIT_WEIGHTSWRITER_H

#include "compiler/emit/Program.h"

#include "llvm/Support/raw_ostream.h"

#include <array>
#include <functional>

namespace tercet::emit {

using ChunkSink = llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)>;

/// Hands the bytes of a weight's recipe to the sink, in order, in chunks.
using WeightStream = std::function<llvm::Error(nn::WeightOp, ChunkSink)>;

using WeightsDigest = std::array<uint8_t, 32>;

/// Writes the payload, weightsPayloadBytes long, and returns its BLAKE3 hash.
llvm::Expected<WeightsDigest>
writeWeightsPayload(const Program &program, const WeightStream &stream, llvm::raw_ostream &os);

/// Writes what follows the payload in NAME.weights.
void writeWeightsTrailer(const Program &program, const WeightsDigest &digest,
                         llvm::raw_ostream &os);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_WEIGHTSWRITER_H
