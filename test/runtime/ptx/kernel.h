// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An entry made ready to run: registers are numbers, symbols are addresses, and
// every instruction is a step of one of a few kinds.
#ifndef TERCET_TEST_PTX_KERNEL_H
#define TERCET_TEST_PTX_KERNEL_H

#include "machine.h"
#include "values.h"

namespace tercet_test::ptx {

struct Source {
  enum Kind { None, Register, Immediate, Thread, BlockSize, BlockNumber, GridSize, Lane, Warp };
  Kind kind = None;
  uint32_t index = 0; // of the register; 0 to 2 of x, y, z
  uint64_t value = 0;
  bool negated = false;
};

enum class Space { Generic, Global, Shared, Local, Parameter };

struct Step {
  enum Kind {
    Compute, // results[0] = function(sources)
    Compare, // predicates: results[0], results[1] its opposite
    Move,    // between registers and vectors of them
    Load,
    Store,
    ToGeneric, // addresses
    FromGeneric,
    Atomic,
    Branch,
    Barrier,
    Shuffle,
    Vote,
    Reduce,
    Active,
    WarpBarrier,
    LoadMatrices, // of 8 x 8 elements
    Multiply,     // matrices
    Copy,         // to shared memory, complete when it is waited for
    CommitCopies,
    AwaitCopies,
    Nothing,
    Exit,
    Trap
  };
  Kind kind = Nothing;
  int line = 0;
  std::string name;
  Source guard; // None: always
  Function function = nullptr;
  Arithmetic what;
  int resultBits = 64;
  std::vector<int64_t> results; // registers; -1: nowhere
  std::vector<Source> sources;
  Space space = Space::Generic;
  std::string operation; // of atom, vote, shfl, redux; of setp with a third predicate
  uint32_t count = 0;    // bytes of a copy; groups of copies that may be open
  bool transposed = false;
  size_t target = 0;
};

class Kernel {
public:
  Kernel(const Module &module, const Entry &entry,
         const std::map<std::string, std::vector<unsigned char>> &globals);

  const Entry &entry;
  std::vector<Step> steps;
  uint32_t registers = 0;
  uint64_t sharedBytes = 0, localBytes = 0;

private:
  Step decode(const Instruction &instruction);
  Source source(const Instruction &instruction, const Operand &operand);
  int64_t result(const Instruction &instruction, const Operand &operand);
  uint32_t registerOf(const std::string &name);
  void place(const Variable &variable);
  void decodeMemory(const Instruction &instruction, Step &step, size_t address);
  void decodeMatrix(const Instruction &instruction, Step &step);
  void decodeCopy(const Instruction &instruction, Step &step);
  void decodeArithmetic(const Instruction &instruction, Step &step);

  std::map<std::string, uint32_t> names;
  std::map<std::string, uint64_t> symbols; // addresses in their spaces
};

} // namespace tercet_test::ptx
#endif // TERCET_TEST_PTX_KERNEL_H
