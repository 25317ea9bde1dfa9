// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known of each byte of a space at one point of a replay: who wrote it
// last, and who has read that since. Kept as disjoint segments of bytes with an
// equal past; a write makes its whole range one segment again.

#ifndef TERCET_COMPILER_CHECK_BYTEMAP_H
#define TERCET_COMPILER_CHECK_BYTEMAP_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <map>

namespace tercet::check {

/// Where the contents of a byte come from.
struct Origin {
  enum Kind : uint8_t {
    Unwritten, // undefined
    Initial,   // there before the entry starts
    Scratch,   // a command's scratch, undefined since
    Value      // written by a command
  } kind = Unwritten;
  /// Of Scratch and Value, counted within the entry.
  uint32_t command = 0;
  /// Through which buffer it was written; TERCET_NONE: through any (Initial).
  uint32_t buffer = 0;
};

struct Segment {
  Origin origin;
  /// Readers since the write: of each queue the last one.
  struct Reader {
    uint32_t queue, command;
  };
  llvm::SmallVector<Reader, 1> readers;
};

class ByteMap {
public:
  /// Counts steps in `steps`, for a bound on the time that a hostile table can
  /// take; it must outlive the map.
  explicit ByteMap(uint64_t &steps) : steps(steps) {}

  /// Calls `visit` for the parts of [begin, end) in order, each with its own
  /// segment, which it may change; every byte is in exactly one part.
  void visit(uint64_t begin, uint64_t end,
             llvm::function_ref<void(uint64_t begin, uint64_t end, Segment &segment)> visit);
  /// Forgets what was known of the range.
  void assign(uint64_t begin, uint64_t end, Origin origin);

private:
  struct Node {
    uint64_t end;
    Segment segment;
  };
  void split(uint64_t at);

  std::map<uint64_t, Node> nodes;
  uint64_t &steps;
};

} // namespace tercet::check

#endif // TERCET_COMPILER_CHECK_BYTEMAP_H
