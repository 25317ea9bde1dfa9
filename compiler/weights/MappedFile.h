// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file mapped for reading, whose pages can be given back after use so that
// the resident size of a compile does not grow with the model.

#ifndef TERCET_COMPILER_WEIGHTS_MAPPEDFILE_H
#define TERCET_COMPILER_WEIGHTS_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <set>
#include <string>
#include <tuple>

namespace tercet {

class MappedFile {
public:
  static llvm::Expected<std::unique_ptr<MappedFile>> open(const std::string &path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// The bytes of a region, valid as long as this object. The file's size is
  /// looked at anew, since touching a page beyond its end is fatal. Where
  /// `digest` is not empty, the region's XXH3-64 must be equal to it.
  llvm::Expected<llvm::ArrayRef<char>> region(uint64_t offset, uint64_t bytes,
                                              llvm::StringRef digest);

  /// Tells the system that the region is not needed for now.
  void release(llvm::ArrayRef<char> region);

private:
  MappedFile(std::string path, int descriptor, const char *data, uint64_t size)
      : path(std::move(path)), descriptor(descriptor), data(data), size(size) {}

  std::string path;
  int descriptor;
  const char *data;
  uint64_t size;
  /// Regions whose digest was compared already.
  std::set<std::tuple<uint64_t, uint64_t, std::string>> checked;
};

/// The XXH3-64 hash of the bytes, as the 16 hexadecimal digits that a recipe holds.
std::string computeDigest(llvm::ArrayRef<char> bytes);

} // namespace tercet

#endif // TERCET_COMPILER_WEIGHTS_MAPPEDFILE_H
