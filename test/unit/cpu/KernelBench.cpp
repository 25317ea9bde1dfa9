// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Time of one kernel from a file, all tiles, on one worker.
//   cpu-kernel-bench FILE BYTES-OF-ARGUMENT... [-s SCRATCH] [-n ELEMENTS]

#include "test/unit/cpu/KernelHarness.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

using namespace tercet::test;

int main(int argc, char **argv) {
  std::ifstream file(argv[1]);
  std::stringstream text;
  text << file.rdbuf();
  unsigned bits = getenv("BITS") ? atoi(getenv("BITS")) : 0;
  auto start = std::chrono::steady_clock::now();
  auto kernel = Kernel::compile(text.str(), bits,
                                bits == 256 ? 16
                                : bits      ? 32
                                            : 0);
  double compiled =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  if (!kernel)
    return 1;
  std::vector<void *> buffers;
  size_t scratch = 0;
  double elements = 0;
  for (int i = 2; i < argc; ++i) {
    if (!strcmp(argv[i], "-s")) {
      scratch = atoll(argv[++i]);
    } else if (!strcmp(argv[i], "-n")) {
      elements = atof(argv[++i]);
    } else {
      size_t bytes = (atoll(argv[i]) + 4095) / 4096 * 4096;
      float *data = static_cast<float *>(aligned_alloc(4096, bytes));
      for (size_t j = 0; j < bytes / 4; ++j)
        data[j] = (j * 7 % 13) * 0.1f - 0.6f;
      buffers.push_back(data);
    }
  }
  unsigned char *memory = static_cast<unsigned char *>(
      aligned_alloc(4096, (scratch + 8191) / 4096 * 4096));
  uint32_t fault = 0;
  KernelArgs args{buffers.data(), nullptr, memory, scratch, &fault};
  const int64_t *grid = kernel->getGrid();
  double best = 1e30;
  for (int trial = 0; trial < 200; ++trial) {
    auto begin = std::chrono::steady_clock::now();
    for (uint32_t z = 0; z < grid[2]; ++z)
      for (uint32_t y = 0; y < grid[1]; ++y)
        for (uint32_t x = 0; x < grid[0]; ++x)
          kernel->getFunction()(&args, x, y, z, 0);
    best = std::min(best, std::chrono::duration<double>(
                              std::chrono::steady_clock::now() - begin)
                              .count());
  }
  printf("%s: %.2f us", argv[1], best * 1e6);
  if (elements)
    printf(", %.3f ns an element", best * 1e9 / elements);
  printf(", stack %llu, compiled in %.3f s\n",
         (unsigned long long)kernel->getStackBytes(), compiled);
  return 0;
}
