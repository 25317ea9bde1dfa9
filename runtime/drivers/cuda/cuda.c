// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver over CUDA: a submission is a launch on one stream, between two
// events that tell when it ran, with a slot that has its control block in memory
// which the CPU reads. Invariants: submissions are in the order of the stream;
// after a failure the context has ended before the call returns, so that nothing
// of it writes memory later; what a launch refuses is told by its wait.
#define _DEFAULT_SOURCE
#include "tercet/cuda.h"
#include "device.h"
#include "failure.h"
#include "tercet/port.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_BYTES 256
#define SLOTS 64u // submissions in hand
#define DEFAULT_SPIN_NS 50000u
#define SLEEP_MIN_NS 20000u
#define SLEEP_MAX_NS 500000u

typedef struct slot {
  cuda_event start, end;
  tercet_cuda_control *control;
  cuda_address device; // of the control block
  cuda_result refused; // what the launch said
  const char *kernel;
} slot;

typedef struct cuda {
  tercet_cuda_options options;
  char library_name[NAME_BYTES];
  tercet_driver_setup setup;
  cuda_gpu gpu;
  slot slots[SLOTS];
  uint32_t control_memory; // TERCET_NONE: none
  uint64_t control_stride;
  uint64_t *parameters; // of one launch
  cuda_event base;      // when the stream was idle last, about base_ns
  uint64_t base_ns;
  uint64_t submitted, waited;
  int ready;
} cuda;

// ---- Opening and memory -----------------------------------------------------

static void forget_slots(cuda *self) {
  for (uint32_t i = 0; i < SLOTS; ++i)
    self->slots[i].start = self->slots[i].end = NULL;
  self->base = NULL;
  self->ready = 0;
}

static void end(cuda *self) {
  cuda_gpu_end(&self->gpu); // events go with it
  forget_slots(self);
}

static void cuda_close(void *user) {
  cuda *self = (cuda *)user;
  cuda_gpu_close(&self->gpu);
  forget_slots(self);
  self->control_memory = TERCET_NONE;
  free(self->parameters);
  self->parameters = NULL;
}

static tercet_status cuda_open(void *user, const tercet_driver_setup *setup, tercet_error *error) {
  cuda *self = (cuda *)user;
  self->setup = *setup;
  self->submitted = self->waited = 0;
  if (setup->image_format != TERCET_IMAGE_CUDA)
    return cuda_fail(error, TERCET_ERROR_ENGINE_IMAGE, "engine '%s' has no image for CUDA",
                     setup->engine);
  if (setup->max_operands > TERCET_CUDA_OPERANDS_MAX)
    return cuda_fail(error, TERCET_ERROR_ENGINE_IMAGE, "a kernel has %u operands, CUDA takes %u",
                     setup->max_operands, TERCET_CUDA_OPERANDS_MAX);
  const char *named = getenv("TERCET_LIBCUDA");
  tercet_status status = cuda_gpu_find(&self->gpu,
                                       self->library_name[0] ? self->library_name
                                       : named && *named     ? named
                                                             : "libcuda.so.1",
                                       self->options.device, error);
  uint64_t wanted = setup->local_bytes + (self->gpu.info.integrated ? setup->shared_bytes : 0);
  if (!status && wanted > self->gpu.info.bytes)
    status = cuda_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "engine '%.40s' needs %llu bytes of memory, '%.60s' has %llu", setup->engine,
                       (unsigned long long)wanted, self->gpu.info.name,
                       (unsigned long long)self->gpu.info.bytes);
  self->parameters =
      status ? NULL : (uint64_t *)calloc(setup->max_operands + 1u, sizeof *self->parameters);
  if (!status && !self->parameters)
    status = cuda_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for parameters");
  if (!status)
    status = cuda_gpu_enter(&self->gpu, error);
  if (!status) {
    self->control_stride = sizeof(tercet_cuda_control) + setup->max_scalars * sizeof(int64_t);
    status = cuda_gpu_alloc(&self->gpu, TERCET_MEMORY_SHARED, SLOTS * self->control_stride, 8,
                            &self->control_memory, error);
    cuda_gpu_leave(&self->gpu);
  }
  if (status)
    cuda_close(self);
  return status;
}

static tercet_status cuda_alloc(void *user, tercet_memory_kind kind, uint64_t bytes,
                                uint32_t alignment, tercet_driver_memory *memory,
                                tercet_error *error) {
  cuda *self = (cuda *)user;
  uint32_t id = 0;
  tercet_status status = cuda_gpu_enter(&self->gpu, error);
  if (status)
    return status;
  status = cuda_gpu_alloc(&self->gpu, kind, bytes, alignment, &id, error);
  cuda_gpu_leave(&self->gpu);
  if (!status)
    *memory = (tercet_driver_memory){id, self->gpu.memories[id].address};
  return status;
}

static void cuda_free(void *user, uint32_t memory) {
  cuda *self = (cuda *)user;
  tercet_error ignored;
  int entered = self->gpu.context && !cuda_gpu_enter(&self->gpu, &ignored);
  cuda_gpu_free(&self->gpu, memory);
  if (entered)
    cuda_gpu_leave(&self->gpu);
}

// ---- Loading ----------------------------------------------------------------

static tercet_status make_slots(cuda *self, tercet_error *error) {
  const cuda_gpu *gpu = &self->gpu;
  const cuda_memory *memory = &gpu->memories[self->control_memory];
  cuda_result result = gpu->library.event_create(&self->base, 0);
  for (uint32_t i = 0; i < SLOTS && !result; ++i) {
    slot *s = &self->slots[i];
    uint64_t offset = i * self->control_stride;
    s->control = (tercet_cuda_control *)(void *)((unsigned char *)memory->address + offset);
    s->device = memory->device + offset;
    result = gpu->library.event_create(&s->start, 0);
    if (!result)
      result = gpu->library.event_create(&s->end, 0);
  }
  return result ? cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_LOST, "cuEventCreate", result, error)
                : TERCET_OK;
}

static tercet_status cuda_load(void *user, tercet_error *error) {
  cuda *self = (cuda *)user;
  cuda_gpu *gpu = &self->gpu;
  if (self->ready) // only what has been loaded may have run
    end(self);
  self->submitted = self->waited = 0;
  tercet_status status = cuda_image_check(self->setup.image, self->setup.image_bytes,
                                          self->setup.kernel_count, &gpu->image, error);
  if (!status)
    status = cuda_gpu_enter(gpu, error);
  if (status)
    return status;
  status = cuda_gpu_load(gpu, error);
  if (!status)
    status = make_slots(self, error);
  cuda_gpu_leave(gpu);
  if (status)
    end(self);
  self->ready = !status;
  return status;
}

// ---- Running ----------------------------------------------------------------

static tercet_status fail_lost(cuda *self, const char *call, cuda_result result, const char *kernel,
                               tercet_error *error) {
  char text[TERCET_ERROR_TEXT_BYTES];
  cuda_library_explain(&self->gpu.library, result, text, sizeof text);
  end(self);
  return cuda_fail(error, TERCET_ERROR_ENGINE_LOST, "%s at kernel '%.50s': %.100s", call, kernel,
                   text);
}

static cuda_result copy(cuda *self, const tercet_driver_submission *submission) {
  const tercet_driver_operand *o = submission->operands;
  const cuda_memory *memories = self->gpu.memories;
  return self->gpu.library.memory_copy(memories[o[1].memory].device + o[1].offset,
                                       memories[o[0].memory].device + o[0].offset,
                                       (size_t)submission->scalars[0], self->gpu.stream);
}

static cuda_result launch(cuda *self, const tercet_driver_submission *submission, slot *s) {
  cuda_gpu *gpu = &self->gpu;
  const tercet_cuda_kernel *kernel = &gpu->image.kernels[submission->kernel];
  if (submission->operand_count != kernel->operand_count ||
      submission->scalar_count != kernel->scalar_count || submission->scratch_memory != TERCET_NONE)
    return CUDA_INVALID_VALUE;
  for (int i = 0; i < 3; ++i)
    if (submission->grid[i] > (uint32_t)gpu->grid_limit[i])
      return CUDA_OUT_OF_RESOURCES;
  for (uint32_t i = 0; i < submission->operand_count; ++i) {
    const tercet_driver_operand *o = &submission->operands[i];
    self->parameters[i] = gpu->memories[o->memory].device + o->offset;
    if (self->parameters[i] % gpu->image.operands[kernel->first_operand + i].alignment)
      return CUDA_INVALID_VALUE;
  }
  self->parameters[submission->operand_count] = s->device;
  s->control->fault = 0;
  if (submission->scalar_count)
    memcpy(s->control->scalars, submission->scalars,
           submission->scalar_count * sizeof *submission->scalars);
  size_t bytes = (submission->operand_count + 1u) * sizeof *self->parameters;
  void *extra[5] = {CUDA_LAUNCH_PARAMETERS, self->parameters, CUDA_LAUNCH_PARAMETER_BYTES, &bytes,
                    CUDA_LAUNCH_END};
  return gpu->library.launch(gpu->functions[submission->kernel], submission->grid[0],
                             submission->grid[1], submission->grid[2], kernel->block[0],
                             kernel->block[1], kernel->block[2], kernel->shared_bytes, gpu->stream,
                             NULL, extra);
}

// Whether the context is still good after that result of a launch.
static int is_refusal(cuda_result result) {
  return result == CUDA_INVALID_VALUE || result == CUDA_OUT_OF_RESOURCES;
}

static tercet_status cuda_submit(void *user, const tercet_driver_submission *submission,
                                 uint64_t *ticket, tercet_error *error) {
  cuda *self = (cuda *)user;
  const cuda_library *library = &self->gpu.library;
  int is_copy = submission->kernel == TERCET_DRIVER_COPY;
  if (!self->ready)
    return cuda_fail(error, TERCET_ERROR_ENGINE_LOST, "the GPU has no context");
  if (self->submitted - self->waited == SLOTS)
    return cuda_fail(error, TERCET_ERROR_ENGINE_FULL, "%u submissions are in hand", SLOTS);
  slot *s = &self->slots[self->submitted % SLOTS];
  s->kernel = is_copy
                  ? "copy"
                  : cuda_image_name(&self->gpu.image, &self->gpu.image.kernels[submission->kernel]);
  s->control->fault = 0;
  tercet_status status = cuda_gpu_enter(&self->gpu, error);
  if (status) {
    end(self);
    return status;
  }
  const char *call = "cuEventRecord";
  cuda_result result = CUDA_OK;
  if (self->submitted == self->waited) {
    self->base_ns = tercet_port_clock_read();
    result = library->event_record(self->base, self->gpu.stream);
  }
  if (!result)
    result = library->event_record(s->start, self->gpu.stream);
  if (!result) {
    call = is_copy ? "cuMemcpyAsync" : "cuLaunchKernel";
    s->refused = is_copy ? copy(self, submission) : launch(self, submission, s);
    if (!is_refusal(s->refused))
      result = s->refused;
  }
  if (!result)
    call = "cuEventRecord", result = library->event_record(s->end, self->gpu.stream);
  cuda_gpu_leave(&self->gpu);
  if (result)
    return fail_lost(self, call, result, s->kernel, error);
  *ticket = ++self->submitted;
  return TERCET_OK;
}

// CUDA's own wait has no end, so its state is looked at: at once and often, then
// with longer and longer pauses.
static cuda_result wait_event(cuda *self, cuda_event event, uint64_t timeout_ns) {
  uint64_t start = tercet_port_clock_read(), pause = SLEEP_MIN_NS;
  uint64_t spin = self->options.spin_ns ? self->options.spin_ns : DEFAULT_SPIN_NS;
  for (;;) {
    cuda_result result = self->gpu.library.event_query(event);
    uint64_t gone = tercet_port_clock_read() - start;
    if (result != CUDA_NOT_READY || gone >= timeout_ns)
      return result;
    if (gone < spin)
      continue;
    struct timespec time = {0, (long)pause};
    nanosleep(&time, NULL);
    if (pause < SLEEP_MAX_NS)
      pause += pause / 4;
  }
}

// When it ran, by the CPU's clock: since the stream was idle last, which was at
// the latest when it was asked for. The base is late by what a launch takes.
static void measure(cuda *self, const slot *s, tercet_driver_completion *completion) {
  float start = 0, duration = 0;
  if (self->gpu.library.event_elapsed(&start, self->base, s->start) ||
      self->gpu.library.event_elapsed(&duration, s->start, s->end) || start < 0 || duration < 0)
    return;
  uint64_t now = tercet_port_clock_read();
  completion->start = self->base_ns + (uint64_t)((double)start * 1e6);
  uint64_t length = (uint64_t)((double)duration * 1e6);
  if (completion->start + length > now) // the base was late
    completion->start = now - length;
  completion->end = completion->start + length;
}

static tercet_status cuda_wait(void *user, uint64_t ticket, uint64_t timeout_ns,
                               tercet_driver_completion *completion, tercet_error *error) {
  cuda *self = (cuda *)user;
  if (!self->ready)
    return cuda_fail(error, TERCET_ERROR_ENGINE_LOST, "the GPU has no context");
  const slot *s = &self->slots[(ticket - 1) % SLOTS];
  tercet_status status = cuda_gpu_enter(&self->gpu, error);
  if (status) {
    end(self);
    return status;
  }
  cuda_result result = wait_event(self, s->end, timeout_ns);
  if (!result)
    measure(self, s, completion);
  cuda_gpu_leave(&self->gpu);
  if (result == CUDA_NOT_READY) {
    end(self);
    return cuda_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                     "kernel '%.60s' did not end within %llu ms; the GPU's context was ended",
                     s->kernel, (unsigned long long)timeout_ns / 1000000);
  }
  if (result)
    return fail_lost(self, "cuEventQuery", result, s->kernel, error);
  self->waited = ticket;
  if (s->refused) {
    char text[TERCET_ERROR_TEXT_BYTES];
    return cuda_fail(error, TERCET_ERROR_ENGINE_REFUSED, "kernel '%.60s' was not launched: %.100s",
                     s->kernel,
                     cuda_library_explain(&self->gpu.library, s->refused, text, sizeof text));
  }
  completion->fault = s->control->fault;
  return TERCET_OK;
}

static const tercet_driver_table table = {.version = TERCET_DRIVER_VERSION,
                                          .open = cuda_open,
                                          .alloc = cuda_alloc,
                                          .free = cuda_free,
                                          .load = cuda_load,
                                          .sync = NULL, // pinned memory is coherent
                                          .submit = cuda_submit,
                                          .wait = cuda_wait,
                                          .close = cuda_close};

// ---- Making one -------------------------------------------------------------

tercet_status tercet_cuda_create(const tercet_cuda_options *options, tercet_driver *driver) {
  if (!driver)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *driver = (tercet_driver){NULL, NULL};
  cuda *self = (cuda *)calloc(1, sizeof *self);
  if (!self)
    return TERCET_ERROR_SYSTEM_MEMORY;
  self->control_memory = TERCET_NONE;
  if (options)
    self->options = *options;
  const char *library = self->options.library ? self->options.library : "";
  if (snprintf(self->library_name, NAME_BYTES, "%s", library) >= NAME_BYTES) {
    free(self);
    return TERCET_ERROR_INVALID_ARGUMENT;
  }
  *driver = (tercet_driver){&table, self};
  return TERCET_OK;
}

void tercet_cuda_destroy(tercet_driver *driver) {
  if (!driver || !driver->self)
    return;
  cuda_close(driver->self);
  free(driver->self);
  *driver = (tercet_driver){NULL, NULL};
}

const char *tercet_cuda_log(const tercet_driver *driver) {
  return driver && driver->self ? ((const cuda *)driver->self)->gpu.log : "";
}

tercet_status tercet_cuda_query(const tercet_driver *driver, tercet_cuda_device_info *info) {
  if (!driver || !driver->self || !info)
    return TERCET_ERROR_INVALID_ARGUMENT;
  const cuda *self = (const cuda *)driver->self;
  if (!self->gpu.library.handle)
    return TERCET_ERROR_ENGINE_ABSENT;
  *info = self->gpu.info;
  return TERCET_OK;
}
