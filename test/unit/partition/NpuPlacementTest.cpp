// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Placement with the cost model of the Hexagon target, on the machine file
// snapdragon-8-gen3: the link cost at which products leave the NPU against what
// follows from the file's figures by arithmetic that is written here, and the
// choice of the solver against all choices there are.

#include "passes/partition/Placement.h"
#include "targets/hexagon/HexagonEngine.h"
#include "test/unit/partition/CrossoverFixture.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The engine as it answers, but for shares: a product is on the NPU or it is
/// not, so that there is one cost at which it leaves. Its weights stay in the
/// scratchpad, or are fetched.
class WholeModel : public soc::EngineModel {
public:
  explicit WholeModel(bool resident) : resident(resident) {}
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    return real->supports(engine, group, reason);
  }
  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    SmallVector<soc::VariantAttr> variants = real->variants(engine, group, rows);
    llvm::erase_if(variants, [&](soc::VariantAttr variant) {
      return (variant.getResidentBytes() != 0) != resident;
    });
    for (soc::VariantAttr &variant : variants)
      variant =
          soc::VariantAttr::get(variant.getContext(), variant.getName(), variant.getPrecision(),
                                variant.getTiles(), variant.getPanels(), variant.getTimePs(),
                                variant.getScratchBytes(), variant.getResidentBytes(),
                                /*granularity=*/0);
    return variants;
  }
  uint32_t getCores(soc::EngineAttr engine) const override { return real->getCores(engine); }
  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    return real->checkProperties(engine);
  }

private:
  std::unique_ptr<soc::EngineModel> real = hexagon::createEngineModel();
  bool resident;
};

struct NpuCrossover : CrossoverFixture {
  explicit NpuCrossover(bool resident)
      : CrossoverFixture(std::make_unique<WholeModel>(resident)), resident(resident) {}
  void check();
  bool resident;
};
struct NpuStreamed : NpuCrossover {
  NpuStreamed() : NpuCrossover(false) {}
};
struct NpuResident : NpuCrossover {
  NpuResident() : NpuCrossover(true) {}
};

struct NpuBruteForce : CrossoverFixture {
  NpuBruteForce() : CrossoverFixture(hexagon::createEngineModel()) {}

  /// The least value of all choices within the limits, and how many there are.
  static std::pair<int64_t, uint64_t> least(const PartitionProblem &problem) {
    SmallVector<unsigned> labels(problem.nodes.size(), 0);
    int64_t best = std::numeric_limits<int64_t>::max();
    uint64_t count = 0;
    for (bool more = true; more;) {
      ++count;
      if (problem.withinLimits(labels))
        best = std::min(best, problem.value(labels));
      more = false;
      for (size_t node = 0; node < labels.size() && !more; ++node) {
        labels[node] = (labels[node] + 1) % problem.nodes[node].labels.size();
        more = labels[node] != 0;
      }
    }
    return {best, count};
  }
};

} // namespace

/// A product's time on the NPU follows from the link where that is slow and its
/// weights come over it: each panel crosses it once, fastest for one thread,
/// which has a first panel to wait for; and what is fetched over a link pays its
/// latency first. Weights that stay leave the time as it was printed.
void NpuCrossover::check() {
  Figures far;
  far.synchroniseUs = 100000;
  OwningOpRef<ModuleOp> onNpu = place(Figures()), onCpu = place(far);
  ASSERT_TRUE(isOnNpu(*onNpu, "first") && isOnNpu(*onNpu, "second"));
  ASSERT_FALSE(isOnNpu(*onCpu, "first") || isOnNpu(*onCpu, "second"));
  auto engineOf = [&](StringRef name) {
    return cast<soc::EngineAttrInterface>(soc::MachineAttr::of(*onNpu).lookupEngine(name));
  };
  double launch = engineOf("npu").getEnginePerformance().getLaunchPs() / 1e6;
  double part = engineOf("performance").getEnginePerformance().getEfficiency("elements") / 100.0;

  struct Case {
    const char *name;
    double depth, columns;
  };
  for (Case product : {Case{"first", 384, 1536}, Case{"second", 1536, 384}}) {
    SCOPED_TRACE(product.name);
    Terms terms = termsOf(*onNpu, *onCpu, product.name, 128, product.depth, product.columns);
    Figures usual;
    double storing = terms.bytesIn * 8 / (240e3 * part), bytes = terms.bytesIn + terms.bytesOut;
    double caches = bytes / (usual.cacheGbPerS * 1e3);
    double fetched = resident ? 0 : product.depth * product.columns + 64 * product.depth;
    double ways = resident ? 2 : 4;
    double working = resident ? terms.npu : launch;
    // With everything as it is but the token: the time that was printed.
    double synchronise = terms.cpu - terms.npu - storing - caches - 2 * usual.latencyNs / 1e3 -
                         bytes / (usual.linkGbPerS * 1e3);
    double found =
        bisect(product.name, 80, 2000, [](Figures &f, double value) { f.synchroniseUs = value; });
    EXPECT_NEAR(found, synchronise, 0.05 * synchronise);

    // There and back, the weights and their first panel: all bytes over one link.
    double room = terms.cpu - working - storing - caches - usual.synchroniseUs;
    double link = (bytes + fetched) / (room - ways * usual.latencyNs / 1e3) / 1e3;
    found = bisect(product.name, 60, 0.01, [](Figures &f, double value) { f.linkGbPerS = value; });
    EXPECT_NEAR(found, link, 0.05 * link);
    double latency = (room - (bytes + fetched) / (usual.linkGbPerS * 1e3)) / ways * 1e3;
    found =
        bisect(product.name, 2000, 2000000, [](Figures &f, double value) { f.latencyNs = value; });
    EXPECT_NEAR(found, latency, 0.05 * latency);
  }
}

TEST_F(NpuStreamed, ProductsLeaveTheNpuAtTheAnalyticCost) { check(); }
TEST_F(NpuResident, ProductsLeaveTheNpuAtTheAnalyticCost) { check(); }

// Both placements are explained, with codes and what the group costs at both
// places.
TEST_F(NpuStreamed, BothPlacementsAreExplained) {
  auto explain = [&](ModuleOp module, StringRef name, StringRef engine) -> std::string {
    for (auto other : groupOf(module, name).getAlternatives()->getAsRange<soc::AlternativeAttr>())
      if (other.getEngine().getValue() == engine)
        return (other.getReason().getValue() + ": " + other.getDetail().getValue()).str();
    return "";
  };
  auto expect = [](const std::string &text, const char *pattern) {
    EXPECT_TRUE(std::regex_match(text, std::regex(pattern))) << text;
  };
  Figures far;
  far.linkGbPerS = 0.2;
  OwningOpRef<ModuleOp> onNpu = place(Figures()), onCpu = place(far);
  for (const char *name : {"first", "second"}) {
    expect(explain(*onNpu, name, "npu"), "chosen: w8a8, [0-9.]+ us to run, [0-9.]+ us to move");
    expect(explain(*onNpu, name, "performance"),
           "slower: it takes longer there: (f32|w8a8), [0-9.]+ us to run, [0-9.]+ us to move");
    expect(explain(*onCpu, name, "npu"),
           "(slower: it takes longer there|transfer: moving its operands and results there costs "
           "more than it gains): w8a8, [0-9.]+ us to run, [0-9.]+ us to move");
    EXPECT_NE(groupOf(*onCpu, name).getEngine(), "npu");
  }
}

// Every choice of engines, precisions and shares there is: over figures at which
// the products are on the NPU, at the edge, and off it.
TEST_F(NpuBruteForce, TheChoiceIsTheBestOfAll) {
  bool onNpu = false, offNpu = false;
  for (double synchroniseUs : {10, 80, 200, 300, 400, 800})
    for (double linkGbPerS : {60.0, 4.0, 1.0}) {
      Figures figures;
      figures.synchroniseUs = synchroniseUs;
      figures.linkGbPerS = linkGbPerS;
      OwningOpRef<ModuleOp> module = parse(figures);
      ASSERT_TRUE(module);
      auto func = *module->getOps<func::FuncOp>().begin();
      Placement placement(func, soc::MachineAttr::of(*module));
      ASSERT_TRUE(succeeded(placement.collect()));
      bool hasShares = llvm::any_of(placement.getGroups(), [](const PlacedGroup &group) {
        return llvm::any_of(group.labels, [](const PlacementLabel &label) {
          soc::PrecisionAttr precision = label.precision;
          return label.parts.size() == 2 && precision && !precision.isFloat();
        });
      });
      EXPECT_TRUE(hasShares);
      PartitionProblem problem = placement.buildProblem();
      llvm::Expected<PartitionPlan> plan = solvePartition(problem);
      ASSERT_TRUE(bool(plan)) << llvm::toString(plan.takeError());
      auto [value, count] = least(problem);
      EXPECT_GT(count, 1000u);
      EXPECT_EQ(plan->value, value)
          << synchroniseUs << " us, " << linkGbPerS << " GB/s, " << count << " choices";
      EXPECT_TRUE(plan->isOptimal());
      for (auto [group, label] : llvm::zip(placement.getGroups(), plan->labels)) {
        bool there = llvm::any_of(group.labels[label].parts, [](const PlacedPart &part) {
          return part.variant.getPrecision().getValue().isInteger(8) &&
                 part.variant.getName().getValue().starts_with("packed-product") &&
                 part.variant.getPanels()[1] == 32;
        });
        (there ? onNpu : offNpu) |= group.labels.size() > 1;
      }
    }
  EXPECT_TRUE(onNpu && offNpu);
}
