// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU as one of the targets: the only thing that the rest of the compiler
// sees of this folder.

#include "targets/Target.h"
#include "targets/cpu/CpuDescription.h"
#include "targets/cpu/CpuEngine.h"
#include "targets/cpu/EmitObject.h"
#include "targets/cpu/Passes.h"

using namespace mlir;
using namespace tercet;

namespace {

class CpuTarget : public Target {
public:
  StringRef getName() const override { return "cpu"; }
  void registerDialects(DialectRegistry &registry) const override { cpu::registerEngine(registry); }
  void registerPasses() const override {
    cpu::registerTercetCpuPasses();
    cpu::registerCpuPipelines();
  }
  Attribute buildEngine(MLIRContext *context, const EngineDescription &description,
                        Complain complain) const override {
    return cpu::buildCpu(context, description, complain);
  }
  bool emitsObjects() const override { return true; }
  llvm::Error emitObject(const ObjectJob &job, llvm::raw_pwrite_stream &out,
                         llvm::StringMap<uint64_t> &stackBytes) const override {
    llvm::Expected<cpu::EmittedCode> code = cpu::emitObject(job, out);
    if (!code)
      return code.takeError();
    stackBytes = std::move(code->stackBytes);
    return llvm::Error::success();
  }
};

} // namespace

namespace tercet {
std::unique_ptr<Target> createCpuTarget() { return std::make_unique<CpuTarget>(); }
} // namespace tercet
