// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoding, encoding and rearranging of known tensors.

#include "compiler/import/onnx/Constant.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/Support/Endian.h"

#include <cstring>

using namespace llvm;
using namespace tercet::onnx;

void Constant::compress() {
  if (values.size() < 2)
    return;
  for (const Scalar &value : values)
    if (value.i != values.front().i)
      return;
  values.resize(1);
  values.shrink_to_fit();
}

ConstantRef tercet::onnx::makeConstant(DataType element, ArrayRef<int64_t> shape,
                                       std::vector<Scalar> values) {
  auto constant = std::make_shared<Constant>();
  constant->element = element;
  constant->shape.assign(shape.begin(), shape.end());
  constant->values = std::move(values);
  constant->compress();
  return constant;
}

ConstantRef tercet::onnx::makeInts(ArrayRef<int64_t> values) {
  std::vector<Scalar> scalars;
  for (int64_t value : values)
    scalars.push_back({value});
  return makeConstant(DataType::Int64, {static_cast<int64_t>(values.size())}, std::move(scalars));
}

static double halfToDouble(const fltSemantics &semantics, uint16_t bits) {
  APFloat value(semantics, APInt(16, bits));
  bool inexact = false;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
  return value.convertToDouble();
}

static Scalar decode(DataType element, const char *from) {
  using namespace support::endian;
  auto word = [&](auto zero) { return read<decltype(zero), endianness::little>(from); };
  Scalar value;
  switch (element) {
  case DataType::Float:
    value.d = word(float(0));
    break;
  case DataType::Double:
    value.d = word(double(0));
    break;
  case DataType::Float16:
    value.d = halfToDouble(APFloat::IEEEhalf(), word(uint16_t(0)));
    break;
  case DataType::BFloat16:
    value.d = halfToDouble(APFloat::BFloat(), word(uint16_t(0)));
    break;
  case DataType::Bool:
    value.i = *from != 0;
    break;
  default:
    switch (bytesOf(element)) {
    case 1:
      value.i = wrapTo(element, static_cast<uint8_t>(*from));
      break;
    case 2:
      value.i = wrapTo(element, word(uint16_t(0)));
      break;
    case 4:
      value.i = wrapTo(element, word(uint32_t(0)));
      break;
    default:
      value.i = word(int64_t(0));
    }
  }
  return value;
}

ConstantRef tercet::onnx::decodeConstant(DataType element, ArrayRef<int64_t> shape,
                                         StringRef bytes) {
  std::vector<Scalar> values;
  unsigned step = bytesOf(element);
  values.reserve(bytes.size() / step);
  for (size_t at = 0; at + step <= bytes.size(); at += step)
    values.push_back(decode(element, bytes.data() + at));
  return makeConstant(element, shape, std::move(values));
}

mlir::DenseElementsAttr tercet::onnx::toAttribute(mlir::MLIRContext *context,
                                                  const Constant &constant) {
  mlir::Type element = toMLIR(context, constant.element);
  auto type = mlir::RankedTensorType::get(constant.shape, element);
  int64_t size = constant.size();
  if (auto floatType = dyn_cast<mlir::FloatType>(element)) {
    SmallVector<APFloat> values;
    for (int64_t i = 0, e = constant.isSplat() ? std::min<int64_t>(1, size) : size; i < e; ++i) {
      APFloat value(constant.floatAt(i));
      bool inexact = false;
      value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &inexact);
      values.push_back(value);
    }
    return mlir::DenseElementsAttr::get(type, values);
  }
  unsigned bits = bitsOf(constant.element);
  SmallVector<APInt> values;
  for (int64_t i = 0, e = constant.isSplat() ? std::min<int64_t>(1, size) : size; i < e; ++i)
    values.emplace_back(bits, static_cast<uint64_t>(constant.intAt(i)),
                        /*isSigned=*/false,
                        /*implicitTrunc=*/true);
  return mlir::DenseElementsAttr::get(type, values);
}

SmallVector<int64_t> tercet::onnx::stridesOf(ArrayRef<int64_t> shape, bool broadcast) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    strides[dim] = broadcast && shape[dim] == 1 ? 0 : stride;
    stride *= shape[dim];
  }
  return strides;
}

bool tercet::onnx::advance(MutableArrayRef<int64_t> position, ArrayRef<int64_t> shape) {
  for (size_t dim = shape.size(); dim-- > 0;) {
    if (++position[dim] < shape[dim])
      return true;
    position[dim] = 0;
  }
  return false;
}

ConstantRef tercet::onnx::rearrange(const Constant &from, ArrayRef<int64_t> shape,
                                    function_ref<int64_t(ArrayRef<int64_t>)> source) {
  if (from.isSplat())
    return makeConstant(from.element, shape, from.values);
  std::vector<Scalar> values;
  if (int64_t size = mlir::ShapedType::getNumElements(shape)) {
    values.reserve(size);
    SmallVector<int64_t> position(shape.size());
    do
      values.push_back(from.at(source(position)));
    while (advance(position, shape));
  }
  return makeConstant(from.element, shape, std::move(values));
}
