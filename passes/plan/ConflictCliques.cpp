// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cliques of the conflicts of a partial order. All maximal ones, as Bron and
// Kerbosch enumerate them with pivots, while they are few; else a cover, since
// bounds need only cliques that are heavy and search needs every conflict in one.

#include "passes/plan/Packing.h"

#include "llvm/ADT/STLExtras.h"

using namespace tercet::plan;

namespace {

class Cliques {
public:
  Cliques(llvm::ArrayRef<llvm::BitVector> adjacent, llvm::ArrayRef<int64_t> weights, size_t limit)
      : adjacent(adjacent), weights(weights), limit(limit), callsLeft(64 * limit) {}

  std::vector<std::vector<unsigned>> run() {
    size_t count = adjacent.size();
    if (enumerate(llvm::BitVector(count, true), llvm::BitVector(count)))
      return std::move(cliques);
    cliques.clear();
    cover();
    return std::move(cliques);
  }

private:
  /// Extends `clique` by `open`, which are adjacent to all of it; `closed` are
  /// too, but what contains them was found before. False if there are too many.
  bool enumerate(llvm::BitVector open, llvm::BitVector closed) {
    if (callsLeft-- == 0)
      return false;
    if (open.none()) {
      if (closed.any())
        return true;
      cliques.push_back(clique);
      llvm::sort(cliques.back());
      return cliques.size() <= limit;
    }
    // Every maximal clique has the pivot or something not adjacent to it.
    unsigned pivot = 0, most = 0;
    llvm::BitVector both = open;
    both |= closed;
    for (unsigned vertex : both.set_bits()) {
      llvm::BitVector covered = open;
      covered &= adjacent[vertex];
      if (unsigned count = covered.count() + 1; count > most) {
        most = count;
        pivot = vertex;
      }
    }
    llvm::BitVector branches = open;
    branches.reset(adjacent[pivot]);
    for (unsigned vertex : branches.set_bits()) {
      llvm::BitVector nextOpen = open, nextClosed = closed;
      nextOpen &= adjacent[vertex];
      nextClosed &= adjacent[vertex];
      clique.push_back(vertex);
      bool fine = enumerate(std::move(nextOpen), std::move(nextClosed));
      clique.pop_back();
      if (!fine)
        return false;
      open.reset(vertex);
      closed.set(vertex);
    }
    return true;
  }

  /// A maximal clique with these, the heaviest addition first.
  void extend(std::vector<unsigned> members) {
    llvm::BitVector open(adjacent.size(), true);
    for (unsigned vertex : members)
      open &= adjacent[vertex];
    while (open.any()) {
      unsigned heaviest = open.find_first();
      for (unsigned vertex : open.set_bits())
        if (weights[vertex] > weights[heaviest])
          heaviest = vertex;
      members.push_back(heaviest);
      open &= adjacent[heaviest];
    }
    llvm::sort(members);
    for (unsigned vertex : members)
      for (unsigned other : members)
        uncovered[vertex].reset(other);
    cliques.push_back(std::move(members));
  }

  void cover() {
    uncovered.assign(adjacent.begin(), adjacent.end());
    for (unsigned vertex = 0; vertex < adjacent.size(); ++vertex)
      extend({vertex});
    for (unsigned vertex = 0; vertex < adjacent.size(); ++vertex)
      while (uncovered[vertex].any())
        extend({vertex, static_cast<unsigned>(uncovered[vertex].find_first())});
    llvm::sort(cliques);
    cliques.erase(llvm::unique(cliques), cliques.end());
  }

  llvm::ArrayRef<llvm::BitVector> adjacent;
  llvm::ArrayRef<int64_t> weights;
  size_t limit, callsLeft;
  std::vector<unsigned> clique;
  std::vector<llvm::BitVector> uncovered;
  std::vector<std::vector<unsigned>> cliques;
};

} // namespace

std::vector<std::vector<unsigned>>
tercet::plan::findCliques(llvm::ArrayRef<llvm::BitVector> adjacent, llvm::ArrayRef<int64_t> weights,
                          size_t limit) {
  return Cliques(adjacent, weights, limit).run();
}
