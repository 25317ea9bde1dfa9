// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of integer operations as weights with recipes: nothing is read
// here, emit computes them from the model's files. One symbol for each recipe,
// however many groups want it.

#ifndef TERCET_PASSES_PARTITION_INTEGERWEIGHTS_H
#define TERCET_PASSES_PARTITION_INTEGERWEIGHTS_H

#include "dialects/nn/NN.h"
#include "passes/partition/QuantScales.h"

#include "mlir/IR/SymbolTable.h"

#include <optional>

namespace tercet::partition {

/// The weight of a product whose left-hand side is stored in `input`. With a
/// scale for each channel, rows are multiplied by what those differ from their
/// mean in. With means of the channels the bias makes up for rounding the weight.
struct ProductWeight {
  nn::GetWeightOp weight;
  QuantType input;
  mlir::DenseElementsAttr means;
};

class IntegerWeights {
public:
  /// With `areGiven`, weights are integers that the model has, with its scales
  /// for their columns, and nothing is rounded.
  explicit IntegerWeights(mlir::ModuleOp module, bool areGiven = false)
      : symbols(module), areGiven(areGiven) {}

  /// The greatest scale of the columns of a weight that is given as integers;
  /// nothing where it is not.
  std::optional<double> findGreatestScale(nn::GetWeightOp get);

  /// [K, N] of f32 as i8, each column with a scale of its own.
  mlir::Value quantise(mlir::OpBuilder &b, ProductWeight product);

  /// Each column's scale times its factor, or the only one, times
  /// 2^(31 + shift), as i32.
  mlir::Value multipliers(mlir::OpBuilder &b, ProductWeight product, llvm::ArrayRef<double> factors,
                          int32_t shift);

  /// The bias, if there is one, in units of the product's sums, less what the
  /// zero of the input adds to each of them, as i32.
  mlir::Value bias(mlir::OpBuilder &b, ProductWeight product, nn::GetWeightOp bias);

  /// A vector of f32, each element times its factor, or the only one, times
  /// 2^shift, as i32.
  mlir::Value fixedPoint(mlir::OpBuilder &b, nn::GetWeightOp vector, llvm::ArrayRef<double> factors,
                         int32_t shift);

  /// Constants that are few enough to be in the text, under a name.
  mlir::Value constant(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                       mlir::DenseElementsAttr values);

private:
  mlir::TypedAttr recipeOf(nn::GetWeightOp get);
  /// The matrix of floats that is quantised.
  mlir::TypedAttr matrixOf(ProductWeight product);
  /// A matrix of i8 and the scales of its columns.
  struct Columns {
    mlir::TypedAttr integers, scales;
  };
  Columns columnsOf(ProductWeight product);
  /// Elements times their factors; `factor` is the one that is left to apply.
  mlir::TypedAttr scaled(mlir::TypedAttr source, llvm::ArrayRef<double> factors, double &factor);
  /// The value of the weight with a recipe, made after `source`; at the start of
  /// the module without one.
  mlir::Value get(mlir::OpBuilder &b, mlir::Location loc, nn::GetWeightOp source,
                  const llvm::Twine &name, mlir::TypedAttr recipe);

  mlir::SymbolTable symbols;
  bool areGiven;
  llvm::DenseMap<mlir::Attribute, nn::WeightOp> known;
};

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_INTEGERWEIGHTS_H
