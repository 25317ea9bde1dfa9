// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the families of language models call their tensors, and how those lie
// that are not as the roles of decoder/ModelWeights.h want them.

#ifndef TERCET_COMPILER_IMPORT_SAFETENSORS_TENSORNAMES_H
#define TERCET_COMPILER_IMPORT_SAFETENSORS_TENSORNAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace tercet::safetensors {

/// What is above what in the tensor of query, key and value.
enum class Projections {
  Apart,   // three tensors
  Joined,  // all queries, all keys, all values
  Grouped, // for each key: its queries, the key, the value
};

struct TensorNames {
  const char *modelType;
  Projections projections;
  /// Matrices are [in, out].
  bool transposed;
  /// A prefix that is left out in some checkpoints.
  const char *optionalPrefix;
  /// Of what is not in a layer; and of a layer, where {} is its number.
  struct Name {
    const char *role, *name;
  };
  llvm::ArrayRef<Name> outer;
  const char *layer;
  llvm::ArrayRef<Name> inner;

  /// The name of a role such as "blk.3.attn_q.weight", empty if the family has
  /// no such tensor.
  std::string nameOf(llvm::StringRef role) const;
};

/// Null for a type of model whose names are not known.
const TensorNames *lookupTensorNames(llvm::StringRef modelType);

} // namespace tercet::safetensors

#endif // TERCET_COMPILER_IMPORT_SAFETENSORS_TENSORNAMES_H
