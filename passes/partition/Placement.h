// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The placement of one function's groups as a problem of labels. A label runs
// a group on one engine, or shares it between two in eighths; its price is the
// engine's own. What is moved or waited for between groups is priced from the
// element ranges that each part writes and reads, so that two groups which are
// shared alike along rows owe each other nothing.

#ifndef TERCET_PASSES_PARTITION_PLACEMENT_H
#define TERCET_PASSES_PARTITION_PLACEMENT_H

#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"
#include "passes/partition/PartitionProblem.h"
#include "passes/schedule/ScheduleProblem.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tercet::partition {

/// Rows [begin, begin + size) of a group on an engine of the machine.
struct PlacedPart {
  unsigned engine = 0;
  int64_t begin = 0, size = 0;
  soc::VariantAttr variant;
};

/// One way to run a group: a part, or one on each of two engines.
struct PlacementLabel {
  llvm::SmallVector<PlacedPart, 2> parts;
  unsigned place = 0;
};

/// Why an engine cannot run a group: a code of #soc.alternative and a text.
struct Refusal {
  unsigned engine = 0;
  llvm::StringRef reason;
  std::string detail;
};

struct PlacedGroup {
  soc::GroupOp op;
  llvm::SmallVector<PlacementLabel> labels;
  llvm::SmallVector<Refusal> refusals;
  /// For each operand: elements of it for each row of the result where a part
  /// reads just its rows, 0 where it reads all.
  llvm::SmallVector<int64_t> elementsPerRow;
};

class Placement {
public:
  Placement(mlir::func::FuncOp func, soc::MachineAttr machine);

  /// Asks the engines for the labels of every group. Reports every group that
  /// no engine runs, with every engine's reason.
  mlir::LogicalResult collect();

  /// The problem of least serial time: labels, transfers, limits of memories.
  PartitionProblem buildProblem() const;

  /// What the labels would take on the engines' queues at once: one task for
  /// each part, in its only mode.
  schedule::ScheduleProblem buildSchedule(llvm::ArrayRef<unsigned> labels) const;

  /// The same with every label without shares as a mode, the chosen one first;
  /// groups that are shared keep their label.
  schedule::ScheduleProblem buildModes(llvm::ArrayRef<unsigned> labels,
                                       std::vector<llvm::SmallVector<unsigned>> &labelOfMode) const;

  /// Writes the labels into the groups, with what became of the other engines.
  void apply(const PartitionProblem &problem, llvm::ArrayRef<unsigned> labels, bool byOverlap);

  llvm::ArrayRef<PlacedGroup> getGroups() const { return groups; }

private:
  /// A group's reading of another's result through one operand.
  struct Reading {
    unsigned producer = 0, consumer = 0, operand = 0;
    soc::SourceRange range;
  };
  /// Elements of a tensor that an engine writes or wants.
  struct Extent {
    unsigned engine = 0;
    int64_t begin = 0, end = 0;
    bool operator<(const Extent &other) const {
      return std::tie(engine, begin, end) < std::tie(other.engine, other.begin, other.end);
    }
  };
  using Extents = llvm::SmallVector<Extent, 2>;

  mlir::LogicalResult collectGroup(PlacedGroup &group);
  /// The shares that the text gives, as the only label.
  mlir::LogicalResult keepShares(PlacedGroup &group);
  /// Adds labels for shares in eighths on any two engines.
  void addShares(PlacedGroup &group);
  /// Finds what a part reads of the operands; false if the group cannot be cut.
  static bool findRowReads(PlacedGroup &group);
  unsigned placeOf(unsigned first, unsigned second, unsigned eighths) const;
  int64_t costOf(const PlacementLabel &label) const;
  int64_t costOf(const PlacedPart &part) const;
  Extents writtenBy(unsigned group, const PlacementLabel &label) const;
  Extents readBy(const Reading &reading, const PlacementLabel &label) const;
  /// Picoseconds until an engine has bytes that another has written.
  int64_t moveCost(unsigned from, unsigned to, int64_t bytes) const;
  int64_t transferCost(const Extents &written, const Extents &read, int64_t elementBytes) const;

  mlir::func::FuncOp func;
  soc::MachineAttr machine;
  llvm::SmallVector<soc::EngineAttrInterface> engines;
  std::vector<PlacedGroup> groups;
  std::vector<Reading> readings;
  llvm::DenseMap<mlir::Operation *, unsigned> indexOfGroup;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PLACEMENT_H
