// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A choice of labels written into the groups, with what each other engine would
// cost and why.

#include "passes/partition/GroupWork.h"
#include "passes/partition/Placement.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// Prices of choices that differ from the chosen one around one group.
class Prices {
public:
  Prices(const PartitionProblem &problem, const Placement::TensorsAround &around,
         ArrayRef<unsigned> labels)
      : problem(problem), around(around), chosen(labels), labels(labels) {}

  /// Another label of a node from here on.
  void set(unsigned node, unsigned label) {
    labels[node] = label;
    changed.insert(node);
  }
  void reset() {
    for (unsigned node : changed)
      labels[node] = chosen[node];
    changed.clear();
  }
  ArrayRef<unsigned> getLabels() const { return labels; }

  /// How much more than the chosen labels these ones cost.
  int64_t difference() const {
    llvm::SmallPtrSet<const PartitionTensor *, 16> tensors;
    int64_t value = 0;
    for (unsigned node : changed) {
      value += problem.nodes[node].labels[labels[node]].cost -
               problem.nodes[node].labels[chosen[node]].cost;
      tensors.insert(around[node].begin(), around[node].end());
    }
    for (const PartitionTensor *tensor : tensors)
      value += problem.value(*tensor, labels) - problem.value(*tensor, chosen);
    return value;
  }

  /// What is moved and converted for a node's operands and results.
  int64_t movesAround(unsigned node) const {
    int64_t cost = 0;
    for (const PartitionTensor *tensor : around[node])
      cost += problem.value(*tensor, labels);
    return cost;
  }

private:
  const PartitionProblem &problem;
  const Placement::TensorsAround &around;
  ArrayRef<unsigned> chosen;
  SmallVector<unsigned> labels;
  llvm::SmallSetVector<unsigned, 4> changed;
};

/// Picoseconds as microseconds.
std::string inMicroseconds(int64_t ps) {
  return llvm::formatv("{0}.{1} us", ps / 1000000, llvm::format("%03d", int(ps / 1000 % 1000)))
      .str();
}

/// Lets groups hand over integers or not as is best with the labels as they are.
/// `siblingsOf` has the labels that differ in nothing else.
void settle(ArrayRef<unsigned> makers,
            llvm::function_ref<SmallVector<unsigned>(unsigned, unsigned)> siblingsOf,
            Prices &prices) {
  for (unsigned maker : makers) {
    unsigned best = prices.getLabels()[maker];
    int64_t least = prices.difference();
    for (unsigned sibling : siblingsOf(maker, best)) {
      prices.set(maker, sibling);
      if (int64_t value = prices.difference(); value < least) {
        least = value;
        best = sibling;
      }
    }
    prices.set(maker, best);
  }
}

} // namespace

SmallVector<unsigned> Placement::siblingsOf(unsigned group, unsigned label) const {
  const PlacementLabel &own = groups[group].labels[label];
  SmallVector<unsigned> siblings;
  for (auto [number, other] : llvm::enumerate(groups[group].labels))
    if (number != label && (own.handover || other.handover) && other.precision == own.precision &&
        llvm::equal(other.parts, own.parts, [](const PlacedPart &p, const PlacedPart &q) {
          return p.engine == q.engine && p.begin == q.begin && p.variant == q.variant;
        }))
      siblings.push_back(number);
  return siblings;
}

void Placement::writeChoice(soc::GroupOp op, const PlacementLabel &chosen) const {
  Builder builder(op.getContext());
  if (op.getShares())
    return; // As the text has them.
  if (chosen.parts.size() == 1) {
    op.setEngine(engines[chosen.parts[0].engine].getEngineName());
    op.setVariantAttr(chosen.parts[0].variant);
    return;
  }
  SmallVector<Attribute> shares;
  for (const PlacedPart &part : chosen.parts)
    shares.push_back(soc::ShareAttr::get(
        op.getContext(), builder.getStringAttr(engines[part.engine].getEngineName()), part.begin,
        part.size, part.variant));
  op.setSharesAttr(builder.getArrayAttr(shares));
}

void Placement::apply(const PartitionProblem &problem, ArrayRef<unsigned> labels, bool byOverlap) {
  Builder builder(func.getContext());
  TensorsAround around = tensorsAround(problem);
  Prices prices(problem, around, labels);
  std::vector<SmallVector<unsigned>> makers(groups.size());
  for (const Reading &reading : readings)
    if (reading.source.producer != kArgument &&
        llvm::any_of(groups[reading.source.producer].labels,
                     [](const PlacementLabel &label) { return bool(label.handover); }))
      makers[reading.consumer].push_back(reading.source.producer);
  for (auto [index, group] : llvm::enumerate(groups)) {
    unsigned node = index;
    const PlacementLabel &chosen = group.labels[labels[index]];
    soc::GroupOp op = group.op;
    writeChoice(op, chosen);
    if (engines.size() < 2)
      continue;
    auto termsOf = [&](const PlacementLabel &label) {
      return (label.precision ? label.precision.getScheme().str() + ", " : "") +
             inMicroseconds(costOf(label)) + " to run, " +
             inMicroseconds(prices.movesAround(node)) + " to move";
    };
    std::string chosenTerms = termsOf(chosen);

    // What the group would cost on each engine, with everything else as it is.
    SmallVector<Attribute> alternatives;
    for (unsigned number = 0; number < engines.size(); ++number) {
      std::string reason, detail, terms;
      int64_t difference = 0;
      bool tooLarge = false;
      const PlacementLabel *offered = nullptr;
      for (unsigned label = 0; label < group.labels.size(); ++label) {
        const PlacementLabel &candidate = group.labels[label];
        if (candidate.parts.size() != 1 || candidate.parts[0].engine != number)
          continue;
        prices.reset();
        prices.set(node, label);
        settle(
            makers[node], [&](unsigned maker, unsigned own) { return siblingsOf(maker, own); },
            prices);
        if (!problem.withinLimits(prices.getLabels())) {
          tooLarge = true;
          continue;
        }
        int64_t value = prices.difference() + costOf(chosen);
        if (!offered || value < difference) {
          difference = value;
          offered = &candidate;
          terms = termsOf(candidate);
        }
      }
      prices.reset();
      int64_t cost = std::max<int64_t>(difference, 0);
      int64_t alone = offered ? costOf(*offered) : 0;
      const PlacedPart *part =
          llvm::find_if(chosen.parts, [&](const PlacedPart &p) { return p.engine == number; });
      const Refusal *refusal =
          llvm::find_if(group.refusals, [&](const Refusal &r) { return r.engine == number; });
      if (part != chosen.parts.end()) {
        reason = chosen.parts.size() == 1 ? "chosen" : "share";
        detail = chosenTerms;
        if (chosen.parts.size() > 1)
          detail = llvm::formatv("rows {0} to {1}; {2}", part->begin, part->begin + part->size,
                                 chosenTerms)
                       .str();
      } else if (refusal != group.refusals.end()) {
        reason = refusal->reason.str();
        detail = refusal->detail;
        cost = 0;
      } else if (!offered && tooLarge) {
        reason = "limit";
        detail = "its weights do not fit the memory beside what else is there";
      } else if (alone > costOf(chosen)) {
        reason = "slower";
        detail = "it takes longer there: " + terms;
      } else if (cost > costOf(chosen)) {
        reason = "transfer";
        detail = "moving its operands and results there costs more than it gains: " + terms;
      } else {
        reason = byOverlap ? "overlap" : "tie";
        detail = (byOverlap ? "the other engine is free meanwhile: "
                            : "it costs the same there; the first engine is taken: ") +
                 terms;
      }
      alternatives.push_back(soc::AlternativeAttr::get(
          func.getContext(), builder.getStringAttr(engines[number].getEngineName()),
          builder.getStringAttr(reason), cost, builder.getStringAttr(detail)));
    }
    op.setAlternativesAttr(builder.getArrayAttr(alternatives));
  }
}
