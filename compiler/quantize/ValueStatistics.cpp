// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Infinities and NaNs are counted by the histogram of all and left out here.

#include "compiler/quantize/ValueStatistics.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

void ValueStatistics::add(const Tensor &tensor, bool withChannels) {
  if (!isFloatKind(tensor.getKind()))
    return;
  all.add(tensor.bytes(), tensor.getKind());
  if (!withChannels || tensor.getKind() != ElementKind::F32 || tensor.getShape().empty())
    return;
  int64_t columns = tensor.getShape().back();
  if (isFirst) {
    channels.resize(columns);
    blocks.resize(columns % kBlock == 0 ? columns / kBlock : 0);
    isFirst = false;
  }
  if (int64_t(channels.size()) != columns) {
    channels.clear();
    blocks.clear();
    return;
  }
  llvm::ArrayRef<float> elements = tensor.elements<float>();
  for (int64_t at = 0; at < tensor.getNumElements(); at += columns) {
    for (int64_t c = 0; c < columns; ++c) {
      double x = elements[at + c];
      if (!std::isfinite(x))
        continue;
      channels[c].minimum = std::min(channels[c].minimum, x);
      channels[c].maximum = std::max(channels[c].maximum, x);
    }
    for (auto [index, block] : llvm::enumerate(blocks)) {
      llvm::ArrayRef<float> part = elements.slice(at + index * kBlock, kBlock);
      block.add({reinterpret_cast<const char *>(part.data()), part.size() * sizeof(float)},
                ElementKind::F32);
    }
  }
}

void ValueStatistics::addRows(const Tensor &tensor) {
  if (tensor.getKind() != ElementKind::F32 || tensor.getShape().size() != 2)
    return;
  int64_t columns = tensor.getShape()[1];
  llvm::ArrayRef<float> elements = tensor.elements<float>();
  rows.assign(tensor.getShape()[0], 0);
  for (auto [index, row] : llvm::enumerate(rows))
    for (float x : elements.slice(index * columns, columns))
      row = std::max<double>(row, std::abs(x));
}

void ChannelMeans::add(const Tensor &tensor) {
  if (tensor.getKind() != ElementKind::F32 || tensor.getShape().empty())
    return;
  int64_t columns = tensor.getShape().back();
  sums.resize(columns);
  llvm::ArrayRef<float> elements = tensor.elements<float>();
  for (int64_t at = 0; at < tensor.getNumElements(); at += columns, ++rows)
    for (int64_t c = 0; c < columns; ++c)
      sums[c] += elements[at + c];
}

llvm::SmallVector<float> ChannelMeans::get() const {
  llvm::SmallVector<float> means;
  for (double sum : sums)
    means.push_back(float(sum / rows));
  return means;
}
