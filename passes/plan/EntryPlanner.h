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
#include "passes/plan/HappensBefore.h"
#include "passes/plan/MemoryProblem.h"
#include "passes/plan/ResidentWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

namespace tercet::plan {

/// Offsets of buffers and weights in a memory are multiples of this many bytes:
/// what the memory wants, at least a cache line, and what the memories want that
/// engines with a driver work on first, which read from this one as well.
int64_t alignmentOf(soc::MachineAttr machine, llvm::StringRef memory);

/// Whether an engine of the machine runs an image through a driver: then the
/// memory that it uses is the driver's, not the application's.
bool hasDriver(mlir::Attribute engine);

/// Bytes of a tensor whose elements take whole bytes each.
int64_t bytesOf(mlir::Type type);

class EntryPlanner {
public:
  EntryPlanner(mlir::func::FuncOp func, mlir::SymbolTable &symbols, soc::MachineAttr machine,
               const ResidentWeights &resident);

  /// Decides what shares storage and when it lives. Fails where the earlier
  /// stages have left something to do.
  mlir::LogicalResult collect();
  /// Decides where storage lies in the arenas, one for each memory.
  void place();
  /// Where a weight lies.
  struct WeightPlace {
    cmd::PoolOp pool;
    int64_t offset = 0;
  };
  using WeightPlaces = llvm::DenseMap<mlir::Operation *, WeightPlace>;
  /// Where each state lies in the pool of states, by its name.
  struct StatePlaces {
    cmd::PoolOp pool;
    llvm::StringMap<int64_t> offsets;
  };
  /// A tensor that persists between runs, as an entry has it.
  struct State {
    llvm::StringRef name;
    mlir::RankedTensorType type;
    mlir::Location loc;
  };
  llvm::SmallVector<State> getStates();
  /// Writes the entry with these pools before the function: the arena of each
  /// memory, and those of the weights and states.
  void build(const llvm::StringMap<cmd::PoolOp> &arenas, const WeightPlaces &weights,
             const StatePlaces &states);

  /// The plan of each memory's arena that is used, in the machine's order.
  const llvm::MapVector<mlir::StringAttr, MemoryPlan> &getArenaPlans() const { return arenaPlans; }
  /// In the order of first use.
  llvm::ArrayRef<nn::WeightOp> getWeights() const { return weightsInOrder; }
  /// The engines with a driver that read a weight, as numbers in the machine.
  llvm::SmallVector<unsigned> getDriversOf(nn::WeightOp weight) const;
  /// The engines with a driver that work on a state, likewise.
  llvm::SmallVector<unsigned> getDriversOfStates() const;

private:
  struct Storage {
    enum Kind { Input, Output, Weight, State, Arena } kind = Arena;
    /// Number of the argument, or of the result, of the function.
    unsigned index = 0;
    /// Of a state: the value that it has at this point of the function.
    mlir::Value current;
    nn::WeightOp weight;
    int64_t bytes = 0;
    /// The memory that it lies in, where it lies in an arena.
    mlir::StringAttr memory;
    /// The commands that touch it.
    Accesses accesses;
    /// Copies that write to it: no task's token stands for them.
    llvm::SmallVector<int64_t, 1> copies;
    /// Of an input: its copy for engines that do not see the application's memory.
    std::optional<unsigned> staged;
    /// The concatenation that it is a part of, and where in it.
    std::optional<unsigned> parent;
    int64_t offsetInParent = 0;
    /// Whether it is a concatenation.
    bool assembled = false;
    bool isScratch = false;
    /// In the arena: the storage whose place it takes, itself at first.
    unsigned placeOf = 0;
    int64_t offset = 0;
    mlir::Location loc;
    mlir::Value buffer;

    Storage(mlir::Location loc, unsigned queues) : accesses(queues), loc(loc) {}
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
    unsigned engine = 0;
    /// Commands of other queues that it waits for.
    llvm::SmallVector<int64_t, 2> waits;
    mlir::Location loc;
  };

  Storage newStorage(mlir::Location loc, Storage::Kind kind, int64_t bytes);
  unsigned add(Storage storage);
  mlir::LogicalResult verifyFunction();
  mlir::LogicalResult verifyTask(soc::TaskOp task);
  unsigned engineIndex(llvm::StringRef name) const;
  /// Appends a command to its queue.
  int64_t addCommand(Command command);
  void touch(unsigned storage, int64_t command);
  /// The tasks and copies of other queues that have to have written the value.
  void waitForProducers(mlir::Value value, Command &command);
  void copy(mlir::Value source, Place target, mlir::Location loc);
  /// Copies an input of the entry to where engines with drivers see it, if one of
  /// the task's inputs is a part of it.
  void stageInputs(soc::TaskOp task);
  /// Where an engine finds a value.
  Place placeFor(mlir::Value value, unsigned engine) const;
  mlir::LogicalResult collectTask(soc::TaskOp task);
  /// The storage of a state is that of the output, which the kernel updates.
  mlir::LogicalResult updateState(soc::TaskOp task, unsigned input, Command &command);
  /// An error where a value is read that a state had earlier.
  mlir::LogicalResult verifyIsCurrent(mlir::Operation *reader, mlir::Value value);
  void collectConcat(mlir::Operation *op);
  mlir::LogicalResult collectResults();
  /// Whether the bytes are all of a storage that may still be put anywhere.
  bool isMovable(Place place, int64_t bytes) const;
  /// The first memory of the engine that wrote a storage that all engines
  /// which touch it can address; an error where there is none.
  mlir::LogicalResult assignMemories();
  mlir::LogicalResult checkFixedStorage(const Storage &storage) const;
  /// The memories that all engines which touch a storage address, those first
  /// that the engine which wrote it prefers.
  llvm::SmallVector<mlir::StringAttr, 2> commonMemories(const Storage &storage) const;
  /// Moves what does not fit a memory of limited size to other ones; an error
  /// where scratch alone is too much.
  mlir::LogicalResult fitMemory(soc::MemoryAttr memory);
  /// The buffers of a memory; `bufferOf` is by what Storage::placeOf says.
  MemoryProblem buildProblem(mlir::StringAttr memory,
                             llvm::DenseMap<unsigned, unsigned> &bufferOf) const;
  void placeIn(mlir::StringAttr memory);
  soc::EngineAttrInterface engineOf(unsigned queue) const {
    return llvm::cast<soc::EngineAttrInterface>(machine.getEngines()[queue]);
  }
  /// The queue of a copy of what that queue has written: its own, or that of the
  /// first CPU where engines with a driver would have to copy.
  unsigned copyQueue(unsigned writer) const;
  bool isDriven(const Storage &storage) const;
  static bool isIn(const Storage &storage, mlir::StringAttr memory) {
    return storage.kind == Storage::Arena && !storage.parent && storage.memory == memory;
  }
  /// Bytes of scratch of one worker of the task.
  int64_t scratchStride(soc::TaskOp task);
  void shareInPlace(soc::TaskOp task, int64_t command);
  soc::KernelOp kernelOf(soc::TaskOp task);
  /// The place in terms of a storage that is no part of another.
  Place resolve(Place place) const;
  void buildBuffers(mlir::OpBuilder &builder, const llvm::StringMap<cmd::PoolOp> &arenas,
                    const WeightPlaces &weights, const StatePlaces &states);
  void buildCommands(mlir::OpBuilder &builder);

  mlir::func::FuncOp func;
  mlir::SymbolTable &symbols;
  soc::MachineAttr machine;
  const ResidentWeights &resident;
  std::vector<Storage> storages;
  llvm::DenseMap<mlir::Value, Place> placeOfValue;
  /// Once built: the scalars of the entry, by their arguments.
  llvm::DenseMap<mlir::Value, mlir::Value> scalarOf;
  std::vector<Command> commands;
  HappensBefore order;
  llvm::DenseMap<mlir::Operation *, int64_t> commandOfTask;
  /// For each task: its scratch storage, if it has any.
  llvm::DenseMap<mlir::Operation *, unsigned> scratchOf;
  llvm::DenseMap<mlir::Operation *, unsigned> weightStorage;
  llvm::SmallVector<nn::WeightOp> weightsInOrder;
  llvm::MapVector<mlir::StringAttr, MemoryPlan> arenaPlans;
};

} // namespace tercet::plan

#endif // TERCET_PASSES_PLAN_ENTRYPLANNER_H
