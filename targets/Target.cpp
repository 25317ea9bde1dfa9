// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What targets share: engines that are described by #soc.engine.

#include "targets/Target.h"

using namespace mlir;
using namespace tercet;

Target::~Target() = default;

Attribute Target::buildEngine(MLIRContext *context, const EngineDescription &description,
                              Complain complain) const {
  std::unique_ptr<soc::EngineModel> model = createModel();
  return buildDescribedEngine(context, description, model.get(), complain);
}

llvm::Error Target::emitObject(const ObjectJob &, llvm::raw_pwrite_stream &,
                               llvm::StringMap<uint64_t> &) const {
  return llvm::createStringError("target '%s' writes no object files", getName().str().c_str());
}

llvm::Expected<EngineImage> Target::emitImage(const ImageJob &) const {
  return llvm::createStringError("target '%s' writes no images", getName().str().c_str());
}

soc::EngineAttr tercet::buildDescribedEngine(MLIRContext *context,
                                             const EngineDescription &description,
                                             const soc::EngineModel *model, Complain complain) {
  Builder b(context);
  bool ok = true;
  PerformanceDescription figures = description.performance.value_or(PerformanceDescription());
  auto require = [&](const std::optional<uint64_t> &figure, StringRef name) {
    if (!figure) {
      complain("performance", "engine '" + description.name + "' has no '" + name +
                                  "'; engines of target '" + description.target + "' need it");
      ok = false;
    }
    return figure.value_or(0);
  };
  uint64_t launch = require(figures.launchPs, "launch_us");
  uint64_t synchronise = require(figures.synchronisePs, "synchronise_us");
  uint64_t bandwidth = require(figures.bandwidthBytesPerSecond, "bandwidth_gb_per_s");
  if (figures.operationsPerSecond.empty() && description.kind != "dma")
    require(std::nullopt, "peak_gops");
  NamedAttrList properties(description.properties);
  if (description.objectCpu)
    properties.set("cpu", description.objectCpu);
  if (!ok)
    return {};
  auto toDictionary = [&](const std::map<std::string, uint64_t> &numbers) {
    NamedAttrList list;
    for (const auto &[name, value] : numbers)
      list.set(name, b.getI64IntegerAttr(value));
    return list.getDictionary(context);
  };
  auto performance = soc::PerformanceAttr::get(
      context, launch, synchronise, bandwidth, figures.cacheBytesPerSecond.value_or(0),
      toDictionary(figures.operationsPerSecond), toDictionary(figures.efficiencyPercent));
  SmallVector<Attribute> memories;
  for (const std::string &memory : description.memories)
    memories.push_back(b.getStringAttr(memory));
  auto engine = soc::EngineAttr::get(context, b.getStringAttr(description.name),
                                     b.getStringAttr(description.target),
                                     b.getStringAttr(description.kind), b.getArrayAttr(memories),
                                     performance, properties.getDictionary(context));
  if (model)
    if (llvm::Error error = model->checkProperties(engine)) {
      complain("properties", llvm::toString(std::move(error)));
      return {};
    }
  return engine;
}
