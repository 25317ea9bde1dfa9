// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between how values are stored: as operations at the head or the
// end of a body, or as groups of their own on an engine.

#ifndef TERCET_PASSES_PARTITION_CONVERSIONGROUPS_H
#define TERCET_PASSES_PARTITION_CONVERSIONGROUPS_H

#include "passes/partition/IntegerWeights.h"

#include "dialects/soc/Soc.h"

namespace tercet::partition {

/// A value as it is stored: with a type, in integers; without, as it is written.
/// The type is the one for tensors of rank 1.
struct StoredValue {
  mlir::Value value;
  QuantType type;
};

/// The tensor type of `type`'s shape that stores values of a quantised type.
mlir::RankedTensorType storedAs(mlir::Type type, QuantType stored);

mlir::Value emptyLike(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type);

/// Makes an operand of a group of constants, and gives its block argument.
using AddConstant = llvm::function_ref<mlir::Value(mlir::DenseElementsAttr)>;

/// `value` converted by nn.quantize, nn.dequantize or nn.rescale, whichever it
/// takes; as it is where the types agree. An error at `loc` where the scales are
/// too far apart.
mlir::FailureOr<mlir::Value> convertStored(mlir::OpBuilder &b, mlir::Location loc,
                                           StoredValue value, QuantType to,
                                           AddConstant addConstant);

class ConversionGroups {
public:
  ConversionGroups(soc::MachineAttr machine, IntegerWeights &weights)
      : machine(machine), weights(weights) {}

  /// A group that converts the value: on `preferred` if that runs it, else on
  /// the machine's first CPU. An error at `loc` if there is none.
  mlir::FailureOr<mlir::Value> create(mlir::OpBuilder &b, mlir::Location loc, StoredValue value,
                                      QuantType to, llvm::StringRef preferred);

  /// Whether that engine of the machine is a CPU.
  bool isCpu(llvm::StringRef engine);

private:
  /// Gives the group an engine and a variant of it.
  bool placeOn(soc::GroupOp group, soc::EngineAttrInterface engine, std::string &reason);

  soc::MachineAttr machine;
  IntegerWeights &weights;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_CONVERSIONGROUPS_H
