// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of symbolic dimensions. Exporters write names and sums or products of
// names ("past_sequence + sequence"); a binding of the whole text comes first.

#ifndef TERCET_COMPILER_IMPORT_ONNX_DIMENSIONS_H
#define TERCET_COMPILER_IMPORT_ONNX_DIMENSIONS_H

#include "compiler/import/Import.h"
#include "compiler/import/onnx/Model.h"

#include <set>

namespace tercet::onnx {

class Dimensions {
public:
  Dimensions(const ImportOptions &options) : options(options) {}

  /// The size of dimension `index` of a graph input or output; none and a
  /// complaint if it has none.
  std::optional<int64_t> resolve(const ValueInfo &info, size_t index, std::string &complaint);

  /// Bindings that no dimension of the inputs has asked for.
  std::vector<std::string> unusedBindings() const;
  /// A name that is bound to 0, empty if there is none.
  std::string findZero() const;
  /// Names that can be bound, for messages.
  std::string knownNames() const;

private:
  std::optional<int64_t> evaluate(llvm::StringRef text, std::string &missing);

  const ImportOptions &options;
  std::set<std::string> known;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_DIMENSIONS_H
