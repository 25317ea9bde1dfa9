// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools that engines with drivers address. An ARENA or STATE pool is in the
// memory of one driver; the drivers of other engines that address it import that
// memory. Of WEIGHTS each engine has its own copy, or imports the original.
// Invariant: at most one driver of a pool cannot import, and it provides then.
#include "../core/memory.h"
#include "driver_set.h"

// Most bytes of weights that reach local memory at once.
#define STAGING_BYTES UINT64_C(65536)
// The same where a driver imports, and has it only because its own memory is
// better: there may be much.
#define LARGE_STAGING_BYTES UINT64_C(4194304)

static uint64_t cpu_mask(const tercet_table *table) {
  uint64_t mask = 0;
  for (uint32_t e = 0; e < tercet_table_count(table, TERCET_RECORD_ENGINES); ++e)
    if (tercet_table_engine(table, e)->kind == TERCET_ENGINE_CPU)
      mask |= TERCET_BIT(e);
  return mask;
}

static int addresses(const tercet_driver_engine *engine, const tercet_pool_record *pool) {
  return pool->kind != TERCET_POOL_IO && pool->engine_mask >> engine->engine & 1;
}

static uint64_t round_to_page(uint64_t bytes) {
  return (bytes + TERCET_DRIVER_PAGE - 1) & ~(uint64_t)(TERCET_DRIVER_PAGE - 1);
}

static void expect(tercet_driver_engine *engine, const tercet_pool_record *pool, int local) {
  uint64_t bytes =
      round_to_page(pool->bytes) + (pool->alignment >= TERCET_DRIVER_PAGE ? pool->alignment : 0);
  *(local ? &engine->setup.local_bytes : &engine->setup.shared_bytes) += bytes;
}

static void expect_weights(tercet_driver_engine *engine, uint32_t p, const tercet_pool_record *pool,
                           uint64_t cpus) {
  const tercet_driver_table *functions = engine->driver.table;
  int imports = tercet_driver_imports(functions);
  // Weights reach local memory through drivers that can copy.
  int local = imports || (functions->version >= 2 && !(pool->engine_mask & cpus));
  expect(engine, pool, local);
  engine->shares[p].reach = local ? TERCET_REACH_LOCAL : TERCET_REACH_SHARED;
  if (!local || engine->staging_bytes)
    return;
  engine->staging_bytes = imports ? LARGE_STAGING_BYTES : STAGING_BYTES;
  engine->setup.shared_bytes += engine->staging_bytes;
  if (engine->setup.max_operands < 2)
    engine->setup.max_operands = 2;
  if (!engine->setup.max_scalars)
    engine->setup.max_scalars = 1;
}

// Of the engines that address the pool the one whose driver cannot import, or
// the first; `count` of them. NULL: two cannot import.
static tercet_driver_engine *choose_owner(const tercet_driver_set *set,
                                          const tercet_pool_record *pool, uint32_t *count) {
  tercet_driver_engine *owner = NULL;
  *count = 0;
  for (uint32_t i = 0; i < set->count; ++i) {
    tercet_driver_engine *engine = &set->engines[i];
    if (!addresses(engine, pool))
      continue;
    int imports = tercet_driver_imports(engine->driver.table);
    if (owner && !imports && !tercet_driver_imports(owner->driver.table))
      return NULL;
    if (!owner || !imports)
      owner = engine;
    ++*count;
  }
  return owner;
}

tercet_status tercet_drivers_assign_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  uint64_t cpus = cpu_mask(&context->table);
  for (uint32_t p = 0; p < tercet_pool_count(context); ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    if (pool->kind == TERCET_POOL_WEIGHTS) {
      for (uint32_t i = 0; i < set->count; ++i)
        if (addresses(&set->engines[i], pool))
          expect_weights(&set->engines[i], p, pool, cpus);
      continue;
    }
    uint32_t count;
    tercet_driver_engine *owner = choose_owner(set, pool, &count);
    if (!owner && count)
      return tercet_error_format(
          &context->error, TERCET_ERROR_CORRUPT,
          "pool '@a' is addressed by two engines with drivers that cannot import memory",
          tercet_table_name(&context->table, pool->name), NULL, 0, 0, 0);
    if (!owner)
      continue;
    set->pools[p].owner = owner;
    int local = pool->kind == TERCET_POOL_ARENA && !(pool->engine_mask & cpus) && count == 1;
    for (uint32_t i = 0; i < set->count; ++i)
      if (addresses(&set->engines[i], pool))
        set->engines[i].shares[p].reach = local ? TERCET_REACH_LOCAL : TERCET_REACH_SHARED;
    expect(owner, pool, local);
  }
  return TERCET_OK;
}

// ---- Providing --------------------------------------------------------------

static void place_buffers(tercet_context *context, uint32_t pool, unsigned char *base) {
  context->pools[pool] = base;
  for (uint32_t b = 0; b < tercet_table_count(&context->table, TERCET_RECORD_BUFFERS); ++b) {
    const tercet_buffer_record *buffer = tercet_table_buffer(&context->table, b);
    if (buffer->pool == pool)
      context->buffers[b] = base ? base + buffer->offset : NULL;
  }
}

static tercet_status alloc(tercet_context *context, tercet_driver_engine *engine, uint32_t p,
                           tercet_driver_reach reach, int imported) {
  const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
  const tercet_driver *driver = &engine->driver;
  tercet_driver_memory memory = {TERCET_NONE, NULL};
  uint64_t bytes = pool->bytes ? pool->bytes : 1;
  uint32_t alignment = pool->alignment;
  if (imported) { // whole pages
    bytes = round_to_page(bytes);
    alignment = alignment < TERCET_DRIVER_PAGE ? TERCET_DRIVER_PAGE : alignment;
  }
  tercet_status status = driver->table->alloc(driver->self, (tercet_memory_kind)reach, bytes,
                                              alignment, &memory, &context->error);
  if (!status)
    engine->shares[p] = (tercet_driver_share){memory.id, reach, memory.address};
  return status;
}

static tercet_status import(tercet_context *context, tercet_driver_engine *engine, uint32_t p,
                            void *address, uint64_t bytes, uint32_t access) {
  const tercet_driver *driver = &engine->driver;
  tercet_driver_memory memory = {TERCET_NONE, NULL};
  tercet_status status =
      driver->table->import(driver->self, address, bytes, access, &memory, &context->error);
  int constant = access == TERCET_ACCESS_READ;
  if (!status)
    engine->shares[p] = (tercet_driver_share){
        memory.id, constant ? TERCET_REACH_CONSTANT : TERCET_REACH_SHARED, address};
  return status;
}

static tercet_status provide_staging(tercet_context *context, tercet_driver_engine *engine) {
  const tercet_driver *driver = &engine->driver;
  tercet_driver_memory memory = {TERCET_NONE, NULL};
  tercet_status status = driver->table->alloc(driver->self, TERCET_MEMORY_SHARED,
                                              engine->staging_bytes, 128, &memory, &context->error);
  if (!status) {
    engine->staging = memory.id;
    engine->staging_address = memory.address;
  }
  return status;
}

static tercet_status provide_weights(tercet_context *context, tercet_driver_engine *engine,
                                     uint32_t p) {
  const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
  tercet_driver_reach reach = (tercet_driver_reach)engine->shares[p].reach;
  if (tercet_driver_imports(engine->driver.table) && pool->bytes &&
      !import(context, engine, p, context->pools[p], pool->bytes, TERCET_ACCESS_READ))
    return TERCET_OK;
  tercet_status status = alloc(context, engine, p, reach, 0);
  if (!status && reach == TERCET_REACH_LOCAL && engine->staging == TERCET_NONE)
    status = provide_staging(context, engine);
  return status;
}

static tercet_status provide(tercet_driver_set *set, uint32_t p) {
  tercet_context *context = set->context;
  const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
  tercet_driver_engine *owner = set->pools[p].owner;
  uint32_t users = 0;
  for (uint32_t i = 0; i < set->count; ++i)
    users += (uint32_t)addresses(&set->engines[i], pool);
  tercet_status status =
      alloc(context, owner, p, (tercet_driver_reach)owner->shares[p].reach, users > 1);
  if (status)
    return status;
  void *address = owner->shares[p].address;
  context->pools_needed &= ~TERCET_BIT(p);
  context->pools_bound |= TERCET_BIT(p);
  place_buffers(context, p, (unsigned char *)address);
  for (uint32_t i = 0; i < set->count && !status; ++i)
    if (&set->engines[i] != owner && addresses(&set->engines[i], pool))
      status = import(context, &set->engines[i], p, address,
                      round_to_page(pool->bytes ? pool->bytes : 1),
                      TERCET_ACCESS_READ | TERCET_ACCESS_WRITE);
  return status;
}

tercet_status tercet_drivers_provide_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  tercet_status status = TERCET_OK;
  for (uint32_t p = 0; p < tercet_pool_count(context) && !status; ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    if (set->pools[p].owner)
      status = provide(set, p);
    for (uint32_t i = 0; i < set->count && pool->kind == TERCET_POOL_WEIGHTS && !status; ++i)
      if (addresses(&set->engines[i], pool))
        status = provide_weights(context, &set->engines[i], p);
  }
  return status;
}

void tercet_drivers_withdraw_pools(tercet_driver_set *set) {
  tercet_context *context = set->context;
  for (uint32_t i = 0; i < set->count; ++i) {
    tercet_driver_engine *engine = &set->engines[i];
    if (engine->staging != TERCET_NONE)
      engine->driver.table->free(engine->driver.self, engine->staging);
    engine->staging = TERCET_NONE;
  }
  for (uint32_t p = 0; p < tercet_pool_count(context); ++p) {
    // Who imports lets go first.
    for (uint32_t i = 0; i <= set->count; ++i) {
      tercet_driver_engine *engine = i < set->count ? &set->engines[i] : set->pools[p].owner;
      if (!engine || (i < set->count && engine == set->pools[p].owner) ||
          engine->shares[p].memory == TERCET_NONE)
        continue;
      engine->driver.table->free(engine->driver.self, engine->shares[p].memory);
    }
    if (!set->pools[p].owner || set->pools[p].owner->shares[p].memory == TERCET_NONE)
      continue;
    context->pools_needed |= TERCET_BIT(p);
    context->pools_bound &= ~TERCET_BIT(p);
    place_buffers(context, p, NULL);
  }
}

// ---- Weights ----------------------------------------------------------------

// Weights of a pool in local memory, piece by piece through the staging memory.
static tercet_status fill_local(tercet_driver_engine *engine, uint32_t memory,
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
        {memory, TERCET_ACCESS_WRITE, at, part},
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

static tercet_status fill_shared(tercet_driver_engine *engine, const tercet_driver_share *share,
                                 const unsigned char *weights, uint64_t bytes) {
  const tercet_driver *driver = &engine->driver;
  memcpy(share->address, weights, (size_t)bytes);
  return driver->table->sync && bytes ? driver->table->sync(driver->self, share->memory, 0, bytes,
                                                            TERCET_SYNC_TO_ENGINE, &engine->error)
                                      : TERCET_OK;
}

tercet_status tercet_drivers_fill(const tercet_driver_set *set, tercet_driver_engine *engine,
                                  tercet_driver_reach reach) {
  const tercet_context *context = set->context;
  tercet_status status = TERCET_OK;
  for (uint32_t p = 0; p < tercet_pool_count(context) && !status; ++p) {
    const tercet_pool_record *pool = tercet_table_pool(&context->table, p);
    const tercet_driver_share *share = &engine->shares[p];
    if (pool->kind != TERCET_POOL_WEIGHTS || share->reach != (uint32_t)reach)
      continue;
    status = reach == TERCET_REACH_LOCAL
                 ? fill_local(engine, share->memory, context->pools[p], pool->bytes)
                 : fill_shared(engine, share, context->pools[p], pool->bytes);
  }
  return status;
}
