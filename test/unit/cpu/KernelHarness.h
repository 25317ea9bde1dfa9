// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the text of a soc.kernel for the host and runs it through the
// runtime's calling convention.

#ifndef TERCET_TEST_UNIT_CPU_KERNELHARNESS_H
#define TERCET_TEST_UNIT_CPU_KERNELHARNESS_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tercet::test {

/// tercet_kernel_args of runtime/include/tercet/abi.h.
struct KernelArgs {
  void *const *buffers;
  const int64_t *scalars;
  unsigned char *scratch;
  uint64_t scratchStride;
  uint32_t *fault;
};
using KernelFn = void (*)(const KernelArgs *, uint32_t, uint32_t, uint32_t, uint32_t);

/// Memory of 64-byte alignment that ends at a page that cannot be touched, so
/// that reading or writing beyond it is noticed.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer &) = delete;
  template <typename T> T *as() { return reinterpret_cast<T *>(data); }

private:
  unsigned char *data, *base;
  size_t mapped;
};

class Kernel {
public:
  /// `text` is the body of a module with one soc.kernel @k on engine "cpu". In
  /// it, "KERNEL" stands for the attributes that every kernel has. `bits` and
  /// `registers` choose narrower vectors than the host's if not 0.
  static std::unique_ptr<Kernel> compile(const std::string &text, unsigned bits = 0,
                                         unsigned registers = 0);
  ~Kernel();

  /// Runs all tiles; returns the fault.
  uint32_t run(const std::vector<void *> &buffers, size_t scratchBytes = 0);
  KernelFn getFunction() const;
  const int64_t *getGrid() const;
  uint64_t getStackBytes() const;

private:
  struct Impl;
  explicit Kernel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// Compiles the text for another machine, links it with a driver, runs all
/// tiles there (through qemu-user) and returns the buffers as they are
/// afterwards. Empty, with `reason` set, if that failed; `skipped` if a tool is
/// not there.
std::vector<std::vector<unsigned char>>
runOnTarget(const std::string &text, const std::string &triple, const std::string &cpu,
            std::vector<std::vector<unsigned char>> buffers, size_t scratchBytes,
            std::string &reason, bool &skipped);

/// Replaces every occurrence.
std::string substitute(std::string text,
                       const std::vector<std::pair<std::string, std::string>> &values);

} // namespace tercet::test

#endif // TERCET_TEST_UNIT_CPU_KERNELHARNESS_H
