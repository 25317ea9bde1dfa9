// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that stay in the own memory of an engine with a driver for as long as
// the program is open: those that a variant with resident bytes packs. They take
// that memory from all entries, whichever of them reads them.

#ifndef TERCET_PASSES_PLAN_RESIDENTWEIGHTS_H
#define TERCET_PASSES_PLAN_RESIDENTWEIGHTS_H

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::plan {

class ResidentWeights {
public:
  /// Reads the tasks of the module.
  ResidentWeights(mlir::ModuleOp module, const mlir::SymbolTable &symbols,
                  soc::MachineAttr machine);

  /// The engine, as its number in the machine, in whose own memory it lies.
  std::optional<unsigned> engineOf(mlir::Operation *weight) const;
  /// What they take of a memory, each where its alignment wants it.
  int64_t bytesIn(llvm::StringRef memory) const { return bytes.lookup(memory); }

private:
  llvm::DenseMap<mlir::Operation *, unsigned> engines;
  llvm::StringMap<int64_t> bytes;
};

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_RESIDENTWEIGHTS_H
