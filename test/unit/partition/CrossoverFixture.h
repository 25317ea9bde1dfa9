// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model of two products between groups that stay on one cluster of CPUs, and
// the machine file snapdragon-8-gen3 with figures that a test turns: where the
// products are placed, and the cost at which they leave the NPU, by bisection.

#ifndef TERCET_TEST_UNIT_PARTITION_CROSSOVERFIXTURE_H
#define TERCET_TEST_UNIT_PARTITION_CROSSOVERFIXTURE_H

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

namespace tercet::partition {

using llvm::StringRef;
using mlir::ModuleOp;
using mlir::OwningOpRef;

// Groups in floating point before, between and after two products. They stay on
// one cluster, so that what is handed to the NPU and back is in one place.
inline constexpr const char *kCrossoverModel = R"(
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

struct CrossoverFixture : testing::Test {
  /// `model` answers for the NPU.
  explicit CrossoverFixture(std::unique_ptr<soc::EngineModel> model) {
    mlir::DialectRegistry registry;
    registry.insert<mlir::func::FuncDialect, mlir::linalg::LinalgDialect, nn::NNDialect,
                    soc::SocDialect, mlir::tensor::TensorDialect>();
    mlir::linalg::registerTilingInterfaceExternalModels(registry);
    mlir::tensor::registerTilingInterfaceExternalModels(registry);
    registerTargetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    // In place of that of the build, if there is one.
    context.getLoadedDialect<soc::SocDialect>()->registerEngineModel("hexagon", std::move(model));
  }

  static std::string textOf(const Figures &figures) {
    std::string text = lookupSocFile("snapdragon-8-gen3")->text.str();
    // CPUs and NPU alone: a GPU would take what leaves the NPU.
    size_t gpu = text.find("  - name: gpu");
    text.erase(gpu, text.find("  - name: npu") - gpu);
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

  /// The model, on that machine.
  OwningOpRef<ModuleOp> parse(const Figures &figures) {
    OwningOpRef<ModuleOp> module = mlir::parseSourceString<ModuleOp>(kCrossoverModel, &context);
    llvm::Expected<soc::MachineAttr> machine =
        readMachine(&context, textOf(figures), "snapdragon.yaml", 0);
    if (!machine) {
      ADD_FAILURE() << llvm::toString(machine.takeError());
      return {};
    }
    module->getOperation()->setAttr(soc::SocDialect::kMachineAttrName, *machine);
    return module;
  }
  /// The same, placed.
  OwningOpRef<ModuleOp> place(const Figures &figures) {
    OwningOpRef<ModuleOp> module = parse(figures);
    mlir::PassManager pm(&context);
    pm.addPass(createAssignEnginesPass());
    EXPECT_TRUE(module && succeeded(pm.run(*module)));
    return module;
  }

  static soc::GroupOp groupOf(ModuleOp module, StringRef name) {
    soc::GroupOp found;
    module.walk([&](soc::GroupOp group) {
      if (mlir::cast<mlir::NameLoc>(group.getLoc()).getName() == name)
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

  mlir::MLIRContext context;
};

/// What a product costs, in microseconds, all but the part of the way to the NPU
/// that depends on the figures.
struct Terms {
  /// On the NPU with the pass that stores its operand as integers; on the CPUs.
  double npu = 0, cpu = 0;
  double bytesIn = 0, bytesOut = 0;
};

/// Everything here is worked out from the machine file's figures and the times
/// that the placement printed.
inline Terms termsOf(ModuleOp onNpu, ModuleOp onCpu, StringRef name, double rows, double depth,
                     double columns) {
  auto launchOf = [&](StringRef engine) {
    auto machine = soc::MachineAttr::of(onNpu);
    auto found = mlir::cast<soc::EngineAttrInterface>(machine.lookupEngine(engine));
    return found.getEnginePerformance().getLaunchPs() / 1e6;
  };
  Terms terms;
  terms.npu =
      launchOf("npu") + CrossoverFixture::groupOf(onNpu, name).getVariant()->getTimePs() / 1e6;
  soc::GroupOp other = CrossoverFixture::groupOf(onCpu, name);
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

} // namespace tercet::partition

#endif // TERCET_TEST_UNIT_PARTITION_CROSSOVERFIXTURE_H
