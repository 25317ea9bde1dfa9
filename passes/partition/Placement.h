// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The placement of one function's groups as a problem of labels. A label runs
// a group in one precision on one engine, or shares it between two in eighths;
// its price is the engine's own. What is moved or waited for between groups is
// priced from the element ranges that each part writes and reads, so that two
// groups which are shared alike along rows owe each other nothing; what is
// stored otherwise than a reader wants it is converted first, once for each type.

#ifndef TERCET_PASSES_PARTITION_PLACEMENT_H
#define TERCET_PASSES_PARTITION_PLACEMENT_H

#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"
#include "passes/partition/GroupWork.h"
#include "passes/partition/PartitionProblem.h"
#include "passes/schedule/ScheduleProblem.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <tuple>

namespace tercet::partition {

/// Rows [begin, begin + size) of a group on an engine of the machine.
struct PlacedPart {
  unsigned engine = 0;
  int64_t begin = 0, size = 0;
  soc::VariantAttr variant;
  /// What storing the rows in the label's handover takes.
  int64_t handoverPs = 0;
};

/// One way to run a group: a part, or one on each of two engines, all in one
/// precision.
struct PlacementLabel {
  llvm::SmallVector<PlacedPart, 2> parts;
  /// Of the engines and the shares that they have.
  unsigned place = 0;
  /// How results are stored, next to the place: 0 as they are written, then one
  /// number for each integer scheme and for each handover.
  unsigned format = 0;
  /// Null for a group without a list of them.
  soc::PrecisionAttr precision;
  /// The type that a group in floating point on a CPU stores its one result in,
  /// since all of its readers want that.
  mlir::Type handover;
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
  /// Where in a precision's `results` each result of the group is; none for an
  /// operand that it passes on.
  llvm::SmallVector<std::optional<unsigned>, 1> storedAt;
  /// Operands that the group in floating point on a CPU dequantises where it
  /// reads them.
  llvm::SmallVector<bool> dequantises;
};

/// The precision of the group in which a variant computes it: null if it has no
/// list of them, none if its list has no such one.
std::optional<soc::PrecisionAttr> precisionOf(soc::GroupOp group, soc::VariantAttr variant);

/// The format that a precision stores results in: 0 as they are written.
unsigned formatOf(soc::PrecisionAttr precision);

class Placement {
public:
  /// Of each node the tensors that it makes or reads.
  using TensorsAround = std::vector<llvm::SmallVector<const PartitionTensor *>>;

  Placement(mlir::func::FuncOp func, soc::MachineAttr machine);

  /// Asks the engines for the labels of every group. Reports every group that
  /// no engine runs, with every engine's reason.
  mlir::LogicalResult collect();

  /// The problem of least serial time: labels, transfers, limits of memories.
  PartitionProblem buildProblem() const;

  /// What the labels would take on the engines' queues at once: one task for
  /// each part and each conversion, in its only mode.
  schedule::ScheduleProblem buildSchedule(llvm::ArrayRef<unsigned> labels) const;

  /// The same with every label without shares as a mode, the chosen one first;
  /// groups that are shared keep their label. `labelOfMode` has the labels of the
  /// modes of each task, in the order of groups, and nothing for conversions.
  schedule::ScheduleProblem buildModes(llvm::ArrayRef<unsigned> labels,
                                       std::vector<llvm::SmallVector<unsigned>> &labelOfMode) const;

  /// Writes the labels into the groups, with what became of the other engines.
  void apply(const PartitionProblem &problem, llvm::ArrayRef<unsigned> labels, bool byOverlap);

  llvm::ArrayRef<PlacedGroup> getGroups() const { return groups; }

private:
  /// A result of a group, or, with `kArgument`, an argument of the function.
  struct Source {
    unsigned producer = 0, result = 0;
    bool operator<(const Source &other) const {
      return std::tie(producer, result) < std::tie(other.producer, other.result);
    }
    bool operator==(const Source &other) const {
      return producer == other.producer && result == other.result;
    }
  };
  static constexpr unsigned kArgument = ~0u;
  /// A group's reading of a source through one operand.
  struct Reading {
    Source source;
    unsigned consumer = 0, operand = 0;
    soc::SourceRange range;
  };
  /// A source in another type than it is stored in: a pass of one engine.
  struct Conversion {
    unsigned engine = 0;
    /// Time of the pass, and of fetching what other engines wrote.
    int64_t passPs = 0, fetchPs = 0;
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
  /// Where a source is once it has the type that is wanted, and bytes of an
  /// element of it on the way to the reader.
  struct Transit {
    Extents written;
    int64_t bytes = 0;
  };

  mlir::LogicalResult collectGroup(PlacedGroup &group);
  /// Adds the labels of a whole group on one engine that its list of precisions
  /// allows; if there are none, `reason` says why.
  void addWhole(PlacedGroup &group, unsigned engine, std::string &reason);
  /// The shares that the text gives, as the only label.
  mlir::LogicalResult keepShares(PlacedGroup &group);
  /// Adds labels for shares in eighths on any two engines.
  void addShares(PlacedGroup &group);
  /// Finds what a part reads of the operands; false if the group cannot be cut.
  static bool findRowReads(PlacedGroup &group);
  void collectReadings();
  /// Adds labels of groups on CPUs that store what all of their readers want.
  void addHandovers();
  unsigned placeOf(unsigned first, unsigned second, unsigned eighths) const;

  /// What the label stores a result in; null: as it is written.
  mlir::Type storedBy(const PlacedGroup &group, const PlacementLabel &label, unsigned result) const;
  /// Whether readers of any type read what the label stores.
  bool storesIntegers(const Source &source, const PlacementLabel *label) const;
  /// What the label wants an operand stored in: a quantised type; none: as it is
  /// written; null: whatever it is stored in, which the reader dequantises.
  mlir::Type wantedBy(const Reading &reading, const PlacementLabel &label) const;
  /// What has to be done before a source can be read as `wanted`, if anything;
  /// `label` is that of its group, null for an argument.
  std::optional<Conversion> convert(const Source &source, const PlacementLabel *label,
                                    mlir::Type wanted) const;
  int64_t handoverPs(const PlacedPart &part, int64_t elements) const;
  unsigned bitsOf(const Source &source, mlir::Type stored) const {
    return storedBitsOf(typeOf(source), stored);
  }
  Transit transitOf(const Source &source, const PlacementLabel *label, mlir::Type wanted) const;
  mlir::RankedTensorType typeOf(const Source &source) const;
  struct TaskList;
  void addConversions(const Source &source, const PlacementLabel *label,
                      llvm::ArrayRef<unsigned> labels, schedule::ScheduleProblem &problem,
                      TaskList &list) const;
  /// Their conversions, and their copies for engines that do not see them.
  void addArguments(llvm::ArrayRef<unsigned> labels, schedule::ScheduleProblem &problem,
                    TaskList &list) const;
  /// Of an argument, if a part of the label wants it; once.
  void addCopy(const Reading &reading, const PlacementLabel &label,
               schedule::ScheduleProblem &problem, TaskList &list) const;
  void addCopyEdges(const Reading &reading, const PlacementLabel &label, TaskList &list) const;
  void addEdges(schedule::ScheduleProblem &problem, const TaskList &list, bool anyEngine) const;
  int64_t resultBytes(unsigned group, const PlacementLabel &label) const;
  /// A tensor without uses and costs.
  PartitionTensor tensorOf(const Source &source) const;
  /// Sets the costs of a tensor: of each label of its maker for each demand.
  template <typename Fill>
  void fillTable(PartitionTensor &tensor, const Source &source, Fill fill) const;
  /// Of each source that some labels want converted a tensor whose demands are
  /// the types.
  std::vector<PartitionTensor> buildConversions() const;
  /// Which moves to readers a tensor stands for: of what is stored in floating
  /// point; of integers as they are; of integers that were dequantised before.
  enum class Moved { Floats, Integers, Dequantised };
  PartitionTensor buildMoves(const Source &source, llvm::ArrayRef<const Reading *> uses,
                             Moved moved) const;
  static unsigned placesOf(unsigned engines);
  /// Nodes and labels alone.
  PartitionProblem withoutTensors() const;
  static TensorsAround tensorsAround(const PartitionProblem &problem);
  /// Labels that differ from one in the handover alone.
  llvm::SmallVector<unsigned> siblingsOf(unsigned group, unsigned label) const;
  void writeChoice(soc::GroupOp op, const PlacementLabel &chosen) const;
  /// The place in the problem: of engines, shares and format.
  unsigned rowOf(const PlacementLabel &label) const { return label.place * formats + label.format; }
  int64_t costOf(const PlacementLabel &label) const;
  int64_t costOf(const PlacedPart &part) const;
  Extents writtenBy(unsigned group, const PlacementLabel &label) const;
  Extents readBy(const Reading &reading, const PlacementLabel &label) const;
  /// Picoseconds until an engine has bytes that another has written.
  int64_t moveCost(unsigned from, unsigned to, int64_t bytes) const;
  /// The engine that copies an argument for one that does not see the
  /// application's memory; none where that is not needed. States are drivers' own.
  std::optional<unsigned> copierFor(const Source &argument, unsigned engine) const;
  /// Picoseconds of the copy, and until that engine has it.
  int64_t arrivalCost(const Source &argument, unsigned engine) const;
  int64_t transferCost(const Extents &written, const Extents &read, int64_t elementBytes) const;

  mlir::func::FuncOp func;
  soc::MachineAttr machine;
  llvm::SmallVector<soc::EngineAttrInterface> engines;
  std::vector<PlacedGroup> groups;
  std::vector<Reading> readings;
  /// Those of each source; of what is only returned, none.
  std::map<Source, llvm::SmallVector<const Reading *>> readersOf;
  /// Results of groups that the function returns.
  std::vector<Source> returned;
  /// Numbers of formats.
  unsigned formats = 1;
  llvm::DenseMap<mlir::Operation *, unsigned> indexOfGroup;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_PLACEMENT_H
