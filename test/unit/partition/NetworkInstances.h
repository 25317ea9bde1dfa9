// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Networks as partition problems, priced by a simple roofline: nodes of whole
// engines and of shares between two of them, tensors that are whole at an engine
// or divided between two. What a compiler would build, without one.

#ifndef TERCET_TEST_UNIT_PARTITION_NETWORKINSTANCES_H
#define TERCET_TEST_UNIT_PARTITION_NETWORKINSTANCES_H

#include "passes/partition/PartitionProblem.h"

#include <random>

namespace tercet::partition {

/// Rates per picosecond are below 1, so times are per thousand units.
struct BenchmarkEngine {
  int64_t psPerKiloOps;
  int64_t psPerKiloBytes;
  int64_t launch;
};

/// What a node does with its inputs if it is divided: wants each whole on both
/// sides (columns of a matrix product), or divided as its result.
enum class Division { None, NeedsWhole, Elementwise };

class Network {
public:
  /// `shares`: labels for 1/8 ... 7/8 between any two engines.
  Network(std::vector<BenchmarkEngine> engines, bool shares, unsigned seed)
      : engines(std::move(engines)), random(seed) {
    unsigned count = this->engines.size();
    for (unsigned engine = 0; engine < count; ++engine)
      places.push_back({engine, engine, 8});
    if (shares)
      for (unsigned a = 0; a < count; ++a)
        for (unsigned b = a + 1; b < count; ++b)
          for (unsigned eighths = 1; eighths < 8; ++eighths)
            places.push_back({a, b, eighths});
    problem.places = places.size();
  }

  /// Of the weights, what fits the last engine's memory.
  int64_t weightPercent = 100;

  /// A tensor from outside, at the first engine.
  unsigned input(int64_t bytes) { return addTensor(std::nullopt, bytes); }

  /// A node that makes one tensor; returns the tensor.
  unsigned node(const std::string &name, int64_t ops, int64_t weightBytes, int64_t resultBytes,
                Division division, const std::vector<unsigned> &inputs) {
    unsigned index = problem.nodes.size();
    PartitionNode made;
    made.name = name + "_" + std::to_string(index);
    // Engines are not equally good at everything: up to three times slower.
    std::vector<int64_t> percent;
    for (size_t engine = 0; engine < engines.size(); ++engine)
      percent.push_back(100 + random() % 200);
    std::vector<unsigned> placeOfLabel;
    for (unsigned place = 0; place < places.size(); ++place) {
      const Place &at = places[place];
      bool isShare = at.a != at.b;
      if (isShare && division == Division::None)
        continue;
      int64_t cost = timeOn(at.a, ops, weightBytes, resultBytes, at.eighths, percent);
      if (isShare)
        cost =
            std::max(cost, timeOn(at.b, ops, weightBytes, resultBytes, 8 - at.eighths, percent)) +
            shareSync;
      made.labels.push_back({cost, place});
      placeOfLabel.push_back(place);
    }
    problem.nodes.push_back(made);
    weights.push_back({placeOfLabel, weightBytes});
    for (unsigned tensor : inputs) {
      TensorUse first, second;
      first.node = second.node = index;
      bool hasSecond = false;
      for (unsigned place : placeOfLabel) {
        const Place &at = places[place];
        bool both = at.a != at.b && division == Division::NeedsWhole;
        first.demands.push_back(both ? at.a : place);
        second.demands.push_back(both ? at.b : noDemand);
        hasSecond |= both;
      }
      problem.tensors[tensor].uses.push_back(std::move(first));
      if (hasSecond)
        problem.tensors[tensor].uses.push_back(std::move(second));
    }
    return addTensor(index, resultBytes);
  }

  /// Room for `percent` of all weights at the last engine.
  void limitWeights(int64_t percent) {
    PartitionLimit limit;
    limit.name = "weights";
    int64_t sum = 0;
    for (unsigned node = 0; node < weights.size(); ++node) {
      sum += weights[node].bytes;
      for (unsigned label = 0; label < weights[node].placeOfLabel.size(); ++label)
        if (unsigned part = partAt(places[weights[node].placeOfLabel[label]], engines.size() - 1);
            part != 0 && weights[node].bytes != 0)
          limit.uses.push_back({node, label, weights[node].bytes * part / 8});
    }
    limit.capacity = sum * percent / 100;
    problem.limits.push_back(std::move(limit));
  }

  /// The tensor is wanted outside, at the first engine.
  PartitionProblem finish(unsigned result) {
    problem.tensors[result].outputDemands.push_back(0);
    if (weightPercent < 100)
      limitWeights(weightPercent);
    return std::move(problem);
  }

private:
  struct Place {
    unsigned a, b;
    /// On `a`; the rest is on `b`.
    unsigned eighths;
  };
  static constexpr int64_t sync = 20000000, shareSync = 8000000, psPerKiloByteMoved = 50000;

  int64_t timeOn(unsigned engine, int64_t ops, int64_t weightBytes, int64_t resultBytes,
                 unsigned eighths, const std::vector<int64_t> &percent) const {
    const BenchmarkEngine &e = engines[engine];
    int64_t compute = ops / 1000 * e.psPerKiloOps * eighths / 8 * percent[engine] / 100;
    int64_t memory = (weightBytes + resultBytes) * e.psPerKiloBytes / 1000 * eighths / 8;
    return e.launch + std::max(compute, memory);
  }

  /// Eighths of a tensor that lie at, or are wanted at, an engine.
  static unsigned partAt(const Place &place, unsigned engine) {
    if (place.a == place.b)
      return place.a == engine ? 8 : 0;
    return place.a == engine ? place.eighths : place.b == engine ? 8 - place.eighths : 0;
  }

  unsigned addTensor(std::optional<unsigned> producer, int64_t bytes) {
    PartitionTensor tensor;
    tensor.name = "t" + std::to_string(problem.tensors.size());
    tensor.producer = producer;
    tensor.demands = places.size();
    for (const Place &from : places)
      for (const Place &to : places) {
        unsigned moved = 0;
        for (unsigned engine = 0; engine < engines.size(); ++engine)
          moved += std::max(0, static_cast<int>(partAt(to, engine)) -
                                   static_cast<int>(partAt(from, engine)));
        tensor.cost.push_back(moved == 0 ? 0
                                         : sync + bytes * moved / 8 * psPerKiloByteMoved / 1000);
      }
    problem.tensors.push_back(std::move(tensor));
    return problem.tensors.size() - 1;
  }

  std::vector<BenchmarkEngine> engines;
  std::mt19937 random;
  struct Weights {
    std::vector<unsigned> placeOfLabel;
    int64_t bytes;
  };
  std::vector<Place> places;
  std::vector<Weights> weights;
  PartitionProblem problem;
};

/// A processor, a GPU with a launch cost, an NPU that is fast but far.
inline std::vector<BenchmarkEngine> benchmarkEngines(unsigned count) {
  std::vector<BenchmarkEngine> engines = {
      {20000, 40000, 1000000}, {12000, 25000, 6000000}, {4000, 30000, 10000000}};
  engines.resize(count);
  return engines;
}

inline PartitionProblem chainNetwork(Network network, unsigned nodes) {
  unsigned tensor = network.input(8192);
  for (unsigned i = 0; i < nodes; ++i)
    tensor = i % 3 == 0
                 ? network.node("matmul", 4000000, 2000000, 8192, Division::NeedsWhole, {tensor})
                 : network.node("add", 4096, 0, 8192, Division::Elementwise, {tensor});
  return network.finish(tensor);
}

/// Decoder layers of 14 nodes with two residual edges; the positions' table is read
/// by every layer.
inline PartitionProblem transformerNetwork(Network network, unsigned layers, int64_t tokens) {
  int64_t width = 1024, hidden = 2816, bytes = tokens * width * 2, wide = tokens * hidden * 2;
  auto product = [&](const char *name, int64_t n, int64_t k, std::vector<unsigned> inputs) {
    return network.node(name, 2 * tokens * n * k, n * k / 2, tokens * n * 2, Division::NeedsWhole,
                        inputs);
  };
  auto simple = [&](const char *name, int64_t size, std::vector<unsigned> inputs) {
    return network.node(name, size * 4, 0, size, Division::Elementwise, inputs);
  };
  unsigned x = network.input(bytes), positions = network.input(tokens * 256);
  for (unsigned layer = 0; layer < layers; ++layer) {
    unsigned norm = network.node("norm", bytes * 4, 0, bytes, Division::None, {x});
    unsigned q = product("q", width, width, {norm}), k = product("k", width, width, {norm}),
             v = product("v", width, width, {norm});
    unsigned rope = simple("rope", bytes, {q, k, positions});
    unsigned attention = network.node("attention", tokens * 2048 * width * 4, 2048 * width * 4,
                                      bytes, Division::Elementwise, {rope, v});
    unsigned proj = product("proj", width, width, {attention});
    unsigned sum = simple("add", bytes, {x, proj});
    unsigned second = network.node("norm", bytes * 4, 0, bytes, Division::None, {sum});
    unsigned gate = product("gate", hidden, width, {second}),
             up = product("up", hidden, width, {second});
    unsigned mul = simple("mul", wide, {gate, up});
    unsigned down = product("down", width, hidden, {mul});
    x = simple("add", bytes, {sum, down});
  }
  return network.finish(x);
}

/// Four branches of one to three convolutions, joined.
inline PartitionProblem inceptionNetwork(Network network, unsigned blocks) {
  int64_t bytes = 35 * 35 * 192;
  unsigned x = network.input(bytes);
  auto convolution = [&](unsigned from, int64_t ops) {
    return network.node("conv", ops, ops / 500, bytes / 4, Division::NeedsWhole, {from});
  };
  for (unsigned block = 0; block < blocks; ++block) {
    unsigned a = convolution(x, 20000000);
    unsigned b = convolution(convolution(x, 15000000), 60000000);
    unsigned c = convolution(convolution(convolution(x, 15000000), 40000000), 60000000);
    unsigned pool = network.node("pool", bytes * 9, 0, bytes, Division::Elementwise, {x});
    unsigned d = convolution(pool, 15000000);
    x = network.node("concat", 0, 0, bytes, Division::Elementwise, {a, b, c, d});
  }
  return network.finish(x);
}

/// Cells that read the outputs of the two cells before: five sums of two separable
/// convolutions or poolings each, of any two values made so far, joined.
inline PartitionProblem cellNetwork(Network network, unsigned cells, unsigned seed) {
  std::mt19937 random(seed);
  int64_t bytes = 28 * 28 * 128;
  unsigned previous = network.input(bytes);
  unsigned current = network.node("stem", 30000000, 50000, bytes, Division::NeedsWhole, {previous});
  for (unsigned cell = 0; cell < cells; ++cell) {
    std::vector<unsigned> values;
    for (unsigned from : {previous, current})
      values.push_back(
          network.node("fit", 10000000, 16000, bytes / 2, Division::NeedsWhole, {from}));
    std::vector<unsigned> sums;
    for (unsigned block = 0; block < 5; ++block) {
      unsigned pair[2];
      for (unsigned &operand : pair) {
        unsigned from = values[random() % values.size()];
        operand =
            random() % 3 == 0
                ? network.node("pool", bytes * 9, 0, bytes / 2, Division::Elementwise, {from})
                : network.node("sep", 12000000, 20000, bytes / 2, Division::NeedsWhole, {from});
      }
      sums.push_back(
          network.node("add", bytes, 0, bytes / 2, Division::Elementwise, {pair[0], pair[1]}));
      values.push_back(sums.back());
    }
    previous = current;
    current = network.node("concat", 0, 0, bytes, Division::Elementwise, sums);
  }
  return network.finish(current);
}

} // namespace tercet::partition

#endif // TERCET_TEST_UNIT_PARTITION_NETWORKINSTANCES_H
