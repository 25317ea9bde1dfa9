// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cost of reaching the NPU of snapdragon-8-gen3 at which matrix products
// leave it: found by bisection over the text of the machine file, and compared
// with what follows from the printed costs by arithmetic that is written here.

#include "test/unit/partition/CrossoverFixture.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The NPU by its roofline: what has an integer form, in w8a8, whole.
class RooflineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr, soc::GroupOp group, std::string &reason) const override {
    reason = "it computes in integers";
    return bool(precisionOf(group));
  }
  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    soc::PrecisionAttr precision = precisionOf(group);
    Builder b(group.getContext());
    SmallVector<int64_t> panels(group.getInputs().size(), 0);
    uint64_t time =
        partition::GroupWork::of(group, rows, precision).timePs(engine.getPerformance(), 1, 1);
    return {soc::VariantAttr::get(b.getContext(), b.getStringAttr("whole"),
                                  TypeAttr::get(b.getI8Type()), b.getDenseI64ArrayAttr({0, 0}),
                                  b.getDenseI64ArrayAttr(panels), time, 0, 0, 0)};
  }

private:
  static soc::PrecisionAttr precisionOf(soc::GroupOp group) {
    for (auto precision : group.getPrecisionsAttr().getAsRange<soc::PrecisionAttr>())
      if (precision.getScheme() == "w8a8")
        return precision;
    return {};
  }
};

struct Crossover : CrossoverFixture {
  Crossover() : CrossoverFixture(std::make_unique<RooflineModel>()) {}
};

} // namespace

// The CPUs compute a product of 151 million operations in about half a
// millisecond, the NPU in 11 us and what it takes to get there.
TEST_F(Crossover, ProductsLeaveTheNpuAtTheAnalyticCost) {
  Figures far;
  far.synchroniseUs = 100000;
  OwningOpRef<ModuleOp> onNpu = place(Figures()), onCpu = place(far);
  ASSERT_TRUE(isOnNpu(*onNpu, "first") && isOnNpu(*onNpu, "second"));
  ASSERT_FALSE(isOnNpu(*onCpu, "first") || isOnNpu(*onCpu, "second"));

  struct Case {
    const char *name;
    double depth, columns;
  };
  // The second product's operand is four times as large: its crossover differs.
  for (Case product : {Case{"first", 384, 1536}, Case{"second", 1536, 384}}) {
    Terms terms = termsOf(*onNpu, *onCpu, product.name, 128, product.depth, product.columns);
    // Eight operations for each element that the CPU before it stores as i8, at
    // what operations on elements reach of the 240 GOPS of that cluster.
    auto cluster =
        cast<soc::EngineAttrInterface>(soc::MachineAttr::of(*onNpu).lookupEngine("performance"));
    double part = cluster.getEnginePerformance().getEfficiency("elements") / 100.0;
    double storing = terms.bytesIn * 8 / (240e3 * part);
    Figures usual;
    auto way = [&](const Figures &f) {
      double bytes = terms.bytesIn + terms.bytesOut;
      return f.synchroniseUs + bytes / (f.cacheGbPerS * 1e3) + 2 * f.latencyNs / 1e3 +
             bytes / (f.linkGbPerS * 1e3);
    };
    double room = terms.cpu - terms.npu - storing - way(usual);
    ASSERT_GT(room, 50);

    double synchronise =
        bisect(product.name, 80, 2000, [](Figures &f, double value) { f.synchroniseUs = value; });
    EXPECT_NEAR(synchronise, usual.synchroniseUs + room, 0.05 * (usual.synchroniseUs + room))
        << product.name;
    double latency =
        bisect(product.name, 2000, 2000000, [](Figures &f, double value) { f.latencyNs = value; });
    EXPECT_NEAR(latency, usual.latencyNs + room * 1e3 / 2, 0.05 * (usual.latencyNs + room * 500))
        << product.name;
    double perByte = 1 / (usual.linkGbPerS * 1e3) + room / (terms.bytesIn + terms.bytesOut);
    double link =
        bisect(product.name, 60, 0.01, [](Figures &f, double value) { f.linkGbPerS = value; });
    EXPECT_NEAR(link, 1 / perByte / 1e3, 0.05 / perByte / 1e3) << product.name;
  }
}

// Both placements are explained: what the group costs where it is and where it
// is not, in time to run and to move, and in which precision.
TEST_F(Crossover, BothPlacementsAreExplained) {
  auto explain = [&](ModuleOp module, StringRef engine) {
    std::string text;
    for (auto other :
         groupOf(module, "first").getAlternatives()->getAsRange<soc::AlternativeAttr>())
      if (other.getEngine().getValue() == engine)
        text = (other.getReason().getValue() + ": " + other.getDetail().getValue()).str();
    return text;
  };
  Figures far;
  far.synchroniseUs = 1000;
  OwningOpRef<ModuleOp> onNpu = place(Figures()), onCpu = place(far);
  auto expect = [](const std::string &text, const char *pattern) {
    EXPECT_TRUE(std::regex_match(text, std::regex(pattern))) << text;
  };
  expect(explain(*onNpu, "npu"), "chosen: w8a8, [0-9.]+ us to run, [0-9]{3}\\.[0-9]{3} us to move");
  expect(explain(*onNpu, "performance"),
         "slower: it takes longer there: f32, [0-9]{3}\\.[0-9]{3} us to run, [0-9.]+ us to move");
  expect(explain(*onCpu, "performance"),
         "share: rows [0-9]+ to 128; f32, [0-9]{3}\\.[0-9]{3} us to run, [0-9.]+ us to move");
  expect(explain(*onCpu, "npu"),
         "transfer: moving its operands and results there costs more than it gains: w8a8, "
         "[0-9.]+ us to run, [0-9]{4}\\.[0-9]{3} us to move");
}
