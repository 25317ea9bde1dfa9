// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a decoder's caches of keys and values store the elements of a head.

#ifndef TERCET_COMPILER_IMPORT_DECODER_CACHEFORM_H
#define TERCET_COMPILER_IMPORT_DECODER_CACHEFORM_H

#include "compiler/import/Import.h"
#include "dialects/nn/NN.h"

namespace tercet::decoder {

struct CacheForm {
  static CacheForm of(mlir::MLIRContext *context, CacheType cache);

  /// [1, positions, heads, bytes or elements of a head].
  mlir::RankedTensorType typeOf(int64_t positions, int64_t heads, int64_t headSize) const;

  /// Null for floats.
  nn::GroupsAttr format;
  mlir::Type element;
};

} // namespace tercet::decoder

#endif // TERCET_COMPILER_IMPORT_DECODER_CACHEFORM_H
