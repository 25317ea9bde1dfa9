// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two drivers for a Hexagon NPU, as tercet_driver tables (driver.h). *Mailbox*
// runs the image in a qemu-hexagon process that shares a window of memory with
// the application, on Linux. *FastRPC* talks to the NPU of a Snapdragon through
// libcdsprpc.so, which it loads at run time. Invariants: a driver starts nothing
// before its open and leaves nothing behind after its close: no process, thread,
// file descriptor or shared memory, also when the application is killed.
#ifndef TERCET_HEXAGON_H
#define TERCET_HEXAGON_H

#include "tercet/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Mailbox ----------------------------------------------------------------

// Zero-initialise, then set what is needed. Strings are copied.
typedef struct tercet_mailbox_options {
  // The emulator; NULL: the environment's TERCET_QEMU_HEXAGON, or else
  // qemu-hexagon as PATH finds it.
  const char *qemu;
  // A file to run in place of the program's image, for instance one with
  // symbols; its digest must be that of the program's image. NULL: the image.
  const char *image;
  // Most bytes of the window, and of the NPU's local memory; 0: as many as the
  // program needs, at most 2 GiB and 32 MiB.
  uint64_t window_bytes;
  uint64_t local_bytes;
  uint64_t start_timeout_ns; // until the image has answered; 0: 10 s
  uint32_t spin_ns;          // for an answer, before sleeping; 0: 20 us
  // Newest architecture that the emulator runs; 0: 67, which qemu 7.2 does.
  uint32_t architecture;
} tercet_mailbox_options;

// Makes a driver, owned by the caller, who ends it with tercet_mailbox_destroy
// after tercet_drivers_detach. Starts nothing; the emulator will run on the
// cores on which the calling thread may run now, so make it before you tie that
// thread to one. `options` may be NULL.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY, ENGINE_ABSENT (not Linux).
tercet_status tercet_mailbox_create(const tercet_mailbox_options *options, tercet_driver *driver);
void tercet_mailbox_destroy(tercet_driver *driver);

// Process id of the emulator; 0 while there is none. For monitoring.
int tercet_mailbox_process(const tercet_driver *driver);

// ---- FastRPC ----------------------------------------------------------------

typedef struct tercet_fastrpc_options {
  // The library; NULL: the environment's TERCET_CDSPRPC, or libcdsprpc.so.
  const char *library;
  // Name x of the module on the NPU, lib<x>_skel.so; NULL: "tercet".
  const char *module;
  uint32_t domain;       // 0: 3, the compute DSP
  uint64_t shared_bytes; // most bytes of memory; 0: what the program needs
  uint64_t local_bytes;  // of TCM that a module may ask for; 0: 8 MiB
  int signed_only;       // nonzero: do not ask for an unsigned session
} tercet_fastrpc_options;

// As tercet_mailbox_create. Compiled and tested against a stand-in for the
// library only; it has not been run on a device.
// Errors: INVALID_ARGUMENT, SYSTEM_MEMORY.
tercet_status tercet_fastrpc_create(const tercet_fastrpc_options *options, tercet_driver *driver);
void tercet_fastrpc_destroy(tercet_driver *driver);

#ifdef __cplusplus
}
#endif
#endif // TERCET_HEXAGON_H
