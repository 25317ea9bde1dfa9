// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers for engines of target hexagon.

#include "targets/hexagon/HexagonEngine.h"

#include "targets/hexagon/HexagonArchitecture.h"

using namespace mlir;
using namespace tercet;

namespace {

class HexagonEngineModel : public soc::EngineModel {
public:
  bool supports(soc::EngineAttr engine, soc::GroupOp group, std::string &reason) const override {
    reason = "it computes in integers, and the group has no integer form";
    return false;
  }

  SmallVector<soc::VariantAttr> variants(soc::EngineAttr engine, soc::GroupOp group,
                                         int64_t rows) const override {
    return {};
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
