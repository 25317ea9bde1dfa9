// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of Qualcomm's user-space library libcdsprpc.so that the driver uses,
// declared by hand so that neither its headers nor itself are needed to build,
// and found at run time. Names, numbers and layouts are those of the library's
// public headers (remote.h, rpcmem.h, dspqueue.h); the messages further down are
// Tercet's own.
#ifndef TERCET_DRIVERS_HEXAGON_FASTRPC_LIBRARY_H
#define TERCET_DRIVERS_HEXAGON_FASTRPC_LIBRARY_H

#include "tercet/runtime.h"

// ---- The library's ----------------------------------------------------------

enum {
  FASTRPC_OK = 0,
  FASTRPC_EXPIRED = 12,
  FASTRPC_INTERRUPTED = 46,
  FASTRPC_WOULD_BLOCK = 516,
};

#define FASTRPC_CONTROL_LATENCY 1u         // of a handle
#define FASTRPC_CONTROL_UNSIGNED_MODULE 2u // of a session
#define FASTRPC_MAP_BY_DESCRIPTOR 2
#define FASTRPC_HEAP_SYSTEM 25
#define FASTRPC_CACHED 1u

typedef struct fastrpc_unsigned_module {
  int domain;
  int enable;
} fastrpc_unsigned_module;

typedef struct fastrpc_latency {
  uint32_t enable;
  uint32_t latency;
} fastrpc_latency;

typedef struct fastrpc_argument {
  void *data;
  size_t bytes;
} fastrpc_argument;

// Method number, with that many buffers in and out.
#define FASTRPC_SCALARS(method, in, out)                                                           \
  ((uint32_t)(method) << 24 | (uint32_t)(in) << 16 | (uint32_t)(out) << 8)

enum {
  FASTRPC_PACKET_MESSAGE = 1,
  FASTRPC_PACKET_BUFFERS = 2,
  FASTRPC_FLUSH_SENDER = 0x10,
  FASTRPC_INVALIDATE_RECIPIENT = 0x80,
};
#define FASTRPC_PACKET_BUFFERS_MAX 64u

typedef struct fastrpc_buffer {
  uint32_t descriptor, bytes, offset, flags;
  union {
    void *pointer;
    uint64_t address;
  };
} fastrpc_buffer;

typedef struct fastrpc_queue fastrpc_queue;
typedef void (*fastrpc_callback)(fastrpc_queue *queue, int error, void *user);

typedef struct fastrpc_library {
  void *handle;
  int (*remote_session_control)(uint32_t request, void *data, uint32_t bytes);
  int (*remote_handle64_open)(const char *uri, uint64_t *handle);
  int (*remote_handle64_close)(uint64_t handle);
  int (*remote_handle64_control)(uint64_t handle, uint32_t request, void *data, uint32_t bytes);
  int (*remote_handle64_invoke)(uint64_t handle, uint32_t scalars, fastrpc_argument *arguments);
  void *(*rpcmem_alloc)(int heap, uint32_t flags, int bytes);
  void (*rpcmem_free)(void *memory);
  int (*rpcmem_to_fd)(void *memory);
  int (*fastrpc_mmap)(int domain, int descriptor, void *address, int offset, size_t bytes,
                      int flags);
  int (*fastrpc_munmap)(int domain, int descriptor, void *address, size_t bytes);
  int (*dspqueue_create)(int domain, uint32_t flags, uint32_t request_bytes,
                         uint32_t response_bytes, fastrpc_callback packet, fastrpc_callback error,
                         void *user, fastrpc_queue **queue);
  int (*dspqueue_export)(fastrpc_queue *queue, uint64_t *id);
  int (*dspqueue_close)(fastrpc_queue *queue);
  int (*dspqueue_write)(fastrpc_queue *queue, uint32_t flags, uint32_t buffer_count,
                        fastrpc_buffer *buffers, uint32_t bytes, const uint8_t *message,
                        uint32_t timeout_us);
  int (*dspqueue_read)(fastrpc_queue *queue, uint32_t *flags, uint32_t max_buffers,
                       uint32_t *buffer_count, fastrpc_buffer *buffers, uint32_t max_bytes,
                       uint32_t *bytes, uint8_t *message, uint32_t timeout_us);
} fastrpc_library;

// Loads it; `name` as in tercet_fastrpc_options. Errors: ENGINE_ABSENT, which
// names the library, or the function that it lacks.
tercet_status fastrpc_library_load(const char *name, fastrpc_library *library, tercet_error *error);
void fastrpc_library_unload(fastrpc_library *library);

// ---- Tercet's ---------------------------------------------------------------

// Methods of the module lib<x>_skel.so (0 and 1 are open and close).
enum { FASTRPC_METHOD_START = 2, FASTRPC_METHOD_STOP = 3 };

// Of START, in and out. The module then serves the queue: each packet has a
// message as tercet_npu_submission in a slot (npu_window.h), where the offset of
// an operand in shared memory is the number of its buffer in the packet, and
// that of scratch is in the local memory. The answer is a
// tercet_npu_completion, with the buffers that the kernel wrote flagged
// FLUSH_SENDER | INVALIDATE_RECIPIENT.
typedef struct fastrpc_start_in {
  uint64_t queue;   // of dspqueue_export
  uint32_t version; // TERCET_NPU_VERSION
  uint32_t workers;
  uint32_t local_bytes; // of TCM that it has to get
  uint32_t stack_bytes;
} fastrpc_start_in;

typedef struct fastrpc_start_out {
  uint32_t version;
  uint32_t architecture;
  uint32_t kernel_count;
  uint32_t local_bytes; // that it got
  uint8_t digest[32];
} fastrpc_start_out;

#endif // TERCET_DRIVERS_HEXAGON_FASTRPC_LIBRARY_H
