// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random networks of groups with precisions on random machines, and what a
// choice of engines and precisions costs there, counted from the description
// that the text was written from: shares no code with the placement.

#ifndef TERCET_TEST_UNIT_PARTITION_PLACEMENTFIXTURE_H
#define TERCET_TEST_UNIT_PARTITION_PLACEMENTFIXTURE_H

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace tercet::partition {

struct TestEngine {
  std::string name, kind;
  std::vector<std::string> schemes;
  int64_t launch = 0, synchronise = 0, cacheRate = 0, bandwidth = 0, peak = 0;
  /// Works on `tcm` first, else on `dram` alone.
  bool hasScratchpad = false;
};

struct TestGroup {
  /// Makers of the operands; -1: the function's argument.
  std::vector<int> inputs;
  std::vector<std::string> schemes;
  /// Bits and scale of what an integer scheme stores, and wants of each operand.
  std::map<std::string, std::pair<int, int>> stored;
  std::map<std::string, std::vector<std::pair<int, int>>> wanted;
  bool isReturned = false;
  /// Times by engine and scheme.
  std::map<std::pair<std::string, std::string>, int64_t> times;
};

/// A group's engine and scheme, and what it hands over to all of its readers.
struct TestLabel {
  unsigned engine = 0;
  std::string scheme;
  std::pair<int, int> handover{0, 0};
};

struct TestNetwork {
  static constexpr int64_t elements = 64;
  static constexpr int64_t never = 1000000000000;
  std::vector<TestEngine> engines;
  std::vector<TestGroup> groups;
  int64_t linkRate = 1, linkLatency = 0;

  std::string text() const;
  int64_t cost(const std::vector<TestLabel> &labels) const;

private:
  using Stored = std::pair<int, int>;
  int64_t move(unsigned from, unsigned to, int64_t bytes) const;
  int64_t pass(unsigned engine, int64_t bytes) const;
  unsigned converter(unsigned maker) const;
  int64_t arrival(unsigned engine) const;
};

inline std::string quantName(std::pair<int, int> stored) {
  return "!quant.uniform<i" + std::to_string(stored.first) + ":f32, " +
         std::to_string(stored.second) + ".0>";
}

inline std::string TestNetwork::text() const {
  std::string out =
      "module attributes {soc.machine = #soc.machine<\"board\", workers = 1, engines = [";
  auto number = [](int64_t value) { return std::to_string(value); };
  for (const TestEngine &engine : engines) {
    out += (&engine == &engines[0] ? "" : ", ") + ("#soc.engine<\"" + engine.name) +
           "\", target = \"test\", kind = \"" + engine.kind + "\", memories = [" +
           (engine.hasScratchpad ? "\"tcm\", " : "") +
           "\"dram\"], performance = <launch_ps = " + number(engine.launch) +
           ", synchronise_ps = " + number(engine.synchronise) +
           ", bandwidth_bytes_per_second = " + number(engine.bandwidth) +
           ", cache_bytes_per_second = " + number(engine.cacheRate) +
           ", operations_per_second = {f32 = " + number(engine.peak) +
           "}, efficiency_percent = {}>, properties = {";
    for (size_t group = 0; group < groups.size(); ++group)
      for (const std::string &scheme : engine.schemes) {
        auto time = groups[group].times.find({engine.name, scheme});
        if (time != groups[group].times.end())
          out += "n" + number(group) + "_" + scheme + " = " + number(time->second) + ", ";
      }
    out += "end = 0}>";
  }
  out += "], memories = [#soc.memory<\"dram\", bytes = 0, alignment = 64, "
         "bandwidth_bytes_per_second = 0>, #soc.memory<\"tcm\", bytes = 0, alignment = 64, "
         "bandwidth_bytes_per_second = 0>], links = [#soc.link<\"dram\", \"tcm\", "
         "bandwidth_bytes_per_second = " +
         number(linkRate) + ", latency_ps = " + number(linkLatency) + ">]>} {\n";
  std::string returned, types;
  std::string body;
  for (size_t index = 0; index < groups.size(); ++index) {
    const TestGroup &group = groups[index];
    std::string precisions, operands, operandTypes, arguments;
    for (const std::string &scheme : group.schemes) {
      precisions +=
          std::string(precisions.empty() ? "" : ", ") + "#soc.precision<\"" + scheme + "\"";
      if (scheme != "f32") {
        precisions += ", inputs = [";
        for (size_t i = 0; i < group.inputs.size(); ++i)
          precisions += (i ? ", " : "") + quantName(group.wanted.at(scheme)[i]);
        precisions += "], results = [none, " + quantName(group.stored.at(scheme)) + "]";
      }
      precisions += ">";
    }
    for (size_t i = 0; i < group.inputs.size(); ++i) {
      operands += (i ? ", %" : "%") + (group.inputs[i] < 0 ? "x" : "v" + number(group.inputs[i]));
      operandTypes += std::string(i ? ", " : "") + "tensor<64xf32>";
      arguments += (i ? ", %a" : "%a") + number(i) + ": tensor<64xf32>";
    }
    body += "  %v" + number(index) + " = soc.group precisions [" + precisions + "] (" + operands +
            ") : (" + operandTypes + ") -> tensor<64xf32> {\n  ^bb0(" + arguments +
            "):\n    %e = tensor.empty() : tensor<64xf32>\n    %r = linalg.exp ins(%a0 : "
            "tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>\n    soc.yield %r : "
            "tensor<64xf32>\n  } loc(\"n" +
            number(index) + "\")\n";
    if (group.isReturned) {
      returned += (returned.empty() ? "%v" : ", %v") + number(index);
      types += types.empty() ? "tensor<64xf32>" : ", tensor<64xf32>";
    }
  }
  return out + "func.func @main(%x: tensor<64xf32>) -> (" + types + ") {\n" + body + "  return " +
         returned + " : " + types + "\n}\n}\n";
}

/// a * b / c, rounded up.
inline int64_t scaled(int64_t a, int64_t b, int64_t c) {
  return static_cast<int64_t>((static_cast<__int128>(a) * b + c - 1) / c);
}

inline int64_t TestNetwork::move(unsigned from, unsigned to, int64_t bytes) const {
  if (from == to)
    return 0;
  int64_t cost = engines[to].synchronise;
  for (unsigned engine : {from, to})
    if (engines[engine].cacheRate)
      cost += scaled(bytes, never, engines[engine].cacheRate);
  // Both may have a scratchpad: then it is the same, and the first that both see.
  if (engines[from].hasScratchpad != engines[to].hasScratchpad)
    cost += linkLatency + scaled(bytes, never, linkRate);
  return cost;
}

inline int64_t TestNetwork::pass(unsigned engine, int64_t bytes) const {
  int64_t computing = scaled(8 * elements, never, engines[engine].peak);
  return engines[engine].launch +
         std::max(computing, scaled(bytes, never, engines[engine].bandwidth));
}

inline unsigned TestNetwork::converter(unsigned maker) const {
  if (engines[maker].kind == "cpu")
    return maker;
  for (unsigned engine = 0; engine < engines.size(); ++engine)
    if (engines[engine].kind == "cpu")
      return engine;
  return maker;
}

/// Of the argument at an engine: others than CPUs get a copy of it.
inline int64_t TestNetwork::arrival(unsigned engine) const {
  unsigned by = converter(engine);
  if (by == engine)
    return 0;
  return engines[by].launch +
         std::max<int64_t>(1, scaled(8 * elements, never, engines[by].bandwidth)) +
         move(by, engine, 4 * elements);
}

inline int64_t TestNetwork::cost(const std::vector<TestLabel> &labels) const {
  int64_t sum = 0;
  // Whatever it is stored in; what it is written as.
  const Stored none{0, 0}, floats{32, 0};
  for (size_t index = 0; index < groups.size(); ++index) {
    const TestLabel &label = labels[index];
    const TestEngine &engine = engines[label.engine];
    sum += engine.launch + groups[index].times.at({engine.name, label.scheme});
    if (label.handover != none)
      sum += scaled(8 * elements, never, engine.peak);
  }
  for (int maker = -1; maker < static_cast<int>(groups.size()); ++maker) {
    // The argument is taken for one that the first engine's CPU has made.
    unsigned at = maker < 0 ? 0 : labels[maker].engine;
    Stored stored = none;
    if (maker >= 0 && labels[maker].handover != none)
      stored = labels[maker].handover;
    else if (maker >= 0 && labels[maker].scheme != "f32")
      stored = groups[maker].stored.at(labels[maker].scheme);
    bool isHandover = maker >= 0 && labels[maker].handover != none;
    std::set<Stored> converted;
    std::set<std::pair<unsigned, Stored>> moved;
    for (size_t reader = 0; reader < groups.size(); ++reader)
      for (size_t input = 0; input < groups[reader].inputs.size(); ++input) {
        if (groups[reader].inputs[input] != maker)
          continue;
        const std::string &scheme = labels[reader].scheme;
        // Only CPUs dequantise what they read.
        Stored wanted = none;
        if (scheme != "f32")
          wanted = groups[reader].wanted.at(scheme)[input];
        else if (engines[labels[reader].engine].kind != "cpu")
          wanted = floats;
        bool converts = isHandover       ? stored != wanted
                        : stored == none ? wanted != none && wanted != floats
                                         : wanted == floats;
        if (converts && converted.insert(wanted).second) {
          if (isHandover) {
            sum += never;
          } else {
            unsigned by = converter(at);
            int64_t from = stored == none ? 4 : stored.first / 8;
            sum += pass(by, elements * (from + wanted.first / 8));
            if (maker >= 0)
              sum += move(at, by, elements * from);
          }
        }
        // Which readers on an engine read the same bytes.
        Stored same = wanted;
        if (stored != none && !isHandover)
          same = wanted == floats ? floats : none;
        else if (wanted == floats)
          same = none;
        if (!moved.insert({labels[reader].engine, same}).second)
          continue;
        if (converts)
          sum += move(isHandover ? at : converter(at), labels[reader].engine,
                      elements * (wanted == none ? 4 : wanted.first / 8));
        else if (maker >= 0)
          sum +=
              move(at, labels[reader].engine, elements * (stored == none ? 4 : stored.first / 8));
        else
          sum += arrival(labels[reader].engine);
      }
    if (maker >= 0 && groups[maker].isReturned && stored != none &&
        converted.insert(floats).second) {
      unsigned by = converter(at);
      sum +=
          pass(by, elements * (4 + stored.first / 8)) + move(at, by, elements * stored.first / 8);
    }
  }
  return sum;
}

} // namespace tercet::partition

#endif // TERCET_TEST_UNIT_PARTITION_PLACEMENTFIXTURE_H
