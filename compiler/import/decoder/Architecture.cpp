// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of families (the empty name is of one that GGUF has as llama), and the arithmetic of
// positions that they share.

#include "compiler/import/decoder/Architecture.h"

#include <cmath>

using namespace tercet::decoder;
using tercet::nn::ActivationKind;

namespace {

// Parts of rows, named by what the columns mean.
constexpr auto kRms = Norm::Rms;
constexpr auto kLayer = Norm::Layer;
constexpr auto kNever = Presence::Never;
constexpr auto kMaybe = Presence::Optional;
constexpr auto kAlways = Presence::Always;
constexpr auto kHalves = Pairs::Halves;

// clang-format off
constexpr Architecture kArchitectures[] = {
    // name, model_type, norm, its bias, position, pairs, rearranged, joined qkv, bias of qkv, output, feed-forward,
    // head norms, feed-forward, activation, residual
    {"llama", "llama", kRms, kNever, Position::Rotary, kHalves, true, false, kMaybe, kMaybe, kMaybe,
     false, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"", "mistral", kRms, kNever, Position::Rotary, kHalves, true, false, kNever, kNever, kNever,
     false, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"qwen2", "qwen2", kRms, kNever, Position::Rotary, kHalves, false, false, kAlways, kNever, kNever,
     false, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"qwen3", "qwen3", kRms, kNever, Position::Rotary, kHalves, false, false, kMaybe, kMaybe, kNever,
     true, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"phi3", "phi3", kRms, kNever, Position::Rotary, kHalves, false, true, kNever, kNever, kNever,
     false, FeedForward::GatedJoined, ActivationKind::Silu, Residual::Sequential},
    {"baichuan", "baichuan", kRms, kNever, Position::Rotary, kHalves, true, false, kNever, kNever, kNever,
     false, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"minicpm", "minicpm", kRms, kNever, Position::Rotary, kHalves, true, false, kMaybe, kMaybe, kMaybe,
     false, FeedForward::Gated, ActivationKind::Silu, Residual::Sequential},
    {"chatglm", "chatglm", kRms, kNever, Position::Rotary, Pairs::Neighbours, false, true, kMaybe, kNever, kNever,
     false, FeedForward::GatedJoined, ActivationKind::Silu, Residual::Sequential},
    {"falcon", "falcon", kLayer, kAlways, Position::Rotary, kHalves, false, true, kNever, kNever, kNever,
     false, FeedForward::Plain, ActivationKind::GeluErf, Residual::ParallelNorm},
    {"mpt", "mpt", kLayer, kMaybe, Position::Linear, kHalves, false, true, kMaybe, kMaybe, kMaybe,
     false, FeedForward::Plain, ActivationKind::GeluErf, Residual::Sequential},
    {"gptneox", "gpt_neox", kLayer, kAlways, Position::Rotary, kHalves, false, true, kAlways, kAlways, kAlways,
     false, FeedForward::Plain, ActivationKind::GeluErf, Residual::StatedByModel},
    {"starcoder", "gpt_bigcode", kLayer, kAlways, Position::Learned, kHalves, false, true, kAlways, kAlways, kAlways,
     false, FeedForward::Plain, ActivationKind::GeluTanh, Residual::Sequential},
    {"gpt2", "gpt2", kLayer, kAlways, Position::Learned, kHalves, false, true, kAlways, kAlways, kAlways,
     false, FeedForward::Plain, ActivationKind::GeluTanh, Residual::Sequential},
    {"starcoder2", "starcoder2", kLayer, kAlways, Position::Rotary, kHalves, false, false, kMaybe, kMaybe, kMaybe,
     false, FeedForward::Plain, ActivationKind::GeluTanh, Residual::Sequential},
};
// clang-format on

constexpr double kPi = 3.14159265358979323846;

} // namespace

const Architecture *tercet::decoder::lookupArchitecture(llvm::StringRef name) {
  for (const Architecture &row : kArchitectures)
    if (!name.empty() && name == row.name)
      return &row;
  return nullptr;
}

const Architecture *tercet::decoder::lookupModelType(llvm::StringRef modelType) {
  for (const Architecture &row : kArchitectures)
    if (modelType == row.modelType)
      return &row;
  return nullptr;
}

std::string tercet::decoder::architectureNames() {
  std::string names;
  for (const Architecture &row : kArchitectures)
    if (*row.name)
      names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

std::string tercet::decoder::modelTypeNames() {
  std::string names;
  for (const Architecture &row : kArchitectures)
    names += (names.empty() ? "" : ", ") + std::string(row.modelType);
  return names;
}

std::vector<double> tercet::decoder::linearSlopes(int64_t heads, double maxBias) {
  int64_t power = 1;
  while (power * 2 <= heads)
    power *= 2;
  std::vector<double> slopes;
  for (int64_t head = 0; head < heads; ++head)
    slopes.push_back(
        head < power ? std::exp2(-maxBias * double(head + 1) / double(power))
                     : std::exp2(-maxBias * double(2 * (head - power) + 1) / double(2 * power)));
  return slopes;
}

std::vector<double> tercet::decoder::yarnFactors(const Rotary &rotary, double factor,
                                                 double original, double fast, double slow) {
  double size = double(rotary.rotated);
  // The pair that turns `turns` times.
  auto pairOf = [&](double turns) {
    return size * std::log(original / (turns * 2 * kPi)) / (2 * std::log(rotary.theta));
  };
  double low = std::max(std::floor(pairOf(fast)), 0.0);
  double high = std::min(std::ceil(pairOf(slow)), size - 1);
  if (low == high)
    high += 0.001;
  std::vector<double> factors;
  for (int64_t i = 0; i < rotary.rotated / 2; ++i) {
    double slowed = std::min(std::max((double(i) - low) / (high - low), 0.0), 1.0);
    factors.push_back(1 / (slowed / factor + (1 - slowed)));
  }
  return factors;
}

std::vector<double> tercet::decoder::llama3Factors(const Rotary &rotary, double factor, double low,
                                                   double high, double original) {
  std::vector<double> factors;
  for (int64_t i = 0; i < rotary.rotated / 2; ++i) {
    double wavelength = 2 * kPi * std::pow(rotary.theta, 2 * double(i) / double(rotary.rotated));
    double smooth = (original / wavelength - low) / (high - low);
    smooth = std::min(std::max(smooth, 0.0), 1.0);
    factors.push_back(1 / ((1 - smooth) / factor + smooth));
  }
  return factors;
}
