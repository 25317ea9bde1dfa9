// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs samples through the reference evaluator: once all of them, to see what
// numbers values take, then some of them, to see what a choice of types does to
// each group by itself. Every group gets what the float model gives it.

#ifndef TERCET_COMPILER_QUANTIZE_CALIBRATIONRUN_H
#define TERCET_COMPILER_QUANTIZE_CALIBRATIONRUN_H

#include "compiler/quantize/AssignPrecisions.h"
#include "compiler/quantize/CalibrationData.h"
#include "compiler/quantize/TypeChoice.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/weights/WeightReader.h"

#include <chrono>

namespace tercet::quantize {

class CalibrationRun {
public:
  /// Samples of which groups' noise is measured, spread evenly over all.
  static constexpr size_t kMeasuredSamples = 8;

  CalibrationRun(mlir::ModuleOp module, mlir::func::FuncOp function, const CalibrationData &data,
                 const Progress &progress);

  /// Fills the statistics of all values that the candidates store.
  llvm::Error collect(llvm::ArrayRef<IntegerCandidate> candidates);

  /// The ratio of signal to noise of each candidate in that precision, in
  /// hundredths of a bel.
  llvm::Expected<llvm::SmallVector<int64_t>> measure(llvm::ArrayRef<IntegerCandidate> candidates,
                                                     llvm::ArrayRef<soc::PrecisionAttr> precisions);

  /// The means of the channels of the left-hand side of a group's product; null
  /// without one, or if they were not seen.
  mlir::DenseElementsAttr getMeans(const IntegerCandidate &candidate) const;

  const ValueClasses &getClasses() const { return classes; }
  llvm::ArrayRef<ValueStatistics> getStatistics() const { return statistics; }
  const ValueStatistics &getStatistics(mlir::Value value) const {
    return statistics[classes.lookup(value)];
  }

private:
  /// An evaluator that takes weights from memory.
  std::unique_ptr<Evaluator> makeEvaluator();
  llvm::Error runSample(Evaluator &evaluator, size_t index, Evaluator::Observer observer,
                        llvm::function_ref<void(mlir::ArrayRef<Tensor>)> seeInputs);
  void report(const llvm::Twine &what, size_t index, size_t count);

  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  const CalibrationData &data;
  const Progress &progress;
  ValueClasses classes;
  std::vector<ValueStatistics> statistics;
  /// Of left-hand sides of products, as the function has them.
  llvm::DenseMap<mlir::Value, ChannelMeans> means;
  WeightReader reader;
  /// Weights, read once.
  llvm::DenseMap<mlir::Attribute, Tensor> weights;
  std::chrono::steady_clock::time_point reported = std::chrono::steady_clock::now();
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_CALIBRATIONRUN_H
