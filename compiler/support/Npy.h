// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy files, as far as tensors need them: little-endian, C order,
// elements f4 f8 f2 i1 i2 i4 i8 u1 b1, format versions 1 to 3. Anything else is
// refused. Format: numpy.lib.format in NumPy's manual.

#ifndef TERCET_COMPILER_SUPPORT_NPY_H
#define TERCET_COMPILER_SUPPORT_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tercet {

struct NpyArray {
  /// NumPy's type code without byte order: "f4", "i8", "b1", ...
  std::string dtype;
  llvm::SmallVector<int64_t> shape;
  std::vector<char> data;
};

/// Bytes of an element, or 0 if the type is not one of those above.
unsigned getNpyElementBytes(llvm::StringRef dtype);

llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes the file as a whole or not at all. `data` must be as long as type and
/// shape say.
llvm::Error writeNpy(llvm::StringRef path, llvm::StringRef dtype, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<char> data);

} // namespace tercet

#endif // TERCET_COMPILER_SUPPORT_NPY_H
