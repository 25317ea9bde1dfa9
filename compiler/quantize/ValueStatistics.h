// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known of the numbers that a value takes: of all of them, of the
// channels of its last dimension, and of blocks of channels that share a table.

#ifndef TERCET_COMPILER_QUANTIZE_VALUESTATISTICS_H
#define TERCET_COMPILER_QUANTIZE_VALUESTATISTICS_H

#include "compiler/quantize/ValueHistogram.h"

namespace tercet::quantize {

class ValueStatistics {
public:
  /// Channels of a block, as Scales::Blocks has them.
  static constexpr int64_t kBlock = 128;

  struct Channel {
    double minimum = 0, maximum = 0;
    double getGreatest() const { return std::max(-minimum, maximum); }
  };

  /// Adds a tensor of floats; others are left out. With channels its last
  /// dimension is looked at as well, which costs some time.
  void add(const Tensor &tensor, bool withChannels);

  const ValueHistogram &getAll() const { return all; }
  /// By element of the last dimension, 0 included in each; empty where they
  /// were not asked for or tensors differ in it.
  llvm::ArrayRef<Channel> getChannels() const { return channels; }
  /// By block of channels; empty where the channels make no whole blocks.
  llvm::ArrayRef<ValueHistogram> getBlocks() const { return blocks; }
  /// The greatest magnitude by element of the first dimension, of a matrix.
  llvm::ArrayRef<double> getRows() const { return rows; }
  /// Looks at a constant matrix by rows.
  void addRows(const Tensor &tensor);

private:
  ValueHistogram all;
  bool isFirst = true;
  std::vector<Channel> channels;
  std::vector<ValueHistogram> blocks;
  std::vector<double> rows;
};

/// Means of the channels of a value.
class ChannelMeans {
public:
  /// Adds a tensor of f32; others are left out.
  void add(const Tensor &tensor);
  /// One for each element of the last dimension; empty if nothing was added.
  llvm::SmallVector<float> get() const;

private:
  std::vector<double> sums;
  int64_t rows = 0;
};

} // namespace tercet::quantize

#endif // TERCET_COMPILER_QUANTIZE_VALUESTATISTICS_H
