// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regrouping the factors of a cache's dimensions.

#include "compiler/import/onnx/past/PastTensor.h"

using namespace llvm;
using namespace tercet::onnx;

Length CacheView::lengthOf(Factor factor) const {
  switch (factor) {
  case Head:
    return {heads, 0};
  case Repeat:
    return {repeats, 0};
  case Token:
    return tokens;
  case Element:
    return {elements, 0};
  }
  llvm_unreachable("all factors are handled");
}

SmallVector<Length> CacheView::lengths() const {
  SmallVector<Length> result;
  for (ArrayRef<Factor> factors : dims) {
    Length product{1, 0};
    for (Factor factor : factors) {
      Length length = lengthOf(factor);
      // Views keep the tokens apart.
      product = product.is(1) ? length : Length{product.constant * length.constant, 0};
    }
    result.push_back(product);
  }
  return result;
}

std::optional<CacheView> CacheView::reshaped(ArrayRef<Length> shape) const {
  SmallVector<Factor> all;
  for (ArrayRef<Factor> factors : dims)
    all.append(factors.begin(), factors.end());
  // Takes the factors of a size from one end of what is left.
  size_t front = 0, back = all.size();
  auto take = [&](Length size, bool fromBack, SmallVector<Factor, 2> &into) {
    Length product{1, 0};
    while (!(product == size)) {
      if (front == back)
        return false;
      Factor factor = fromBack ? all[--back] : all[front++];
      Length length = lengthOf(factor);
      if (!product.is(1) && (!length.isKnown() || !product.isKnown()))
        return false;
      product = product.is(1) ? length : Length{product.constant * length.constant, 0};
      if (product.isKnown() && size.isKnown() && product.constant > size.constant)
        return false;
      into.insert(fromBack ? into.begin() : into.end(), factor);
    }
    return true;
  };
  CacheView result = *this;
  result.dims.assign(shape.size(), {});
  std::optional<size_t> open;
  for (size_t i = 0; i < shape.size() && !open; ++i) {
    if (shape[i].is(-1))
      open = i;
    else if (!take(shape[i], false, result.dims[i]))
      return std::nullopt;
  }
  if (open) {
    for (size_t i = shape.size() - 1; i > *open; --i)
      if (!take(shape[i], true, result.dims[i]))
        return std::nullopt;
    result.dims[*open].assign(all.begin() + front, all.begin() + back);
    bool hasToken = is_contained(result.dims[*open], Token);
    if (hasToken && result.dims[*open].size() > 1)
      return std::nullopt;
    front = back;
  }
  return front == back ? std::optional(result) : std::nullopt;
}
