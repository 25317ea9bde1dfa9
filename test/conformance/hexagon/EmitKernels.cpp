// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// hexagon-emit-kernels FILE.mlir OUT [ARCHITECTURE [obj|asm|ll|mlir]]: compiles
// the kernels of a module as the target does, without the stages before. Prints
// for each kernel its grid and the bytes of scratch that a worker needs, which
// is what the tests must give it; then the packets that the cost model predicts
// and the counts that it does so from.

#include "dialects/nn/NN.h"
#include "passes/tile/KernelGrid.h"
#include "targets/hexagon/EmitObject.h"
#include "targets/hexagon/HexagonPackets.h"
#include "targets/hexagon/Lowerable.h"
#include "targets/hexagon/Passes.h"

#include "mlir/Dialect/Affine/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/Support/FileSystem.h"

#include <map>

using namespace mlir;
using namespace tercet;

/// Packets and terms of all tiles of a kernel, each as large as the largest.
static void printCost(soc::KernelOp kernel, const tile::KernelGrid &grid) {
  int64_t tiles = grid.counts[0] * grid.counts[1] * grid.counts[2];
  uint64_t packets = 0;
  std::map<StringRef, uint64_t> counts;
  kernel.walk([&](Operation *op) {
    std::optional<hexagon::KernelWork> work = hexagon::describeWork(op);
    if (!work)
      return;
    int64_t rows = 1, columns = work->shape.back();
    for (int64_t size : ArrayRef(work->shape).drop_back())
      rows *= size;
    packets += tiles * work->packets(rows, columns);
    for (const hexagon::PacketTerm &term : hexagon::getPacketTerms(*work, rows, columns))
      counts[term.name] += tiles * term.count;
  });
  llvm::outs() << " " << packets;
  for (auto [name, count] : counts)
    llvm::outs() << " " << name << "=" << count;
  llvm::outs() << "\n";
}

int main(int argc, char **argv) {
  if (argc < 3) {
    llvm::errs() << "usage: hexagon-emit-kernels FILE.mlir OUT [ARCHITECTURE [obj|asm|ll|mlir]]\n";
    return 2;
  }
  StringRef kind = argc > 4 ? argv[4] : "obj";
  DialectRegistry registry;
  registry.insert<affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect,
                  hvx::HVXDialect, linalg::LinalgDialect, LLVM::LLVMDialect, memref::MemRefDialect,
                  nn::NNDialect, scf::SCFDialect, soc::SocDialect>();
  affine::registerValueBoundsOpInterfaceExternalModels(registry);
  arith::registerValueBoundsOpInterfaceExternalModels(registry);
  memref::registerValueBoundsOpInterfaceExternalModels(registry);
  scf::registerValueBoundsOpInterfaceExternalModels(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  hexagon::EmitOptions options;
  if (argc > 3)
    options.architecture = argv[3];
  options.kind = kind == "asm"  ? hexagon::EmitKind::Assembly
                 : kind == "ll" ? hexagon::EmitKind::LLVMIR
                                : hexagon::EmitKind::Object;
  for (soc::KernelOp kernel : module->getOps<soc::KernelOp>()) {
    FailureOr<tile::KernelGrid> grid = tile::KernelGrid::of(kernel);
    if (failed(grid))
      return 1;
    options.kernels.push_back(kernel.getSymName().str());
    llvm::outs() << kernel.getSymName() << " " << grid->counts[0] << " " << grid->counts[1] << " "
                 << grid->counts[2] << " "
                 << hexagon::ownScratchBytes(kernel) + hexagon::stagingBytes(kernel);
    printCost(kernel, *grid);
  }
  PassManager pm(&context);
  hexagon::buildCodegenPipeline(pm);
  if (failed(pm.run(*module)))
    return 1;
  std::error_code code;
  llvm::raw_fd_ostream out(argv[2], code);
  if (code) {
    llvm::errs() << argv[2] << ": " << code.message() << "\n";
    return 1;
  }
  if (kind == "mlir") {
    module->print(out);
    return 0;
  }
  llvm::StringMap<uint64_t> stackBytes;
  if (llvm::Error error = hexagon::emitObject(*module, options, out, stackBytes)) {
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
