// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format: "GGUF", version, number of tensors, number of pairs; the pairs;
// the tensors' names, dimensions (innermost first), types and offsets; padding;
// the data that offsets count from. All little-endian. No count is believed
// before the bytes that it stands for have been seen, so memory is bounded by
// the file's size.

#include "compiler/import/gguf/File.h"

#include "compiler/import/QuotedName.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace tercet;
using namespace tercet::gguf;

static constexpr uint64_t kMaxAlignment = 1 << 20;
static constexpr unsigned kMaxDimensions = 4;

static Error refuse(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

namespace {

/// Takes what the file has from its front, or keeps the first complaint.
class Cursor {
public:
  explicit Cursor(StringRef bytes) : bytes(bytes) {}

  uint64_t position() const { return at; }
  uint64_t left() const { return bytes.size() - at; }

  bool take(uint64_t count, StringRef &result) {
    if (count > left())
      return false;
    result = bytes.substr(at, count);
    at += count;
    return true;
  }
  template <class T> bool take(T &value) {
    StringRef raw;
    if (!take(sizeof(T), raw))
      return false;
    value = support::endian::read<T>(raw.data(), endianness::little);
    return true;
  }
  bool takeString(StringRef &text) {
    uint64_t length;
    return take(length) && take(length, text);
  }

private:
  StringRef bytes;
  uint64_t at = 0;
};

class Reader {
public:
  explicit Reader(StringRef bytes) : bytes(bytes), cursor(bytes) {}
  Expected<File> read();

private:
  Error readHeader();
  Error readPair(uint64_t number);
  Error readArray(const std::string &who, Value &value);
  Error readTensor(uint64_t number);
  Error placeTensors();
  Error checkOverlap();
  Error cutOff(const Twine &where) {
    return refuse(where + ": the file ends at byte " + Twine(bytes.size()) +
                  "; was it cut off while it was copied?");
  }

  StringRef bytes;
  Cursor cursor;
  File file;
  uint64_t tensorCount = 0, pairCount = 0, alignment = 32;
};

} // namespace

Error Reader::readHeader() {
  StringRef magic;
  if (!cursor.take(4, magic))
    return cutOff("header");
  if (magic != "GGUF")
    return refuse("expected a file that begins with 'GGUF'; this is no GGUF file");
  if (!cursor.take(file.version))
    return cutOff("header");
  if (file.version == byteswap<uint32_t>(2) || file.version == byteswap<uint32_t>(3))
    return refuse("expected a little-endian file, got a big-endian one; convert it with the gguf "
                  "package (gguf_convert_endian)");
  if (file.version != 2 && file.version != 3)
    return refuse("expected GGUF version 2 or 3, got " + Twine(file.version));
  if (!cursor.take(tensorCount) || !cursor.take(pairCount))
    return cutOff("header");
  // The least that a tensor and a pair can take.
  if (tensorCount > cursor.left() / (8 + 4 + 8 + 4 + 8) || pairCount > cursor.left() / (8 + 4 + 1))
    return refuse("expected as many tensors and metadata pairs as the file has room for, got " +
                  Twine(tensorCount) + " and " + Twine(pairCount) + " in " + Twine(bytes.size()) +
                  " bytes");
  return Error::success();
}

Error Reader::readArray(const std::string &who, Value &value) {
  uint32_t type;
  uint64_t count;
  if (!cursor.take(type) || !cursor.take(count))
    return cutOff(who);
  if (type >= kValueTypes)
    return refuse(who + ": expected an element type from 0 to " + Twine(kValueTypes - 1) +
                  ", got " + Twine(type));
  auto element = ValueType(type);
  if (element == ValueType::Array)
    return refuse(who + ": expected an array of scalars or strings, got an array of arrays");
  unsigned size = bytesOf(element);
  if (count > cursor.left() / (size ? size : 8))
    return refuse(who + ": expected an array that the file has room for, got " + Twine(count) +
                  " elements of " + nameOf(element) + " with " + Twine(cursor.left()) +
                  " bytes left");
  uint64_t begin = cursor.position();
  StringRef part;
  if (size)
    (void)cursor.take(count * size, part);
  for (uint64_t i = 0; !size && i < count; ++i)
    if (!cursor.takeString(part))
      return refuse(who + ": string " + Twine(i) + " of " + Twine(count) +
                    " goes beyond the end of the file");
  value = Value(element, count, bytes.slice(begin, cursor.position()));
  return Error::success();
}

Error Reader::readPair(uint64_t number) {
  StringRef key;
  uint32_t type;
  if (!cursor.takeString(key))
    return refuse("metadata pair " + Twine(number) + " of " + Twine(pairCount) +
                  ": its key goes beyond the end of the file");
  std::string who = "metadata " + quoted(key);
  if (key.empty())
    return refuse("metadata pair " + Twine(number) + ": expected a key, got an empty one");
  if (!cursor.take(type))
    return cutOff(who);
  if (type >= kValueTypes)
    return refuse(who + ": expected a value type from 0 to " + Twine(kValueTypes - 1) + ", got " +
                  Twine(type));
  auto kind = ValueType(type);
  Value value;
  if (kind == ValueType::Array) {
    if (Error error = readArray(who, value))
      return error;
  } else {
    StringRef part;
    bool whole =
        kind == ValueType::String ? cursor.takeString(part) : cursor.take(bytesOf(kind), part);
    if (!whole)
      return refuse(who + ": its value goes beyond the end of the file");
    if (kind == ValueType::Bool && uint8_t(part.front()) > 1)
      return refuse(who + ": expected a bool of 0 or 1, got " +
                    Twine(unsigned(uint8_t(part.front()))));
    value = Value(kind, part);
  }
  if (!file.metadata.insert(key, value))
    return refuse(who + ": the key appears twice");
  return Error::success();
}

Error Reader::readTensor(uint64_t number) {
  Tensor tensor;
  uint32_t rank, type;
  if (!cursor.takeString(tensor.name))
    return refuse("tensor " + Twine(number) + " of " + Twine(tensorCount) +
                  ": its name goes beyond the end of the file");
  std::string who = "tensor " + quoted(tensor.name);
  if (tensor.name.empty())
    return refuse("tensor " + Twine(number) + ": expected a name, got an empty one");
  if (!cursor.take(rank))
    return cutOff(who);
  if (rank == 0 || rank > kMaxDimensions)
    return refuse(who + ": expected 1 to " + Twine(kMaxDimensions) + " dimensions, got " +
                  Twine(rank));
  uint64_t elements = 1;
  for (unsigned i = 0; i < rank; ++i) {
    uint64_t size;
    if (!cursor.take(size))
      return cutOff(who);
    if (size == 0 || size > uint64_t(INT64_MAX) / elements)
      return refuse(who + ": expected a dimension from 1 to " +
                    Twine(uint64_t(INT64_MAX) / elements) + ", got " + Twine(size));
    elements *= size;
    tensor.shape.insert(tensor.shape.begin(), int64_t(size));
  }
  if (!cursor.take(type) || !cursor.take(tensor.offset))
    return cutOff(who);
  tensor.type = lookupTensorType(type);
  if (!tensor.type)
    return refuse(who + ": expected a known tensor type, got number " + Twine(type));
  uint32_t block = tensor.type->elements;
  if (tensor.shape.back() % block != 0)
    return refuse(who + ": expected rows of whole blocks of " + Twine(block) + " elements for " +
                  tensor.type->name + ", got " + Twine(tensor.shape.back()));
  bool overflows;
  tensor.bytes = SaturatingMultiply<uint64_t>(elements / block, tensor.type->bytes, &overflows);
  if (overflows)
    return refuse(who + ": expected a size below 2^64 bytes, got " + Twine(elements) +
                  " elements of " + tensor.type->name);
  file.tensors.push_back(std::move(tensor));
  return Error::success();
}

/// Offsets become those from the start of the file.
Error Reader::placeTensors() {
  if (const Value *value = file.metadata.lookup("general.alignment")) {
    std::optional<int64_t> given = value->getInteger();
    if (!given || *given < 8 || *given > int64_t(kMaxAlignment) || !isPowerOf2_64(*given))
      return refuse("metadata 'general.alignment': expected a power of two from 8 to " +
                    Twine(kMaxAlignment) + ", got " +
                    (given ? std::to_string(*given) : value->describe()));
    alignment = *given;
  }
  uint64_t data = alignTo(cursor.position(), alignment);
  uint64_t room = data > bytes.size() ? 0 : bytes.size() - data;
  for (Tensor &tensor : file.tensors) {
    if (tensor.offset % alignment != 0)
      return refuse("tensor " + quoted(tensor.name) +
                    ": expected an offset that is a multiple of " + Twine(alignment) + ", got " +
                    Twine(tensor.offset));
    if (tensor.offset > room || tensor.bytes > room - tensor.offset)
      return refuse("tensor " + quoted(tensor.name) + ": expected " + Twine(tensor.bytes) +
                    " bytes at offset " + Twine(tensor.offset) + " of the data, but the data has " +
                    Twine(room) + " bytes; was the file cut off while it was copied?");
    tensor.offset += data;
  }
  return Error::success();
}

Error Reader::checkOverlap() {
  std::vector<const Tensor *> byOffset;
  StringMap<uint64_t> seen;
  for (const Tensor &tensor : file.tensors) {
    if (!seen.try_emplace(tensor.name, 0).second)
      return refuse("tensor " + quoted(tensor.name) + ": the name appears twice");
    byOffset.push_back(&tensor);
  }
  llvm::sort(byOffset, [](const Tensor *a, const Tensor *b) {
    return std::tie(a->offset, a) < std::tie(b->offset, b);
  });
  for (size_t i = 1; i < byOffset.size(); ++i)
    if (byOffset[i]->offset - byOffset[i - 1]->offset < byOffset[i - 1]->bytes)
      return refuse("tensor " + quoted(byOffset[i]->name) + ": expected bytes of its own, but " +
                    quoted(byOffset[i - 1]->name) + " lies over its first byte " +
                    Twine(byOffset[i]->offset));
  return Error::success();
}

Expected<File> Reader::read() {
  if (Error error = readHeader())
    return error;
  for (uint64_t i = 0; i < pairCount; ++i)
    if (Error error = readPair(i))
      return error;
  for (uint64_t i = 0; i < tensorCount; ++i)
    if (Error error = readTensor(i))
      return error;
  if (Error error = placeTensors())
    return error;
  if (Error error = checkOverlap())
    return error;
  return std::move(file);
}

Expected<File> tercet::gguf::readFile(StringRef bytes) { return Reader(bytes).read(); }
