// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine needs a driver if it has a SUBMIT command. Which driver is a matter
// of its image; one for whose image there is none here gets none, which attaching
// reports by name. Drivers of GPUs are referred to weakly: they load a library,
// and are linked into programs that have such an engine only.
#include "engines.h"
#include "program.h"
#include "tercet/cuda.h"
#include "tercet/hexagon.h"
#include "tercet/queues.h"
#include "tercet/vulkan.h"
#include <stdio.h>
#include <stdlib.h>

#define MOST_ENGINES 64

// Of one submission. Mesa's lavapipe compiles a kernel when it first runs, which
// on a busy machine takes longer than a driver's usual 10 s.
#define TIMEOUT_NS UINT64_C(120000000000)

extern __attribute__((weak)) tercet_status tercet_cuda_create(const tercet_cuda_options *options,
                                                              tercet_driver *driver);
extern __attribute__((weak)) tercet_status
tercet_vulkan_create(const tercet_vulkan_options *options, tercet_driver *driver);

// Whether any entry has a SUBMIT of the engine with that name (of the table).
static int submits(const tercet_context *context, const char *engine) {
  tercet_command_info command;
  for (uint32_t e = 0; e < tercet_entry_count(context); ++e)
    for (uint32_t c = 0; !tercet_command_query(context, e, c, &command); ++c)
      if (command.opcode == TERCET_COMMAND_SUBMIT && command.engine == engine)
        return 1;
  return 0;
}

// The driver for an engine; without a table: there is none.
static tercet_status create(const tercet_engine_info *engine, tercet_driver *driver) {
  *driver = (tercet_driver){NULL, NULL};
  if (engine->isa == TERCET_ISA_HEXAGON)
    return tercet_mailbox_create(NULL, driver);
  if (engine->image_format == TERCET_IMAGE_SPIRV && tercet_vulkan_create)
    return tercet_vulkan_create(NULL, driver);
  if (engine->image_format == TERCET_IMAGE_CUDA && tercet_cuda_create)
    return tercet_cuda_create(NULL, driver);
  return TERCET_OK;
}

int engines_start(tercet_context *context) {
  tercet_driver_binding bindings[MOST_ENGINES];
  tercet_engine_info engine;
  uint32_t count = 0;
  int needed = 0;
  for (uint32_t e = 0; !tercet_engine_query(context, e, &engine); ++e) {
    if (engine.kind == TERCET_ENGINE_CPU || !submits(context, engine.name))
      continue;
    needed = 1;
    bindings[count] = (tercet_driver_binding){.engine = e, .timeout_ns = TIMEOUT_NS};
    tercet_status status = create(&engine, &bindings[count].driver);
    if (status)
      return fail_named(status, engine.name);
    count += bindings[count].driver.table != NULL;
  }
  if (!needed)
    return 0;
  uint64_t bytes;
  void *memory;
  tercet_drivers_bytes(context, &bytes);
  if (posix_memalign(&memory, TERCET_CONTEXT_ALIGN, bytes))
    return fail_named(TERCET_ERROR_SYSTEM_MEMORY, "");
  tercet_status status = tercet_drivers_attach(context, memory, bytes, bindings, count);
  return status ? fail_named(status, tercet_context_error(context)->text) : 0;
}

void engines_stop(tercet_context *context) { tercet_drivers_detach(context); }
