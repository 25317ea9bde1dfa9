// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vertices are moments. Room flows from each moment to the next, at no cost as
// room that is not used, or past several moments along a gap, at the cost of
// minus its value. Where room grows from one moment to the next the difference
// enters, where it shrinks it leaves. Successive shortest paths, each found by
// Bellman and Ford's algorithm, as costs are negative and the graph small.

#include "passes/plan/ResidencyFlow.h"

#include <algorithm>
#include <deque>
#include <limits>

using namespace tercet::plan;

namespace {

struct Arc {
  unsigned to;
  int64_t capacity, cost;
};

class Flow {
public:
  explicit Flow(unsigned vertices) : leaving(vertices) {}

  /// Returns the arc's number; the one after it leads back.
  unsigned add(unsigned from, unsigned to, int64_t capacity, int64_t cost) {
    leaving[from].push_back(arcs.size());
    arcs.push_back({to, capacity, cost});
    leaving[to].push_back(arcs.size());
    arcs.push_back({from, 0, -cost});
    return arcs.size() - 2;
  }
  int64_t flowOf(unsigned arc) const { return arcs[arc + 1].capacity; }

  void run(unsigned source, unsigned sink) {
    constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
    std::vector<int64_t> distance(leaving.size());
    std::vector<unsigned> via(leaving.size());
    std::vector<char> waiting(leaving.size(), 0);
    while (true) {
      std::fill(distance.begin(), distance.end(), kFar);
      distance[source] = 0;
      std::deque<unsigned> queue = {source};
      while (!queue.empty()) {
        unsigned at = queue.front();
        queue.pop_front();
        waiting[at] = 0;
        for (unsigned number : leaving[at]) {
          const Arc &arc = arcs[number];
          if (arc.capacity == 0 || distance[at] + arc.cost >= distance[arc.to])
            continue;
          distance[arc.to] = distance[at] + arc.cost;
          via[arc.to] = number;
          if (!waiting[arc.to]) {
            waiting[arc.to] = 1;
            queue.push_back(arc.to);
          }
        }
      }
      if (distance[sink] == kFar)
        return;
      int64_t amount = kFar;
      for (unsigned at = sink; at != source; at = arcs[via[at] ^ 1].to)
        amount = std::min(amount, arcs[via[at]].capacity);
      for (unsigned at = sink; at != source; at = arcs[via[at] ^ 1].to) {
        arcs[via[at]].capacity -= amount;
        arcs[via[at] ^ 1].capacity += amount;
      }
    }
  }

private:
  std::vector<Arc> arcs;
  std::vector<std::vector<unsigned>> leaving;
};

} // namespace

std::vector<int64_t> tercet::plan::keepMostValue(llvm::ArrayRef<FlowGap> gaps,
                                                 llvm::ArrayRef<int64_t> room) {
  unsigned moments = room.size(), source = moments + 1, sink = moments + 2;
  int64_t all = 0;
  for (int64_t each : room)
    all = std::max(all, each);
  Flow flow(moments + 3);
  for (unsigned i = 0; i <= moments; ++i) {
    int64_t before = i == 0 ? 0 : room[i - 1], after = i == moments ? 0 : room[i];
    if (after > before)
      flow.add(source, i, after - before, 0);
    if (after < before)
      flow.add(i, sink, before - after, 0);
    if (i < moments)
      flow.add(i, i + 1, all, 0);
  }
  std::vector<unsigned> arcs;
  for (const FlowGap &gap : gaps)
    arcs.push_back(flow.add(gap.from, gap.to, gap.bytes, -gap.value));
  flow.run(source, sink);
  std::vector<int64_t> kept;
  for (unsigned arc : arcs)
    kept.push_back(flow.flowOf(arc));
  return kept;
}
