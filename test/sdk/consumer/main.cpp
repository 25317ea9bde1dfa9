// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The headers of the program and of the runtime, from C++.
#include "scale.h"
#include "tercet/runtime.h"
#include <cstdio>
#include <vector>

int main() {
  tercet_error error;
  uint64_t bytes = 0;
  if (tercet_context_bytes(&tercet_scale, &bytes, &error)) {
    std::fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  const std::vector<uint64_t> shape = TERCET_SCALE_MAIN_OUTPUT_Y_SHAPE;
  std::printf("%d\n", int(shape[0] * shape[1]));
  return bytes > TERCET_SCALE_CONTEXT_BYTES;
}
