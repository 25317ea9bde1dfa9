// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Engines that are not the CPU. A silicon vendor writes a driver: the small
// table of functions below (docs/runtime/drivers.md is the contract in prose).
// An application attaches drivers to a context, one for each engine that has
// SUBMIT commands; then everything is as in runtime.h and queues.h. Memory is
// named to a driver by {memory, offset, bytes, access}, never pointed to.
// Invariants: what attach opened, detach closes; a failure of a driver is a
// status of band 7xx and leaves the context good for tercet_drivers_reopen.
//
// Order of use: tercet_context_open with options.features, then
// tercet_drivers_bytes, tercet_drivers_attach, tercet_queues_attach if wanted,
// then everything else; tercet_drivers_detach before tercet_context_close.
#ifndef TERCET_DRIVER_H
#define TERCET_DRIVER_H

#include "tercet/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- What a driver is asked for ---------------------------------------------

// 2: TERCET_DRIVER_COPY. A driver of version 1 is used without it: the weights
// that would be in local memory are in shared memory then.
// 3: record, resubmit and import; a driver may leave each of them NULL.
#define TERCET_DRIVER_VERSION 3u

// What a program needs of an engine. Valid until close.
typedef struct tercet_driver_setup {
  const char *engine; // its name
  tercet_isa isa;
  tercet_image_format image_format;
  const void *image; // in tercet_program.images
  uint64_t image_bytes;
  uint32_t kernel_count; // that the image must have
  uint32_t workers;      // most that share a submission's grid; scratch is for
                         // so many. At least 1
  uint32_t max_operands; // of any one submission
  uint32_t max_scalars;
  uint64_t stack_bytes; // worst case of its kernels
  // Enough for all memories that will be asked for, in any order, each rounded
  // up to TERCET_DRIVER_PAGE: how much is shared with the CPU, and how much the
  // engine has for itself.
  uint64_t shared_bytes;
  uint64_t local_bytes;
} tercet_driver_setup;

#define TERCET_DRIVER_PAGE 4096u

typedef enum tercet_memory_kind {
  TERCET_MEMORY_SHARED = 1, // the CPU reaches it too
  TERCET_MEMORY_LOCAL = 2   // the engine's own, such as TCM
} tercet_memory_kind;

typedef struct tercet_driver_memory {
  uint32_t id;   // the driver's name for it; not TERCET_NONE
  void *address; // for the CPU; NULL: local
} tercet_driver_memory;

// A declared access, in the order of the kernel's operands.
typedef struct tercet_driver_operand {
  uint32_t memory;
  uint32_t access; // tercet_access bits
  uint64_t offset; // in the memory
  uint64_t bytes;
} tercet_driver_operand;

// In place of a kernel's number, since version 2: copies the bytes of operand 0
// to operand 1, of which one may be local; scalar 0 is how many. Grid 1, no
// scratch. Never during a run: after load, for weights in local memory.
#define TERCET_DRIVER_COPY 0xFFFFFFFFu

// A kernel over a grid. Valid during the call.
typedef struct tercet_driver_submission {
  uint32_t kernel;  // number in the image, below setup.kernel_count
  uint32_t grid[3]; // each >= 1, the product below 2^32; x fastest
  uint32_t grain;   // as in tercet_command_record
  uint32_t operand_count;
  const tercet_driver_operand *operands;
  const int64_t *scalars;
  uint32_t scalar_count;
  uint32_t scratch_memory; // TERCET_NONE: no scratch
  uint64_t scratch_offset; // worker w's is at + w * scratch_stride
  uint64_t scratch_stride;
} tercet_driver_submission;

typedef struct tercet_driver_completion {
  // When the engine ran it, in the nanoseconds of tercet_port_clock_read; both
  // 0: not measured.
  uint64_t start, end;
  // What the engine counted; 0: not counted. Packets of all workers together,
  // and of the one that had most of them.
  uint64_t packets, packets_of_one;
  uint64_t vector_instructions; // of all workers
  uint32_t fault;               // tercet_fault that the kernel reported, or 0
  uint32_t reserved;
} tercet_driver_completion;

// Where a submission is in a segment. A segment is a maximal run of one engine's
// submissions that need nothing of others in between, so that it can be taken as
// a whole; it is the same in every run, but for its scalars.
typedef struct tercet_driver_place {
  uint32_t segment; // from 0, without gaps
  uint32_t index;   // in the segment, from 0
  uint32_t count;   // of submissions of the segment
  // Nonzero: an other engine waits for this one, so that it should be known to
  // be done before the whole segment is.
  uint32_t awaited;
} tercet_driver_place;

typedef enum tercet_sync_direction {
  TERCET_SYNC_TO_ENGINE = 1,  // the CPU has written, the engine will read
  TERCET_SYNC_FROM_ENGINE = 2 // the engine has written, the CPU will read
} tercet_sync_direction;

// ---- The table --------------------------------------------------------------

// Functions of a driver; `self` is tercet_driver.self. On failure they return a
// status of band 7xx and write one line of detail to *error, never NULL.
// Calls for one `self` never overlap, but alloc to free may come from one
// thread and submit and wait from another.
typedef struct tercet_driver_table {
  uint32_t version; // TERCET_DRIVER_VERSION, or an earlier one
  uint32_t reserved;
  // Prepares for a program: checks what can be checked, takes no code yet. After
  // close it may be called again.
  // Errors: ENGINE_ABSENT, ENGINE_MEMORY (the bytes cannot be had).
  tercet_status (*open)(void *self, const tercet_driver_setup *setup, tercet_error *error);
  // Memory, zeroed at first. `alignment` is a power of two, of the address and
  // of what the engine sees. It stays where it is, and keeps its contents,
  // until it is freed or the driver closed, whatever happens to the engine.
  // Errors: ENGINE_MEMORY.
  tercet_status (*alloc)(void *self, tercet_memory_kind kind, uint64_t bytes, uint32_t alignment,
                         tercet_driver_memory *memory, tercet_error *error);
  void (*free)(void *self, uint32_t memory);
  // Checks the image and makes the engine ready to run its kernels. Called once
  // all memory has been allocated; and again after ENGINE_LOST or
  // ENGINE_TIMEOUT, when nothing may be left of what ran before.
  // Errors: ENGINE_IMAGE, ENGINE_ABSENT, ENGINE_LOST, ENGINE_TIMEOUT.
  tercet_status (*load)(void *self, tercet_error *error);
  // Cache maintenance of a range of shared memory, before a submission that
  // reads it and after one that wrote it. NULL: not needed. Of imported memory
  // it may have to copy.
  // Errors: ENGINE_FULL (TO_ENGINE: as of submit), ENGINE_LOST.
  tercet_status (*sync)(void *self, uint32_t memory, uint64_t offset, uint64_t bytes,
                        tercet_sync_direction direction, tercet_error *error);
  // Takes a submission and returns without waiting for it. Submissions run one
  // after the other in their order, each with all effects visible to the next.
  // *ticket is above every earlier one.
  // Errors: ENGINE_FULL (nothing taken; one has to be waited for), ENGINE_LOST.
  tercet_status (*submit)(void *self, const tercet_driver_submission *submission, uint64_t *ticket,
                          tercet_error *error);
  // Waits until that submission is done, at most timeout_ns from now; tickets
  // are waited for in their order, each once. What it wrote is then visible to
  // the CPU. After ENGINE_TIMEOUT and ENGINE_LOST nothing that was submitted
  // runs any more: the driver has stopped the engine.
  // Errors: ENGINE_TIMEOUT, ENGINE_LOST, ENGINE_REFUSED (this one only).
  tercet_status (*wait)(void *self, uint64_t ticket, uint64_t timeout_ns,
                        tercet_driver_completion *completion, tercet_error *error);
  // Stops the engine and releases everything, all memory included.
  void (*close)(void *self);

  // ---- Since version 3. Not looked at in tables of earlier versions ----

  // Notes a submission of a segment. After every load all segments are recorded,
  // in their order, each submission in its order; `count` of them make the
  // segment ready. `submission` is valid during the call and its `scalars` is
  // NULL: scalar i will be values[scalar_refs[i]] of resubmit. `scalar_refs` is
  // valid until close. NULL: without segments, submission by submission.
  // Errors: as load; ENGINE_MEMORY.
  tercet_status (*record)(void *self, const tercet_driver_place *place,
                          const tercet_driver_submission *submission, const uint32_t *scalar_refs,
                          tercet_error *error);
  // As submit, of a whole segment, none of whose submissions is still to be
  // waited for. They have the tickets *ticket, *ticket + 1 and so on, and each is
  // waited for. `measure`: whether start and end are wanted in completions.
  tercet_status (*resubmit)(void *self, uint32_t segment, const int64_t *values, uint32_t measure,
                            uint64_t *ticket, tercet_error *error);
  // As alloc of shared memory, but at an address of the caller's, who keeps it
  // until free or close. `access` TERCET_ACCESS_READ: constants, which nobody
  // writes until then; any address, and whole pages of TERCET_DRIVER_PAGE around
  // it may be read. Else address and bytes are multiples of TERCET_DRIVER_PAGE.
  // Where the engine cannot reach the address, `sync` copies; constants are
  // refused then, and where a copy in local memory is better. NULL: never.
  // Errors: ENGINE_REFUSED, ENGINE_MEMORY.
  tercet_status (*import)(void *self, void *address, uint64_t bytes, uint32_t access,
                          tercet_driver_memory *memory, tercet_error *error);
} tercet_driver_table;

// A driver, as whoever made it hands it to the application.
typedef struct tercet_driver {
  const tercet_driver_table *table;
  void *self;
} tercet_driver;

// ---- Attaching --------------------------------------------------------------

typedef struct tercet_driver_binding {
  uint32_t engine; // ENGINES index
  tercet_driver driver;
  uint64_t timeout_ns; // of one submission; 0: 10 s
} tercet_driver_binding;

// Memory that tercet_drivers_attach needs for this context.
// Errors: INVALID_ARGUMENT.
tercet_status tercet_drivers_bytes(const tercet_context *context, uint64_t *bytes);

// The same at compile time: an upper bound. `engines` are those that are not
// CPUs, max_operands the greatest of any one command.
#define TERCET_DRIVERS_BYTES(engines, pools, max_operands)                                         \
  (256u + (size_t)(engines) * (1536u + 24u * (size_t)(max_operands) + 16u * (size_t)(pools)) +     \
   32u * (size_t)(pools))

// To be added for the segments of drivers that record them; with less memory than
// both together commands are submitted one by one. `commands` are those of all
// entries.
#define TERCET_DRIVERS_SEGMENT_BYTES(commands) (8u * (size_t)(commands))

// Opens the drivers, lets them provide the pools that their engines address,
// and loads their images. Each binding names another engine; every engine with
// SUBMIT commands needs one. `memory`, of at least tercet_drivers_bytes bytes at
// 64-byte alignment, and what the drivers refer to, are borrowed until
// tercet_drivers_detach; `bindings` is copied. A driver serves one context at a
// time.
//
// The pools that an engine with a driver addresses belong to the driver:
// - ARENA and STATE pools are bound to memory of it that the CPU shares; the
//   application no longer binds them (NOT_BINDABLE);
// - an ARENA pool that no CPU addresses is the engine's own (TCM);
// - of WEIGHTS pools the engine gets a copy; the CPU keeps reading the original.
//   The copy of one that no CPU addresses is in the engine's own memory.
// An IO pool is never addressed by such an engine, and a pool by one of them.
//
// What then differs from runtime.h: a SUBMIT runs while the walk goes on, and
// is waited for when a command that does not follow it in its engine's queue
// waits for its token, and at the end of the run; with an observer, at once.
// Errors: BUSY, INVALID_ARGUMENT, OUT_OF_MEMORY, MISALIGNED,
// UNSUPPORTED_COMMAND (an engine without a driver), CORRUPT (a pool that cannot
// be had so), band 7xx. On error nothing is attached and nothing is left open.
tercet_status tercet_drivers_attach(tercet_context *context, void *memory, uint64_t bytes,
                                    const tercet_driver_binding *bindings, uint32_t count);

// Closes the drivers; pools that they provided are unbound. A context without
// drivers is allowed. Errors: BUSY, INVALID_ARGUMENT.
tercet_status tercet_drivers_detach(tercet_context *context);

// Makes an engine ready again after ENGINE_LOST or ENGINE_TIMEOUT (and is
// allowed at any time): loads its image and weights anew. Pools keep their
// memory; contents of STATE pools may be those of a run that was cut off, so
// call tercet_state_reset if a sequence has to start again.
// Errors: as tercet_driver_table.load; BUSY, INVALID_ARGUMENT.
tercet_status tercet_drivers_reopen(tercet_context *context, uint32_t engine);

typedef struct tercet_driver_info {
  int ready;             // nonzero: takes submissions
  uint64_t shared_bytes; // as in tercet_driver_setup
  uint64_t local_bytes;
  uint64_t submissions; // completed since attach
} tercet_driver_info;

// Errors: INVALID_ARGUMENT (no such engine, or none with a driver).
tercet_status tercet_drivers_query(const tercet_context *context, uint32_t engine,
                                   tercet_driver_info *info);

// ---- Looking inside ---------------------------------------------------------

// What an engine counted for one command; 0: not counted.
typedef struct tercet_engine_sample {
  uint64_t packets, packets_of_one; // as in tercet_driver_completion
  uint64_t vector_instructions;
} tercet_engine_sample;

// From now on a run writes samples[c] for its SUBMIT command c, for c <
// capacity; others are left alone. Borrowed; NULL turns it off.
// Errors: BUSY, INVALID_ARGUMENT.
tercet_status tercet_drivers_samples_set(tercet_context *context, tercet_engine_sample *samples,
                                         uint32_t capacity);

#ifdef __cplusplus
}
#endif
#endif // TERCET_DRIVER_H
