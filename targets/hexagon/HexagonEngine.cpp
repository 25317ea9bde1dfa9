// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target hexagon.

#include "targets/hexagon/HexagonEngine.h"

#include "targets/hexagon/HexagonArchitecture.h"
#include "targets/hexagon/HexagonVariants.h"
#include "targets/hexagon/HexagonWork.h"
#include "targets/hexagon/Lowerable.h"
#include "targets/hexagon/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Views.h"

using namespace mlir;
using namespace tercet;

namespace {

/// What an entry is given is in the application's memory, which the engine does
/// not see. A group in floats reads it through a conversion; one in integers
/// would read it itself.
bool readsArgument(soc::GroupOp group) {
  return llvm::any_of(group.getInputs(), [](Value input) {
    return llvm::any_of(soc::getSources(input), [](const soc::SourceRange &source) {
      return isa<BlockArgument>(source.root);
    });
  });
}

class HexagonEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    if (!group.getScalars().empty()) {
      reason = "it works at a position that is known only at run time, which has no integer form";
      return false;
    }
    if (hexagon::isInteger(group) && readsArgument(group)) {
      reason = "it would read an input of the entry, which is in memory of the application that it "
               "does not see";
      return false;
    }
    // Vectors are loaded and stored whole there.
    auto machine = soc::MachineAttr::of(group);
    StringRef name = cast<StringAttr>(engine.getMemories()[0]).getValue();
    soc::MemoryAttr memory = machine ? machine.lookupMemory(name) : soc::MemoryAttr();
    if (memory && memory.getAlignment() < hexagon::kVectorBytes) {
      reason = "buffers in its memory '" + name.str() + "' are aligned to " +
               std::to_string(memory.getAlignment()) + " bytes, and vectors take 128: try " +
               "alignment_bytes: 128 in the machine file";
      return false;
    }
    return !hexagon::findVariants(engine, group, /*rows=*/0, reason).empty();
  }

  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    std::string ignored;
    return hexagon::findVariants(engine, group, rows, ignored);
  }

  bool takesWhole(soc::EngineAttr engine, Operation *op) const override {
    return hexagon::isLowered(op);
  }

  uint64_t stagingBytes(soc::EngineAttr engine, soc::KernelOp kernel) const override {
    return hexagon::stagingBytes(kernel);
  }

  void buildCodegenPipeline(soc::EngineAttr engine, OpPassManager &pm) const override {
    hexagon::buildCodegenPipeline(pm);
  }

  uint32_t getCores(soc::EngineAttr engine) const override { return hexagon::getThreads(engine); }

  llvm::Error checkProperties(soc::EngineAttr engine) const override {
    return hexagon::checkProperties(engine);
  }
};

} // namespace

std::unique_ptr<soc::EngineModel> hexagon::createEngineModel() {
  return std::make_unique<HexagonEngineModel>();
}
