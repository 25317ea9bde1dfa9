// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nothing is converted: a file of another type or shape is an error.

#include "compiler/support/TensorFile.h"

#include "compiler/support/Npy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace tercet;

template <class... Parts> static llvm::Error failure(Parts &&...parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  (os << ... << parts);
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::StringRef tercet::getNpyType(ElementKind kind) {
  switch (kind) {
  case ElementKind::F32:
    return "f4";
  case ElementKind::F64:
    return "f8";
  case ElementKind::F16:
    return "f2";
  case ElementKind::Bool:
    return "b1";
  case ElementKind::I8:
    return "i1";
  case ElementKind::I16:
    return "i2";
  case ElementKind::I32:
    return "i4";
  case ElementKind::I64:
    return "i8";
  case ElementKind::U8:
    return "u1";
  default:
    return "";
  }
}

llvm::Expected<llvm::StringMap<std::string>>
tercet::parseBindings(llvm::ArrayRef<std::string> options) {
  llvm::StringMap<std::string> bindings;
  for (StringRef option : options) {
    // A name may hold '=', a path rarely does.
    auto [name, file] = option.rsplit('=');
    if (name.empty() || file.empty())
      return failure("expected NAME=FILE.npy, got '", option, "'");
    if (!bindings.try_emplace(name, file.str()).second)
      return failure("'", name, "' is given twice");
  }
  return bindings;
}

std::string tercet::getTensorName(DictionaryAttr attributes, unsigned index) {
  auto name = attributes ? attributes.getAs<StringAttr>("nn.name") : StringAttr();
  return name ? name.str() : std::to_string(index);
}

llvm::Expected<Tensor> tercet::readTensor(llvm::StringRef name, const std::string &path,
                                          RankedTensorType type) {
  llvm::Expected<NpyArray> array = readNpy(path);
  if (!array)
    return array.takeError();
  ElementKind kind = *getElementKind(type.getElementType());
  // Unsigned bytes and signless ones are the same bits.
  bool fits = array->dtype == getNpyType(kind) || (array->dtype == "u1" && kind == ElementKind::I8);
  if (!fits || ArrayRef<int64_t>(array->shape) != type.getShape()) {
    std::string shape;
    llvm::raw_string_ostream os(shape);
    llvm::interleaveComma(array->shape, os);
    return failure("input '", name, "': expected ", type, ", got '", array->dtype, "' of shape [",
                   shape, "] in ", path);
  }
  return Tensor::fromBytes(type, array->data);
}
