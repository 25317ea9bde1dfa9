// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums are in double and in a fixed order. The generator is SplitMix64 (Steele,
// Lea, Flood 2014): one multiplication-free state, good enough for one draw a
// token, and its output is the same everywhere.

#include "compiler/generate/Sampler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace tercet::generate;

static llvm::Error failure(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error tercet::generate::checkOptions(const SamplerOptions &o) {
  // Written so that no number fails too.
  if (!(o.temperature >= 0 && o.temperature <= 100))
    return failure("--temperature: expected 0 to 100");
  if (!(o.topP > 0 && o.topP <= 1))
    return failure("--top-p: expected a number above 0, up to 1");
  if (!(o.minP >= 0 && o.minP <= 1))
    return failure("--min-p: expected 0 to 1");
  if (!(o.repetitionPenalty > 0 && o.repetitionPenalty <= 100))
    return failure("--repetition-penalty: expected a number above 0, up to 100");
  if (o.temperature == 0 && (o.topK || o.topP < 1 || o.minP > 0))
    return failure("--top-k, --top-p and --min-p choose among tokens that are drawn; expected a "
                   "--temperature above 0 with them");
  return llvm::Error::success();
}

int32_t tercet::generate::findGreatest(llvm::ArrayRef<float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best])
      best = i;
  return int32_t(best);
}

double tercet::generate::getLogProbability(llvm::ArrayRef<float> logits, int64_t token) {
  double greatest = logits[findGreatest(logits)], sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - greatest);
  return double(logits[token]) - greatest - std::log(sum);
}

std::vector<float> Sampler::applyPenalty(llvm::ArrayRef<float> logits,
                                         llvm::ArrayRef<int64_t> history) const {
  std::vector<float> result(logits.begin(), logits.end());
  if (options.repetitionPenalty == 1)
    return result;
  if (options.penaltyWindow)
    history = history.take_back(options.penaltyWindow);
  for (int64_t token : history) {
    if (token < 0 || size_t(token) >= logits.size())
      continue;
    // From the given logits, so that a token that came twice is not punished twice.
    double logit = logits[token];
    result[token] =
        float(logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty);
  }
  return result;
}

std::vector<TokenProbability> Sampler::getDistribution(llvm::ArrayRef<float> given,
                                                       llvm::ArrayRef<int64_t> history) const {
  std::vector<float> logits = applyPenalty(given, history);
  double greatest = logits[findGreatest(logits)];
  std::vector<TokenProbability> result;
  for (auto [token, logit] : llvm::enumerate(logits))
    result.push_back({int32_t(token), std::exp((double(logit) - greatest) / options.temperature)});
  llvm::sort(result, [](const TokenProbability &a, const TokenProbability &b) {
    return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
  });
  if (options.topK && result.size() > options.topK)
    result.resize(options.topK);
  auto getSum = [&] {
    double sum = 0;
    for (const TokenProbability &each : result)
      sum += each.probability;
    return sum;
  };
  if (options.topP < 1) {
    double limit = options.topP * getSum(), sum = 0;
    size_t count = 0;
    while (count < result.size() && sum < limit)
      sum += result[count++].probability;
    result.resize(std::max<size_t>(count, 1));
  }
  if (options.minP > 0)
    llvm::erase_if(result, [limit = options.minP * result[0].probability](
                               const TokenProbability &each) { return each.probability < limit; });
  double sum = getSum();
  for (TokenProbability &each : result)
    each.probability /= sum;
  return result;
}

double Sampler::draw() {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return double((z ^ z >> 31) >> 11) * 0x1p-53;
}

llvm::Expected<int32_t> Sampler::sample(llvm::ArrayRef<float> logits,
                                        llvm::ArrayRef<int64_t> history) {
  for (auto [token, logit] : llvm::enumerate(logits))
    if (std::isnan(logit))
      return failure("the model's logit of token " + llvm::Twine(token) + " is not a number");
  if (options.temperature == 0)
    return findGreatest(applyPenalty(logits, history));
  std::vector<TokenProbability> distribution = getDistribution(logits, history);
  double left = draw();
  for (const TokenProbability &each : distribution) {
    left -= each.probability;
    if (left < 0)
      return each.token;
  }
  return distribution.back().token; // the sum was a little below 1
}
