// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public API of the runtime: open a compiled program in memory of the
// caller's, bind pools and tensors, run entry points. The core allocates
// nothing, keeps no global state, starts no threads and touches no files; every
// function returns a status. Invariants: a program that opened with
// TERCET_OK has been validated whole, and no later call can meet a corrupt
// table; a context is used by one thread at a time, and any number of contexts
// may share one program and its weights.
//
// Order of use: tercet_context_bytes, tercet_context_open, tercet_pool_bind
// for every ARENA and STATE pool, tercet_input_bind / tercet_output_bind,
// tercet_scalar_set, tercet_entry_run.
#ifndef TERCET_RUNTIME_H
#define TERCET_RUNTIME_H

#include "tercet/abi.h"
#include "tercet/port.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Status -----------------------------------------------------------------

// Statuses come in bands of a hundred; numbers are never reused. The band says
// whose turn it is: 1xx the caller's, 2xx the artifact's, 3xx the machine's,
// 4xx the weights', 5xx the run's data, 6xx the port's (files, threads), 7xx an
// engine's driver.
typedef enum tercet_status {
  TERCET_OK = 0,

  TERCET_ERROR_INVALID_ARGUMENT = 100, // NULL, or an index out of range
  TERCET_ERROR_OUT_OF_MEMORY = 101,    // memory handed in is too small
  TERCET_ERROR_MISALIGNED = 102,       // an address is not aligned enough
  TERCET_ERROR_NOT_FOUND = 103,        // no such name
  TERCET_ERROR_NOT_BOUND = 104,        // a pool, input or output has no memory
  TERCET_ERROR_NOT_BINDABLE = 105,     // lives in a pool, or comes from weights
  TERCET_ERROR_SCALAR_RANGE = 106,     // value outside the declared range
  TERCET_ERROR_BUSY = 107,             // the context is inside a run
  TERCET_ERROR_STATE_FULL = 108,       // more tokens than the context length
  TERCET_ERROR_STATE_MISMATCH = 109,   // saved by another program, or damaged

  TERCET_ERROR_NOT_A_PROGRAM = 200,       // wrong magic number
  TERCET_ERROR_VERSION = 201,             // needs another runtime
  TERCET_ERROR_CORRUPT = 202,             // the table breaks a rule
  TERCET_ERROR_UNSUPPORTED_FEATURE = 203, // program feature not known
  TERCET_ERROR_UNSUPPORTED_RECORD = 204,  // required record not known
  TERCET_ERROR_UNSUPPORTED_COMMAND = 205, // no driver for this command

  TERCET_ERROR_WRONG_ISA = 300, // code for another instruction set
  TERCET_ERROR_MISSING_CPU_FEATURE = 301,
  TERCET_ERROR_VECTOR_TOO_SHORT = 302, // SVE or RVV vector length

  TERCET_ERROR_WEIGHTS_MISSING = 400, // program needs NAME.weights
  TERCET_ERROR_WEIGHTS_TRUNCATED = 401,
  TERCET_ERROR_WEIGHTS_MISMATCH = 402, // weights of another program

  TERCET_ERROR_INDEX_OUT_OF_RANGE = 500, // gather index, token id
  TERCET_ERROR_DIVISION_BY_ZERO = 501,
  TERCET_ERROR_KERNEL_FAULT = 502, // other fault number
  TERCET_ERROR_STOPPED = 503,      // the observer asked for it

  TERCET_ERROR_FILE_OPEN = 600,
  TERCET_ERROR_FILE_MAP = 601,
  TERCET_ERROR_THREAD_START = 602,
  TERCET_ERROR_SYSTEM_MEMORY = 603,

  // Of an engine with a driver (driver.h). After LOST and TIMEOUT it can be
  // opened again: tercet_drivers_reopen.
  TERCET_ERROR_ENGINE_LOST = 700,    // it stopped working
  TERCET_ERROR_ENGINE_TIMEOUT = 701, // a submission took too long
  TERCET_ERROR_ENGINE_IMAGE = 702,   // its code was refused
  TERCET_ERROR_ENGINE_MEMORY = 703,  // the memory that it reaches is too small
  TERCET_ERROR_ENGINE_ABSENT = 704,  // the engine, or its emulator, is not there
  TERCET_ERROR_ENGINE_REFUSED = 705, // it answered a submission with an error
  TERCET_ERROR_ENGINE_FULL = 706     // its queue is; drivers only
} tercet_status;

// One line of English for a status; never NULL, static storage.
const char *tercet_status_string(tercet_status status);

#define TERCET_ERROR_TEXT_BYTES 192

// What went wrong, in detail. Plain data, owned by whoever declares it. `text`
// is one NUL-terminated line that names the versions, the CPU feature, the
// record, or the node concerned.
typedef struct tercet_error {
  tercet_status status;
  // A corrupt table: the tercet_record_kind and the element; a failed run:
  // COMMANDS and the command within its entry. Else 0 and TERCET_NONE.
  uint32_t record;
  uint32_t index;
  char text[TERCET_ERROR_TEXT_BYTES];
} tercet_error;

// ---- Opening ----------------------------------------------------------------

typedef struct tercet_context tercet_context;

// Zero-initialise, then set what is needed.
typedef struct tercet_options {
  // Contents of NAME.weights, trailer included: borrowed, read-only, must
  // outlive the context; aligned to 64 bytes or what the WEIGHTS pools ask.
  // NULL when the weights are embedded.
  const void *weights;
  uint64_t weights_bytes;
  // Workers to use; 0 means 1; more than the program's max_workers means
  // max_workers. tercet_context_workers tells the result.
  uint32_t workers;
  // How to run workers; NULL: tercet_port_parallel_for. `parallel_user` is
  // passed through, borrowed.
  tercet_parallel_for_fn parallel_for;
  void *parallel_user;
  // The machine to check CPU engines against; NULL: tercet_port_cpu_query.
  // Copied from during open only.
  const tercet_cpu_info *cpu;
  // Bits of tercet_program_feature that the application has components for: a
  // program that requires others is refused. TERCET_FEATURE_SUBMIT_BIT is for
  // those who will call tercet_drivers_attach (driver.h) before they run it.
  uint64_t features;
} tercet_options;

// Checks the descriptor and the whole table: versions, features, every index,
// range, alignment and token. Does not check the machine or the weights, so it
// serves tools that look at programs for other machines. Reads
// program->table only; O(table bytes). `error` may be NULL.
// Errors: band 2xx, INVALID_ARGUMENT.
tercet_status tercet_program_check(const tercet_program *program, tercet_error *error);

// Bytes of memory that a context of this program needs (64-byte aligned
// memory assumed). Checks the program first. Errors: as tercet_program_check.
tercet_status tercet_context_bytes(const tercet_program *program, uint64_t *bytes,
                                   tercet_error *error);

// The same at compile time, from counts that NAME.h gives: an upper bound.
// max_operands and max_scalars are the greatest of any one command.
#define TERCET_CONTEXT_BYTES(pools, buffers, scalars, max_operands, max_scalars)                   \
  (1024u + 8u * ((size_t)(pools) + (size_t)(buffers) + (size_t)(scalars) +                         \
                 (size_t)(max_operands) + (size_t)(max_scalars)))

#define TERCET_CONTEXT_ALIGN 64u

// Opens `program` in memory[0, bytes), 64-byte aligned, which the context uses
// until tercet_context_close; the caller owns it. Checks the program, then the
// machine, then the weights. `options` and `error` may be NULL. On error
// *context is NULL and the memory is free for other use.
// Errors: bands 2xx, 3xx, 4xx; INVALID_ARGUMENT, OUT_OF_MEMORY, MISALIGNED.
tercet_status tercet_context_open(void *memory, uint64_t bytes, const tercet_program *program,
                                  const tercet_options *options, tercet_context **context,
                                  tercet_error *error);

// Ends the use of the context's memory, the pools and the bound tensors. NULL
// is allowed. Errors: BUSY.
tercet_status tercet_context_close(tercet_context *context);

// Detail of the last call on this context that did not return TERCET_OK.
// Owned by the context. NULL only for a NULL context.
const tercet_error *tercet_context_error(const tercet_context *context);

// Workers in use, 1 to max_workers; 0 for a NULL context.
uint32_t tercet_context_workers(const tercet_context *context);

// Stack in bytes that the deepest kernel needs on every worker, the caller's
// thread included; 0 for a NULL context.
uint64_t tercet_context_stack_bytes(const tercet_context *context);

// ---- Pools ------------------------------------------------------------------

typedef struct tercet_pool_info {
  const char *name; // static, in the table
  tercet_pool_kind kind;
  uint64_t bytes;     // IO: number of bindings
  uint32_t alignment; // bytes
  int bound;          // nonzero: has memory (IO: see the tensors)
} tercet_pool_info;

// Number of pools; 0 for a NULL context.
uint32_t tercet_pool_count(const tercet_context *context);

// Errors: INVALID_ARGUMENT.
tercet_status tercet_pool_query(const tercet_context *context, uint32_t pool,
                                tercet_pool_info *info);

// First pool of that kind whose index is at least `from`.
// Errors: NOT_FOUND, INVALID_ARGUMENT.
tercet_status tercet_pool_find(const tercet_context *context, tercet_pool_kind kind, uint32_t from,
                               uint32_t *pool);

// Gives an ARENA or STATE pool its memory, borrowed until another is bound or
// the context is closed. The contents of STATE memory are kept as they are:
// call tercet_state_reset for a fresh start. Binding is O(buffers).
// Errors: NOT_BINDABLE, OUT_OF_MEMORY, MISALIGNED, BUSY, INVALID_ARGUMENT.
tercet_status tercet_pool_bind(tercet_context *context, uint32_t pool, void *memory,
                               uint64_t bytes);

// Writes 0 over every STATE pool. State tensors of an IO pool are the
// application's own memory, which it resets itself.
// Errors: NOT_BOUND, BUSY, INVALID_ARGUMENT.
tercet_status tercet_state_reset(tercet_context *context);

// ---- Entry points, tensors, scalars -----------------------------------------

typedef struct tercet_entry_info {
  const char *name;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t scalar_count;
  uint32_t command_count;
} tercet_entry_info;

uint32_t tercet_entry_count(const tercet_context *context);

// Errors: INVALID_ARGUMENT.
tercet_status tercet_entry_query(const tercet_context *context, uint32_t entry,
                                 tercet_entry_info *info);

// Entry by name; NULL or "" means entry 0. Errors: NOT_FOUND,
// INVALID_ARGUMENT.
tercet_status tercet_entry_find(const tercet_context *context, const char *name, uint32_t *entry);

typedef enum tercet_direction { TERCET_INPUT = 0, TERCET_OUTPUT = 1 } tercet_direction;

typedef struct tercet_tensor_info {
  const char *name;
  tercet_element element;
  uint32_t rank;
  const uint64_t *dims; // rank elements, outermost first; static, in the table
  uint64_t bytes;
  uint32_t alignment; // of the address to bind
  uint32_t flags;     // tercet_tensor_flag bits
  uint32_t tied;      // output: its input's index, else TERCET_NONE
  int bindable;       // nonzero: the application binds it
  void *data;         // where it is now; NULL while not bound. Read-only for
                      // plain inputs
} tercet_tensor_info;

// Errors: INVALID_ARGUMENT.
tercet_status tercet_tensor_query(const tercet_context *context, uint32_t entry,
                                  tercet_direction direction, uint32_t index,
                                  tercet_tensor_info *info);

// Errors: NOT_FOUND, INVALID_ARGUMENT.
tercet_status tercet_tensor_find(const tercet_context *context, uint32_t entry,
                                 tercet_direction direction, const char *name, uint32_t *index);

// Binds memory to an input or output that is bindable; borrowed until another
// is bound or the context is closed, so binding once serves many runs. `bytes`
// is at least the tensor's. Inputs are only read, except those flagged
// TERCET_TENSOR_STATE, which need writable memory and bind the tied output
// too. Memory of different tensors must not overlap.
// Errors: OUT_OF_MEMORY (too few bytes), MISALIGNED, NOT_BINDABLE, BUSY,
// INVALID_ARGUMENT.
tercet_status tercet_input_bind(tercet_context *context, uint32_t entry, uint32_t index,
                                const void *memory, uint64_t bytes);
tercet_status tercet_output_bind(tercet_context *context, uint32_t entry, uint32_t index,
                                 void *memory, uint64_t bytes);

typedef struct tercet_scalar_info {
  const char *name;
  int64_t min, max; // inclusive
  int64_t value;    // min until set
} tercet_scalar_info;

// Errors: INVALID_ARGUMENT.
tercet_status tercet_scalar_query(const tercet_context *context, uint32_t entry, uint32_t index,
                                  tercet_scalar_info *info);

// Errors: NOT_FOUND, INVALID_ARGUMENT.
tercet_status tercet_scalar_find(const tercet_context *context, uint32_t entry, const char *name,
                                 uint32_t *index);

// Sets a scalar for the runs to come. Its own range is checked here; the
// bound of a sum of two scalars is checked by tercet_entry_run.
// Errors: SCALAR_RANGE (the old value stays), BUSY, INVALID_ARGUMENT.
tercet_status tercet_scalar_set(tercet_context *context, uint32_t entry, uint32_t index,
                                int64_t value);

// ---- Running ----------------------------------------------------------------

// Runs an entry point to its end on the calling thread (worker 0) and the
// workers; its engines run one after the other, or at the same time when queues
// are attached (queues.h). After an error of band 5xx outputs and state are
// undefined, but the context is good for another run.
// Errors: NOT_BOUND, SCALAR_RANGE, BUSY, INVALID_ARGUMENT, bands 5xx and 7xx;
// UNSUPPORTED_COMMAND: a SUBMIT without drivers.
tercet_status tercet_entry_run(tercet_context *context, uint32_t entry);

// ---- Looking inside ---------------------------------------------------------

typedef struct tercet_command_info {
  uint32_t entry;
  uint32_t command; // within the entry, 0 .. command_count - 1
  tercet_opcode opcode;
  const char *engine;
  const char *kernel; // "" unless DISPATCH or SUBMIT
  const char *node;   // source node or nodes; "" without profile slot
  uint64_t predicted_ps;
  uint32_t operand_count;
  uint32_t tiles; // of a DISPATCH or SUBMIT, else 0
} tercet_command_info;

// Errors: INVALID_ARGUMENT.
tercet_status tercet_command_query(const tercet_context *context, uint32_t entry, uint32_t command,
                                   tercet_command_info *info);

typedef struct tercet_operand_info {
  uint32_t buffer;
  uint32_t access; // tercet_access bits
  uint64_t offset; // within the buffer
  uint64_t bytes;
  void *data; // NULL while not bound; never to be written
} tercet_operand_info;

// Errors: INVALID_ARGUMENT.
tercet_status tercet_operand_query(const tercet_context *context, uint32_t entry, uint32_t command,
                                   uint32_t operand, tercet_operand_info *info);

// Called on the running thread (with queues, on one of them) after every command
// has completed; its outputs may be read through tercet_operand_query until it
// returns. Nonzero stops the run with TERCET_ERROR_STOPPED. It may query the
// context, not change it.
typedef int (*tercet_observer_fn)(void *user, const tercet_context *context,
                                  const tercet_command_info *command);

// NULL removes the observer. Errors: BUSY, INVALID_ARGUMENT.
tercet_status tercet_observer_set(tercet_context *context, tercet_observer_fn observer, void *user);

typedef struct tercet_profile_sample {
  // In the clock's unit. Of a SUBMIT: when the engine ran it, if its driver
  // measures that and the clock is tercet_port_clock_read.
  uint64_t start, end;
} tercet_profile_sample;

// A monotonic clock; the unit is the caller's choice.
typedef uint64_t (*tercet_clock_fn)(void *user);

// From now on a run writes samples[c] for its command c, for c < capacity;
// samples is borrowed. `clock` NULL: tercet_port_clock_read (nanoseconds).
// samples NULL turns profiling off. Errors: BUSY, INVALID_ARGUMENT.
tercet_status tercet_profile_set(tercet_context *context, tercet_profile_sample *samples,
                                 uint32_t capacity, tercet_clock_fn clock, void *user);

#ifdef __cplusplus
}
#endif
#endif // TERCET_RUNTIME_H
