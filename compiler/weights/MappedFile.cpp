// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapping through POSIX, since page release needs madvise on parts of a mapping.

#include "compiler/weights/MappedFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/xxhash.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tercet;

template <class... Parts> static llvm::Error failure(const std::string &path, Parts &&...parts) {
  std::string text = "weights file '" + path + "': ";
  llvm::raw_string_ostream os(text);
  (os << ... << parts);
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

std::string tercet::computeDigest(llvm::ArrayRef<char> bytes) {
  uint64_t hash = llvm::xxh3_64bits(llvm::StringRef(bytes.data(), bytes.size()));
  return llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
}

llvm::Expected<std::unique_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  // Without O_NONBLOCK a named pipe would wait for a writer before it is refused.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return failure(path, "cannot be opened: ", std::strerror(errno));
  struct stat status;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return failure(path, "expected a regular file");
  }
  const char *data = nullptr;
  if (status.st_size > 0) {
    void *mapping = ::mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED) {
      int error = errno;
      ::close(descriptor);
      return failure(path, "cannot be mapped: ", std::strerror(error));
    }
    data = static_cast<const char *>(mapping);
  }
  return std::unique_ptr<MappedFile>(new MappedFile(path, descriptor, data, status.st_size));
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<char *>(data), size);
  ::close(descriptor);
}

llvm::Expected<llvm::ArrayRef<char>> MappedFile::region(uint64_t offset, uint64_t bytes,
                                                        llvm::StringRef digest) {
  struct stat status;
  uint64_t available =
      ::fstat(descriptor, &status) == 0 ? std::min<uint64_t>(size, status.st_size) : 0;
  if (offset > available || bytes > available - offset)
    return failure(path, "expected ", bytes, " bytes at offset ", offset, ", but the file has ",
                   available, "; was it cut off or replaced since import?");
  llvm::ArrayRef<char> region(data + offset, bytes);
  if (digest.empty())
    return region;
  auto key = std::make_tuple(offset, bytes, digest.str());
  if (checked.count(key))
    return region;
  std::string actual = computeDigest(region);
  // A digest may be written without leading zeros.
  if (digest.ltrim('0').lower() != llvm::StringRef(actual).ltrim('0'))
    return failure(path, "the file changed since import: expected digest ", digest, " for ", bytes,
                   " bytes at offset ", offset, ", got ", actual, "; import the model again");
  checked.insert(std::move(key));
  return region;
}

void MappedFile::release(llvm::ArrayRef<char> region) {
  static const uintptr_t page = llvm::sys::Process::getPageSizeEstimate();
  if (region.empty())
    return;
  uintptr_t begin = reinterpret_cast<uintptr_t>(region.data()) / page * page;
  uintptr_t end = reinterpret_cast<uintptr_t>(region.data() + region.size());
  // The mapping is private and never written, so dropped pages come back as they were.
  ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
