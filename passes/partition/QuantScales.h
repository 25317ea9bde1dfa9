// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and zeros of !quant.uniform types, with one scale for a tensor or one
// for each channel of its last dimension. In the latter all channels have the
// same zero.

#ifndef TERCET_PASSES_PARTITION_QUANTSCALES_H
#define TERCET_PASSES_PARTITION_QUANTSCALES_H

#include "mlir/Dialect/Quant/IR/QuantTypes.h"

#include <string>

namespace tercet::partition {

/// A UniformQuantizedType or a UniformQuantizedPerAxisType.
using QuantType = mlir::quant::QuantizedType;

/// The type if it is one of the two; null for all others.
QuantType asQuantType(mlir::Type type);

/// The same scales for the last dimension of tensors of a rank; a type with one
/// scale has no axis.
QuantType forRank(QuantType type, int64_t rank);

bool isPerChannel(QuantType type);

/// The scale of a tensor; of channels their geometric mean, rounded to f32. A
/// product computes with it once the rows of its weight have been multiplied by
/// each channel's scale divided by it.
double getScale(QuantType type);

/// The scale of each channel, or the only one.
llvm::SmallVector<double> getScales(QuantType type);

/// The scale of a channel.
double getScaleOf(QuantType type, int64_t channel);

int64_t getZero(QuantType type);

/// The type as text for people, without the scale of every channel.
std::string describeType(QuantType type);

/// Each channel's scale of `type` divided by getScale(); for one scale, nothing.
llvm::SmallVector<double> getRelativeScales(QuantType type);

} // namespace tercet::partition

#endif // TERCET_PASSES_PARTITION_QUANTSCALES_H
