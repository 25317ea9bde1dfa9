// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exact search. Keys of states are bit fields packed into words, one field for
// each open tensor, placed where a closed one left room. Equal keys merge into the
// cheapest way to reach them; with limits, into those of which none is better than
// another in cost and all amounts. The dual bound's parts give the least cost of
// the rest as a sum over open tensors, so it is updated rather than computed.
// One file: its parts work on the same table of states and mean nothing without it.

#include "passes/partition/PartitionAlgorithms.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace tercet::partition;

namespace {

/// Greater fields are not searched: DenseMap keeps two keys for itself.
constexpr unsigned widestField = 62;
/// States of least cost that are compared with all others.
constexpr unsigned dominators = 6;

/// Where the state of an open tensor lies: its row, then a bit for each demand
/// that several uses may share.
struct Field {
  unsigned word = 0;
  unsigned shift = 0;
  unsigned rowBits = 0;
  unsigned width = 0;
  std::vector<int> bitOfDemand;

  uint64_t mask() const { return llvm::maskTrailingOnes<uint64_t>(width); }
  uint64_t of(const uint64_t *key) const { return width == 0 ? 0 : (key[word] >> shift) & mask(); }
  unsigned row(uint64_t value) const { return value & llvm::maskTrailingOnes<uint64_t>(rowBits); }
  bool isPaid(uint64_t value, unsigned demand) const {
    return bitOfDemand[demand] >= 0 && (value >> bitOfDemand[demand] & 1);
  }
};

/// The states after a step, column by column.
struct Layer {
  std::vector<uint64_t> keys;
  /// Cost so far with prices, the same without, and the open tensors' part of the rest.
  std::vector<int64_t> priced, cost, future;
  std::vector<int64_t> usage;
  std::vector<uint32_t> parent, label, next;
  size_t size() const { return cost.size(); }
};

/// What led to the states of a step; all that is kept of earlier ones.
struct Trace {
  std::vector<uint32_t> parent, label;
};

class Search {
public:
  Search(const ReducedPartition &problem, const DualBound &dual, const FrontierOptions &options)
      : problem(problem), dual(dual), options(options),
        limits(options.enforceLimits ? problem.capacities.size() : 0) {}

  FrontierResult run();

private:
  bool layOutFields();
  void prepareBounds();
  bool step(unsigned node);
  void insert(const uint64_t *key, int64_t priced, int64_t cost, int64_t future,
              llvm::ArrayRef<int64_t> usage, uint32_t parent, uint32_t label);
  void prune(unsigned node);
  void removeDominated(std::vector<uint32_t> &order, unsigned node);
  void compact(std::vector<uint32_t> &kept);
  int64_t futureOf(unsigned tensor, uint64_t field, unsigned firstUse) const;
  int64_t differenceOf(unsigned tensor, uint64_t fieldA, uint64_t fieldB, unsigned firstUse) const;
  unsigned firstUseAfter(const ReducedTensor &tensor, int node) const;
  int64_t estimate(const Layer &layer, size_t state, unsigned node) const {
    return layer.priced[state] + layer.future[state] + rest[node + 1];
  }

  const ReducedPartition &problem;
  const DualBound &dual;
  const FrontierOptions &options;
  const unsigned limits;

  std::vector<Field> fields;
  unsigned words = 1;
  /// Tensors that are open after each step.
  std::vector<std::vector<unsigned>> open;
  /// The bound's part of the nodes from here on and of the pairs between them.
  std::vector<int64_t> rest;
  /// For each limit: the least that the nodes from here on use.
  std::vector<std::vector<int64_t>> leastUsage;

  Layer current, following;
  /// Hash table of the states in `following`: index + 1.
  std::vector<uint32_t> table;
  std::vector<Trace> traces;
  int64_t transitions = 0;
  int64_t leastDropped = greatestSum * 4;
  FrontierResult result;
};

} // namespace

unsigned Search::firstUseAfter(const ReducedTensor &tensor, int node) const {
  unsigned use = 0;
  while (use < tensor.uses.size() && static_cast<int>(problem.uses[tensor.uses[use]].node) <= node)
    ++use;
  return use;
}

bool Search::layOutFields() {
  unsigned count = problem.nodes.size();
  fields.resize(problem.tensors.size());
  open.resize(count);
  std::vector<std::vector<unsigned>> opened(count), closed(count);
  for (unsigned index = 0; index < problem.tensors.size(); ++index) {
    const ReducedTensor &tensor = problem.tensors[index];
    Field &field = fields[index];
    field.rowBits = llvm::Log2_64_Ceil(tensor.rows);
    field.width = field.rowBits;
    // A bit where a later use may want what an earlier one has paid.
    for (unsigned demand = 0; demand < tensor.demands; ++demand) {
      unsigned sharers = 0;
      for (unsigned use : tensor.uses)
        sharers += llvm::any_of(problem.uses[use].choices, [&](const auto &choice) {
          return llvm::is_contained(choice, demand);
        });
      field.bitOfDemand.push_back(sharers > 1 ? static_cast<int>(field.width++) : -1);
    }
    if (field.width > widestField)
      return false;
    unsigned first = problem.uses[tensor.uses.front()].node;
    unsigned last = problem.uses[tensor.uses.back()].node;
    unsigned from = tensor.producer < 0 ? first : tensor.producer;
    for (unsigned node = from; node < last; ++node)
      open[node].push_back(index);
    if (from < last) {
      opened[from].push_back(index);
      closed[last].push_back(index);
    } else {
      // All uses by one node: never part of a state.
      field.width = 0;
      field.rowBits = 0;
    }
  }
  std::vector<uint64_t> taken(1, 0);
  for (unsigned node = 0; node < count; ++node) {
    for (unsigned index : closed[node])
      taken[fields[index].word] &= ~(fields[index].mask() << fields[index].shift);
    for (unsigned index : opened[node]) {
      Field &field = fields[index];
      bool found = false;
      for (unsigned word = 0; !found; ++word) {
        if (word == taken.size())
          taken.push_back(0);
        for (unsigned shift = 0; shift + field.width <= 64 && !found; ++shift)
          if ((taken[word] & (field.mask() << shift)) == 0) {
            field.word = word;
            field.shift = shift;
            taken[word] |= field.mask() << shift;
            found = true;
          }
      }
    }
    result.frontier = std::max<int64_t>(result.frontier, open[node].size());
  }
  words = taken.size();
  return true;
}

int64_t Search::futureOf(unsigned index, uint64_t value, unsigned firstUse) const {
  const ReducedTensor &tensor = problem.tensors[index];
  const Field &field = fields[index];
  unsigned row = field.row(value);
  int64_t sum = 0;
  for (unsigned use = firstUse; use < tensor.uses.size(); ++use)
    sum += dual.minimumOfUseAfter(tensor.uses[use], row,
                                  [&](unsigned demand) { return field.isPaid(value, demand); });
  return sum;
}

/// The most by which the uses to come can cost more in a state A than in a state B.
int64_t Search::differenceOf(unsigned index, uint64_t fieldA, uint64_t fieldB,
                             unsigned firstUse) const {
  if (fieldA == fieldB)
    return 0;
  const ReducedTensor &tensor = problem.tensors[index];
  const Field &field = fields[index];
  auto difference = [&](unsigned demand) {
    int64_t a = field.isPaid(fieldA, demand) ? 0 : tensor.costOf(field.row(fieldA), demand);
    int64_t b = field.isPaid(fieldB, demand) ? 0 : tensor.costOf(field.row(fieldB), demand);
    return a - b;
  };
  unsigned left = tensor.uses.size() - firstUse;
  int64_t byUse = 0, byDemand = 0;
  std::vector<bool> counted(tensor.demands, false);
  for (unsigned use = firstUse; use < tensor.uses.size(); ++use) {
    int64_t most = -greatestSum;
    for (const std::vector<unsigned> &choice : problem.uses[tensor.uses[use]].choices) {
      int64_t sum = 0;
      for (unsigned demand : choice) {
        int64_t more = difference(demand);
        // Where uses may share a demand, only one of them pays or saves.
        sum += left == 1 ? more : std::max<int64_t>(more, 0);
        if (!counted[demand]) {
          counted[demand] = true;
          byDemand += std::max<int64_t>(more, 0);
        }
      }
      most = std::max(most, sum);
    }
    byUse += most;
  }
  return std::min(byUse, byDemand);
}

void Search::prepareBounds() {
  unsigned count = problem.nodes.size();
  rest.assign(count + 1, problem.constant - problem.discount);
  for (unsigned node = count; node-- > 0;) {
    rest[node] = rest[node + 1] + dual.minimumOfNode(node);
    for (unsigned index : problem.nodes[node].tensors)
      for (unsigned use : problem.tensors[index].uses)
        rest[node] += dual.minimumOfUse(use);
  }
  leastUsage.assign(limits, std::vector<int64_t>(count + 1, 0));
  for (unsigned limit = 0; limit < limits; ++limit)
    for (unsigned node = count; node-- > 0;)
      leastUsage[limit][node] =
          leastUsage[limit][node + 1] + *llvm::min_element(problem.amounts[limit][node]);
}

static uint64_t hashOf(const uint64_t *key, unsigned words) {
  uint64_t hash = 0x9E3779B97F4A7C15ull;
  for (unsigned word = 0; word < words; ++word) {
    hash = (hash ^ key[word]) * 0xFF51AFD7ED558CCDull;
    hash ^= hash >> 32;
  }
  return hash;
}

void Search::insert(const uint64_t *key, int64_t priced, int64_t cost, int64_t future,
                    llvm::ArrayRef<int64_t> usage, uint32_t parent, uint32_t label) {
  size_t mask = table.size() - 1;
  size_t slot = hashOf(key, words) & mask;
  while (table[slot] != 0 &&
         !std::equal(key, key + words, &following.keys[(table[slot] - 1) * words]))
    slot = (slot + 1) & mask;
  uint32_t head = table[slot];
  if (limits == 0 && head != 0) {
    uint32_t at = head - 1;
    if (priced < following.priced[at]) {
      following.priced[at] = priced;
      following.cost[at] = cost;
      following.parent[at] = parent;
      following.label[at] = label;
    }
    return;
  }
  for (uint32_t other = head; other != 0; other = following.next[other - 1]) {
    uint32_t at = other - 1;
    bool better = following.cost[at] <= cost, worse = following.cost[at] >= cost;
    for (unsigned limit = 0; limit < limits; ++limit) {
      better &= following.usage[at * limits + limit] <= usage[limit];
      worse &= following.usage[at * limits + limit] >= usage[limit];
    }
    if (better)
      return;
    if (worse) {
      // The new state in the place of the old one; others it beats as well stay: harmless.
      following.priced[at] = priced;
      following.cost[at] = cost;
      following.parent[at] = parent;
      following.label[at] = label;
      std::copy(usage.begin(), usage.end(), following.usage.begin() + at * limits);
      return;
    }
  }
  following.keys.insert(following.keys.end(), key, key + words);
  following.priced.push_back(priced);
  following.cost.push_back(cost);
  following.future.push_back(future);
  following.usage.insert(following.usage.end(), usage.begin(), usage.end());
  following.parent.push_back(parent);
  following.label.push_back(label);
  following.next.push_back(head);
  table[slot] = following.size();
  if (following.size() * 2 <= table.size())
    return;
  table.assign(table.size() * 2, 0);
  mask = table.size() - 1;
  for (uint32_t at = 0; at < following.size(); ++at) {
    const uint64_t *own = &following.keys[at * words];
    slot = hashOf(own, words) & mask;
    while (table[slot] != 0 &&
           !std::equal(own, own + words, &following.keys[(table[slot] - 1) * words]))
      slot = (slot + 1) & mask;
    // States of one key were linked in the order of their numbers.
    table[slot] = at + 1;
  }
}

namespace {

/// A tensor that the node of a step reads.
struct Input {
  unsigned tensor = 0;
  unsigned firstUseBefore = 0, firstUseAfter = 0;
  bool startsHere = false;
  uint64_t keep = 0;
  const ReducedUse *use = nullptr;
  llvm::DenseMap<uint64_t, int64_t> futureBefore, futureAfter;
  /// Of the state at hand: by choice of the use.
  std::vector<int64_t> cost, future;
  std::vector<uint64_t> value;
};

} // namespace

bool Search::step(unsigned at) {
  const ReducedNode &node = problem.nodes[at];
  unsigned labelCount = node.labels.size();

  std::vector<Input> inputs;
  for (unsigned use : node.uses) {
    unsigned tensorIndex = problem.uses[use].tensor;
    const ReducedTensor &tensor = problem.tensors[tensorIndex];
    const Field &field = fields[tensorIndex];
    Input &input = inputs.emplace_back();
    input.tensor = tensorIndex;
    input.use = &problem.uses[use];
    input.firstUseBefore = firstUseAfter(tensor, static_cast<int>(at) - 1);
    input.firstUseAfter = firstUseAfter(tensor, at);
    input.startsHere = tensor.producer < 0 && input.firstUseBefore == 0;
    if (input.firstUseAfter < tensor.uses.size())
      input.keep = llvm::maskTrailingOnes<uint64_t>(field.rowBits);
    for (unsigned later = input.firstUseAfter; later < tensor.uses.size(); ++later)
      for (const std::vector<unsigned> &choice : problem.uses[tensor.uses[later]].choices)
        for (unsigned demand : choice)
          if (field.bitOfDemand[demand] >= 0)
            input.keep |= uint64_t(1) << field.bitOfDemand[demand];
    input.cost.resize(input.use->choices.size());
    input.future.resize(input.use->choices.size());
    input.value.resize(input.use->choices.size());
  }

  // What the node's own tensors add, by label.
  std::vector<int64_t> madeFuture(labelCount, 0);
  std::vector<uint64_t> madeKey(labelCount * words, 0);
  for (unsigned index : node.tensors)
    for (unsigned label = 0; label < labelCount; ++label) {
      unsigned row = problem.tensors[index].rowOfLabel[label];
      madeFuture[label] += futureOf(index, row, 0);
      madeKey[label * words + fields[index].word] |= uint64_t(row) << fields[index].shift;
    }

  following = Layer();
  size_t capacity = llvm::PowerOf2Ceil(std::max<size_t>(64, current.size() * 4));
  table.assign(capacity, 0);
  std::vector<uint64_t> base(words), key(words);
  std::vector<int64_t> usage(limits);
  auto memo = [&](llvm::DenseMap<uint64_t, int64_t> &map, unsigned tensor, uint64_t value,
                  unsigned firstUse) {
    auto [it, isNew] = map.try_emplace(value, 0);
    if (isNew)
      it->second = futureOf(tensor, value, firstUse);
    return it->second;
  };

  for (uint32_t state = 0; state < current.size(); ++state) {
    std::copy_n(&current.keys[state * words], words, base.begin());
    int64_t future = current.future[state];
    for (Input &input : inputs) {
      const ReducedTensor &tensor = problem.tensors[input.tensor];
      const Field &field = fields[input.tensor];
      uint64_t value = input.startsHere ? 0 : field.of(base.data());
      if (!input.startsHere && field.width != 0)
        base[field.word] &= ~(field.mask() << field.shift);
      future -= memo(input.futureBefore, input.tensor, value, input.firstUseBefore);
      unsigned row = field.row(value);
      for (unsigned index = 0; index < input.use->choices.size(); ++index) {
        uint64_t after = value;
        int64_t cost = 0;
        for (unsigned demand : input.use->choices[index]) {
          int64_t charge = tensor.costOf(row, demand);
          if (field.isPaid(value, demand) || charge == 0)
            continue;
          cost += charge;
          if (field.bitOfDemand[demand] >= 0)
            after |= uint64_t(1) << field.bitOfDemand[demand];
        }
        after &= input.keep;
        input.cost[index] = cost;
        input.future[index] = memo(input.futureAfter, input.tensor, after, input.firstUseAfter);
        input.value[index] = after;
      }
    }
    transitions += labelCount;
    for (unsigned label = 0; label < labelCount; ++label) {
      int64_t added = node.labels[label].cost, ahead = future + madeFuture[label];
      for (const Input &input : inputs) {
        added += input.cost[input.use->choiceOfLabel[label]];
        ahead += input.future[input.use->choiceOfLabel[label]];
      }
      int64_t priced = current.priced[state] + added;
      if (priced + ahead + rest[at + 1] >= options.upper)
        continue;
      bool fits = true;
      for (unsigned limit = 0; limit < limits; ++limit) {
        usage[limit] = current.usage[state * limits + limit] + problem.amounts[limit][at][label];
        fits &= usage[limit] + leastUsage[limit][at + 1] <= problem.capacities[limit];
      }
      if (!fits)
        continue;
      for (unsigned word = 0; word < words; ++word)
        key[word] = base[word] | madeKey[label * words + word];
      for (const Input &input : inputs) {
        const Field &field = fields[input.tensor];
        if (field.width != 0)
          key[field.word] |= input.value[input.use->choiceOfLabel[label]] << field.shift;
      }
      insert(key.data(), priced, current.cost[state] + added - node.labels[label].price, ahead,
             usage, state, label);
    }
    // A state of many open tensors counts for several.
    if (transitions > options.maxTransitions ||
        static_cast<int64_t>(following.size()) * words > options.maxStates)
      return false;
  }
  prune(at);
  result.states += following.size();
  result.widestStep = std::max<int64_t>(result.widestStep, following.size());
  traces.push_back({following.parent, following.label});
  current = std::move(following);
  return result.states * words <= options.maxStates;
}

void Search::compact(std::vector<uint32_t> &kept) {
  llvm::sort(kept);
  Layer layer;
  for (uint32_t state : kept) {
    layer.keys.insert(layer.keys.end(), &following.keys[state * words],
                      &following.keys[state * words] + words);
    layer.priced.push_back(following.priced[state]);
    layer.cost.push_back(following.cost[state]);
    layer.future.push_back(following.future[state]);
    layer.usage.insert(layer.usage.end(), following.usage.begin() + state * limits,
                       following.usage.begin() + (state + 1) * limits);
    layer.parent.push_back(following.parent[state]);
    layer.label.push_back(following.label[state]);
  }
  following = std::move(layer);
}

void Search::removeDominated(std::vector<uint32_t> &order, unsigned node) {
  size_t leaders = std::min<size_t>(dominators, order.size());
  std::vector<unsigned> firstUse;
  for (unsigned index : open[node])
    firstUse.push_back(firstUseAfter(problem.tensors[index], node));
  std::vector<bool> gone(order.size(), false);
  for (size_t leader = 0; leader < leaders; ++leader) {
    if (gone[leader])
      continue;
    uint32_t a = order[leader];
    std::vector<llvm::DenseMap<uint64_t, int64_t>> memo(open[node].size());
    for (size_t other = leader + 1; other < order.size(); ++other) {
      uint32_t b = order[other];
      if (gone[other])
        continue;
      bool usesMore = false;
      for (unsigned limit = 0; limit < limits; ++limit)
        usesMore |= following.usage[a * limits + limit] > following.usage[b * limits + limit];
      if (usesMore)
        continue;
      int64_t more = following.cost[a];
      for (unsigned i = 0; i < open[node].size(); ++i) {
        const Field &field = fields[open[node][i]];
        uint64_t valueB = field.of(&following.keys[b * words]);
        auto [it, isNew] = memo[i].try_emplace(valueB, 0);
        if (isNew)
          it->second = differenceOf(open[node][i], field.of(&following.keys[a * words]), valueB,
                                    firstUse[i]);
        more += it->second;
      }
      gone[other] = more <= following.cost[b];
    }
  }
  size_t end = 0;
  for (size_t i = 0; i < order.size(); ++i)
    if (!gone[i])
      order[end++] = order[i];
  order.resize(end);
}

void Search::prune(unsigned node) {
  size_t width = options.width > 0 ? options.width : following.size();
  if (following.size() <= 2)
    return;
  std::vector<uint32_t> order(following.size());
  std::iota(order.begin(), order.end(), 0);
  auto isBetter = [&](uint32_t a, uint32_t b) {
    int64_t costA = estimate(following, a, node), costB = estimate(following, b, node);
    return costA != costB ? costA < costB : a < b;
  };
  if (order.size() > dominators)
    std::nth_element(order.begin(), order.begin() + dominators, order.end(), isBetter);
  llvm::sort(order.begin(), order.begin() + std::min<size_t>(dominators, order.size()), isBetter);
  removeDominated(order, node);
  if (order.size() > width) {
    std::nth_element(order.begin(), order.begin() + width, order.end(), isBetter);
    for (size_t i = width; i < order.size(); ++i)
      leastDropped = std::min(leastDropped, estimate(following, order[i], node));
    order.resize(width);
  }
  if (order.size() < following.size())
    compact(order);
}

FrontierResult Search::run() {
  result.lowerBound = dual.bound() - problem.discount;
  if (!layOutFields())
    return result;
  prepareBounds();
  current.keys.assign(words, 0);
  current.priced = current.cost = {0};
  current.usage.assign(limits, 0);
  int64_t given = 0;
  for (unsigned index = 0; index < problem.tensors.size(); ++index)
    if (problem.tensors[index].producer < 0)
      given += futureOf(index, 0, 0);
  current.future = {given};
  for (unsigned node = 0; node < problem.nodes.size(); ++node) {
    if (!step(node))
      return result;
    if (current.size() == 0)
      break;
  }
  result.complete = leastDropped >= options.upper;
  result.lowerBound = std::max(result.lowerBound, std::min(leastDropped, options.upper));
  if (current.size() == 0)
    return result;
  uint32_t best = llvm::min_element(current.cost) - current.cost.begin();
  result.value = current.cost[best] + problem.constant;
  result.labels.emplace(problem.nodes.size());
  for (unsigned node = problem.nodes.size(); node-- > 0;) {
    (*result.labels)[node] = traces[node].label[best];
    best = traces[node].parent[best];
  }
  result.complete = leastDropped >= std::min(options.upper, result.value);
  result.lowerBound =
      std::max(dual.bound() - problem.discount, std::min(leastDropped, result.value));
  return result;
}

FrontierResult tercet::partition::searchFrontier(const ReducedPartition &problem,
                                                 const DualBound &dual,
                                                 const FrontierOptions &options) {
  return Search(problem, dual, options).run();
}
