// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives engines their drivers: what a driver is asked for, its pools, image,
// weights and segments. All that a later SUBMIT relies on is checked here, so
// that starting one needs no checks: its engine has a driver, and each of its
// operands lies in a pool that the driver reaches. Invariant: an attach that
// fails leaves the context as it was.
#include "../core/memory.h"
#include "driver_set.h"

#define DEFAULT_TIMEOUT_NS UINT64_C(10000000000)

typedef struct shape {
  uint32_t engines; // that are no CPUs
  uint32_t operands;
} shape;

static shape shape_of(const tercet_table *table) {
  shape s = {0, 0};
  for (uint32_t e = 0; e < tercet_table_count(table, TERCET_RECORD_ENGINES); ++e)
    s.engines += tercet_table_engine(table, e)->kind != TERCET_ENGINE_CPU;
  for (uint32_t i = 0; i < tercet_table_count(table, TERCET_RECORD_COMMANDS); ++i) {
    const tercet_command_record *command = tercet_table_command(table, i);
    if (command->opcode == TERCET_COMMAND_SUBMIT && command->operand_count > s.operands)
      s.operands = command->operand_count;
  }
  return s;
}

// What is needed at the least: without segments.
static uint64_t least_bytes(const tercet_table *table, const shape *s) {
  uint64_t pools = tercet_table_count(table, TERCET_RECORD_POOLS);
  return sizeof(tercet_driver_set) +
         s->engines *
             (sizeof(tercet_driver_engine) + s->operands * (uint64_t)sizeof(tercet_driver_operand) +
              pools * sizeof(tercet_driver_share)) +
         pools * sizeof(tercet_driver_pool);
}

static uint64_t bytes_of(const tercet_table *table, const shape *s) {
  return least_bytes(table, s) +
         tercet_table_count(table, TERCET_RECORD_COMMANDS) * (uint64_t)sizeof(tercet_driver_mark);
}

_Static_assert(sizeof(tercet_driver_set) <= 256 && sizeof(tercet_driver_engine) <= 1536 &&
                   sizeof(tercet_driver_pool) <= 32 && sizeof(tercet_driver_share) <= 16 &&
                   sizeof(tercet_driver_operand) <= 24 && sizeof(tercet_driver_mark) <= 8,
               "TERCET_DRIVERS_BYTES and TERCET_DRIVERS_SEGMENT_BYTES");

tercet_status tercet_drivers_bytes(const tercet_context *context, uint64_t *bytes) {
  if (!context || !bytes)
    return TERCET_ERROR_INVALID_ARGUMENT;
  shape s = shape_of(&context->table);
  *bytes = bytes_of(&context->table, &s);
  return TERCET_OK;
}

// ---- Drivers ----------------------------------------------------------------

static tercet_status bind_engine(tercet_driver_set *set, const tercet_driver_binding *binding,
                                 uint32_t operands) {
  tercet_context *context = set->context;
  const tercet_table *table = &context->table;
  const tercet_driver_table *functions = binding->driver.table;
  if (binding->engine >= tercet_table_count(table, TERCET_RECORD_ENGINES) ||
      tercet_table_engine(table, binding->engine)->kind == TERCET_ENGINE_CPU ||
      tercet_driver_engine_find(set, binding->engine) || !functions || functions->version < 1 ||
      functions->version > TERCET_DRIVER_VERSION)
    return tercet_error_format(
        &context->error, TERCET_ERROR_INVALID_ARGUMENT,
        "driver for engine @x: no such engine, a CPU, bound twice, or above version @y", NULL, NULL,
        binding->engine, TERCET_DRIVER_VERSION, 0);
  const tercet_engine_record *record = tercet_table_engine(table, binding->engine);
  tercet_driver_engine *engine = &set->engines[set->count++];
  engine->driver = binding->driver;
  engine->engine = binding->engine;
  engine->staging = TERCET_NONE;
  engine->entry = TERCET_NONE;
  engine->timeout_ns = binding->timeout_ns ? binding->timeout_ns : DEFAULT_TIMEOUT_NS;
  tercet_driver_setup *setup = &engine->setup;
  setup->engine = tercet_table_name(table, record->name);
  setup->isa = (tercet_isa)record->isa;
  setup->image_format = (tercet_image_format)record->image_format;
  setup->image_bytes = record->image_bytes;
  if (record->image_bytes)
    setup->image = (const unsigned char *)context->program->images + record->image_offset;
  setup->workers = tercet_table_workers(table, binding->engine);
  setup->max_operands = operands;
  for (uint32_t k = 0; k < tercet_table_count(table, TERCET_RECORD_KERNELS); ++k) {
    const tercet_kernel_record *kernel = tercet_table_kernel(table, k);
    if (kernel->engine != binding->engine)
      continue;
    ++setup->kernel_count;
    if (kernel->stack_bytes > setup->stack_bytes)
      setup->stack_bytes = kernel->stack_bytes;
  }
  return TERCET_OK;
}

static tercet_status check_submit(tercet_driver_set *set, uint32_t index) {
  tercet_context *context = set->context;
  const tercet_table *table = &context->table;
  const tercet_command_record *command = tercet_table_command(table, index);
  if (command->opcode != TERCET_COMMAND_SUBMIT)
    return TERCET_OK;
  tercet_driver_engine *engine = tercet_driver_engine_find(set, command->engine);
  if (!engine)
    return tercet_error_format(
        &context->error, TERCET_ERROR_UNSUPPORTED_COMMAND, "engine '@a' has no driver",
        tercet_table_name(table, tercet_table_engine(table, command->engine)->name), NULL, 0, 0, 0);
  if (command->scalar_count > engine->setup.max_scalars)
    engine->setup.max_scalars = command->scalar_count;
  for (uint32_t i = 0; i < command->operand_count; ++i) {
    uint32_t buffer = tercet_table_operand(table, command->first_operand + i)->buffer;
    if (engine->shares[tercet_table_buffer(table, buffer)->pool].reach == TERCET_REACH_NOT)
      return tercet_error_corrupt(&context->error, TERCET_RECORD_COMMANDS, index,
                                  "SUBMIT with an operand that its driver cannot reach");
  }
  return TERCET_OK;
}

// Image, segments, and the weights that the engine has a copy of.
static tercet_status load(const tercet_driver_set *set, tercet_driver_engine *engine) {
  const tercet_driver *driver = &engine->driver;
  engine->ready = 0;
  engine->error.text[0] = 0;
  tercet_status status = tercet_drivers_fill(set, engine, TERCET_REACH_SHARED);
  if (!status)
    status = driver->table->load(driver->self, &engine->error);
  if (!status)
    status = tercet_drivers_fill(set, engine, TERCET_REACH_LOCAL);
  if (!status)
    status = tercet_drivers_record(set, engine);
  engine->ready = !status;
  return status;
}

static tercet_status open_engines(tercet_driver_set *set) {
  tercet_context *context = set->context;
  tercet_status status = TERCET_OK;
  for (uint32_t i = 0; i < set->count && !status; ++i) {
    tercet_driver_engine *engine = &set->engines[i];
    status = engine->driver.table->open(engine->driver.self, &engine->setup, &context->error);
    engine->opened = !status;
  }
  if (!status)
    status = tercet_drivers_provide_pools(set);
  for (uint32_t i = 0; i < set->count && !status; ++i) {
    status = load(set, &set->engines[i]);
    if (status)
      context->error = set->engines[i].error;
  }
  return status;
}

static void release(tercet_driver_set *set) {
  tercet_drivers_withdraw_pools(set);
  for (uint32_t i = 0; i < set->count; ++i)
    if (set->engines[i].opened)
      set->engines[i].driver.table->close(set->engines[i].driver.self);
}

static void lay_out(tercet_driver_set *set, const shape *s, int segments) {
  uint32_t pools = tercet_table_count(&set->context->table, TERCET_RECORD_POOLS);
  set->engines = (tercet_driver_engine *)(set + 1);
  set->pools = (tercet_driver_pool *)(set->engines + s->engines);
  tercet_driver_share *shares = (tercet_driver_share *)(set->pools + pools);
  tercet_driver_operand *operands = (tercet_driver_operand *)(shares + (size_t)s->engines * pools);
  if (segments)
    set->marks = (tercet_driver_mark *)(operands + (size_t)s->engines * s->operands);
  for (uint32_t i = 0; i < s->engines; ++i) {
    set->engines[i].operands = operands + (size_t)i * s->operands;
    set->engines[i].shares = shares + (size_t)i * pools;
  }
  for (uint32_t i = 0; i < s->engines * pools; ++i)
    shares[i].memory = TERCET_NONE;
}

static const tercet_submitter submitter = {tercet_drivers_walk, tercet_drivers_start,
                                           tercet_drivers_finish, tercet_drivers_explain};

tercet_status tercet_drivers_attach(tercet_context *context, void *memory, uint64_t bytes,
                                    const tercet_driver_binding *bindings, uint32_t count) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  tercet_error *error = &context->error;
  shape s = shape_of(&context->table);
  if (!memory || (count && !bindings) || count > s.engines || context->submitter)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT,
                            "memory or bindings are NULL, more bindings than engines that are no "
                            "CPUs, or drivers are attached already");
  status = tercet_error_check_memory(error, "drivers", "", memory, bytes,
                                     least_bytes(&context->table, &s), TERCET_CONTEXT_ALIGN);
  if (status)
    return status;
  memset(memory, 0, (size_t)least_bytes(&context->table, &s));
  tercet_driver_set *set = (tercet_driver_set *)memory;
  set->context = context;
  lay_out(set, &s, bytes >= bytes_of(&context->table, &s));
  for (uint32_t i = 0; i < count && !status; ++i)
    status = bind_engine(set, &bindings[i], s.operands);
  if (!status)
    status = tercet_drivers_assign_pools(set);
  uint32_t commands = tercet_table_count(&context->table, TERCET_RECORD_COMMANDS);
  for (uint32_t i = 0; i < commands && !status; ++i)
    status = check_submit(set, i);
  if (!status && set->marks)
    tercet_drivers_mark(set);
  if (!status)
    status = open_engines(set);
  if (status) {
    release(set);
    error->status = status;
    return status;
  }
  context->submitter = &submitter;
  context->submitter_user = set;
  if (!context->walk)
    context->walk = tercet_drivers_walk;
  return TERCET_OK;
}

tercet_status tercet_drivers_detach(tercet_context *context) {
  tercet_status status = tercet_context_enter(context);
  if (status || !context->submitter)
    return status;
  release(tercet_driver_set_of(context));
  if (context->walk == tercet_drivers_walk)
    context->walk = NULL;
  context->submitter = NULL;
  context->submitter_user = NULL;
  return TERCET_OK;
}

// ---- Afterwards -------------------------------------------------------------

static tercet_driver_engine *bound_engine(const tercet_context *context, uint32_t engine) {
  return context->submitter ? tercet_driver_engine_find(tercet_driver_set_of(context), engine)
                            : NULL;
}

tercet_status tercet_drivers_reopen(tercet_context *context, uint32_t engine) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  tercet_driver_engine *bound = bound_engine(context, engine);
  if (!bound)
    return tercet_error_format(&context->error, TERCET_ERROR_INVALID_ARGUMENT,
                               "engine @x has no driver", NULL, NULL, engine, 0, 0);
  status = load(tercet_driver_set_of(context), bound);
  if (status) {
    context->error = bound->error;
    context->error.status = status;
  }
  return status;
}

tercet_status tercet_drivers_query(const tercet_context *context, uint32_t engine,
                                   tercet_driver_info *info) {
  const tercet_driver_engine *bound = context && info ? bound_engine(context, engine) : NULL;
  if (!bound)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *info = (tercet_driver_info){(int)bound->ready, bound->setup.shared_bytes,
                               bound->setup.local_bytes, bound->submissions};
  return TERCET_OK;
}

tercet_status tercet_drivers_samples_set(tercet_context *context, tercet_engine_sample *samples,
                                         uint32_t capacity) {
  tercet_status status = tercet_context_enter(context);
  if (status)
    return status;
  if (!context->submitter)
    return tercet_error_set(&context->error, TERCET_ERROR_INVALID_ARGUMENT,
                            "no drivers are attached");
  tercet_driver_set *set = tercet_driver_set_of(context);
  set->samples = samples;
  set->sample_capacity = samples ? capacity : 0;
  return TERCET_OK;
}
