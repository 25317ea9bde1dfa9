// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The three functions that the core expects from its surroundings; declared
// here because a freestanding toolchain need not have <string.h>.
#ifndef TERCET_CORE_MEMORY_H
#define TERCET_CORE_MEMORY_H

#include <stddef.h>

void *memcpy(void *destination, const void *source, size_t bytes);
void *memmove(void *destination, const void *source, size_t bytes);
void *memset(void *destination, int value, size_t bytes);

#endif // TERCET_CORE_MEMORY_H
