// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the elements of a tensor lie in a GGUF file: one by one, or in blocks of
// a fixed size along the innermost dimension. Every type that the format
// numbers is here, so that the extent of each tensor can be checked; which of
// them the importer can decode is its own matter.

#ifndef TERCET_COMPILER_IMPORT_GGUF_TENSORTYPE_H
#define TERCET_COMPILER_IMPORT_GGUF_TENSORTYPE_H

#include <cstdint>

namespace tercet::gguf {

struct TensorType {
  /// The number in the file.
  uint32_t id;
  const char *name;
  /// Elements and bytes of a block; 1 element where there are no blocks.
  uint32_t elements, bytes;
};

/// Null for numbers that no type has, or no longer has.
const TensorType *lookupTensorType(uint32_t id);

} // namespace tercet::gguf

#endif // TERCET_COMPILER_IMPORT_GGUF_TENSORTYPE_H
