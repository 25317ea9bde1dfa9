// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The COPY command on the CPU. Ranges have been checked at open.
#include "context.h"
#include "memory.h"

void tercet_copy_run(const tercet_copy_record *copy, uint64_t bytes, const unsigned char *source,
                     unsigned char *destination) {
  const tercet_copy_record contiguous = {bytes, {1, 1}, {0, 0}, {0, 0}};
  if (!copy)
    copy = &contiguous;
  for (uint32_t i = 0; i < copy->count[0]; ++i) {
    const unsigned char *from = source + i * copy->source_stride[0];
    unsigned char *to = destination + i * copy->destination_stride[0];
    for (uint32_t j = 0; j < copy->count[1]; ++j) {
      memmove(to, from, (size_t)copy->run_bytes);
      from += copy->source_stride[1];
      to += copy->destination_stride[1];
    }
  }
}
