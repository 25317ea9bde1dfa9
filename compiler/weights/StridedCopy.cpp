// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dimensions are first merged as far as both layouts allow. What remains is
// either runs that are contiguous on both sides (memcpy), or a transposition,
// done in square blocks so that each cache line is fetched once.

#include "compiler/weights/StridedCopy.h"

#include "llvm/Support/ErrorHandling.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace tercet;

SmallVector<int64_t> tercet::getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    strides[dim] = stride;
    stride *= shape[dim];
  }
  return strides;
}

namespace {

struct Dim {
  int64_t size, source, destination;
};

constexpr int64_t kBlock = 32;

template <class T>
void copyBlocked(const char *source, char *destination, const Dim &outer, const Dim &inner) {
  for (int64_t i0 = 0; i0 < outer.size; i0 += kBlock) {
    int64_t i1 = std::min(outer.size, i0 + kBlock);
    for (int64_t j0 = 0; j0 < inner.size; j0 += kBlock) {
      int64_t j1 = std::min(inner.size, j0 + kBlock);
      for (int64_t i = i0; i < i1; ++i) {
        const char *from = source + (i * outer.source + j0 * inner.source) * int64_t(sizeof(T));
        char *to =
            destination + (i * outer.destination + j0 * inner.destination) * int64_t(sizeof(T));
        for (int64_t j = j0; j < j1; ++j) {
          std::memcpy(to, from, sizeof(T));
          from += inner.source * int64_t(sizeof(T));
          to += inner.destination * int64_t(sizeof(T));
        }
      }
    }
  }
}

void copyPlane(const char *source, char *destination, const Dim &outer, const Dim &inner,
               unsigned elementBytes) {
  if (inner.source == 1 && inner.destination == 1) {
    for (int64_t i = 0; i < outer.size; ++i)
      std::memcpy(destination + i * outer.destination * int64_t(elementBytes),
                  source + i * outer.source * int64_t(elementBytes), inner.size * elementBytes);
    return;
  }
  switch (elementBytes) {
  case 1:
    return copyBlocked<uint8_t>(source, destination, outer, inner);
  case 2:
    return copyBlocked<uint16_t>(source, destination, outer, inner);
  case 4:
    return copyBlocked<uint32_t>(source, destination, outer, inner);
  case 8:
    return copyBlocked<uint64_t>(source, destination, outer, inner);
  }
  llvm_unreachable("element size is a power of two up to 8");
}

} // namespace

void tercet::copyStrided(const char *source, ArrayRef<int64_t> sourceStrides, char *destination,
                         ArrayRef<int64_t> destinationStrides, ArrayRef<int64_t> shape,
                         unsigned elementBytes) {
  SmallVector<Dim> dims;
  for (auto [size, from, to] : llvm::zip_equal(shape, sourceStrides, destinationStrides)) {
    if (size == 0)
      return;
    if (size == 1)
      continue;
    if (!dims.empty() && dims.back().source == from * size && dims.back().destination == to * size)
      dims.back() = {dims.back().size * size, from, to};
    else
      dims.push_back({size, from, to});
  }
  while (dims.size() < 2)
    dims.insert(dims.begin(), Dim{1, 0, 0});

  // The innermost loop writes with the smallest stride; the loop around it is
  // the one that reads with the smallest stride, unless that is the same.
  Dim inner = dims.pop_back_val();
  size_t best = dims.size() - 1;
  if (inner.source != 1)
    for (size_t dim = 0; dim < dims.size(); ++dim)
      if (std::abs(dims[dim].source) < std::abs(dims[best].source))
        best = dim;
  Dim outer = dims[best];
  dims.erase(dims.begin() + best);

  SmallVector<int64_t> index(dims.size(), 0);
  int64_t bytes = elementBytes;
  while (true) {
    copyPlane(source, destination, outer, inner, elementBytes);
    size_t dim = dims.size();
    while (dim > 0) {
      --dim;
      source += dims[dim].source * bytes;
      destination += dims[dim].destination * bytes;
      if (++index[dim] < dims[dim].size)
        break;
      source -= dims[dim].source * dims[dim].size * bytes;
      destination -= dims[dim].destination * dims[dim].size * bytes;
      index[dim] = 0;
      if (dim == 0)
        return;
    }
    if (dims.empty())
      return;
  }
}
