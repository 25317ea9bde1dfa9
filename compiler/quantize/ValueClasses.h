// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which values of a function are stored alike: a group's operand and what it is
// called inside, what a group yields and its result, and whatever an operation
// that only moves elements makes of a value. Numbers are observed once for each
// class, where they are computed.

#ifndef TERCET_COMPILER_QUANTIZE_VALUECLASSES_H
#define TERCET_COMPILER_QUANTIZE_VALUECLASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/IntEqClasses.h"

#include <vector>

namespace tercet::quantize {

class ValueClasses {
public:
  explicit ValueClasses(mlir::func::FuncOp function);

  unsigned size() const { return classes.getNumClasses(); }
  unsigned lookup(mlir::Value value) const { return classes[numbers.lookup(value)]; }
  /// Whether the numbers of its class are computed here and not moved from
  /// another of its values: a weight, an argument of the function, the result of
  /// an operation that computes.
  static bool isComputed(mlir::Value value);
  /// Whether the last dimension of all values of the class is the same, so that
  /// its elements can have scales of their own.
  bool hasChannels(unsigned number) const { return columns[number] > 0; }

private:
  void number(mlir::Value value) { numbers.try_emplace(value, numbers.size()); }
  void join(mlir::Value a, mlir::Value b) { classes.join(numbers.lookup(a), numbers.lookup(b)); }

  llvm::DenseMap<mlir::Value, unsigned> numbers;
  llvm::IntEqClasses classes;
  /// Of each class: the last dimension; -1 where they differ.
  std::vector<int64_t> columns;
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_VALUECLASSES_H
