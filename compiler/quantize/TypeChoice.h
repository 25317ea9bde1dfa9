// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One type for every value that groups in integers read or write. What their
// forms ask is merged over the value's class: 8 bits where a product or a table
// reads it, zero 0 where attention does, 16 bits where a product asks for them,
// a sum adds it (a residual branch loses too much in 8), something in float reads
// it or nobody asks. Where 8 and 16 are both asked for, the value is written in 16
// and those who want 8 narrow it themselves. A value of 8 bits has a scale for
// each channel, or each block of them, where all who store it so can do that.

#ifndef TERCET_COMPILER_QUANTIZE_TYPECHOICE_H
#define TERCET_COMPILER_QUANTIZE_TYPECHOICE_H

#include "compiler/quantize/RangeChoice.h"
#include "compiler/quantize/ValueClasses.h"
#include "compiler/quantize/ValueStatistics.h"

#include "dialects/soc/Soc.h"
#include "passes/partition/IntegerBody.h"
#include "passes/partition/IntegerForm.h"

namespace tercet::quantize {

/// A group that may be computed in integers.
struct IntegerCandidate {
  soc::GroupOp group;
  llvm::StringRef scheme;
  partition::IntegerForm form;
  llvm::SmallVector<partition::IntegerStep> steps;
};

class TypeChoice {
public:
  /// Statistics are by class.
  TypeChoice(const ValueClasses &classes, llvm::ArrayRef<ValueStatistics> statistics,
             RangeMethod method)
      : classes(classes), statistics(statistics), method(method) {}

  /// Merges what the candidates ask, in place of what others did before.
  void merge(llvm::ArrayRef<IntegerCandidate> candidates);

  /// The precision of one of them, without a measured ratio.
  soc::PrecisionAttr getPrecision(const IntegerCandidate &candidate) const;

private:
  /// What is asked of the values of a class, and what follows.
  struct Wishes {
    bool narrow = false, symmetric = false, wide = false;
    /// The most scales that all who store it in 8 bits can do with.
    partition::Scales scales = partition::Scales::Channels;
    /// A 16-bit scale may not be finer than that.
    double leastScale = 0;
    /// Products that read it in 8 bits: their right-hand sides.
    llvm::SmallVector<mlir::Value> weights;
    /// Where a table alone reads it: the functions that this stands for, in order.
    llvm::SmallVector<mlir::Operation *> table;

    bool isNarrow() const { return (narrow || symmetric) && !wide; }
    StorageKind getNarrowKind() const {
      return symmetric ? StorageKind::Symmetric8 : StorageKind::Asymmetric8;
    }
  };
  bool isStoredNarrow(mlir::Value value, partition::Storage storage) const;
  void chooseNarrow(unsigned number, mlir::MLIRContext *context);
  /// Products cannot write finer than they sum.
  bool widenResults(const IntegerCandidate &candidate);
  mlir::Type getType(mlir::Value value, partition::Storage storage,
                     const IntegerCandidate &candidate) const;
  mlir::Type getColumnsType(mlir::Value weight, const IntegerCandidate &candidate) const;

  const ValueClasses &classes;
  llvm::ArrayRef<ValueStatistics> statistics;
  RangeMethod method;
  std::vector<Wishes> wishes;
  /// By class, for tensors of one dimension.
  llvm::DenseMap<unsigned, mlir::quant::QuantizedType> narrow, wide;
};

/// The storages of a form beside the values of a group that they speak of.
void forEachStorage(
    soc::GroupOp group, const partition::IntegerForm &form,
    llvm::function_ref<void(mlir::Value, partition::Storage, partition::Scales)> visit);

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_TYPECHOICE_H
