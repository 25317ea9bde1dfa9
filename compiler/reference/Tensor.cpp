// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Storage and conversions of tensors.

#include "compiler/reference/Tensor.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace tercet;

RankedTensorType tercet::getHolderType(Type type) {
  if (auto ranked = dyn_cast<RankedTensorType>(type))
    return ranked;
  if (type.isIntOrIndexOrFloat())
    return RankedTensorType::get({}, type);
  return {};
}

Tensor Tensor::allocate(RankedTensorType type) {
  std::optional<int64_t> bytes = getTensorBytes(type);
  assert(bytes && "expected a static type with supported elements");
  Tensor tensor;
  tensor.type = type;
  tensor.storage = std::make_shared<Storage>(*bytes, char(0xff));
  return tensor;
}

Tensor Tensor::fromBytes(RankedTensorType type, ArrayRef<char> bytes) {
  assert(getTensorBytes(type) == int64_t(bytes.size()) && "expected as many bytes as the type has");
  Tensor tensor;
  tensor.type = type;
  tensor.storage = std::make_shared<Storage>(bytes.begin(), bytes.end());
  return tensor;
}

Tensor Tensor::fromIndex(MLIRContext *context, int64_t value) {
  return of<int64_t>(RankedTensorType::get({}, IndexType::get(context)), value);
}

llvm::Expected<Tensor> Tensor::fromAttribute(TypedAttr attribute) {
  RankedTensorType type = getHolderType(attribute.getType());
  if (!type || !type.hasStaticShape() || !getTensorBytes(type)) {
    std::string text;
    llvm::raw_string_ostream(text) << "cannot hold a constant of type " << attribute.getType();
    return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
  }
  unsigned width = type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  // Scalars become splats, which have one path.
  auto scalar = [&](APInt bits) {
    Tensor tensor = allocate(type);
    uint64_t raw = bits.zextOrTrunc(64).getZExtValue();
    unsigned bytes = tensor.getElementBytes();
    char *data = tensor.mutableData();
    for (int64_t i = 0, e = tensor.getNumElements(); i < e; ++i)
      std::memcpy(data + i * bytes, &raw, bytes);
    return tensor;
  };
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return scalar(integer.getValue());
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return scalar(real.getValue().bitcastToAPInt());
  if (auto dense = dyn_cast<DenseIntOrFPElementsAttr>(attribute)) {
    if (dense.isSplat() && width == 1)
      return scalar(APInt(8, dense.getSplatValue<bool>()));
    if (dense.isSplat()) {
      uint64_t raw = 0;
      ArrayRef<char> bytes = dense.getRawData();
      std::memcpy(&raw, bytes.data(), std::min<size_t>(bytes.size(), 8));
      return scalar(APInt(64, raw));
    }
    if (width == 1) {
      std::vector<char> bytes;
      for (bool value : dense.getValues<bool>())
        bytes.push_back(value);
      return fromBytes(type, bytes);
    }
    return fromBytes(type, dense.getRawData());
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (blob && width != 1 && int64_t(blob->getData().size()) == *getTensorBytes(type))
      return fromBytes(type, blob->getData());
  }
  std::string text;
  llvm::raw_string_ostream(text) << "cannot read a constant of type " << attribute.getType()
                                 << " in this form";
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

char *Tensor::mutableData() {
  if (storage.use_count() != 1)
    storage = std::make_shared<Storage>(*storage);
  return storage->data();
}

std::vector<double> Tensor::toDoubles() const {
  std::vector<double> result(getNumElements());
  convertElements(getKind(), data(), ElementKind::F64, reinterpret_cast<char *>(result.data()),
                  getNumElements());
  return result;
}

int64_t Tensor::getInt(int64_t index) const {
  int64_t value;
  convertElements(getKind(), data() + index * getElementBytes(), ElementKind::I64,
                  reinterpret_cast<char *>(&value), 1);
  return value;
}

Tensor Tensor::withType(RankedTensorType newType) const {
  assert(getTensorBytes(newType) == int64_t(storage->size()) && "expected as many bytes");
  Tensor result = *this;
  result.type = newType;
  return result;
}

DenseElementsAttr Tensor::toAttribute() const {
  if (getKind() == ElementKind::Bool) {
    SmallVector<bool> values;
    for (uint8_t byte : elements<uint8_t>())
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes());
}
