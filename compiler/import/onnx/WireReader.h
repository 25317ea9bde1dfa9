// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads fields of a protobuf message in place. Every length is checked against
// the bytes that are there, nothing is copied or allocated, and a message
// inside a message is read by another reader on a part of the same bytes, so
// that the position of every payload in the file is known.

#ifndef TERCET_COMPILER_IMPORT_ONNX_WIREREADER_H
#define TERCET_COMPILER_IMPORT_ONNX_WIREREADER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Endian.h"

#include <cstdint>

namespace tercet::onnx {

class WireReader {
public:
  enum Kind { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

  explicit WireReader(llvm::StringRef data) : data(data) {}

  /// Steps to the next field; false at the end or if the bytes are malformed.
  bool next() {
    if (bad || data.empty())
      return false;
    uint64_t tag = readVarint();
    field = tag >> 3;
    kind = static_cast<Kind>(tag & 7);
    if (bad || field == 0 || tag > UINT32_MAX)
      return fail();
    switch (kind) {
    case Varint:
      number = readVarint();
      return !bad;
    case Fixed64:
      return take(8);
    case Fixed32:
      return take(4);
    case Bytes: {
      uint64_t size = readVarint();
      return !bad && take(size);
    }
    default: // groups, and numbers that protobuf does not define
      return fail();
    }
  }

  bool failed() const { return bad; }
  /// Records that a known field has a payload of another kind than it must.
  bool fail() {
    bad = true;
    return false;
  }

  uint32_t getField() const { return field; }
  Kind getKind() const { return kind; }
  uint64_t getNumber() const { return number; }
  llvm::StringRef getBytes() const { return payload; }

  /// A varint off the front of `bytes`, for packed fields.
  static bool takeVarint(llvm::StringRef &bytes, uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes.empty())
        return false;
      auto byte = static_cast<uint8_t>(bytes.front());
      bytes = bytes.drop_front();
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128)
        return true;
    }
    return false;
  }

private:
  uint64_t readVarint() {
    uint64_t value;
    if (!takeVarint(data, value))
      bad = true;
    return value;
  }

  bool take(uint64_t size) {
    if (size > data.size())
      return fail();
    payload = data.take_front(size);
    data = data.drop_front(size);
    return true;
  }

  llvm::StringRef data;
  llvm::StringRef payload;
  uint64_t number = 0;
  uint32_t field = 0;
  Kind kind = Varint;
  bool bad = false;
};

} // namespace tercet::onnx

#endif // TERCET_COMPILER_IMPORT_ONNX_WIREREADER_H
