// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks an entry point's commands in list order, which validation has shown to
// be a valid sequential execution: waits are met and signals need no action.
// Concurrent queues will walk the subsequences of each engine instead, with
// the same records. Invariant: a run changes nothing in the context but
// `running`, `fault`, `error` and the argument arrays of the current command.
#include "context.h"

typedef struct dispatch {
  tercet_kernel_fn kernel;
  tercet_kernel_args args;
  const uint32_t *grid;
  uint32_t tiles;
  uint32_t workers;
  uint32_t grain;
  // First tile that no worker has taken; on a cache line of its own, for
  // kernels read `args` while workers write here.
  _Alignas(64) _Atomic uint32_t next;
} dispatch;

// Tiles [first, end) of the linear grid, x fastest.
static void run_tiles(const dispatch *d, uint32_t first, uint32_t end, uint32_t worker) {
  uint32_t width = d->grid[0];
  uint32_t height = d->grid[1];
  uint32_t x = first % width;
  uint32_t y = first / width % height;
  uint32_t z = first / width / height;
  for (; first < end; ++first) {
    d->kernel(&d->args, x, y, z, worker);
    if (++x == width) {
      x = 0;
      if (++y == height) {
        y = 0;
        ++z;
      }
    }
  }
}

static void run_worker(void *argument, uint32_t worker) {
  dispatch *d = (dispatch *)argument;
  if (!d->grain) {
    uint64_t tiles = d->tiles;
    uint32_t first = (uint32_t)(tiles * worker / d->workers);
    uint32_t end = (uint32_t)(tiles * (worker + 1u) / d->workers);
    if (first < end)
      run_tiles(d, first, end, worker);
    return;
  }
  uint32_t first = atomic_load_explicit(&d->next, memory_order_relaxed);
  while (first < d->tiles) {
    uint32_t left = d->tiles - first;
    uint32_t end = first + (d->grain < left ? d->grain : left);
    if (!atomic_compare_exchange_weak_explicit(&d->next, &first, end, memory_order_relaxed,
                                               memory_order_relaxed))
      continue; // `first` has been reloaded
    run_tiles(d, first, end, worker);
    first = atomic_load_explicit(&d->next, memory_order_relaxed);
  }
}

// Addresses and scalars of one command, into the context's argument arrays.
static int resolve(tercet_context *context, const tercet_command_record *command) {
  const tercet_table *table = &context->table;
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    const tercet_operand_record *operand = tercet_table_operand(table, command->first_operand + i);
    unsigned char *base = context->buffers[operand->buffer];
    if (!base)
      return 0;
    context->operands[i] = base + operand->offset;
  }
  for (uint32_t i = 0; i < command->scalar_count; ++i)
    context->scalar_args[i] =
        context->scalars[*tercet_table_scalar_ref(table, command->first_scalar + i)];
  return 1;
}

static void run_dispatch(tercet_context *context, const tercet_command_record *command) {
  uint32_t tiles = command->grid[0] * command->grid[1] * command->grid[2];
  dispatch d = {.kernel = context->program->kernels[command->target],
                .args = {context->operands, command->scalar_count ? context->scalar_args : NULL,
                         NULL, command->scratch_stride, (uint32_t *)&context->fault},
                .grid = command->grid,
                .tiles = tiles,
                .workers = context->workers < tiles ? context->workers : tiles,
                .grain = command->grain};
  if (command->scratch_buffer != TERCET_NONE)
    d.args.scratch = context->buffers[command->scratch_buffer];
  if (d.workers == 1)
    run_tiles(&d, 0, tiles, 0);
  else
    context->parallel_for(context->parallel_user, d.workers, run_worker, &d);
}

// "<text> in entry 'main', command 3, node '/embed/Gather'"
TERCET_NOINLINE static tercet_status fail(tercet_context *context, uint32_t entry, uint32_t command,
                                          tercet_status status) {
  tercet_error *error = &context->error;
  tercet_entry_info entry_info;
  tercet_command_info info;
  tercet_entry_query(context, entry, &entry_info);
  tercet_command_query(context, entry, command, &info);
  tercet_error_format(error, status,
                      "entry '@a', command @x, node '@b', fault @y: ", entry_info.name, info.node,
                      command, atomic_load_explicit(&context->fault, memory_order_relaxed), 0);
  tercet_error_append(error, tercet_status_string(status));
  error->record = TERCET_RECORD_COMMANDS;
  error->index = command;
  return status;
}

static tercet_status fault_status(uint32_t fault) {
  return fault == TERCET_FAULT_INDEX_OUT_OF_RANGE ? TERCET_ERROR_INDEX_OUT_OF_RANGE
         : fault == TERCET_FAULT_DIVISION_BY_ZERO ? TERCET_ERROR_DIVISION_BY_ZERO
                                                  : TERCET_ERROR_KERNEL_FAULT;
}

static tercet_status run_command(tercet_context *context, uint32_t entry, uint32_t index,
                                 const tercet_command_record *command) {
  if (!resolve(context, command))
    return fail(context, entry, index, TERCET_ERROR_NOT_BOUND);
  if (command->opcode == TERCET_COMMAND_DISPATCH) {
    run_dispatch(context, command);
    uint32_t fault = atomic_load_explicit(&context->fault, memory_order_relaxed);
    if (fault)
      return fail(context, entry, index, fault_status(fault));
  } else if (command->opcode == TERCET_COMMAND_COPY) {
    const tercet_copy_record *copy =
        command->target == TERCET_NONE ? NULL : tercet_table_copy(&context->table, command->target);
    uint64_t bytes = tercet_table_operand(&context->table, command->first_operand)->bytes;
    tercet_copy_run(copy, bytes, (const unsigned char *)context->operands[0],
                    (unsigned char *)context->operands[1]);
  }
  return TERCET_OK;
}

TERCET_NOINLINE static uint64_t read_clock(const tercet_context *context) {
  return context->clock ? context->clock(context->clock_user) : tercet_port_clock_read();
}

static tercet_status run_commands(tercet_context *context, uint32_t entry,
                                  const tercet_entry_record *record) {
  for (uint32_t i = 0; i < record->command_count; ++i) {
    const tercet_command_record *command =
        tercet_table_command(&context->table, record->first_command + i);
    int timed = context->samples && i < context->sample_capacity;
    if (timed)
      context->samples[i].start = read_clock(context);
    tercet_status status = run_command(context, entry, i, command);
    if (timed)
      context->samples[i].end = read_clock(context);
    if (status)
      return status;
    if (context->observer) {
      tercet_command_info info;
      tercet_command_query(context, entry, i, &info);
      if (context->observer(context->observer_user, context, &info))
        return fail(context, entry, i, TERCET_ERROR_STOPPED);
    }
  }
  return TERCET_OK;
}

static tercet_status fail_unbound(tercet_context *context, const char *kind, uint32_t name) {
  return tercet_error_format(&context->error, TERCET_ERROR_NOT_BOUND, "@a '@b' has no memory", kind,
                             tercet_table_name(&context->table, name), 0, 0, 0);
}

// Index of the first of `count` tensors without memory, or TERCET_NONE.
TERCET_NOINLINE static uint32_t find_unbound(const tercet_context *context, uint32_t first,
                                             uint32_t count) {
  for (; count; --count, ++first)
    if (!context->buffers[tercet_table_tensor(&context->table, first)->buffer])
      return first;
  return TERCET_NONE;
}

static tercet_status check_bound(tercet_context *context, const tercet_entry_record *entry) {
  const tercet_table *table = &context->table;
  uint64_t missing = context->pools_needed & ~context->pools_bound;
  if (missing) {
    uint32_t pool = (uint32_t)__builtin_ctzll(missing);
    return fail_unbound(context, "pool", tercet_table_pool(table, pool)->name);
  }
  uint32_t tensor = find_unbound(context, entry->first_input, entry->input_count);
  if (tensor != TERCET_NONE)
    return fail_unbound(context, "input", tercet_table_tensor(table, tensor)->name);
  tensor = find_unbound(context, entry->first_output, entry->output_count);
  if (tensor != TERCET_NONE)
    return fail_unbound(context, "output", tercet_table_tensor(table, tensor)->name);
  return TERCET_OK;
}

TERCET_NOINLINE static tercet_status check_sums(tercet_context *context,
                                                const tercet_entry_record *entry) {
  const tercet_table *table = &context->table;
  for (uint32_t i = 0; i < entry->scalar_count; ++i) {
    const tercet_scalar_record *scalar = tercet_table_scalar(table, entry->first_scalar + i);
    int64_t sum;
    if (scalar->addend == TERCET_NONE ||
        (!__builtin_add_overflow(context->scalars[entry->first_scalar + i],
                                 context->scalars[scalar->addend], &sum) &&
         sum <= scalar->sum_max))
      continue;
    uint32_t addend = tercet_table_scalar(table, scalar->addend)->name;
    return tercet_error_format(&context->error, TERCET_ERROR_SCALAR_RANGE,
                               "scalars '@a' + '@b' must be at most @x",
                               tercet_table_name(table, scalar->name),
                               tercet_table_name(table, addend), scalar->sum_max, 0, 0);
  }
  return TERCET_OK;
}

tercet_status tercet_entry_run(tercet_context *context, uint32_t entry) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  const tercet_entry_record *record = tercet_entry_at(context, entry);
  if (!record)
    return tercet_error_set(&context->error, TERCET_ERROR_INVALID_ARGUMENT, "no such entry point");
  status = check_bound(context, record);
  if (!status)
    status = check_sums(context, record);
  if (status)
    return status;
  atomic_store_explicit(&context->fault, 0, memory_order_relaxed);
  context->running = 1;
  status = run_commands(context, entry, record);
  context->running = 0;
  return status;
}

tercet_status tercet_observer_set(tercet_context *context, tercet_observer_fn observer,
                                  void *user) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  context->observer = observer;
  context->observer_user = user;
  return TERCET_OK;
}

tercet_status tercet_profile_set(tercet_context *context, tercet_profile_sample *samples,
                                 uint32_t capacity, tercet_clock_fn clock, void *user) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  context->samples = samples;
  context->sample_capacity = capacity;
  context->clock = clock;
  context->clock_user = user;
  return TERCET_OK;
}
