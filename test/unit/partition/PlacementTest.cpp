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

TestNetwork randomNetwork(std::mt19937 &random, bool isChain = false) {
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
    if (isChain)
      group.inputs = {static_cast<int>(index) - 1};
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
      for (const TestEngine &engine : network.engines)
        if (llvm::is_contained(engine.schemes, scheme) && (below(4) || engine.name == "prime"))
          group.times[{engine.name, scheme}] = 1 + below(2000);
    }
    group.isReturned = index + 1 == count || (!isChain && below(8) == 0);
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

// In a chain nothing overlaps: the schedule of any labels takes as long as the
// partition says, conversions, fetches and passes for the user included.
TEST_F(PlacementTest, AChainTakesAsLongInTheScheduleAsInThePartition) {
  std::mt19937 random(32);
  int conversions = 0;
  for (int round = 0; round < 60; ++round) {
    TestNetwork network = randomNetwork(random, /*isChain=*/true);
    OwningOpRef<ModuleOp> module = parse(network.text());
    ASSERT_TRUE(module);
    auto func = *module->getOps<func::FuncOp>().begin();
    Placement placement(func, soc::MachineAttr::of(*module));
    ASSERT_TRUE(succeeded(placement.collect()));
    PartitionProblem problem = placement.buildProblem();
    for (int trial = 0; trial < 20; ++trial) {
      SmallVector<unsigned> labels;
      for (const PlacedGroup &group : placement.getGroups())
        labels.push_back(random() % group.labels.size());
      int64_t value = problem.value(labels);
      if (value >= TestNetwork::never)
        continue;
      schedule::ScheduleProblem tasks = placement.buildSchedule(labels);
      ASSERT_EQ(llvm::toString(tasks.check()), "");
      conversions += tasks.tasks.size() > labels.size();
      schedule::SchedulePlan plan = schedule::solveSchedule(tasks);
      EXPECT_EQ(plan.makespan, value) << "round " << round << "\n" << network.text();
      // Proposals start from the same tasks.
      std::vector<SmallVector<unsigned>> labelOfMode;
      schedule::ScheduleProblem modes = placement.buildModes(labels, labelOfMode);
      ASSERT_EQ(llvm::toString(modes.check()), "");
      ASSERT_EQ(modes.tasks.size(), tasks.tasks.size());
      ASSERT_EQ(labelOfMode.size(), tasks.tasks.size());
      SmallVector<unsigned> first;
      for (auto [task, mode, numbers] : llvm::zip(tasks.tasks, modes.tasks, labelOfMode)) {
        EXPECT_EQ(task.modes[0].parts[0].duration, mode.modes[0].parts[0].duration);
        if (!numbers.empty())
          first.push_back(numbers[0]);
      }
      EXPECT_EQ(first, labels);
    }
  }
  EXPECT_GT(conversions, 100);
}

namespace {

/// A CPU and an NPU that are as fast as each other in w8a8.
TestNetwork twoEngines() {
  TestNetwork network;
  for (const char *name : {"cpu", "npu"}) {
    TestEngine engine;
    engine.name = engine.kind = name;
    engine.schemes = {"f32", "w8a8"};
    engine.launch = 10;
    engine.synchronise = 20;
    engine.bandwidth = engine.peak = 1000000000000000;
    network.engines.push_back(engine);
  }
  network.linkRate = 1000000000000000;
  return network;
}

} // namespace

// A group in w8a8 is shared between CPU and NPU where both compute in it.
TEST_F(PlacementTest, IntegersAreSharedBetweenCpuAndNpu) {
  TestNetwork network = twoEngines();
  TestGroup group;
  group.inputs = {-1};
  group.schemes = {"w8a8", "f32"};
  group.stored["w8a8"] = {8, 3};
  group.wanted["w8a8"] = {{8, 2}};
  group.isReturned = true;
  group.times = {{{"cpu", "w8a8"}, 8000}, {{"npu", "w8a8"}, 8000}, {{"cpu", "f32"}, 9000}};
  network.groups.push_back(group);
  std::string text = network.text();
  for (size_t at = 0; (at = text.find("end = 0", at)) != std::string::npos; ++at)
    text.replace(at, 7, "granularity = 8");
  OwningOpRef<ModuleOp> module = parse(text);
  ASSERT_TRUE(module);
  PassManager pm(&context);
  pm.addPass(createAssignEnginesPass());
  ASSERT_TRUE(succeeded(pm.run(*module)));
  soc::GroupOp placed;
  module->walk([&](soc::GroupOp op) { placed = op; });
  ASSERT_TRUE(placed.getShares());
  for (auto share : placed.getShares()->getAsRange<soc::ShareAttr>()) {
    EXPECT_EQ(share.getSize(), 32);
    EXPECT_TRUE(share.getVariant().getPrecision().getValue().isInteger(8));
  }
}

// Two inferences at once: while the NPU computes the products of one in w8a8,
// the CPU does what there is in floating point of the other.
TEST_F(PlacementTest, InferencesOverlapOnCpuAndNpu) {
  TestNetwork network = twoEngines();
  for (int index = 0; index < 4; ++index) {
    TestGroup group;
    group.inputs = {index - 1};
    bool isProduct = index % 2 == 1;
    group.schemes = {isProduct ? "w8a8" : "f32"};
    if (isProduct) {
      group.stored["w8a8"] = {8, 3};
      group.wanted["w8a8"] = {{8, 2}};
    }
    group.times = {{{isProduct ? "npu" : "cpu", group.schemes[0]}, 10000}};
    group.isReturned = index == 3;
    network.groups.push_back(group);
  }
  OwningOpRef<ModuleOp> module = parse(network.text());
  ASSERT_TRUE(module);
  ApplyPipelinePassOptions twice;
  twice.count = 2;
  PassManager pm(&context);
  pm.addPass(createApplyPipelinePass(twice));
  ASSERT_TRUE(succeeded(pm.run(*module)));
  std::map<std::string, int64_t> serial, makespan;
  for (auto func : module->getOps<func::FuncOp>()) {
    Placement placement(func, soc::MachineAttr::of(*module));
    ASSERT_TRUE(succeeded(placement.collect()));
    PartitionProblem problem = placement.buildProblem();
    llvm::Expected<PartitionPlan> plan = solvePartition(problem);
    ASSERT_TRUE(bool(plan));
    std::string name = func.getName().str();
    serial[name] = plan->value;
    makespan[name] = schedule::solveSchedule(placement.buildSchedule(plan->labels)).makespan;
  }
  EXPECT_EQ(makespan["main"], serial["main"]);
  EXPECT_EQ(serial["main_x2"], 2 * serial["main"]);
  // Five phases of 10 ns each, where one inference alone takes four.
  EXPECT_LT(makespan["main_x2"], serial["main"] * 13 / 10);
}
