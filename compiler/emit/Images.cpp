// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's number in its image is its rank among the KERNELS records of the
// engine, so the record's order is all that a driver has to know.

#include "compiler/emit/Images.h"

#include "compiler/emit/Faults.h"
#include "compiler/emit/Linker.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

static llvm::Error addImage(uint32_t engine, ModuleOp module, const EmitOptions &options,
                            Program &program) {
  soc::EngineAttrInterface attr = program.engineAttrs[engine];
  auto described = dyn_cast<soc::EngineAttr>(attr);
  if (!described || !options.emitImage)
    return fault("emit: kernels for engine '" + attr.getEngineName() +
                 "', and nothing to make its image with");
  std::vector<size_t> kernels;
  for (auto [index, record] : llvm::enumerate(program.kernels))
    if (record.engine == engine)
      kernels.push_back(index);
  ImageJob job{described, module, {}, {}, [&](const ImageLink &link) {
                 return linkImage(link, options.linker);
               }};
  for (size_t kernel : kernels) {
    job.kernels.push_back(program.kernelOps[kernel].getSymName().str());
    job.planned.push_back(program.kernelOps[kernel]);
  }
  llvm::Expected<EngineImage> image = options.emitImage(job);
  if (!image)
    return failure("engine '" + attr.getEngineName() + "': " + llvm::toString(image.takeError()));
  if (image->bytes.empty())
    return fault("emit: the image of engine '" + attr.getEngineName() + "' is empty");
  for (auto [number, kernel] : llvm::enumerate(kernels))
    if (number < image->stackBytes.size())
      program.kernels[kernel].stack_bytes = image->stackBytes[number];
  tercet_engine_record &record = program.engines[engine];
  program.images.resize(llvm::alignTo(program.images.size(), 64), '\0');
  record.isa = image->isa;
  record.image_format = image->format;
  record.image_offset = program.images.size();
  record.image_bytes = image->bytes.size();
  program.images += image->bytes;
  if (options.onImage)
    options.onImage(attr.getEngineName(), image->bytes.size(), kernels.size());
  return llvm::Error::success();
}

llvm::Error emit::addImages(ModuleOp lowered, const EmitOptions &options, Program &program) {
  llvm::StringMap<OwningOpRef<ModuleOp>> modules;
  for (auto module : llvm::make_early_inc_range(lowered.getOps<ModuleOp>())) {
    module->remove();
    std::string name = module.getSymName().value_or("").str();
    modules[name] = module;
  }
  std::vector<bool> hasKernels(program.engines.size());
  for (const tercet_kernel_record &kernel : program.kernels)
    hasKernels[kernel.engine] = true;
  for (uint32_t engine = 0; engine < program.engines.size(); ++engine) {
    if (!hasKernels[engine] || program.objectCpus[engine])
      continue;
    auto found =
        modules.find(soc::EngineAttrInterface(program.engineAttrs[engine]).getEngineName());
    if (found == modules.end())
      return fault("emit: code generation left no module for engine '" +
                   soc::EngineAttrInterface(program.engineAttrs[engine]).getEngineName() + "'");
    if (llvm::Error error = addImage(engine, *found->second, options, program))
      return error;
  }
  return llvm::Error::success();
}
