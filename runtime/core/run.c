// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks an entry point's commands in list order, which validation has shown to
// be a valid sequential execution: waits are met and signals need no action.
// Or has runtime/queues walk the subsequence of each engine concurrently, when
// it is attached. Invariant: a run changes nothing in the context but `running`,
// `error` and lanes.
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

// Addresses and scalars of one command, into the lane's argument arrays.
static int resolve(const tercet_context *context, const tercet_lane *lane,
                   const tercet_command_record *command) {
  const tercet_table *table = &context->table;
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    const tercet_operand_record *operand = tercet_table_operand(table, command->first_operand + i);
    unsigned char *base = context->buffers[operand->buffer];
    if (!base)
      return 0;
    lane->operands[i] = base + operand->offset;
  }
  for (uint32_t i = 0; i < command->scalar_count; ++i)
    lane->scalar_args[i] =
        context->scalars[*tercet_table_scalar_ref(table, command->first_scalar + i)];
  return 1;
}

static void run_dispatch(const tercet_context *context, tercet_lane *lane,
                         const tercet_command_record *command) {
  uint32_t tiles = command->grid[0] * command->grid[1] * command->grid[2];
  // Field by field: an initialiser would also write zeros over the padding.
  dispatch d;
  d.kernel = context->program->kernels[command->target];
  d.args.buffers = lane->operands;
  d.args.scalars = command->scalar_count ? lane->scalar_args : NULL;
  d.args.scratch =
      command->scratch_buffer == TERCET_NONE ? NULL : context->buffers[command->scratch_buffer];
  d.args.scratch_stride = command->scratch_stride;
  d.args.fault = (uint32_t *)&lane->fault;
  d.grid = command->grid;
  d.tiles = tiles;
  d.workers = lane->workers < tiles ? lane->workers : tiles;
  d.grain = command->grain;
  atomic_init(&d.next, 0);
  if (d.workers == 1)
    run_tiles(&d, 0, tiles, 0);
  else
    lane->parallel_for(lane->parallel_user, d.workers, run_worker, &d);
}

// "<text> in entry 'main', command 3, node '/embed/Gather'"
tercet_status tercet_command_fail(tercet_context *context, uint32_t entry, uint32_t index,
                                  tercet_status status, uint32_t fault) {
  tercet_error *error = &context->error;
  tercet_command_info info;
  tercet_command_query(context, entry, index, &info);
  const char *name = tercet_table_name(&context->table, tercet_entry_at(context, entry)->name);
  tercet_error_format(error, status, "entry '@a', command @x, node '@b', fault @y: ", name,
                      info.node, index, fault, 0);
  tercet_error_append(error, tercet_status_string(status));
  error->record = TERCET_RECORD_COMMANDS;
  error->index = index;
  return status;
}

static tercet_status run_command(const tercet_context *context, tercet_lane *lane,
                                 const tercet_command_record *command) {
  if (!resolve(context, lane, command))
    return TERCET_ERROR_NOT_BOUND;
  if (command->opcode == TERCET_COMMAND_DISPATCH) {
    run_dispatch(context, lane, command);
    uint32_t fault = atomic_load_explicit(&lane->fault, memory_order_relaxed);
    if (fault)
      return tercet_fault_status(fault);
  } else if (command->opcode == TERCET_COMMAND_COPY) {
    const tercet_copy_record *copy =
        command->target == TERCET_NONE ? NULL : tercet_table_copy(&context->table, command->target);
    uint64_t bytes = tercet_table_operand(&context->table, command->first_operand)->bytes;
    tercet_copy_run(copy, bytes, (const unsigned char *)lane->operands[0],
                    (unsigned char *)lane->operands[1]);
  } else if (command->opcode == TERCET_COMMAND_SUBMIT) {
    return TERCET_ERROR_UNSUPPORTED_COMMAND; // drivers walk in their own way
  }
  return TERCET_OK;
}

TERCET_NOINLINE static uint64_t read_clock(const tercet_context *context) {
  return context->clock ? context->clock(context->clock_user) : tercet_port_clock_read();
}

tercet_status tercet_command_run(tercet_context *context, tercet_lane *lane, uint32_t entry,
                                 uint32_t index) {
  const tercet_command_record *command =
      tercet_table_command(&context->table, tercet_entry_at(context, entry)->first_command + index);
  tercet_profile_sample *sample =
      index < context->sample_capacity ? &context->samples[index] : NULL;
  if (sample)
    sample->start = read_clock(context);
  tercet_status status = run_command(context, lane, command);
  if (sample)
    sample->end = read_clock(context);
  if (!status && context->observer) {
    tercet_command_info info;
    tercet_command_query(context, entry, index, &info);
    if (context->observer(context->observer_user, context, &info))
      status = TERCET_ERROR_STOPPED;
  }
  return status;
}

static tercet_status walk_list(tercet_context *context, uint32_t entry, uint32_t count) {
  tercet_lane *lane = &context->lane;
  atomic_store_explicit(&lane->fault, 0, memory_order_relaxed);
  for (uint32_t i = 0; i < count; ++i) {
    tercet_status status = tercet_command_run(context, lane, entry, i);
    if (status)
      return tercet_command_fail(context, entry, i, status,
                                 atomic_load_explicit(&lane->fault, memory_order_relaxed));
  }
  return TERCET_OK;
}

TERCET_NOINLINE static tercet_status fail_unbound(tercet_context *context, const char *kind,
                                                  uint32_t name) {
  return tercet_error_format(&context->error, TERCET_ERROR_NOT_BOUND, "@a '@b' has no memory", kind,
                             tercet_table_name(&context->table, name), 0, 0, 0);
}

TERCET_NOINLINE static tercet_status check_tensors(tercet_context *context, const char *kind,
                                                   uint32_t first, uint32_t count) {
  for (; count; --count, ++first) {
    const tercet_tensor_record *tensor = tercet_table_tensor(&context->table, first);
    if (!context->buffers[tensor->buffer])
      return fail_unbound(context, kind, tensor->name);
  }
  return TERCET_OK;
}

static tercet_status check_bound(tercet_context *context, const tercet_entry_record *entry) {
  uint64_t missing = context->pools_needed & ~context->pools_bound;
  if (missing) {
    uint32_t pool = (uint32_t)__builtin_ctzll(missing);
    return fail_unbound(context, "pool", tercet_table_pool(&context->table, pool)->name);
  }
  tercet_status status = check_tensors(context, "input", entry->first_input, entry->input_count);
  return status ? status
                : check_tensors(context, "output", entry->first_output, entry->output_count);
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
  context->running = 1;
  status = context->walk ? context->walk(context, entry)
                         : walk_list(context, entry, record->command_count);
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
  context->sample_capacity = samples ? capacity : 0;
  context->clock = clock;
  context->clock_user = user;
  return TERCET_OK;
}
