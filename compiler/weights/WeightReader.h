// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes weight recipes (the attributes of dialects/nn/NNAttrs.td) with
// bounded memory. Transposes and slices of a file, and a conversion on top of
// them, cost nothing until their elements are copied; reshapes never do. What
// must be held (a concatenation, a panel layout or integers inside of another
// step) is one weight at a time. Elements lie as ElementKind.h says.

#ifndef TERCET_COMPILER_WEIGHTS_WEIGHTREADER_H
#define TERCET_COMPILER_WEIGHTS_WEIGHTREADER_H

#include "compiler/weights/ElementKind.h"
#include "compiler/weights/MappedFile.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "llvm/ADT/StringMap.h"

namespace tercet::nn {
class AlibiAttr;
class ColumnBiasAttr;
class DecodeAttr;
class EncodeAttr;
class JoinGroupsAttr;
class PackGroupsAttr;
class RopeTableAttr;
class SortOrderAttr;
class TakeAttr;
} // namespace tercet::nn

namespace tercet {

/// Not safe to share between threads; files stay mapped as long as it lives.
class WeightReader {
public:
  using Sink = llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)>;

  /// Relative paths of recipes are taken from `baseDir`, where it is not empty.
  explicit WeightReader(std::string baseDir = "") : baseDir(std::move(baseDir)) {}

  /// Writes the elements of the recipe, row-major, to `out`, whose size must be
  /// getTensorBytes of the recipe's type.
  llvm::Error read(mlir::TypedAttr recipe, llvm::MutableArrayRef<char> out);

  /// Hands the same bytes to `sink` in order, in chunks of whole elements of at
  /// most about kChunkBytes. An error of the sink ends the stream and is returned.
  llvm::Error stream(mlir::TypedAttr recipe, Sink sink);

  static constexpr int64_t kChunkBytes = 256 * 1024;

private:
  struct View;

  llvm::Expected<View> resolve(mlir::TypedAttr recipe);
  llvm::Expected<View> materialise(mlir::TypedAttr recipe);
  llvm::Error streamRecipe(mlir::TypedAttr recipe, Sink sink);
  llvm::Error streamView(const View &view, Sink sink);
  llvm::Error streamPanels(const View &view, int64_t panel, Sink sink);
  llvm::Error streamConcat(mlir::ArrayRef<mlir::Attribute> sources, int64_t axis, Sink sink);
  llvm::Error streamDotPanels(const View &view, int64_t panel, Sink sink);
  void releaseRegions();

  // Integer weights (IntegerRecipes.cpp). Elements as doubles, with the number
  // of the first one; those of floats are finite.
  llvm::Error
  streamDoubles(mlir::TypedAttr recipe,
                llvm::function_ref<llvm::Error(llvm::MutableArrayRef<double>, int64_t)> consume);
  llvm::Expected<std::vector<double>> readDoubles(mlir::TypedAttr recipe);
  llvm::Expected<std::vector<double>> columnScales(mlir::TypedAttr matrix);
  llvm::Error streamIntegerRecipe(mlir::TypedAttr recipe, Sink sink);
  llvm::Error streamColumnBias(nn::ColumnBiasAttr recipe, Sink sink);
  /// Adds to each column's bias what rounding the weight takes from it on average.
  llvm::Error addMeanErrors(nn::ColumnBiasAttr recipe, llvm::ArrayRef<double> scales,
                            std::vector<double> &bias);

  // Weights in groups (GroupRecipes.cpp).
  static bool isGroupRecipe(mlir::TypedAttr recipe);
  llvm::Error streamGroupRecipe(mlir::TypedAttr recipe, Sink sink);
  llvm::Error streamDecoded(nn::DecodeAttr recipe, Sink sink);
  llvm::Error streamEncoded(nn::EncodeAttr recipe, Sink sink);
  llvm::Error streamJoined(nn::JoinGroupsAttr recipe, Sink sink);
  llvm::Error streamPackedGroups(nn::PackGroupsAttr recipe, Sink sink);
  /// Hands the bytes of the recipe on in records of `bytes` each.
  llvm::Error streamRecords(mlir::TypedAttr recipe, int64_t bytes,
                            llvm::function_ref<llvm::Error(const char *)> consume);
  /// Rows of a matrix as floats, all finite, with zeros behind them.
  llvm::Error streamFloatRows(mlir::TypedAttr recipe, int64_t paddedTo,
                              llvm::function_ref<llvm::Error(llvm::ArrayRef<float>)> consume);

  // Elements in another order (OrderRecipes.cpp).
  llvm::Error streamSortOrder(nn::SortOrderAttr recipe, Sink sink);
  llvm::Error streamTake(nn::TakeAttr recipe, Sink sink);
  /// The elements of a vector of integers, sign-extended.
  llvm::Expected<std::vector<int64_t>> readIntegers(mlir::TypedAttr recipe);

  // Tables of positions (PositionRecipes.cpp).
  llvm::Error streamRopeTable(nn::RopeTableAttr table, Sink sink);
  llvm::Error streamAlibi(nn::AlibiAttr mask, Sink sink);

  std::string baseDir;
  llvm::StringMap<std::unique_ptr<MappedFile>> files;
  /// Regions that the recipe being executed has touched.
  llvm::SmallVector<std::pair<MappedFile *, llvm::ArrayRef<char>>> touched;
};

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_WEIGHTREADER_H
