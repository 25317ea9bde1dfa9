// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives engines their drivers: which pools a driver provides, what it is asked
// for, and its image and weights. All that a later SUBMIT relies on is checked
// here, so that starting one needs no checks: its engine has a driver, and each
// of its operands lies in a pool of that driver. Invariant: an attach that fails
// leaves the context as it was.
#include "../core/memory.h"
#include "driver_set.h"

#define DEFAULT_TIMEOUT_NS UINT64_C(10000000000)
// Most bytes of weights that reach local memory at once.
#define STAGING_BYTES UINT64_C(65536)

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

static uint64_t bytes_of(const tercet_table *table, const shape *s) {
  return sizeof(tercet_driver_set) +
         s->engines * (sizeof(tercet_driver_engine) +
                       s->operands * (uint64_t)sizeof(tercet_driver_operand)) +
         tercet_table_count(table, TERCET_RECORD_POOLS) * (uint64_t)sizeof(tercet_driver_pool);
}

_Static_assert(sizeof(tercet_driver_set) <= 256 && sizeof(tercet_driver_engine) <= 1536 &&
                   sizeof(tercet_driver_pool) <= 32 && sizeof(tercet_driver_operand) <= 24,
               "TERCET_DRIVERS_BYTES");

tercet_status tercet_drivers_bytes(const tercet_context *context, uint64_t *bytes) {
  if (!context || !bytes)
    return TERCET_ERROR_INVALID_ARGUMENT;
  shape s = shape_of(&context->table);
  *bytes = bytes_of(&context->table, &s);
  return TERCET_OK;
}

// ---- Pools ------------------------------------------------------------------

static uint64_t cpu_mask(const tercet_table *table) {
  uint64_t mask = 0;
  for (uint32_t e = 0; e < tercet_table_count(table, TERCET_RECORD_ENGINES); ++e)
    if (tercet_table_engine(table, e)->kind == TERCET_ENGINE_CPU)
      mask |= TERCET_BIT(e);
  return mask;
}

// Which driver provides which pool, and how much that makes for each.
static tercet_status assign_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  uint64_t cpus = cpu_mask(&context->table);
  for (uint32_t p = 0; p < tercet_pool_count(context); ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    for (uint32_t i = 0; i < set->count && pool->kind != TERCET_POOL_IO; ++i) {
      tercet_driver_engine *engine = &set->engines[i];
      if (!(pool->engine_mask >> engine->engine & 1))
        continue;
      if (set->pools[p].owner)
        return tercet_error_format(&context->error, TERCET_ERROR_CORRUPT,
                                   "pool '@a' is addressed by two engines with drivers",
                                   tercet_table_name(&context->table, pool->name), NULL, 0, 0, 0);
      // Weights reach local memory through drivers that can copy.
      int weights = pool->kind == TERCET_POOL_WEIGHTS && engine->driver.table->version >= 2;
      int local = (pool->kind == TERCET_POOL_ARENA || weights) && !(pool->engine_mask & cpus);
      uint64_t page = TERCET_DRIVER_PAGE - 1;
      uint64_t bytes =
          ((pool->bytes + page) & ~page) + (pool->alignment > page ? pool->alignment : 0);
      set->pools[p].owner = engine;
      set->pools[p].kind = local ? TERCET_MEMORY_LOCAL : TERCET_MEMORY_SHARED;
      *(local ? &engine->setup.local_bytes : &engine->setup.shared_bytes) += bytes;
      if (!local || !weights || engine->staging_bytes)
        continue;
      engine->staging_bytes = STAGING_BYTES;
      engine->setup.shared_bytes += STAGING_BYTES;
      if (engine->setup.max_operands < 2)
        engine->setup.max_operands = 2;
      engine->setup.max_scalars = 1;
    }
  }
  return TERCET_OK;
}

static void place_buffers(tercet_context *context, uint32_t pool, unsigned char *base) {
  context->pools[pool] = base;
  for (uint32_t b = 0; b < tercet_table_count(&context->table, TERCET_RECORD_BUFFERS); ++b) {
    const tercet_buffer_record *buffer = tercet_table_buffer(&context->table, b);
    if (buffer->pool == pool)
      context->buffers[b] = base ? base + buffer->offset : NULL;
  }
}

static tercet_status provide_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  for (uint32_t p = 0; p < tercet_pool_count(context); ++p) {
    tercet_driver_pool *provided = &set->pools[p];
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    if (!provided->owner)
      continue;
    const tercet_driver *driver = &provided->owner->driver;
    tercet_driver_memory memory = {TERCET_NONE, NULL};
    tercet_status status = driver->table->alloc(driver->self, (tercet_memory_kind)provided->kind,
                                                pool->bytes ? pool->bytes : 1, pool->alignment,
                                                &memory, &context->error);
    if (status)
      return status;
    provided->memory = memory.id;
    provided->address = memory.address;
    if (pool->kind == TERCET_POOL_WEIGHTS)
      continue; // the CPU keeps reading the original
    context->pools_needed &= ~TERCET_BIT(p);
    context->pools_bound |= TERCET_BIT(p);
    place_buffers(context, p, (unsigned char *)memory.address);
  }
  for (uint32_t i = 0; i < set->count; ++i) {
    tercet_driver_engine *engine = &set->engines[i];
    tercet_driver_memory memory = {TERCET_NONE, NULL};
    if (!engine->staging_bytes)
      continue;
    tercet_status status =
        engine->driver.table->alloc(engine->driver.self, TERCET_MEMORY_SHARED,
                                    engine->staging_bytes, 128, &memory, &context->error);
    if (status)
      return status;
    engine->staging = memory.id;
    engine->staging_address = memory.address;
  }
  return TERCET_OK;
}

static void withdraw_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  for (uint32_t i = 0; i < set->count; ++i) {
    tercet_driver_engine *engine = &set->engines[i];
    if (engine->staging != TERCET_NONE)
      engine->driver.table->free(engine->driver.self, engine->staging);
    engine->staging = TERCET_NONE;
  }
  for (uint32_t p = 0; p < tercet_pool_count(context); ++p) {
    const tercet_driver_pool *provided = &set->pools[p];
    if (!provided->owner || provided->memory == TERCET_NONE)
      continue;
    const tercet_driver *driver = &provided->owner->driver;
    driver->table->free(driver->self, provided->memory);
    if (tercet_table_pool(&context->table, p)->kind == TERCET_POOL_WEIGHTS)
      continue;
    context->pools_needed |= TERCET_BIT(p);
    context->pools_bound &= ~TERCET_BIT(p);
    place_buffers(context, p, NULL);
  }
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
    if (set->pools[tercet_table_buffer(table, buffer)->pool].owner != engine)
      return tercet_error_corrupt(&context->error, TERCET_RECORD_COMMANDS, index,
                                  "SUBMIT with an operand that its driver cannot reach");
  }
  return TERCET_OK;
}

// Weights of a pool in local memory, piece by piece through the staging memory.
static tercet_status fill_local(tercet_driver_engine *engine, const tercet_driver_pool *provided,
                                const unsigned char *weights, uint64_t bytes) {
  const tercet_driver *driver = &engine->driver;
  tercet_status status = TERCET_OK;
  for (uint64_t at = 0; at < bytes && !status; at += engine->staging_bytes) {
    uint64_t part = bytes - at < engine->staging_bytes ? bytes - at : engine->staging_bytes;
    memcpy(engine->staging_address, weights + at, (size_t)part);
    if (driver->table->sync)
      status = driver->table->sync(driver->self, engine->staging, 0, part, TERCET_SYNC_TO_ENGINE,
                                   &engine->error);
    tercet_driver_operand operands[2] = {
        {engine->staging, TERCET_ACCESS_READ, 0, part},
        {provided->memory, TERCET_ACCESS_WRITE, at, part},
    };
    int64_t count = (int64_t)part;
    tercet_driver_submission copy;
    memset(&copy, 0, sizeof copy);
    copy.kernel = TERCET_DRIVER_COPY;
    copy.grid[0] = copy.grid[1] = copy.grid[2] = 1;
    copy.operand_count = 2;
    copy.operands = operands;
    copy.scalar_count = 1;
    copy.scalars = &count;
    copy.scratch_memory = TERCET_NONE;
    uint64_t ticket = 0;
    tercet_driver_completion completion;
    memset(&completion, 0, sizeof completion);
    if (!status)
      status = driver->table->submit(driver->self, &copy, &ticket, &engine->error);
    if (!status)
      status = driver->table->wait(driver->self, ticket, engine->timeout_ns, &completion,
                                   &engine->error);
    if (!status && completion.fault)
      status = tercet_error_format(&engine->error, TERCET_ERROR_ENGINE_REFUSED,
                                   "engine '@a' does not copy weights into its own memory",
                                   engine->setup.engine, NULL, 0, 0, 0);
  }
  return status;
}

// Image, and the weights that the engine has a copy of.
static tercet_status load(const tercet_driver_set *set, tercet_driver_engine *engine) {
  const tercet_context *context = set->context;
  const tercet_driver *driver = &engine->driver;
  engine->ready = 0;
  engine->error.text[0] = 0;
  tercet_status status = TERCET_OK;
  for (uint32_t p = 0; p < tercet_pool_count(context) && !status; ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    const tercet_driver_pool *provided = &set->pools[p];
    if (pool->kind != TERCET_POOL_WEIGHTS || provided->owner != engine ||
        provided->kind == TERCET_MEMORY_LOCAL)
      continue;
    memcpy(provided->address, context->pools[p], (size_t)pool->bytes);
    if (driver->table->sync && pool->bytes)
      status = driver->table->sync(driver->self, provided->memory, 0, pool->bytes,
                                   TERCET_SYNC_TO_ENGINE, &engine->error);
  }
  if (!status)
    status = driver->table->load(driver->self, &engine->error);
  for (uint32_t p = 0; p < tercet_pool_count(context) && !status; ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    const tercet_driver_pool *provided = &set->pools[p];
    if (pool->kind == TERCET_POOL_WEIGHTS && provided->owner == engine &&
        provided->kind == TERCET_MEMORY_LOCAL)
      status = fill_local(engine, provided, context->pools[p], pool->bytes);
  }
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
    status = provide_pools(set);
  for (uint32_t i = 0; i < set->count && !status; ++i) {
    status = load(set, &set->engines[i]);
    if (status)
      context->error = set->engines[i].error;
  }
  return status;
}

static void release(tercet_driver_set *set) {
  withdraw_pools(set);
  for (uint32_t i = 0; i < set->count; ++i)
    if (set->engines[i].opened)
      set->engines[i].driver.table->close(set->engines[i].driver.self);
}

static void lay_out(tercet_driver_set *set, const shape *s) {
  uint32_t pools = tercet_table_count(&set->context->table, TERCET_RECORD_POOLS);
  set->engines = (tercet_driver_engine *)(set + 1);
  set->pools = (tercet_driver_pool *)(set->engines + s->engines);
  tercet_driver_operand *operands = (tercet_driver_operand *)(set->pools + pools);
  for (uint32_t i = 0; i < s->engines; ++i)
    set->engines[i].operands = operands + (size_t)i * s->operands;
  for (uint32_t p = 0; p < pools; ++p)
    set->pools[p].memory = TERCET_NONE;
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
                                     bytes_of(&context->table, &s), TERCET_CONTEXT_ALIGN);
  if (status)
    return status;
  memset(memory, 0, (size_t)bytes_of(&context->table, &s));
  tercet_driver_set *set = (tercet_driver_set *)memory;
  set->context = context;
  lay_out(set, &s);
  for (uint32_t i = 0; i < count && !status; ++i)
    status = bind_engine(set, &bindings[i], s.operands);
  if (!status)
    status = assign_pools(set);
  uint32_t commands = tercet_table_count(&context->table, TERCET_RECORD_COMMANDS);
  for (uint32_t i = 0; i < commands && !status; ++i)
    status = check_submit(set, i);
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
