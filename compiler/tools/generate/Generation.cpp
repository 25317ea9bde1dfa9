// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A token that was chosen is added to the sequence only when something is wanted
// after it, so the last one usually is not.

#include "compiler/tools/generate/Generation.h"

#include "compiler/emit/Faults.h"

#include <cmath>

using namespace tercet;
using namespace tercet::generate;
using emit::failure;

llvm::Error Generation::addPrompt(llvm::ArrayRef<int64_t> prompt,
                                  const GenerationOptions &options) {
  if (prompt.size() > model.getCapacity())
    return failure("the prompt of " + llvm::Twine(prompt.size()) +
                   " tokens is longer than the context of " + llvm::Twine(model.getCapacity()) +
                   "; shorten it, or compile the model with a larger --context");
  if (options.onLogits) {
    if (llvm::Error error = model.trim(0))
      return error;
    if (llvm::Error error = model.score(prompt, options.onLogits))
      return error;
    figures.prefill.add(prompt.size(), model.getNanoseconds());
    return llvm::Error::success();
  }
  llvm::Expected<size_t> run = model.extend(prompt);
  if (!run)
    return run.takeError();
  figures.prefill.add(*run, model.getNanoseconds());
  return llvm::Error::success();
}

llvm::Error Generation::runAlone(size_t count, const GenerationOptions &options) {
  for (size_t i = 0; i < count; ++i) {
    llvm::Expected<int32_t> token = sampler.sample(model.getLogits(), model.getHistory());
    if (!token)
      return token.takeError();
    if (options.isEnd(*token))
      break;
    if (llvm::Error error = options.onToken(*token))
      return error;
    if (i + 1 == count && !options.onLogits)
      break;
    if (llvm::Error error = model.append({int64_t(*token)}))
      return error;
    figures.decode.add(1, model.getNanoseconds());
    if (options.onLogits)
      if (llvm::Error error = options.onLogits(model.getLogits()))
        return error;
  }
  return llvm::Error::success();
}

/// `count` tokens that the draft model expects after `token`.
llvm::Expected<std::vector<int64_t>> Generation::propose(int64_t token, size_t count) {
  std::vector<int64_t> tokens = {token};
  // What the models have in common by now, and the token itself.
  std::vector<int64_t> sequence = model.getHistory().vec();
  sequence.push_back(token);
  llvm::Expected<size_t> run = draft->extend(sequence);
  if (!run)
    return run.takeError();
  figures.draft.add(*run, draft->getNanoseconds());
  while (tokens.size() <= count) {
    tokens.push_back(findGreatest(draft->getLogits()));
    if (tokens.size() > count)
      break;
    if (llvm::Error error = draft->append({tokens.back()}))
      return error;
    figures.draft.add(1, draft->getNanoseconds());
  }
  return tokens;
}

llvm::Error Generation::runDraft(size_t count, const GenerationOptions &options) {
  size_t most = std::max<size_t>(model.getDescription().verify, 2);
  int64_t next = findGreatest(model.getLogits());
  for (size_t done = 0; done < count;) {
    if (options.isEnd(next))
      break;
    if (llvm::Error error = options.onToken(next))
      return error;
    if (++done == count)
      break;
    // The token itself, and as many proposals as can be checked and are wanted.
    size_t before = model.getHistory().size();
    size_t room = std::min<size_t>(model.getCapacity(), draft->getCapacity()) - before;
    size_t proposals = std::min({most - 1, count - done, room - 1});
    llvm::Expected<std::vector<int64_t>> tokens = propose(next, proposals);
    if (!tokens)
      return tokens.takeError();
    std::vector<int64_t> chosen;
    if (llvm::Error error = model.score(*tokens, [&](llvm::ArrayRef<float> row) {
          chosen.push_back(findGreatest(row));
          return llvm::Error::success();
        }))
      return error;
    figures.decode.add(0, model.getNanoseconds());
    size_t accepted = 0;
    bool ended = false;
    while (accepted < proposals && (*tokens)[accepted + 1] == chosen[accepted] && done < count) {
      next = chosen[accepted++];
      if ((ended = options.isEnd(next)))
        break;
      if (llvm::Error error = options.onToken(next))
        return error;
      ++done;
    }
    figures.proposed += proposals;
    figures.accepted += accepted;
    figures.decode.add(accepted + 1, 0);
    if (ended)
      break;
    if (llvm::Error error = model.trim(before + 1 + accepted))
      return error;
    next = chosen[accepted];
  }
  return llvm::Error::success();
}

llvm::Error Generation::run(llvm::ArrayRef<int64_t> prompt, const GenerationOptions &options) {
  if (llvm::Error error = addPrompt(prompt, options))
    return error;
  // The last token that is chosen need not fit, unless its logits are wanted.
  size_t room = model.getCapacity() - prompt.size() + (options.onLogits ? 0 : 1);
  if (draft)
    room = std::min<size_t>(room,
                            std::max<size_t>(draft->getCapacity(), prompt.size()) - prompt.size());
  size_t count = std::min(options.count, room);
  return draft ? runDraft(count, options) : runAlone(count, options);
}

llvm::Expected<Perplexity> tercet::generate::measurePerplexity(DecoderProcess &model,
                                                               llvm::ArrayRef<int64_t> tokens) {
  if (tokens.size() < 2)
    return failure("expected a text of at least 2 tokens, got " + llvm::Twine(tokens.size()));
  Perplexity result;
  double sum = 0;
  while (tokens.size() > 1) {
    llvm::ArrayRef<int64_t> window = tokens.take_front(model.getCapacity());
    if (llvm::Error error = model.trim(0))
      return error;
    size_t at = 0;
    if (llvm::Error error = model.score(window, [&](llvm::ArrayRef<float> row) {
          if (++at < window.size())
            sum -= getLogProbability(row, window[at]);
          return llvm::Error::success();
        }))
      return error;
    result.tokens += window.size() - 1;
    result.throughput.add(window.size(), model.getNanoseconds());
    tokens = tokens.drop_front(window.size());
  }
  result.value = std::exp(sum / double(result.tokens));
  return result;
}
