// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads scales and zeros of either kind of type.

#include "passes/partition/QuantScales.h"

#include <cmath>

using namespace mlir;
using namespace tercet::partition;

QuantType tercet::partition::asQuantType(Type type) {
  return isa<quant::UniformQuantizedType, quant::UniformQuantizedPerAxisType>(type)
             ? cast<QuantType>(type)
             : QuantType();
}

QuantType tercet::partition::forRank(QuantType type, int64_t rank) {
  auto channels = dyn_cast_or_null<quant::UniformQuantizedPerAxisType>(type);
  if (!channels)
    return type;
  return quant::UniformQuantizedPerAxisType::get(
      channels.getFlags(), channels.getStorageType(), channels.getExpressedType(),
      channels.getScales(), channels.getZeroPoints(), static_cast<int32_t>(rank) - 1,
      channels.getStorageTypeMin(), channels.getStorageTypeMax());
}

bool tercet::partition::isPerChannel(QuantType type) {
  return isa<quant::UniformQuantizedPerAxisType>(type);
}

double tercet::partition::getScale(QuantType type) {
  auto channels = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if (!channels)
    return cast<quant::UniformQuantizedType>(type).getScale();
  double sum = 0;
  for (double scale : channels.getScales())
    sum += std::log2(scale);
  return static_cast<float>(std::exp2(sum / static_cast<double>(channels.getScales().size())));
}

SmallVector<double> tercet::partition::getScales(QuantType type) {
  if (auto channels = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    return SmallVector<double>(channels.getScales());
  return {cast<quant::UniformQuantizedType>(type).getScale()};
}

double tercet::partition::getScaleOf(QuantType type, int64_t channel) {
  if (auto channels = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    return channels.getScales()[channel];
  return cast<quant::UniformQuantizedType>(type).getScale();
}

int64_t tercet::partition::getZero(QuantType type) {
  if (auto channels = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    return channels.getZeroPoints().front();
  return cast<quant::UniformQuantizedType>(type).getZeroPoint();
}

std::string tercet::partition::describeType(QuantType type) {
  std::string text;
  llvm::raw_string_ostream out(text);
  auto channels = dyn_cast_or_null<quant::UniformQuantizedPerAxisType>(type);
  if (!channels) {
    out << type;
    return text;
  }
  auto [least, greatest] =
      std::minmax_element(channels.getScales().begin(), channels.getScales().end());
  out << channels.getStorageType() << " with " << channels.getScales().size() << " scales from "
      << *least << " to " << *greatest << " and zero " << getZero(type);
  return text;
}

SmallVector<double> tercet::partition::getRelativeScales(QuantType type) {
  SmallVector<double> scales;
  if (!isPerChannel(type))
    return scales;
  scales = getScales(type);
  double mean = getScale(type);
  for (double &scale : scales)
    scale /= mean;
  return scales;
}
