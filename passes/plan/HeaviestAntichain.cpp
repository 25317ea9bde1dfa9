// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The antichain of the greatest weight is the complement of a minimum cut. Every
// element has a vertex `out`, fed from the source, and a vertex `in`, drained to
// the sink, both by the element's weight; flow may pass from `out` of an element
// to `in` of those after it, and from `in` to `out` of the same. A cut drops from
// the set of all elements what keeps it from being an antichain.

#include "passes/plan/MemoryBound.h"

#include "llvm/ADT/STLExtras.h"

// Boost asserts and throws nothing that its documented use could trigger; this
// file is compiled with exceptions so that its headers need no hook.
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>

using namespace tercet::plan;

namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Graph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS,
    boost::property<
        boost::vertex_color_t, boost::default_color_type,
        boost::property<boost::vertex_distance_t, int64_t,
                        boost::property<boost::vertex_predecessor_t, Traits::edge_descriptor>>>,
    boost::property<
        boost::edge_capacity_t, int64_t,
        boost::property<boost::edge_residual_capacity_t, int64_t,
                        boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;

/// Edges in pairs, as the flow needs them.
void connect(Graph &graph, size_t from, size_t to, int64_t capacity) {
  auto capacities = get(boost::edge_capacity, graph);
  auto reverse = get(boost::edge_reverse, graph);
  auto there = add_edge(from, to, graph).first;
  auto back = add_edge(to, from, graph).first;
  capacities[there] = capacity;
  capacities[back] = 0;
  reverse[there] = back;
  reverse[back] = there;
}

} // namespace

llvm::SmallVector<unsigned>
tercet::plan::findHeaviestAntichain(llvm::ArrayRef<llvm::BitVector> precedes,
                                    llvm::ArrayRef<int64_t> weights) {
  size_t count = weights.size(), source = 2 * count, sink = source + 1;
  int64_t all = 0;
  for (int64_t weight : weights)
    all += weight;
  Graph graph(2 * count + 2);
  for (size_t a = 0; a < count; ++a) {
    // Elements without weight neither add anything nor stand in the way.
    if (weights[a] == 0)
      continue;
    size_t in = a, out = count + a;
    connect(graph, source, out, weights[a]);
    connect(graph, in, sink, weights[a]);
    connect(graph, in, out, all);
    // What follows through another one need not be said: `in` leads on.
    llvm::BitVector after = precedes[a];
    for (unsigned b : precedes[a].set_bits())
      if (weights[b] != 0)
        after.reset(precedes[b]);
    for (unsigned b : after.set_bits())
      if (weights[b] != 0)
        connect(graph, out, b, all);
  }
  boykov_kolmogorov_max_flow(graph, source, sink);
  // Reachable from the source in what the flow left over.
  auto residual = get(boost::edge_residual_capacity, graph);
  std::vector<char> reached(2 * count + 2, 0);
  std::vector<size_t> stack = {source};
  reached[source] = 1;
  while (!stack.empty()) {
    size_t at = stack.back();
    stack.pop_back();
    for (auto edge : llvm::make_range(out_edges(at, graph)))
      if (size_t next = target(edge, graph); residual[edge] > 0 && !reached[next]) {
        reached[next] = 1;
        stack.push_back(next);
      }
  }
  llvm::SmallVector<unsigned> antichain;
  for (size_t a = 0; a < count; ++a)
    if (weights[a] != 0 && reached[count + a] && !reached[a])
      antichain.push_back(a);
  return antichain;
}
