// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Hexagon NPU as one of the targets: the only thing that the rest of the
// compiler sees of this folder.

#include "targets/Target.h"
#include "targets/hexagon/HexagonArchitecture.h"
#include "targets/hexagon/HexagonEngine.h"
#include "targets/hexagon/HexagonImage.h"
#include "targets/hexagon/Passes.h"

using namespace mlir;
using namespace tercet;

namespace {

class HexagonTarget : public Target {
public:
  StringRef getName() const override { return hexagon::kTargetName; }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<hvx::HVXDialect>();
  }
  void registerPasses() const override {
    hexagon::registerTercetHexagonPasses();
    hexagon::registerHexagonPipelines();
  }
  std::unique_ptr<soc::EngineModel> createModel() const override {
    return hexagon::createEngineModel();
  }
  llvm::Expected<EngineImage> emitImage(const ImageJob &job) const override {
    return hexagon::emitImage(job);
  }
};

} // namespace

namespace tercet {
std::unique_ptr<Target> createHexagonTarget() { return std::make_unique<HexagonTarget>(); }
} // namespace tercet
