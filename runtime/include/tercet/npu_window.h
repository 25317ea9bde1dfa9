// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a driver and the code of an NPU share when they are two processes (or
// two processors) with one window of memory: the record in the image that says
// what it is, and the page at the start of the window with the ring of
// submissions. Used by runtime/drivers/hexagon and by the NPU's own runtime,
// which are compiled for different machines: little-endian, fixed sizes, no
// pointers. Invariants: each field is written by one side only, as noted; what
// a submission says is written before `submitted` is raised, and what a
// completion says before `completed` is.
#ifndef TERCET_NPU_WINDOW_H
#define TERCET_NPU_WINDOW_H

#include "tercet/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERCET_NPU_VERSION 1u

// ---- The image --------------------------------------------------------------

// In a loaded segment of the image, at a multiple of 8; found by its magic. So
// the image can be checked before anything of it runs.
#define TERCET_NPU_IMAGE_MAGIC "TERCET-NPU-IMAGE" // 16 bytes, no NUL
typedef struct tercet_npu_image_record {
  uint8_t magic[16];     // 0
  uint32_t version;      // 16  TERCET_NPU_VERSION
  uint32_t architecture; // 20  66, 67, 68, 73, 75
  // Addresses in the image:
  uint32_t kernels;        // 24  tercet_npu_kernels
  uint32_t kernel_count;   // 28  tercet_npu_kernel_count, a uint32_t
  uint32_t digest;         // 32  tercet_npu_digest, 32 bytes
  uint32_t reserved;       // 36
} tercet_npu_image_record; // 40 bytes

// ---- The window -------------------------------------------------------------

// The first TERCET_NPU_WINDOW_PAGE bytes are a tercet_npu_window; slots follow
// at `slots_offset`, then the memories that both sides use. Mappings are a
// multiple of this page.
#define TERCET_NPU_WINDOW_PAGE 65536u
#define TERCET_NPU_WINDOW_MAGIC 0x574E5254u // "TRNW"
#define TERCET_NPU_WINDOW_MAX 0x80000000u   // 2 GiB

// Where the NPU maps its local memory.
#define TERCET_NPU_LOCAL_ADDRESS 0xD8000000u
#define TERCET_NPU_LOCAL_MAX (32u << 20)
#define TERCET_NPU_WORKERS_MAX 4u

#define TERCET_NPU_RING 32u // submissions in hand; a power of two

typedef enum tercet_npu_state {
  TERCET_NPU_STARTING = 0,
  TERCET_NPU_READY = 1,
  TERCET_NPU_REFUSED = 2 // `refusal` says why; the process ends
} tercet_npu_state;

typedef enum tercet_npu_refusal {
  TERCET_NPU_BAD_WINDOW = 1, // magic, version or sizes
  TERCET_NPU_NO_LOCAL = 2,   // local memory cannot be mapped
  TERCET_NPU_NO_THREADS = 3
} tercet_npu_refusal;

typedef enum tercet_npu_flag {
  // Runs in qemu-hexagon: its counters of packets can be read.
  TERCET_NPU_COUNTERS = 1
} tercet_npu_flag;

// A memory operand: an offset in the window or in the local memory.
typedef struct tercet_npu_address {
  uint32_t local; // nonzero: local memory
  uint32_t offset;
} tercet_npu_address;

// In place of a kernel's number (TERCET_DRIVER_COPY): operand 0 to operand 1, as
// many bytes as scalar 0 says.
#define TERCET_NPU_COPY 0xFFFFFFFFu

// Slot of submission number n, slots_offset + n % RING * slot_bytes: this, then
// operand_count addresses, then scalar_count int64_t. Written by the driver.
typedef struct tercet_npu_submission {
  uint32_t sequence; // n + 1
  uint32_t kernel;   // number in tercet_npu_kernels
  uint32_t grid[3];
  uint32_t grain;
  uint32_t operand_count;
  uint32_t scalar_count;
  tercet_npu_address scratch; // offset TERCET_NONE: no scratch
  uint64_t scratch_stride;
} tercet_npu_submission; // 48 bytes

typedef enum tercet_npu_status {
  TERCET_NPU_DONE = 0,
  TERCET_NPU_NO_KERNEL = 1, // number out of range
  TERCET_NPU_BAD_SLOT = 2   // sequence or sizes are not what they must be
} tercet_npu_status;

// Written by the NPU.
typedef struct tercet_npu_completion {
  uint32_t sequence; // n + 1
  uint32_t status;   // tercet_npu_status
  uint32_t fault;    // what the kernel reported
  uint32_t reserved;
  uint64_t start, end; // nanoseconds of CLOCK_MONOTONIC
  uint64_t packets, packets_of_one, vector_instructions;
  uint64_t reserved_more;
} tercet_npu_completion; // 64 bytes

// The words that change are on cache lines of their own. To sleep for `word`, a
// side sets its `asleep`, looks at the word once more, and waits on it with a
// (shared) futex; who changes the word looks at `asleep` afterwards. Both do so
// with atomic read-modify-write, which orders the two on every machine.
typedef struct tercet_npu_window {
  // By the driver, before the NPU starts.
  uint32_t magic;        // 0   TERCET_NPU_WINDOW_MAGIC
  uint32_t version;      // 4   TERCET_NPU_VERSION
  uint32_t window_bytes; // 8   of the mapping
  uint32_t local_bytes;  // 12  a multiple of the page; 0: none
  uint32_t workers;      // 16  1 to TERCET_NPU_WORKERS_MAX
  uint32_t flags;        // 20  tercet_npu_flag bits
  uint32_t slots_offset; // 24
  uint32_t slot_bytes;   // 28  a multiple of 64
  uint32_t stack_bytes;  // 32  of a worker, a multiple of the page
  uint32_t spin;         // 36  looks at a word before a side sleeps
  uint32_t reserved[6];  // 40
  // By the NPU, before `state` is not STARTING any more.
  uint32_t state;           // 64  tercet_npu_state
  uint32_t refusal;         // 68
  uint32_t architecture;    // 72
  uint32_t kernel_count;    // 76
  uint8_t digest[32];       // 80
  uint32_t reserved_npu[4]; // 112
  // By the driver.
  uint32_t submitted;     // 128 submissions so far, modulo 2^32
  uint32_t driver_asleep; // 132 waits on `state` or `completed`
  uint32_t reserved_driver[14];
  // By the NPU.
  uint32_t completed;  // 192
  uint32_t npu_asleep; // 196 waits on `submitted`
  uint32_t reserved_ring[14];
  tercet_npu_completion completions[TERCET_NPU_RING]; // 256, by n % RING
} tercet_npu_window;

TERCET_ABI_ASSERT(sizeof(tercet_npu_image_record) == 40, "tercet_npu_image_record");
TERCET_ABI_ASSERT(sizeof(tercet_npu_submission) == 48, "tercet_npu_submission");
TERCET_ABI_ASSERT(sizeof(tercet_npu_completion) == 64, "tercet_npu_completion");
TERCET_ABI_ASSERT(offsetof(tercet_npu_window, state) == 64, "tercet_npu_window");
TERCET_ABI_ASSERT(offsetof(tercet_npu_window, submitted) == 128, "tercet_npu_window");
TERCET_ABI_ASSERT(offsetof(tercet_npu_window, completed) == 192, "tercet_npu_window");
TERCET_ABI_ASSERT(offsetof(tercet_npu_window, completions) == 256, "tercet_npu_window");
TERCET_ABI_ASSERT(sizeof(tercet_npu_window) <= TERCET_NPU_WINDOW_PAGE, "tercet_npu_window");

#ifdef __cplusplus
}
#endif
#endif // TERCET_NPU_WINDOW_H
