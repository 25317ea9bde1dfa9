// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distributions against what the definitions say, computed here another way;
// draws against their distribution; the same draws for the same seed.

#include "compiler/generate/Sampler.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace tercet::generate;

namespace {

const std::vector<float> kLogits = {0.5f, 3.0f, -1.0f, 2.0f, 3.0f, 1.0f};

SamplerOptions warm(double temperature) {
  SamplerOptions options;
  options.temperature = temperature;
  return options;
}

/// Probability by token; 0 where it is cut off.
std::vector<double> distribution(const SamplerOptions &options,
                                 llvm::ArrayRef<int64_t> history = {}) {
  std::vector<double> result(kLogits.size());
  for (TokenProbability each : Sampler(options).getDistribution(kLogits, history))
    result[each.token] = each.probability;
  return result;
}

/// Softmax at a temperature over the tokens that are kept.
std::vector<double> softmax(double temperature, std::vector<int> kept) {
  std::vector<double> result(kLogits.size());
  double sum = 0;
  for (int token : kept)
    sum += std::exp(kLogits[token] / temperature);
  for (int token : kept)
    result[token] = std::exp(kLogits[token] / temperature) / sum;
  return result;
}

void expectNear(const std::vector<double> &got, const std::vector<double> &expected) {
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], 1e-12) << "token " << i;
}

int32_t draw(Sampler &sampler, llvm::ArrayRef<int64_t> history = {}) {
  llvm::Expected<int32_t> token = sampler.sample(kLogits, history);
  if (!token) {
    ADD_FAILURE() << llvm::toString(token.takeError());
    return -1;
  }
  return *token;
}

TEST(Sampler, GreedyTakesTheFirstOfTheGreatest) {
  Sampler sampler{SamplerOptions()};
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(draw(sampler), 1);
}

TEST(Sampler, TemperatureIsASoftmax) {
  for (double temperature : {0.3, 1.0, 4.0})
    expectNear(distribution(warm(temperature)), softmax(temperature, {0, 1, 2, 3, 4, 5}));
}

TEST(Sampler, TopKKeepsTheMostProbable) {
  SamplerOptions options = warm(0.7);
  options.topK = 3;
  expectNear(distribution(options), softmax(0.7, {1, 3, 4}));
  options.topK = 1; // of equals the first
  expectNear(distribution(options), softmax(0.7, {1}));
  options.topK = 100;
  expectNear(distribution(options), softmax(0.7, {0, 1, 2, 3, 4, 5}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  std::vector<double> all = softmax(1, {0, 1, 2, 3, 4, 5});
  SamplerOptions options = warm(1);
  options.topP = all[1] * 0.99;
  expectNear(distribution(options), softmax(1, {1}));
  options.topP = (all[1] + all[4]) * 1.01;
  expectNear(distribution(options), softmax(1, {1, 3, 4}));
  options.topP = 1;
  expectNear(distribution(options), all);
}

TEST(Sampler, TopPIsOfWhatTopKLeft) {
  SamplerOptions options = warm(1);
  options.topK = 3;
  std::vector<double> three = softmax(1, {1, 3, 4});
  options.topP = (three[1] + three[4]) * 0.99;
  expectNear(distribution(options), softmax(1, {1, 4}));
}

TEST(Sampler, MinPIsRelativeToTheGreatest) {
  SamplerOptions options = warm(1);
  options.minP = std::exp(2.0 - 3.0) * 0.99;
  expectNear(distribution(options), softmax(1, {1, 3, 4}));
  options.minP = std::exp(2.0 - 3.0) * 1.01;
  expectNear(distribution(options), softmax(1, {1, 4}));
}

TEST(Sampler, ThePenaltyMovesLogitsTowardsLess) {
  SamplerOptions options;
  options.repetitionPenalty = 2;
  Sampler greedy(options);
  EXPECT_EQ(draw(greedy, {1}), 4);
  EXPECT_EQ(draw(greedy, {1, 4}), 3);
  EXPECT_EQ(draw(greedy, {1, 1, 4, 4, 3}), 1); // once each, whatever the count
  options.temperature = 1;
  std::vector<double> got = distribution(options, {1, 2, 99, -1});
  std::vector<double> expected(kLogits.size());
  double sum = 0;
  for (size_t i = 0; i < kLogits.size(); ++i)
    sum += expected[i] = std::exp(i == 1 ? 1.5 : i == 2 ? -2.0 : double(kLogits[i]));
  for (double &each : expected)
    each /= sum;
  expectNear(got, expected);
}

TEST(Sampler, ThePenaltyForgets) {
  SamplerOptions options;
  options.repetitionPenalty = 2;
  options.penaltyWindow = 2;
  Sampler sampler(options);
  EXPECT_EQ(draw(sampler, {1, 0, 0}), 1);
  EXPECT_EQ(draw(sampler, {1, 0}), 4);
}

TEST(Sampler, DrawsFollowTheDistribution) {
  SamplerOptions options = warm(1.3);
  options.seed = 7;
  Sampler sampler(options);
  std::vector<int> counts(kLogits.size());
  const int draws = 20000;
  for (int i = 0; i < draws; ++i)
    ++counts[draw(sampler)];
  std::vector<double> expected = softmax(1.3, {0, 1, 2, 3, 4, 5});
  // Five standard deviations; the seed is fixed, so this cannot fail by chance.
  for (size_t i = 0; i < counts.size(); ++i)
    EXPECT_NEAR(counts[i], draws * expected[i],
                5 * std::sqrt(draws * expected[i] * (1 - expected[i])))
        << "token " << i;
}

TEST(Sampler, SeedsAreRepeatable) {
  auto draws = [](uint64_t seed) {
    SamplerOptions options = warm(1);
    options.seed = seed;
    Sampler sampler(options);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 100; ++i)
      tokens.push_back(draw(sampler));
    return tokens;
  };
  EXPECT_EQ(draws(3), draws(3));
  EXPECT_NE(draws(3), draws(4));
  // On every machine: these are part of what a seed means.
  std::vector<int32_t> first = draws(3);
  first.resize(8);
  EXPECT_EQ(first, (std::vector<int32_t>{1, 4, 4, 1, 1, 4, 1, 3}));
}

TEST(Sampler, NotANumberIsAnError) {
  for (double temperature : {0.0, 1.0}) {
    Sampler sampler(warm(temperature));
    llvm::Expected<int32_t> token = sampler.sample({0.0f, NAN, 1.0f}, {});
    ASSERT_FALSE(bool(token));
    EXPECT_NE(llvm::toString(token.takeError()).find("token 1"), std::string::npos);
  }
}

TEST(Sampler, OptionsOutOfRangeAreErrors) {
  auto refused = [](void (*change)(SamplerOptions &)) {
    SamplerOptions options;
    options.temperature = 1;
    change(options);
    llvm::Error error = checkOptions(options);
    bool failed = bool(error);
    llvm::consumeError(std::move(error));
    return failed;
  };
  EXPECT_FALSE(refused([](SamplerOptions &o) {}));
  EXPECT_FALSE(refused([](SamplerOptions &o) { o.topK = 5, o.topP = 0.9, o.minP = 0.1; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.temperature = -1; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.temperature = NAN; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.topP = 0; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.topP = 1.1; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.minP = -0.1; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.repetitionPenalty = 0; }));
  EXPECT_TRUE(refused([](SamplerOptions &o) { o.temperature = 0, o.topK = 5; }));
}

TEST(Sampler, LogProbabilities) {
  std::vector<double> expected = softmax(1, {0, 1, 2, 3, 4, 5});
  for (size_t i = 0; i < kLogits.size(); ++i)
    EXPECT_NEAR(getLogProbability(kLogits, int64_t(i)), std::log(expected[i]), 1e-12);
  EXPECT_NEAR(getLogProbability({1000.0f, 999.0f}, 1), -1.0 - std::log1p(std::exp(-1.0)), 1e-9);
}

} // namespace
