// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer caches are in GGUF's formats of 32 elements with a scale in f16.

#include "compiler/import/decoder/CacheForm.h"

#include "dialects/nn/GroupFormats.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::decoder;

CacheForm CacheForm::of(MLIRContext *context, CacheType cache) {
  switch (cache) {
  case CacheType::F16:
    return {{}, Float16Type::get(context)};
  case CacheType::Int8:
    return {nn::groupFormat(context, "q8_0"), IntegerType::get(context, 8)};
  case CacheType::Int4:
    return {nn::groupFormat(context, "q4_0"), IntegerType::get(context, 8)};
  case CacheType::F32:
    break;
  }
  return {{}, Float32Type::get(context)};
}

RankedTensorType CacheForm::typeOf(int64_t positions, int64_t heads, int64_t headSize) const {
  int64_t stored = format ? format.getBlocks(headSize) * format.getBytes() : headSize;
  return RankedTensorType::get({1, positions, heads, stored}, element);
}
