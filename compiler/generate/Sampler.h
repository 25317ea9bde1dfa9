// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the next token from logits. Steps, each on what the one before left:
// repetition penalty, temperature, top-k, top-p, min-p, renormalise, draw. With
// temperature 0 (the default) it is the token of the highest logit after the
// penalty, of equals the first. The same seed gives the same tokens for the same
// logits on every machine: the generator and the order of all sums are fixed.

#ifndef TERCET_COMPILER_GENERATE_SAMPLER_H
#define TERCET_COMPILER_GENERATE_SAMPLER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace tercet::generate {

struct SamplerOptions {
  /// 0: greedy; else logits are divided by it.
  double temperature = 0;
  /// The most probable k tokens; 0: all.
  uint32_t topK = 0;
  /// The fewest most probable tokens whose sum is at least p; 1: all.
  double topP = 1;
  /// Tokens at least p times as probable as the most probable; 0: all.
  double minP = 0;
  /// Of tokens that occurred, a positive logit is divided by it, another
  /// multiplied; 1: none.
  double repetitionPenalty = 1;
  /// Of how many tokens back an occurrence counts; 0: all.
  uint32_t penaltyWindow = 64;
  uint64_t seed = 0;
};

/// A value outside of its range, or one that has no effect without another.
llvm::Error checkOptions(const SamplerOptions &options);

struct TokenProbability {
  int32_t token;
  double probability;
};

class Sampler {
public:
  explicit Sampler(const SamplerOptions &options) : options(options), state(options.seed) {}

  /// The next token; `history` are those before, the last at the end. A logit
  /// that is no number is an error: nothing sensible can follow.
  llvm::Expected<int32_t> sample(llvm::ArrayRef<float> logits, llvm::ArrayRef<int64_t> history);

  /// What sample() draws from with a temperature: the most probable first, sum 1.
  std::vector<TokenProbability> getDistribution(llvm::ArrayRef<float> logits,
                                                llvm::ArrayRef<int64_t> history) const;

private:
  std::vector<float> applyPenalty(llvm::ArrayRef<float> logits,
                                  llvm::ArrayRef<int64_t> history) const;
  /// In [0, 1), in steps of 2^-53.
  double draw();

  SamplerOptions options;
  uint64_t state;
};

/// Index of the greatest, of equals the first; logits are not empty.
int32_t findGreatest(llvm::ArrayRef<float> logits);

/// Natural logarithm of the probability of a token.
double getLogProbability(llvm::ArrayRef<float> logits, int64_t token);

} // namespace tercet::generate

#endif // TERCET_COMPILER_GENERATE_SAMPLER_H
