// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format: eight bytes with the length of the header, the header, the data
// that offsets count from. LLVM's parser recurses for every level and keeps one
// of several members of a name, so both are looked at before it runs.

#include "compiler/import/safetensors/File.h"

#include "compiler/import/QuotedName.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"

using namespace llvm;
using namespace tercet;
using namespace tercet::safetensors;

static constexpr unsigned kMaxDepth = 16;
static constexpr uint64_t kMaxHeader = 100 << 20;

static Error refuse(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

/// Where the string that begins at `begin` ends (behind its quote), or npos.
static size_t endOfString(StringRef text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return StringRef::npos;
}

/// What would harm the parser, or get lost in it.
static Error checkStructure(StringRef text, const Twine &what, size_t &names) {
  StringSet<> seen;
  unsigned depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '{' || c == '[') {
      if (++depth > kMaxDepth)
        return refuse(what + ": expected at most " + Twine(kMaxDepth) + " levels, got more");
    } else if (c == '}' || c == ']') {
      depth = depth == 0 ? 0 : depth - 1;
    } else if (c == '"') {
      size_t end = endOfString(text, i);
      if (end == StringRef::npos)
        return refuse(what + ": expected the end of a string, got the end of the text");
      bool isName = depth == 1 && text.substr(end).ltrim().starts_with(":");
      StringRef name = text.slice(i + 1, end - 1);
      if (isName && !seen.insert(name).second)
        return refuse(what + ": the name " + quoted(name) + " appears twice");
      i = end - 1;
    }
  }
  names = seen.size();
  return Error::success();
}

Expected<json::Value> tercet::safetensors::parseJson(StringRef text, const Twine &what) {
  size_t names = 0;
  if (Error error = checkStructure(text, what, names))
    return error;
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return refuse(what + ": " + toString(value.takeError()));
  // One name may be written in two ways.
  if (const json::Object *object = value->getAsObject(); object && object->size() != names)
    return refuse(what + ": a name appears twice");
  return value;
}

static uint64_t bytesOf(StringRef type) {
  return StringSwitch<uint64_t>(type)
      .Cases({"F64", "I64", "U64"}, 8)
      .Cases({"F32", "I32", "U32"}, 4)
      .Cases({"F16", "BF16", "I16", "U16"}, 2)
      .Cases({"F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"}, 1)
      .Default(0);
}

static Expected<Tensor> readTensor(StringRef name, const json::Value &value, uint64_t begin,
                                   uint64_t room) {
  std::string who = "tensor " + quoted(name);
  const json::Object *object = value.getAsObject();
  const json::Array *shape = object ? object->getArray("shape") : nullptr;
  const json::Array *offsets = object ? object->getArray("data_offsets") : nullptr;
  std::optional<StringRef> type = object ? object->getString("dtype") : std::nullopt;
  if (!shape || !offsets || !type || object->size() != 3)
    return refuse(who + ": expected dtype, shape and data_offsets, got something else");
  Tensor tensor;
  tensor.name = name.str();
  tensor.type = type->str();
  uint64_t bytes = bytesOf(*type);
  if (bytes == 0)
    return refuse(who + ": expected a known dtype, got " + quoted(*type));
  for (const json::Value &extent : *shape) {
    std::optional<int64_t> size = extent.getAsInteger();
    if (!size || *size < 1 || uint64_t(*size) > uint64_t(INT64_MAX) / bytes)
      return refuse(who + ": expected dimensions from 1 on that 63 bits hold the bytes of");
    bytes *= *size;
    tensor.shape.push_back(*size);
  }
  std::optional<uint64_t> ends[2];
  for (size_t i = 0; i < 2 && offsets->size() == 2; ++i)
    ends[i] = (*offsets)[i].getAsUINT64();
  if (!ends[0] || !ends[1] || *ends[0] > *ends[1] || *ends[1] > room)
    return refuse(who + ": expected data_offsets within the " + Twine(room) +
                  " bytes of data that the file has; was it cut off while it was copied?");
  if (*ends[1] - *ends[0] != bytes)
    return refuse(who + ": expected " + Twine(bytes) + " bytes for its shape, got " +
                  Twine(*ends[1] - *ends[0]));
  tensor.offset = begin + *ends[0];
  tensor.bytes = bytes;
  return tensor;
}

Expected<std::vector<Tensor>> tercet::safetensors::readFile(StringRef bytes) {
  if (bytes.size() < 8)
    return refuse("header: expected eight bytes with its length, got " + Twine(bytes.size()));
  uint64_t length = support::endian::read<uint64_t>(bytes.data(), endianness::little);
  if (length > kMaxHeader || length > bytes.size() - 8)
    return refuse("header: expected a length that the file has room for, got " + Twine(length) +
                  " in " + Twine(bytes.size()) + " bytes; is this a safetensors file?");
  Expected<json::Value> header = parseJson(bytes.substr(8, length), "header");
  if (!header)
    return header.takeError();
  const json::Object *object = header->getAsObject();
  if (!object)
    return refuse("header: expected an object");
  std::vector<Tensor> tensors;
  uint64_t begin = 8 + length;
  for (const auto &[name, value] : *object) {
    if (StringRef(name) == "__metadata__")
      continue;
    Expected<Tensor> tensor = readTensor(name, value, begin, bytes.size() - begin);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  llvm::sort(tensors, [](const Tensor &a, const Tensor &b) {
    return std::tie(a.offset, a.name) < std::tie(b.offset, b.name);
  });
  for (size_t i = 1; i < tensors.size(); ++i)
    if (tensors[i].offset - tensors[i - 1].offset < tensors[i - 1].bytes)
      return refuse("tensor " + quoted(tensors[i].name) + ": expected bytes of its own, but " +
                    quoted(tensors[i - 1].name) + " lies over its first byte");
  llvm::sort(tensors, [](const Tensor &a, const Tensor &b) { return a.name < b.name; });
  return tensors;
}
