// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program as the tests of the checker hold it: what a table says, in a form
// that is easy to change, and the bytes of the table. Nothing here or in the
// oracle uses code of the checker.

#ifndef TERCET_TEST_UNIT_CHECK_MODEL_H
#define TERCET_TEST_UNIT_CHECK_MODEL_H

#include "runtime/include/tercet/abi.h"

#include <optional>
#include <string>
#include <vector>

namespace tercet::check_test {

struct Pool {
  uint32_t kind = TERCET_POOL_ARENA;
  uint64_t bytes = 0;
  uint32_t alignment = 64;
  uint64_t engineMask = ~uint64_t(0);
};

struct Buffer {
  uint32_t pool = 0;
  uint64_t offset = 0; // of an IO buffer: its rank, set by toTable
  uint64_t bytes = 0;
  uint32_t alignment = 1;
};

struct Tensor {
  uint32_t buffer = 0;
  uint32_t flags = 0;
  uint32_t tied = TERCET_NONE;
};

struct Operand {
  uint32_t buffer = 0;
  uint32_t access = TERCET_ACCESS_READ;
  uint64_t offset = 0, bytes = 0;
};

struct Command {
  uint32_t opcode = TERCET_COMMAND_DISPATCH;
  uint32_t engine = 0;
  std::vector<Operand> operands;
  uint32_t scratchBuffer = TERCET_NONE;
  uint64_t scratchStride = 0;
  bool signals = false;
  std::vector<uint32_t> waits; // tokens
  std::optional<tercet_copy_record> copy;
};

/// One entry point, 'main'. Kernel e is for engine e.
struct Model {
  uint32_t engines = 1;
  uint32_t workers = 1;
  /// Bit e: engine e is an NPU behind a driver, not a CPU. It has an image, so
  /// many workers, and no way to what the application binds.
  uint32_t drivers = 0;
  bool hasImages = true;
  uint32_t driverWorkers = 1;
  /// Whether the table announces SUBMIT commands where there are some.
  bool announcesSubmit = true;
  std::vector<Pool> pools;
  std::vector<Buffer> buffers;
  std::vector<Tensor> inputs, outputs;
  std::vector<Command> commands;

  /// Appends and returns the index.
  uint32_t addPool(Pool pool);
  uint32_t addBuffer(Buffer buffer);
  /// The table as abi.h lays it out. Node names are "node 0" and so on.
  std::string toTable() const;
};

inline Operand reads(uint32_t buffer, uint64_t bytes, uint64_t offset = 0) {
  return {buffer, TERCET_ACCESS_READ, offset, bytes};
}
inline Operand writes(uint32_t buffer, uint64_t bytes, uint64_t offset = 0) {
  return {buffer, TERCET_ACCESS_WRITE, offset, bytes};
}
inline Operand updates(uint32_t buffer, uint64_t bytes, uint64_t offset = 0) {
  return {buffer, TERCET_ACCESS_READ | TERCET_ACCESS_WRITE, offset, bytes};
}

/// Why the program is wrong, found by running every interleaving of its
/// queues; empty if it is right. For programs of some ten commands on a few
/// hundred bytes.
std::string findFault(const Model &model);

/// A right program: a random graph on random queues, planned by a simple
/// planner. The same seed gives the same program.
Model generate(uint32_t seed);

} // namespace tercet::check_test

#endif // TERCET_TEST_UNIT_CHECK_MODEL_H
