// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs kernels in PTX on the CPU, for tests on machines without a GPU: slow, in
// order, and stricter than a GPU. Shared and local memory begin with NaNs; a
// misaligned address, one outside of what the kernel may touch, a barrier that
// some threads never reach and an instruction that is not known here are faults.
// What it cannot show: races, and how exact a GPU's approximations are.
#ifndef TERCET_TEST_PTX_MACHINE_H
#define TERCET_TEST_PTX_MACHINE_H

#include "text.h"
#include <array>
#include <atomic>
#include <functional>
#include <memory>

namespace tercet_test::ptx {

/// Why a kernel stopped; numbers are those of CUDA's results.
struct Fault : std::runtime_error {
  enum Kind {
    IllegalAddress = 700,
    IllegalInstruction = 715,
    MisalignedAddress = 716,
    LaunchFailed = 719,
  };
  Fault(Kind kind, const std::string &text) : std::runtime_error(text), kind(kind) {}
  Kind kind;
};

struct Launch {
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  uint64_t dynamicShared = 0;
  const unsigned char *parameters = nullptr;
  /// Where that global memory is; null: nowhere.
  std::function<unsigned char *(uint64_t address, uint64_t bytes)> locate;
  /// Set by another thread: give up.
  const std::atomic<bool> *stop = nullptr;
};

class Kernel;

/// A module whose kernels are ready to run.
class Program {
public:
  /// Throws Error.
  explicit Program(const std::string &text);
  ~Program();
  const Module &module() const { return parsed; }
  const Kernel *find(const std::string &name) const;
  /// The addresses of its global variables are accessible too.
  bool owns(uint64_t address, uint64_t bytes) const;

private:
  Module parsed;
  std::map<std::string, std::vector<unsigned char>> globals;
  std::vector<std::unique_ptr<Kernel>> kernels;
};

const Entry &entryOf(const Kernel &kernel);
uint64_t sharedBytesOf(const Kernel &kernel); // that it declares

/// Throws Fault.
void run(const Kernel &kernel, const Launch &launch);

} // namespace tercet_test::ptx
#endif // TERCET_TEST_PTX_MACHINE_H
