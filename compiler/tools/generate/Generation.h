// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens after tokens: a prompt is added to the sequence, then one token at a
// time is chosen and added, until an end token, a limit, or the end of the
// context. With a draft model several are proposed and checked at once, which
// gives the same tokens.

#ifndef TERCET_COMPILER_TOOLS_GENERATE_GENERATION_H
#define TERCET_COMPILER_TOOLS_GENERATE_GENERATION_H

#include "compiler/generate/Sampler.h"
#include "compiler/tools/generate/DecoderProcess.h"

#include <functional>
#include <optional>

namespace tercet::generate {

/// Tokens and time of the forward pass alone.
struct Throughput {
  uint64_t tokens = 0, nanoseconds = 0;
  void add(uint64_t count, uint64_t time) { tokens += count, nanoseconds += time; }
  double getRate() const { return nanoseconds ? double(tokens) * 1e9 / double(nanoseconds) : 0; }
};

struct Figures {
  /// Prompts, single tokens, and with a draft model its own and the checks.
  Throughput prefill, decode, draft;
  uint64_t proposed = 0, accepted = 0;
};

struct GenerationOptions {
  /// Most tokens; the context's end comes first where it is nearer.
  size_t count = 0;
  /// Whether a token ends the text; it is not reported then.
  std::function<bool(int64_t)> isEnd;
  /// Told of each token as it is chosen.
  std::function<llvm::Error(int64_t)> onToken;
  /// Told of the logits after each token of prompt and result; then every token
  /// is run, the last one too.
  std::function<llvm::Error(llvm::ArrayRef<float>)> onLogits;
};

class Generation {
public:
  Generation(DecoderProcess &model, DecoderProcess *draft, Sampler &sampler)
      : model(model), draft(draft), sampler(sampler) {}

  /// The sequence becomes `prompt`, which shares what it can with what was there,
  /// and then goes on. `prompt` is not empty.
  llvm::Error run(llvm::ArrayRef<int64_t> prompt, const GenerationOptions &options);

  const Figures &getFigures() const { return figures; }

private:
  llvm::Error addPrompt(llvm::ArrayRef<int64_t> prompt, const GenerationOptions &options);
  llvm::Error runAlone(size_t count, const GenerationOptions &options);
  llvm::Error runDraft(size_t count, const GenerationOptions &options);
  llvm::Expected<std::vector<int64_t>> propose(int64_t token, size_t count);

  DecoderProcess &model;
  DecoderProcess *draft;
  Sampler &sampler;
  Figures figures;
};

/// What a text was foretold like.
struct Perplexity {
  double value = 0;
  /// Tokens that were foretold.
  uint64_t tokens = 0;
  Throughput throughput;
};

/// Windows as long as the context, each from an empty state; all tokens of a
/// window but its first are foretold. At least two tokens.
llvm::Expected<Perplexity> measurePerplexity(DecoderProcess &model, llvm::ArrayRef<int64_t> tokens);

} // namespace tercet::generate

#endif // TERCET_COMPILER_TOOLS_GENERATE_GENERATION_H
