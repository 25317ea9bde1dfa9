// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A table's records, copied out of bytes that may lie at any address and hold
// anything. Invariant: when readTable reported nothing, every vector holds all
// elements of its record, and `strings` begins and ends with NUL; indices
// inside the elements are still unchecked.

#ifndef TERCET_COMPILER_CHECK_TABLE_H
#define TERCET_COMPILER_CHECK_TABLE_H

#include "compiler/check/Findings.h"
#include "runtime/include/tercet/abi.h"

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace tercet::check {

struct Table {
  uint64_t features = 0;
  llvm::StringRef strings; // within the bytes that were read
  std::vector<tercet_engine_record> engines;
  std::vector<tercet_pool_record> pools;
  std::vector<tercet_buffer_record> buffers;
  std::vector<uint64_t> dims;
  std::vector<tercet_tensor_record> tensors;
  std::vector<tercet_scalar_record> scalars;
  std::vector<tercet_entry_record> entries;
  std::vector<tercet_operand_record> operands;
  std::vector<uint32_t> scalarRefs;
  std::vector<uint32_t> waits;
  std::vector<tercet_copy_record> copies;
  std::vector<tercet_command_record> commands;
  std::vector<tercet_kernel_record> kernels;
  std::vector<tercet_profile_record> profile;
  std::vector<tercet_weights_record> weights;
  std::vector<tercet_limits_record> limits;

  /// The name as one can print it; for any number, valid or not.
  std::string name(uint32_t offset) const;
  bool hasFeature(tercet_program_feature bit) const { return features >> bit & 1; }
  uint32_t poolKind(uint32_t buffer) const { return pools[buffers[buffer].pool].kind; }
  /// "entry 'main', command 12, node '/encoder/MatMul'"; `command` is counted
  /// within the entry. Indices in the command must have been checked.
  std::string describe(const tercet_entry_record &entry, uint32_t command) const;
  /// "command 12, node '/encoder/MatMul'".
  std::string describeCommand(const tercet_entry_record &entry, uint32_t command) const;
  /// "buffer 7 of pool 'arena'".
  std::string describeBuffer(uint32_t buffer) const;
};

/// Reads header and records. What it reports makes the rest unreadable.
Table readTable(llvm::StringRef bytes, Findings &findings);

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_TABLE_H
