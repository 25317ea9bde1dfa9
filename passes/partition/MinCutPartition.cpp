// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice between two labels of every node as a minimum cut. A node on the
// sink's side takes its second label. A demand that several uses share has a
// vertex of its own, which is forced to the side of any use that wants it, so
// that it is paid once.

#include "passes/partition/PartitionAlgorithms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>

using namespace tercet::partition;

#ifdef BOOST_NO_EXCEPTIONS
// Boost asks for these where exceptions are off; it throws on broken invariants only.
namespace boost {
BOOST_NORETURN void throw_exception(const std::exception &) {
  llvm_unreachable("the flow graph broke an invariant of Boost.Graph");
}
BOOST_NORETURN void throw_exception(const std::exception &, const source_location &) {
  llvm_unreachable("the flow graph broke an invariant of Boost.Graph");
}
} // namespace boost
#endif

namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using FlowGraph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS,
    boost::property<
        boost::vertex_color_t, boost::default_color_type,
        boost::property<boost::vertex_distance_t, long,
                        boost::property<boost::vertex_predecessor_t, Traits::edge_descriptor>>>,
    boost::property<
        boost::edge_capacity_t, int64_t,
        boost::property<boost::edge_residual_capacity_t, int64_t,
                        boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;

/// Costs of zero-one variables: source's side is 0, sink's side is 1. The graph is
/// never copied: its edges point at their reverse edges.
class Cut {
public:
  static constexpr unsigned source = 0, sink = 1;
  /// More than any cut of finite cost.
  static constexpr int64_t infinite = greatestSum * 4;

  explicit Cut(unsigned variables) : costs(variables + 2) {}

  unsigned addVariable() {
    costs.emplace_back();
    return costs.size() - 1;
  }
  void addCost(unsigned variable, int64_t ifZero, int64_t ifOne) {
    costs[variable].first += ifZero;
    costs[variable].second += ifOne;
  }
  /// Paid where `zero` is 0 and `one` is 1.
  void addPair(unsigned zero, unsigned one, int64_t cost) {
    if (cost != 0)
      pairs.push_back({zero, one, cost});
  }
  /// The value of each variable. `value` becomes the least cost.
  std::vector<bool> solve(int64_t &value) const;

private:
  std::vector<std::pair<int64_t, int64_t>> costs;
  struct Pair {
    unsigned zero, one;
    int64_t cost;
  };
  std::vector<Pair> pairs;
};

} // namespace

std::vector<bool> Cut::solve(int64_t &value) const {
  FlowGraph graph(costs.size());
  auto capacity = boost::get(boost::edge_capacity, graph);
  auto reverse = boost::get(boost::edge_reverse, graph);
  auto addEdge = [&](unsigned from, unsigned to, int64_t forward, int64_t backward) {
    auto edge = boost::add_edge(from, to, graph).first;
    auto back = boost::add_edge(to, from, graph).first;
    capacity[edge] = forward;
    capacity[back] = backward;
    reverse[edge] = back;
    reverse[back] = edge;
  };
  int64_t constant = 0;
  for (unsigned variable = 2; variable < costs.size(); ++variable) {
    // What both sides cost is paid in any case; the rest is one edge.
    auto [ifZero, ifOne] = costs[variable];
    int64_t both = std::min(ifZero, ifOne);
    constant += both;
    if (ifOne > both)
      addEdge(source, variable, ifOne - both, 0);
    if (ifZero > both)
      addEdge(variable, sink, ifZero - both, 0);
  }
  for (const Pair &pair : pairs)
    addEdge(pair.zero, pair.one, pair.cost, 0);
  value = constant + boost::boykov_kolmogorov_max_flow(graph, source, sink);

  // What is reached from the source along what is left of the capacities.
  std::vector<bool> isOne(costs.size(), true);
  std::vector<unsigned> stack = {source};
  isOne[source] = false;
  auto residual = boost::get(boost::edge_residual_capacity, graph);
  while (!stack.empty()) {
    unsigned at = stack.back();
    stack.pop_back();
    for (auto [it, end] = boost::out_edges(at, graph); it != end; ++it) {
      unsigned to = boost::target(*it, graph);
      if (residual[*it] > 0 && isOne[to]) {
        isOne[to] = false;
        stack.push_back(to);
      }
    }
  }
  return isOne;
}

namespace {

/// Translates a choice between two labels into a cut.
class CutBuilder {
public:
  CutBuilder(const ReducedPartition &problem, const Labels &first, const Labels &second)
      : problem(problem), first(first), second(second), cut(problem.nodes.size()) {}

  CutResult run() {
    for (unsigned node = 0; node < problem.nodes.size(); ++node)
      cut.addCost(variable(node), priceOf(node, first[node]), priceOf(node, second[node]));
    for (const ReducedTensor &tensor : problem.tensors)
      for (unsigned demand = 0; demand < tensor.demands; ++demand)
        addDemand(tensor, demand);
    int64_t value = 0;
    std::vector<bool> isSecond = cut.solve(value);
    CutResult result;
    result.labels = first;
    for (unsigned node = 0; node < problem.nodes.size(); ++node)
      if (isSecond[variable(node)])
        result.labels[node] = second[node];
    // The flow's value must be what the labels cost; a difference would be a fault.
    result.exact = isExact && value + problem.constant == problem.value(result.labels);
    return result;
  }

private:
  static unsigned variable(unsigned node) { return node + 2; }
  int64_t priceOf(unsigned node, unsigned label) const {
    return problem.nodes[node].labels[label].cost;
  }

  void addDemand(const ReducedTensor &tensor, unsigned demand) {
    llvm::SmallVector<unsigned, 4> ifFirst, ifSecond;
    bool always = false;
    for (unsigned index : tensor.uses) {
      const ReducedUse &use = problem.uses[index];
      bool atFirst = llvm::is_contained(use.wantedBy(first[use.node]), demand);
      bool atSecond = llvm::is_contained(use.wantedBy(second[use.node]), demand);
      always |= atFirst && atSecond;
      if (atFirst && !atSecond)
        ifFirst.push_back(use.node);
      if (atSecond && !atFirst)
        ifSecond.push_back(use.node);
    }
    // Cost by the maker's choice.
    int64_t costFirst = tensor.costOf(problem.rowOf(tensor, first), demand);
    int64_t costSecond = tensor.costOf(problem.rowOf(tensor, second), demand);
    if (!always && !ifFirst.empty() && !ifSecond.empty() && (costFirst != 0 || costSecond != 0)) {
      // Wanted by one side's uses and by the other's: not a cut in general. As if
      // it were wanted in any case, which it is at `first`.
      always = true;
      isExact = false;
    }
    if (always) {
      if (tensor.producer >= 0)
        cut.addCost(variable(tensor.producer), costFirst, costSecond);
      else
        cut.addCost(variable(0), costFirst, costFirst);
    } else if (!ifSecond.empty()) {
      // One is 1 if any of the uses takes its second label.
      unsigned wants = variable(ifSecond[0]);
      if (ifSecond.size() > 1) {
        wants = cut.addVariable();
        for (unsigned node : ifSecond)
          cut.addPair(wants, variable(node), Cut::infinite);
      }
      isExact &= costSecond <= costFirst;
      cut.addCost(wants, 0, costSecond);
      if (costSecond < costFirst)
        cut.addPair(variable(tensor.producer), wants, costFirst - costSecond);
    } else if (!ifFirst.empty()) {
      // One is 0 if any of the uses takes its first label.
      unsigned spares = variable(ifFirst[0]);
      if (ifFirst.size() > 1) {
        spares = cut.addVariable();
        for (unsigned node : ifFirst)
          cut.addPair(variable(node), spares, Cut::infinite);
      }
      isExact &= costFirst <= costSecond;
      cut.addCost(spares, costFirst, 0);
      if (costFirst < costSecond)
        cut.addPair(spares, variable(tensor.producer), costSecond - costFirst);
    }
  }

  const ReducedPartition &problem;
  const Labels &first, &second;
  Cut cut;
  bool isExact = true;
};

} // namespace

CutResult tercet::partition::cutBetween(const ReducedPartition &problem, const Labels &first,
                                        const Labels &second) {
  if (problem.nodes.empty())
    return {{}, true};
  return CutBuilder(problem, first, second).run();
}

std::optional<Labels> tercet::partition::solveByMinCut(const ReducedPartition &problem) {
  llvm::SmallVector<unsigned, 2> places;
  for (const ReducedNode &node : problem.nodes)
    for (const ReducedLabel &label : node.labels)
      if (!llvm::is_contained(places, label.place))
        places.push_back(label.place);
  if (places.size() > 2)
    return std::nullopt;
  Labels first, second;
  for (const ReducedNode &node : problem.nodes) {
    if (node.labels.size() > 2 ||
        (node.labels.size() == 2 && node.labels[0].place == node.labels[1].place))
      return std::nullopt;
    unsigned atFirst = node.labels[0].place == places[0] ? 0 : node.labels.size() - 1;
    first.push_back(atFirst);
    second.push_back(node.labels.size() - 1 - atFirst);
  }
  CutResult result = cutBetween(problem, first, second);
  if (!result.exact)
    return std::nullopt;
  return std::move(result.labels);
}
