// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapping files and finding the bytes of tensors in them. External data may lie
// only in the model's own directory: a model is data from elsewhere, and must
// not make the compiler read, and put into an artifact, what it likes.

#include "compiler/import/onnx/ModelFile.h"

#include "compiler/import/onnx/ModelReader.h"
#include "compiler/import/onnx/NodeImporter.h"

#include "dialects/nn/NN.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;
using namespace tercet::onnx;

std::string ModelFile::map(StringRef path, StringRef &data) {
  auto [entry, isNew] = buffers.try_emplace(path);
  if (isNew) {
    sys::fs::file_status status;
    if (std::error_code error = sys::fs::status(path, status)) {
      buffers.erase(entry);
      return "cannot read '" + path.str() + "': " + error.message();
    }
    if (!sys::fs::is_regular_file(status)) {
      buffers.erase(entry);
      return "cannot read '" + path.str() + "': expected a regular file";
    }
    auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                        /*RequiresNullTerminator=*/false);
    if (!buffer) {
      buffers.erase(entry);
      return "cannot read '" + path.str() + "': " + buffer.getError().message();
    }
    entry->second = std::move(*buffer);
  }
  data = entry->second->getBuffer();
  return {};
}

std::string ModelFile::open(StringRef name) {
  path = name.str();
  StringRef data;
  std::string complaint = map(path, data);
  if (complaint.empty())
    complaint = readModel(data, path, model);
  return complaint;
}

/// The folder that a path lies in, with links resolved.
static std::string realFolder(StringRef path) {
  SmallString<256> folder(path);
  sys::fs::make_absolute(folder);
  sys::path::remove_filename(folder);
  SmallString<256> real;
  if (sys::fs::real_path(folder, real))
    return {};
  return real.str().str();
}

std::string ModelFile::findExternal(const Tensor &tensor, uint64_t bytes, Region &region) {
  StringRef location, offsetText, lengthText;
  for (const auto &[key, value] : tensor.externalData) {
    if (key == "location")
      location = value;
    else if (key == "offset")
      offsetText = value;
    else if (key == "length")
      lengthText = value;
  }
  if (location.empty())
    return "external data without a location";
  if (location.contains('\0'))
    return "external data with a zero byte in its location";
  bool escapes = sys::path::is_absolute(location);
  for (StringRef part : make_range(sys::path::begin(location), sys::path::end(location)))
    escapes |= part == "..";
  if (escapes)
    return "external data at '" + location.str() + "', outside of the model's directory";

  uint64_t offset = 0, length = bytes;
  if (!offsetText.empty() && offsetText.getAsInteger(10, offset))
    return "expected a number as the offset of external data, got '" + offsetText.str() + "'";
  if (!lengthText.empty() && lengthText.getAsInteger(10, length))
    return "expected a number as the length of external data, got '" + lengthText.str() + "'";
  if (length != bytes)
    return "expected external data of length " + std::to_string(bytes) + ", got " +
           std::to_string(length);

  SmallString<256> full(path);
  sys::path::remove_filename(full);
  sys::path::append(full, location);
  // A link may lead to where the model itself is linked from (as download
  // caches do), but not elsewhere.
  SmallString<256> real, realModel;
  if (std::error_code error = sys::fs::real_path(full, real))
    return "cannot read external data '" + full.str().str() + "': " + error.message();
  (void)sys::fs::real_path(path, realModel);
  auto isIn = [&](StringRef folder) {
    return !folder.empty() && StringRef(real).starts_with(folder) &&
           (folder.ends_with("/") || StringRef(real).drop_front(folder.size()).starts_with("/"));
  };
  if (!isIn(realFolder(path)) && !isIn(sys::path::parent_path(realModel)))
    return "external data at '" + location.str() + "', a link out of the model's directory";

  StringRef data;
  std::string complaint = map(full, data);
  if (!complaint.empty())
    return complaint;
  if (offset > data.size() || length > data.size() - offset)
    return "expected " + std::to_string(length) + " bytes at offset " + std::to_string(offset) +
           " of '" + full.str().str() + "', which has " + std::to_string(data.size());
  region = {buffers.find(full)->first(), offset, data.substr(offset, length)};
  return {};
}

std::string ModelFile::locate(const Tensor &tensor, uint64_t bytes, Region &region) {
  unsigned sources = (tensor.raw && !tensor.raw->bytes.empty()) + tensor.packed.has_value() +
                     !tensor.pieces.empty() + !tensor.ints.empty() + tensor.external;
  if (sources > 1)
    return "its data is given in more than one field";
  if (tensor.segmented)
    return "segmented tensors are not supported";
  if (tensor.external)
    return findExternal(tensor, bytes, region);
  if (tensor.raw)
    region = *tensor.raw;
  else if (tensor.packed || !tensor.pieces.empty()) {
    if (tensor.dataType != (tensor.isDouble ? DataType::Double : DataType::Float))
      return "data of type " + nameOf(tensor.dataType) + " in a field of another type";
    region = tensor.packed ? *tensor.packed : Region{{}, 0, tensor.pieces};
  }
  if (region.bytes.size() != bytes)
    return "expected " + std::to_string(bytes) + " bytes of data, got " +
           std::to_string(region.bytes.size());
  return {};
}

/// int32_data also holds the narrow integers and the bits of 16-bit floats.
static ConstantRef fromIntegers(const Tensor &tensor) {
  std::vector<Scalar> values;
  for (int64_t integer : tensor.ints) {
    if (isFloat(tensor.dataType)) {
      char bits[2] = {static_cast<char>(integer), static_cast<char>(integer >> 8)};
      values.push_back(decodeConstant(tensor.dataType, {}, StringRef(bits, 2))->at(0));
    } else {
      values.push_back({isBool(tensor.dataType) ? integer != 0 : wrapTo(tensor.dataType, integer)});
    }
  }
  return makeConstant(tensor.dataType, tensor.dims, std::move(values));
}

std::optional<Operand> ModelFile::readTensor(mlir::MLIRContext *context, const Tensor &tensor,
                                             StringRef name, std::string &complaint,
                                             bool asWeight) {
  auto refuse = [&](const Twine &reason) -> std::optional<Operand> {
    complaint = ("initializer '" + name + "': " + reason).str();
    return std::nullopt;
  };
  if (!isSupported(tensor.dataType))
    return refuse("data type " + nameOf(tensor.dataType) + " is not supported");
  for (int64_t dim : tensor.dims)
    if (dim < 0)
      return refuse("negative dimension " + Twine(dim));
  if (isTooLarge(tensor.dims, tensor.dataType))
    return refuse("its shape " + describe(tensor.dims) + " is too large");
  int64_t count = mlir::ShapedType::getNumElements(tensor.dims);
  uint64_t bytes = static_cast<uint64_t>(count) * bytesOf(tensor.dataType);

  Operand operand;
  operand.element = tensor.dataType;
  operand.shape = tensor.dims;
  bool isShort = count <= kMaxInlineFloats;
  if (!tensor.ints.empty() && !tensor.raw && !tensor.external && !tensor.packed) {
    if (tensor.dataType == DataType::Float || tensor.dataType == DataType::Double)
      return refuse("data of type " + nameOf(tensor.dataType) + " in a field of another type");
    if (static_cast<int64_t>(tensor.ints.size()) != count)
      return refuse("expected " + Twine(count) + " elements, got " + Twine(tensor.ints.size()));
    if (count > kMaxFoldedIntegers)
      return refuse("more than " + Twine(kMaxFoldedIntegers) +
                    " elements in int32_data or int64_data; try raw_data");
    operand.constant = fromIntegers(tensor);
    return operand;
  }
  Region region;
  std::string wrong = locate(tensor, bytes, region);
  if (!wrong.empty())
    return refuse(wrong);
  bool isInline = count == 0 || isShort || region.path.empty() ||
                  (!isFloat(tensor.dataType) && count <= kMaxFoldedIntegers && !asWeight);
  // One value repeated to the bit is not worth a weight.
  unsigned step = bytesOf(tensor.dataType);
  if (!isInline && !asWeight)
    isInline = std::memcmp(region.bytes.data(), region.bytes.data() + step, bytes - step) == 0;
  if (isInline) {
    if (isBool(tensor.dataType) || count <= kMaxFoldedIntegers)
      operand.constant = decodeConstant(tensor.dataType, tensor.dims, region.bytes);
    else
      operand.constant =
          makeConstant(tensor.dataType, tensor.dims,
                       decodeConstant(tensor.dataType, {1}, region.bytes.take_front(step))->values);
    return operand;
  }
  std::string digest = utohexstr(xxh3_64bits(arrayRefFromStringRef(region.bytes)), true, 16);
  operand.weight = tercet::nn::FileAttr::get(
      context, mlir::StringAttr::get(context, region.path), region.offset, bytes,
      mlir::StringAttr::get(context, digest),
      mlir::RankedTensorType::get(tensor.dims, toMLIR(context, tensor.dataType)));
  operand.weightName = name.str();
  return operand;
}

ConstantRef ModelFile::readElements(const Operand &operand, int64_t most) {
  auto region = dyn_cast_or_null<tercet::nn::FileAttr>(operand.weight);
  StringRef data;
  if (!region || operand.size() > most || !map(region.getPath(), data).empty() ||
      region.getOffset() > data.size() || region.getBytes() > data.size() - region.getOffset())
    return {};
  return decodeConstant(operand.element, operand.shape,
                        data.substr(region.getOffset(), region.getBytes()));
}
