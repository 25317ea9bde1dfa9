// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cost of reaching the NPU of snapdragon-8-gen3 at which matrix products
// leave it: found by bisection over the text of the machine file, and compared
// with what follows from the printed costs by arithmetic that is written here.

#include "compiler/machine/MachineReader.h"
#include "compiler/machine/SocFiles.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/EngineModel.h"
#include "passes/partition/GroupWork.h"
#include "passes/partition/Passes.h"
#include "targets/Targets.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

#include <cmath>
#include <regex>

using namespace mlir;
using namespace tercet;

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

// Groups in floating point before, between and after two products. They stay on
// one cluster, so that what is handed to the NPU and back is in one place.
constexpr const char *kModel = R"(
nn.weight @w1 = #nn.file<"m", offset = 0, bytes = 2359296, digest = "0"> : tensor<384x1536xf32>
nn.weight @w2 = #nn.file<"m", offset = 0, bytes = 2359296, digest = "0"> : tensor<1536x384xf32>
func.func @main(%x: tensor<128x384xf32>) -> tensor<128x384xf32> {
  %w1 = nn.get_weight @w1 : tensor<384x1536xf32>
  %w2 = nn.get_weight @w2 : tensor<1536x384xf32>
  %0 = soc.group on "performance" precisions [#soc.precision<"f32">] (%x) : (tensor<128x384xf32>) -> tensor<128x384xf32> {
  ^bb0(%a: tensor<128x384xf32>):
    %e = tensor.empty() : tensor<128x384xf32>
    %r = linalg.exp ins(%a : tensor<128x384xf32>) outs(%e : tensor<128x384xf32>) -> tensor<128x384xf32>
    soc.yield %r : tensor<128x384xf32>
  } loc("before")
  %1 = soc.group precisions [#soc.precision<"w8a8", inputs = [!quant.uniform<i8:f32, 0.5>, !quant.uniform<i8:f32, 0.25>], results = [none, none, none, !quant.uniform<i8:f32, 2.0>]>, #soc.precision<"f32">]
      (%0, %w1) : (tensor<128x384xf32>, tensor<384x1536xf32>) -> tensor<128x1536xf32> {
  ^bb0(%a: tensor<128x384xf32>, %b: tensor<384x1536xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<128x1536xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<128x1536xf32>) -> tensor<128x1536xf32>
    %r = linalg.matmul ins(%a, %b : tensor<128x384xf32>, tensor<384x1536xf32>) outs(%f : tensor<128x1536xf32>) -> tensor<128x1536xf32>
    soc.yield %r : tensor<128x1536xf32>
  } loc("first")
  %2 = soc.group on "performance" precisions [#soc.precision<"f32">] (%1) : (tensor<128x1536xf32>) -> tensor<128x1536xf32> {
  ^bb0(%a: tensor<128x1536xf32>):
    %e = tensor.empty() : tensor<128x1536xf32>
    %r = linalg.exp ins(%a : tensor<128x1536xf32>) outs(%e : tensor<128x1536xf32>) -> tensor<128x1536xf32>
    soc.yield %r : tensor<128x1536xf32>
  } loc("between")
  %3 = soc.group precisions [#soc.precision<"w8a8", inputs = [!quant.uniform<i8:f32, 0.5>, !quant.uniform<i8:f32, 0.25>], results = [none, none, none, !quant.uniform<i8:f32, 2.0>]>, #soc.precision<"f32">]
      (%2, %w2) : (tensor<128x1536xf32>, tensor<1536x384xf32>) -> tensor<128x384xf32> {
  ^bb0(%a: tensor<128x1536xf32>, %b: tensor<1536x384xf32>):
    %z = arith.constant 0.0 : f32
    %e = tensor.empty() : tensor<128x384xf32>
    %f = linalg.fill ins(%z : f32) outs(%e : tensor<128x384xf32>) -> tensor<128x384xf32>
    %r = linalg.matmul ins(%a, %b : tensor<128x1536xf32>, tensor<1536x384xf32>) outs(%f : tensor<128x384xf32>) -> tensor<128x384xf32>
    soc.yield %r : tensor<128x384xf32>
  } loc("second")
  %4 = soc.group on "performance" precisions [#soc.precision<"f32">] (%3) : (tensor<128x384xf32>) -> tensor<128x384xf32> {
  ^bb0(%a: tensor<128x384xf32>):
    %e = tensor.empty() : tensor<128x384xf32>
    %r = linalg.exp ins(%a : tensor<128x384xf32>) outs(%e : tensor<128x384xf32>) -> tensor<128x384xf32>
    soc.yield %r : tensor<128x384xf32>
  } loc("after")
  return %4 : tensor<128x384xf32>
}
)";

/// The figures that the test turns, in the units of the file.
struct Figures {
  double synchroniseUs = 80, linkGbPerS = 60, latencyNs = 2000, cacheGbPerS = 15;
};

struct Crossover : testing::Test {
  Crossover() {
    DialectRegistry registry;
    registry.insert<func::FuncDialect, linalg::LinalgDialect, nn::NNDialect, soc::SocDialect,
                    tensor::TensorDialect>();
    linalg::registerTilingInterfaceExternalModels(registry);
    tensor::registerTilingInterfaceExternalModels(registry);
    registerTargetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    // In place of the real one, if that is in the build.
    context.getLoadedDialect<soc::SocDialect>()->registerEngineModel(
        "hexagon", std::make_unique<RooflineModel>());
  }

  static std::string textOf(const Figures &figures) {
    std::string text = lookupSocFile("snapdragon-8-gen3")->text.str();
    size_t npu = text.find("- name: npu"), links = text.find("links:");
    auto set = [&](size_t from, const std::string &field, double value) {
      size_t at = text.find(field + ": ", from) + field.size() + 2;
      char number[32];
      // No finer than what the reader takes: picoseconds and bytes.
      std::snprintf(number, sizeof number, field == "latency_ns" ? "%.3f" : "%.6f", value);
      text.replace(at, text.find_first_of(" \n", at) - at, number);
    };
    // From the end, so that what is found stays where it is.
    set(links, "latency_ns", figures.latencyNs);
    set(links, "bandwidth_gb_per_s", figures.linkGbPerS);
    set(npu, "cache_maintenance_gb_per_s", figures.cacheGbPerS);
    set(npu, "synchronise_us", figures.synchroniseUs);
    return text;
  }

  /// The model, placed on that machine.
  OwningOpRef<ModuleOp> place(const Figures &figures) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kModel, &context);
    llvm::Expected<soc::MachineAttr> machine =
        readMachine(&context, textOf(figures), "snapdragon.yaml", 0);
    if (!machine) {
      ADD_FAILURE() << llvm::toString(machine.takeError());
      return module;
    }
    module->getOperation()->setAttr(soc::SocDialect::kMachineAttrName, *machine);
    PassManager pm(&context);
    pm.addPass(partition::createAssignEnginesPass());
    EXPECT_TRUE(succeeded(pm.run(*module)));
    return module;
  }

  static soc::GroupOp groupOf(ModuleOp module, StringRef name) {
    soc::GroupOp found;
    module.walk([&](soc::GroupOp group) {
      if (cast<NameLoc>(group.getLoc()).getName() == name)
        found = group;
    });
    return found;
  }
  static bool isOnNpu(ModuleOp module, StringRef name) {
    return groupOf(module, name).getEngine() == "npu";
  }

  /// The value between two that are on different sides, to a thousandth.
  template <typename Set> double bisect(StringRef name, double onNpu, double elsewhere, Set set) {
    auto isOn = [&](double value) {
      Figures figures;
      set(figures, value);
      return isOnNpu(*place(figures), name);
    };
    EXPECT_TRUE(isOn(onNpu));
    EXPECT_FALSE(isOn(elsewhere));
    while (std::abs(onNpu - elsewhere) > 0.001 * std::abs(elsewhere + onNpu) / 2) {
      double middle = (onNpu + elsewhere) / 2;
      (isOn(middle) ? onNpu : elsewhere) = middle;
    }
    return (onNpu + elsewhere) / 2;
  }

  MLIRContext context;
};

/// What a product costs, in microseconds, all but the part of the way to the NPU
/// that depends on the figures.
struct Terms {
  /// On the NPU with the pass that stores its operand as integers; on the CPUs.
  double npu = 0, cpu = 0;
  double bytesIn = 0, bytesOut = 0;
};

} // namespace

/// Everything here is worked out from the machine file's figures and the times
/// that the placement printed.
static Terms termsOf(ModuleOp onNpu, ModuleOp onCpu, StringRef name, double rows, double depth,
                     double columns) {
  auto find = [](ModuleOp module, StringRef name) {
    soc::GroupOp found;
    module.walk([&](soc::GroupOp group) {
      if (cast<NameLoc>(group.getLoc()).getName() == name)
        found = group;
    });
    return found;
  };
  auto launchOf = [&](StringRef engine) {
    auto machine = soc::MachineAttr::of(onNpu);
    auto found = cast<soc::EngineAttrInterface>(machine.lookupEngine(engine));
    return found.getEnginePerformance().getLaunchPs() / 1e6;
  };
  Terms terms;
  terms.npu = launchOf("npu") + find(onNpu, name).getVariant()->getTimePs() / 1e6;
  soc::GroupOp other = find(onCpu, name);
  if (other.getShares()) {
    for (auto share : other.getShares()->getAsRange<soc::ShareAttr>())
      terms.cpu = std::max(terms.cpu, launchOf(share.getEngine().getValue()) +
                                          share.getVariant().getTimePs() / 1e6);
  } else {
    terms.cpu = launchOf(*other.getEngine()) + other.getVariant()->getTimePs() / 1e6;
  }
  terms.bytesIn = rows * depth;
  terms.bytesOut = rows * columns;
  return terms;
}

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
