// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The families of decoder-only language models, as data. A family is a row of
// the table: what kinds of norm, position, attention, feed-forward network and
// residual its blocks have. A description is one model of a family: the row
// and every size and factor, from a file's metadata. The graph follows from the
// description alone, so a further family is a further row.

#ifndef TERCET_COMPILER_IMPORT_DECODER_ARCHITECTURE_H
#define TERCET_COMPILER_IMPORT_DECODER_ARCHITECTURE_H

#include "dialects/nn/NN.h"

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <vector>

namespace tercet::decoder {

enum class Norm { Rms, Layer };

/// How tokens know where they are.
enum class Position {
  Rotary,  // queries and keys are turned (RoPE)
  Linear,  // scores fall with distance (ALiBi)
  Learned, // a vector for each position is added to the token's
};

/// Which two rows of a head's projection rotary embedding turns together.
enum class Pairs {
  Halves,     // i and i + size/2
  Neighbours, // 2i and 2i + 1
};

enum class Presence { Never, Optional, Always };

/// The feed-forward network between residuals.
enum class FeedForward {
  Gated,       // down(act(gate(x)) * up(x))
  GatedJoined, // the same, gate above up in one matrix
  Plain,       // down(act(up(x)))
};

enum class Residual {
  Sequential,    // x += attention(norm(x)); x += ff(norm(x))
  ParallelNorm,  // x += attention(norm(x)) + ff(norm(x)), one norm or two
  StatedByModel, // two norms; sequential or parallel
};

struct Architecture {
  /// As general.architecture of GGUF has it (empty: it has not), and model_type
  /// of config.json.
  const char *name, *modelType;
  Norm norm;
  Presence normBias;
  Position position;
  /// Of the model itself; GGUF files of some families have the rows of halves
  /// rearranged to neighbours.
  Pairs pairs;
  bool rearrangedInGguf;
  /// Query, key and value in one matrix, one above the other, in GGUF.
  bool joinedQkv;
  Presence qkvBias, outputBias, feedForwardBias;
  /// Queries and keys are normalised head by head before they are turned.
  bool headNorms;
  FeedForward feedForward;
  nn::ActivationKind activation;
  Residual residual;
};

/// Null for a family that is not in the table.
const Architecture *lookupArchitecture(llvm::StringRef name);
const Architecture *lookupModelType(llvm::StringRef modelType);
/// "llama, qwen2, ...": for messages.
std::string architectureNames();
std::string modelTypeNames();

/// Angles of rotary embedding: position * theta^(-2 i / rotated) / factors[i].
struct Rotary {
  double theta = 10000;
  /// Dimensions of a head that are turned, its first ones.
  int64_t rotated = 0;
  /// For each pair; empty: all 1.
  std::vector<double> factors;
  /// The tensor of the file that has the factors, if one does; where there is
  /// another for contexts of up to `original` positions, that too.
  std::string factorsTensor, shortFactorsTensor;
  /// And the same where they are no tensors.
  std::vector<double> shortFactors;
  int64_t original = 0;
  /// Cosine and sine are multiplied by it.
  double attention = 1;
};

struct Description {
  const Architecture *architecture = nullptr;
  Position position = Position::Rotary;
  /// How the rows of queries and keys lie in the file.
  Pairs pairs = Pairs::Halves;
  /// Whether the file has query, key and value in one tensor.
  bool joinedQkv = false;
  int64_t layers = 0, width = 0, heads = 0, keyHeads = 0, headSize = 0;
  int64_t feedForward = 0, vocabulary = 0;
  /// Positions that the model was made for.
  int64_t positions = 0;
  double epsilon = 0;
  Rotary rotary;
  /// The slope of ALiBi's steepest head is 2^(-bias / heads).
  double maxBias = 0;
  /// A query sees so many keys, its own among them; absent: all before it.
  std::optional<int64_t> window;
  bool parallel = false;
  double embeddingScale = 1, residualScale = 1, logitScale = 1;
  /// Scores are multiplied by it.
  double attentionScale = 0;

  // What the user chose.
  /// Positions that the caches have room for.
  int64_t context = 0;
};

/// The slopes of ALiBi: 2^(-bias / n), its powers, for n heads; where n is no
/// power of two, those of the next lower one, and every other of the next.
std::vector<double> linearSlopes(int64_t heads, double maxBias);

/// Factors of YaRN for frequencies theta^(-2 i / rotated): pairs that turn more
/// than `fast` times within `original` positions are left as they are, those
/// that turn less than `slow` times are slowed down by `factor`.
std::vector<double> yarnFactors(const Rotary &rotary, double factor, double original, double fast,
                                double slow);

/// Factors of Llama 3: wavelengths above original / low are stretched by `factor`,
/// those below original / high are not, and between they blend.
std::vector<double> llama3Factors(const Rotary &rotary, double factor, double low, double high,
                                  double original);

} // namespace tercet::decoder

#endif // TERCET_COMPILER_IMPORT_DECODER_ARCHITECTURE_H
