// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is a Python dictionary literal with three keys; only the spelling
// that NumPy writes is understood, up to white space and the order of keys.

#include "compiler/support/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace tercet;

static Error failure(StringRef path, const Twine &text) {
  return createStringError(inconvertibleErrorCode(), "'" + path + "': " + text);
}

unsigned tercet::getNpyElementBytes(StringRef dtype) {
  return StringSwitch<unsigned>(dtype)
      .Cases({"i1", "u1", "b1"}, 1)
      .Cases({"f2", "i2"}, 2)
      .Cases({"f4", "i4"}, 4)
      .Cases({"f8", "i8"}, 8)
      .Default(0);
}

/// What follows `'key':` in the header's dictionary, trimmed on the left.
static std::optional<StringRef> findValue(StringRef header, StringRef key) {
  std::string quoted = ("'" + key + "'").str();
  size_t at = header.find(quoted);
  if (at == StringRef::npos)
    return std::nullopt;
  StringRef rest = header.drop_front(at + quoted.size()).ltrim();
  if (!rest.consume_front(":"))
    return std::nullopt;
  return rest.ltrim();
}

Expected<NpyArray> tercet::readNpy(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure(path, "cannot be read: " + buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 10)
    return failure(path, "expected a NumPy .npy file");
  unsigned major = uint8_t(bytes[6]);
  if (major < 1 || major > 3)
    return failure(path, "expected .npy format 1 to 3, got " + Twine(major));
  unsigned lengthBytes = major == 1 ? 2 : 4;
  size_t start = 8 + lengthBytes, length = 0;
  if (bytes.size() < start)
    return failure(path, "the file is cut off in its header");
  for (unsigned i = 0; i < lengthBytes; ++i)
    length |= size_t(uint8_t(bytes[8 + i])) << (8 * i);
  if (length > bytes.size() - start)
    return failure(path, "the file is cut off in its header");
  StringRef header = bytes.substr(start, length);

  std::optional<StringRef> descr = findValue(header, "descr"),
                           order = findValue(header, "fortran_order"),
                           shape = findValue(header, "shape");
  if (!descr || !order || !shape)
    return failure(path, "expected 'descr', 'fortran_order' and 'shape' in the header");
  NpyArray array;
  if (!descr->consume_front("'"))
    return failure(path, "structured element types are not supported");
  StringRef type = descr->take_until([](char c) { return c == '\''; });
  array.dtype = type.drop_front(std::min<size_t>(1, type.size())).str();
  bool isByte = getNpyElementBytes(array.dtype) == 1;
  if (getNpyElementBytes(array.dtype) == 0 ||
      !(type.starts_with("<") || (isByte && type.starts_with("|"))))
    return failure(path, "element type '" + type +
                             "' is not supported; convert to one of <f4 <f8 <f2 |i1 <i2 <i4 <i8 "
                             "|u1 |b1");
  if (!order->starts_with("False"))
    return failure(path, "expected C order; use numpy.ascontiguousarray");
  if (!shape->consume_front("("))
    return failure(path, "malformed shape in the header");
  int64_t count = 1;
  SmallVector<StringRef> sizes;
  shape->take_until([](char c) { return c == ')'; }).split(sizes, ',');
  for (auto [i, text] : enumerate(sizes)) {
    text = text.trim();
    int64_t size;
    if (text.empty() && i + 1 == sizes.size())
      continue;
    if (text.getAsInteger(10, size) || size < 0 || MulOverflow(count, size, count))
      return failure(path, "malformed shape in the header");
    array.shape.push_back(size);
  }
  int64_t expected;
  StringRef data = bytes.drop_front(start + length);
  if (MulOverflow(count, int64_t(getNpyElementBytes(array.dtype)), expected) ||
      int64_t(data.size()) < expected)
    return failure(path, "expected " + Twine(count) + " elements of '" + type + "', got " +
                             Twine(data.size()) + " bytes");
  array.data.assign(data.begin(), data.begin() + expected);
  return array;
}

Error tercet::writeNpy(StringRef path, StringRef dtype, ArrayRef<int64_t> shape,
                       ArrayRef<char> data) {
  std::string header = "{'descr': '";
  header += getNpyElementBytes(dtype) == 1 ? "|" : "<";
  header += dtype.str() + "', 'fortran_order': False, 'shape': (";
  uint64_t count = 1;
  for (int64_t size : shape) {
    header += std::to_string(size) + ", ";
    count *= size;
  }
  header = StringRef(header).rtrim(shape.size() > 1 ? ", " : " ").str() + "), }";
  if (getNpyElementBytes(dtype) == 0 || count * getNpyElementBytes(dtype) != data.size())
    return failure(path, "no .npy file can hold " + Twine(data.size()) + " bytes as '" + dtype +
                             "' of this shape");
  // Data begin at a multiple of 64; the header ends with a line feed.
  header.resize(alignTo(10 + header.size() + 1, 64) - 10 - 1, ' ');
  header += '\n';
  if (header.size() > 0xffff)
    return failure(path, "the shape has too many dimensions");
  char prefix[] = {
      '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, char(header.size() & 0xff), char(header.size() >> 8)};
  // A temporary file beside the target, renamed when complete.
  Expected<sys::fs::TempFile> file = sys::fs::TempFile::create(path + "-%%%%%%%%.tmp");
  if (!file)
    return failure(path, "cannot be written: " + toString(file.takeError()));
  raw_fd_ostream os(file->FD, /*shouldClose=*/false);
  os.write(prefix, sizeof(prefix)) << header;
  os.write(data.data(), data.size());
  os.flush();
  if (os.has_error()) {
    std::string reason = os.error().message();
    os.clear_error();
    consumeError(file->discard());
    return failure(path, "cannot be written: " + reason);
  }
  if (Error error = file->keep(path))
    return failure(path, "cannot be written: " + toString(std::move(error)));
  return Error::success();
}
