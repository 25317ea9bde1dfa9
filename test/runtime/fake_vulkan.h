// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the stand-in for Vulkan's loader (fake_vulkan.c) is told by a test.
#ifndef TERCET_TEST_FAKE_VULKAN_H
#define TERCET_TEST_FAKE_VULKAN_H

#include <stdint.h>

typedef struct fake_vulkan {
  char failing[64]; // a function of Vulkan's; "": none
  int result;       // that it returns then
  int skip;         // calls of it that go through before
  int times;        // calls that fail then; 0: all
  int failed;       // that have failed
  // What the devices are said to be.
  int no_devices, discrete, without_features;
  int noncoherent;      // cached memory that has to be flushed and invalidated
  uint32_t api_version; // 0: as they are
  // Calls so far.
  uint64_t allocations;        // of memory, descriptor sets, command buffers
  uint64_t descriptor_updates; //
  uint64_t recordings;         // command buffers that were begun
  uint64_t submits, submit_ns; // and how long they took
  uint64_t barriers;
  uint64_t flushed, invalidated; // ranges of memory that is not coherent
  uint64_t unaligned;            // of those, that begin or end within an atom
} fake_vulkan;

// Of the library, by dlsym: fake_vulkan *fake_vulkan_state(void).
typedef fake_vulkan *(*fake_vulkan_state_fn)(void);

#endif // TERCET_TEST_FAKE_VULKAN_H
