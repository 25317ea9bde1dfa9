// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plans the memory of one function of tasks. First it is decided which values
// share storage (views, parts of concatenations, results computed in place or
// directly in an output), then how long each storage lives, then where it lies.

#ifndef TERCET_PASSES_PLAN_ENTRYPLANNER_H
#define TERCET_PASSES_PLAN_ENTRYPLANNER_H

#include "dialects/cmd/Cmd.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "passes/plan/MemoryProblem.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

#include <vector>

namespace tercet::plan {

/// Offsets of buffers and weights are multiples of this many bytes.
constexpr int64_t kBufferAlignment = 64;

/// Bytes of a tensor whose elements take whole bytes each.
int64_t bytesOf(mlir::Type type);

class EntryPlanner {
public:
  EntryPlanner(mlir::func::FuncOp func, mlir::SymbolTable &symbols, soc::MachineAttr machine)
      : func(func), symbols(symbols), machine(machine) {}

  /// Decides what shares storage and when it lives.
  mlir::LogicalResult collect();
  /// Decides where storage lies in the arena.
  void place();
  /// Writes the entry with these pools before the function.
  void build(cmd::PoolOp arena, cmd::PoolOp weights,
             const llvm::DenseMap<mlir::Operation *, int64_t> &weightOffsets);

  const MemoryPlan &getArenaPlan() const { return arenaPlan; }
  /// In the order of first use.
  llvm::ArrayRef<nn::WeightOp> getWeights() const { return weightsInOrder; }

private:
  struct Storage {
    enum Kind { Input, Output, Weight, Arena } kind = Arena;
    /// Number of the input or output.
    unsigned index = 0;
    nn::WeightOp weight;
    int64_t bytes = 0;
    /// Commands: live from `first` to `last`, both included.
    int64_t first = 0, last = 0;
    /// The concatenation that it is a part of, and where in it.
    std::optional<unsigned> parent;
    int64_t offsetInParent = 0;
    /// Whether it is a concatenation.
    bool assembled = false;
    /// In the arena: the storage whose place it takes, itself at first.
    unsigned placeOf = 0;
    int64_t offset = 0;
    mlir::Location loc;
    mlir::Value buffer;

    explicit Storage(mlir::Location loc) : loc(loc) {}
  };

  /// Bytes of a storage.
  struct Place {
    unsigned storage = 0;
    int64_t offset = 0;
  };

  /// A task, or a copy where `task` is null.
  struct Command {
    soc::TaskOp task;
    Place source, target;
    int64_t bytes = 0;
    mlir::Location loc;
  };

  unsigned add(Storage storage);
  void touch(unsigned storage, int64_t command);
  void copy(Place source, Place target, int64_t bytes, mlir::Location loc);
  void collectTask(soc::TaskOp task);
  void collectConcat(mlir::Operation *op);
  void collectResults();
  /// Whether the bytes are all of a storage that may still be put anywhere.
  bool isMovable(Place place, int64_t bytes) const;
  void shareInPlace(soc::TaskOp task, int64_t command);
  soc::KernelOp kernelOf(soc::TaskOp task);
  /// The place in terms of a storage that is no part of another.
  Place resolve(Place place) const;
  void buildBuffers(mlir::OpBuilder &builder, cmd::PoolOp arena, cmd::PoolOp weights,
                    const llvm::DenseMap<mlir::Operation *, int64_t> &weightOffsets);
  void buildCommands(mlir::OpBuilder &builder);

  mlir::func::FuncOp func;
  mlir::SymbolTable &symbols;
  soc::MachineAttr machine;
  std::vector<Storage> storages;
  llvm::DenseMap<mlir::Value, Place> placeOfValue;
  std::vector<Command> commands;
  /// For each task: its scratch storage, if it has any.
  llvm::DenseMap<mlir::Operation *, unsigned> scratchOf;
  llvm::DenseMap<mlir::Operation *, unsigned> weightStorage;
  llvm::SmallVector<nn::WeightOp> weightsInOrder;
  MemoryPlan arenaPlan;
};

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_ENTRYPLANNER_H
