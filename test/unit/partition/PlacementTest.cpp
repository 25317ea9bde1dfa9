// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Placement of groups that may be computed in several precisions: labels, what
// conversions and moves cost, and that the choice is the best of all.

#include "passes/partition/Placement.h"
#include "test/unit/partition/PlacementFixture.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/EngineModel.h"
#include "passes/partition/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// Answers from a table in its properties: NODE_SCHEME is a time for all rows.
/// With `granularity` groups can be shared, at times in proportion.
class TableModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    reason = "it has no time for it";
    return !variants(engine, group, 0).empty();
  }
  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    SmallVector<soc::VariantAttr> variants;
    std::string name = cast<NameLoc>(group.getLoc()).getName().str();
    Builder b(group.getContext());
    int64_t all = cast<RankedTensorType>(group.getOutputs()[0].getType()).getDimSize(0);
    std::pair<const char *, Type> schemes[] = {
        {"f32", b.getF32Type()}, {"w8a8", b.getI8Type()}, {"w8a16", b.getI16Type()}};
    for (auto [scheme, type] : schemes) {
      auto time = engine.getProperties().getAs<IntegerAttr>(name + "_" + scheme);
      if (!time)
        continue;
      SmallVector<int64_t> panels(group.getInputs().size(), 0);
      auto shared = engine.getProperties().getAs<IntegerAttr>("granularity");
      variants.push_back(soc::VariantAttr::get(
          b.getContext(), b.getStringAttr(scheme), TypeAttr::get(type), b.getDenseI64ArrayAttr({0}),
          b.getDenseI64ArrayAttr(panels), rows ? time.getInt() * rows / all : time.getInt(), 0, 0,
          shared ? shared.getInt() : 0));
    }
    return variants;
  }
};

struct PlacementTest : testing::Test {
  PlacementTest() {
    DialectRegistry registry;
    registry.insert<func::FuncDialect, linalg::LinalgDialect, nn::NNDialect, soc::SocDialect,
                    tensor::TensorDialect>();
    linalg::registerTilingInterfaceExternalModels(registry);
    tensor::registerTilingInterfaceExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getLoadedDialect<soc::SocDialect>()->registerEngineModel(
        "test", std::make_unique<TableModel>());
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      ADD_FAILURE() << text.str();
    return module;
  }

  MLIRContext context;
};

TestNetwork randomNetwork(std::mt19937 &random) {
  auto below = [&](unsigned bound) { return static_cast<int64_t>(random() % bound); };
  TestNetwork network;
  network.linkRate = (1 + below(20)) * 100000000000;
  network.linkLatency = below(400);
  const char *names[] = {"prime", "little", "gpu", "npu"};
  for (unsigned index = 0; index < 4; ++index) {
    TestEngine engine;
    engine.name = names[index];
    engine.kind = index < 2 ? "cpu" : index == 2 ? "gpu" : "npu";
    engine.schemes = {"f32", "w8a8", "w8a16"};
    if (index == 2)
      engine.schemes = {"f32"};
    if (index == 3)
      engine.schemes = {"w8a8", "w8a16"};
    engine.launch = below(100);
    engine.synchronise = below(300);
    engine.cacheRate = below(2) * (1 + below(10)) * 1000000000000;
    engine.bandwidth = (1 + below(10)) * 1000000000000;
    engine.peak = (1 + below(10)) * 1000000000000;
    engine.hasScratchpad = index == 3;
    network.engines.push_back(engine);
  }
  unsigned count = 3 + below(4);
  for (unsigned index = 0; index < count; ++index) {
    TestGroup group;
    for (unsigned i = 0, inputs = 1 + below(2); i < inputs; ++i)
      group.inputs.push_back(index == 0 || below(6) == 0 ? -1 : static_cast<int>(below(index)));
    if (below(4) != 0)
      group.schemes.push_back("w8a8");
    if (below(4) == 0)
      group.schemes.push_back("w8a16");
    if (group.schemes.empty() || below(3) != 0)
      group.schemes.push_back("f32");
    for (const std::string &scheme : group.schemes) {
      if (scheme != "f32") {
        int bits = scheme == "w8a8" && below(3) ? 8 : 16;
        group.stored[scheme] = {bits, 2 + static_cast<int>(index)};
        // Mostly what the maker stores in the same scheme.
        for (int maker : group.inputs) {
          auto made = maker < 0 ? group.stored.end() : network.groups[maker].stored.find(scheme);
          bool same = maker >= 0 && made != network.groups[maker].stored.end() && below(5);
          group.wanted[scheme].push_back(same ? made->second
                                              : std::pair<int, int>{below(4) ? 8 : 16, 2 + maker});
        }
      }
      bool isTimed = false;
      for (const TestEngine &engine : network.engines)
        if (llvm::is_contained(engine.schemes, scheme) && (below(4) || engine.name == "prime")) {
          group.times[{engine.name, scheme}] = 1 + below(2000);
          isTimed = true;
        }
      (void)isTimed;
    }
    group.isReturned = index + 1 == count || below(8) == 0;
    network.groups.push_back(group);
  }
  return network;
}

} // namespace

static TestLabel describe(const TestNetwork &network, const PlacementLabel &label) {
  TestLabel described;
  described.engine = label.parts[0].engine;
  described.scheme = label.precision.getScheme().getValue().str();
  if (label.handover) {
    auto type = cast<quant::UniformQuantizedType>(label.handover);
    described.handover = {static_cast<int>(type.getStorageTypeIntegralWidth()),
                          static_cast<int>(type.getScale())};
  }
  return described;
}

// Over all engines, precisions and handovers of small networks: the problem's
// value of every choice is what is counted from the network, the plan's is the
// least of them, and it is known to be.
TEST_F(PlacementTest, EqualsBruteForceOverEnginesAndPrecisions) {
  std::mt19937 random(31);
  int solved = 0, handovers = 0, mixed = 0;
  for (int round = 0; solved < 60 && round < 400; ++round) {
    TestNetwork network = randomNetwork(random);
    OwningOpRef<ModuleOp> module = parse(network.text());
    ASSERT_TRUE(module);
    auto func = *module->getOps<func::FuncOp>().begin();
    Placement placement(func, soc::MachineAttr::of(*module));
    ASSERT_TRUE(succeeded(placement.collect())) << network.text();
    double choices = 1;
    for (const PlacedGroup &group : placement.getGroups())
      choices *= group.labels.size();
    if (choices > 60000)
      continue;
    ++solved;
    PartitionProblem problem = placement.buildProblem();
    ASSERT_EQ(llvm::toString(problem.check()), "");
    std::vector<std::vector<TestLabel>> described;
    for (const PlacedGroup &group : placement.getGroups()) {
      described.emplace_back();
      for (const PlacementLabel &label : group.labels)
        described.back().push_back(describe(network, label));
    }
    std::vector<unsigned> labels(described.size(), 0);
    std::vector<TestLabel> chosen(described.size());
    int64_t least = INT64_MAX;
    for (bool done = false; !done;) {
      for (size_t group = 0; group < labels.size(); ++group)
        chosen[group] = described[group][labels[group]];
      int64_t cost = network.cost(chosen);
      ASSERT_EQ(problem.value(labels), cost) << "round " << round << "\n" << network.text();
      least = std::min(least, cost);
      size_t group = 0;
      while (group < labels.size() && ++labels[group] == described[group].size())
        labels[group++] = 0;
      done = group == labels.size();
    }
    llvm::Expected<PartitionPlan> plan = solvePartition(problem);
    ASSERT_TRUE(bool(plan));
    EXPECT_EQ(llvm::toString(plan->verify(problem)), "");
    EXPECT_EQ(plan->value, least) << "round " << round;
    EXPECT_TRUE(plan->isOptimal());
    std::set<std::string> schemes;
    for (size_t group = 0; group < described.size(); ++group) {
      const TestLabel &label = described[group][plan->labels[group]];
      handovers += label.handover.first != 0;
      schemes.insert(label.scheme);
    }
    mixed += schemes.size() > 1;
  }
  // What is tested does occur.
  EXPECT_EQ(solved, 60);
  EXPECT_GT(handovers, 5);
  EXPECT_GT(mixed, 10);
}
