// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver over CUDA: submissions, alone or in segments, are launches on one
// stream, and events tell when they were done. Invariants: they are in the order
// of the stream; after a failure the context has ended before the call returns, so
// that nothing of it writes memory later; what a launch refuses is told by its
// wait.
#define _DEFAULT_SOURCE
#include "tercet/cuda.h"
#include "../failure.h"
#include "segment.h"
#include "tercet/port.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_BYTES 256
#define BATCHES 64u // in hand
#define DEFAULT_SPIN_NS 50000u
#define SLEEP_MIN_NS 20000u
#define SLEEP_MAX_NS 500000u

// What was handed over at once: a segment, or one submission.
typedef struct batch {
  uint64_t first; // ticket
  uint32_t count;
  uint32_t segment; // TERCET_NONE: one submission, and what follows is of it
  uint32_t kernel;
  cuda_event start, end;
  tercet_cuda_control *control;
  cuda_address device; // of the control block
  cuda_result refused; // what the launch said
} batch;

typedef struct cuda {
  tercet_cuda_options options;
  char library_name[NAME_BYTES];
  tercet_driver_setup setup;
  cuda_gpu gpu;
  cuda_segments segments;
  batch batches[BATCHES];
  uint32_t first, in_hand; // batches
  uint64_t tickets;        // given out
  uint64_t *parameters;    // of one launch
  cuda_event base;         // when the stream was idle last, about base_ns
  uint64_t base_ns;
  int ready;
} cuda;

// ---- Opening and memory -----------------------------------------------------

static void end(cuda *self) {
  cuda_gpu_end(&self->gpu); // events and graphs go with it
  cuda_segments_clear(&self->segments);
  for (uint32_t i = 0; i < BATCHES; ++i)
    self->batches[i].start = self->batches[i].end = NULL;
  self->base = NULL;
  self->first = self->in_hand = 0;
  self->ready = 0;
}

static void cuda_close(void *user) {
  cuda *self = (cuda *)user;
  end(self);
  cuda_gpu_close(&self->gpu);
  self->segments.controls = (cuda_controls){.count = 0};
  free(self->parameters);
  self->parameters = NULL;
}

static tercet_status cuda_open(void *user, const tercet_driver_setup *setup, tercet_error *error) {
  cuda *self = (cuda *)user;
  self->setup = *setup;
  self->tickets = 0;
  if (setup->image_format != TERCET_IMAGE_CUDA)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "engine '%s' has no image for CUDA",
                       setup->engine);
  if (setup->max_operands > TERCET_CUDA_OPERANDS_MAX)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "a kernel has %u operands, CUDA takes %u",
                       setup->max_operands, TERCET_CUDA_OPERANDS_MAX);
  const char *named = getenv("TERCET_LIBCUDA");
  tercet_status status = cuda_gpu_find(&self->gpu,
                                       self->library_name[0] ? self->library_name
                                       : named && *named     ? named
                                                             : "libcuda.so.1",
                                       self->options.device, error);
  uint64_t wanted = setup->local_bytes + (self->gpu.info.integrated ? setup->shared_bytes : 0);
  if (!status && wanted > self->gpu.info.bytes)
    status = driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                         "engine '%.40s' needs %llu bytes of memory, '%.60s' has %llu",
                         setup->engine, (unsigned long long)wanted, self->gpu.info.name,
                         (unsigned long long)self->gpu.info.bytes);
  self->parameters =
      status ? NULL : (uint64_t *)calloc(setup->max_operands + 1u, sizeof *self->parameters);
  if (!status && !self->parameters)
    status = driver_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for parameters");
  if (!status)
    status = cuda_gpu_enter(&self->gpu, error);
  if (status)
    cuda_close(self);
  else
    cuda_gpu_leave(&self->gpu);
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

static tercet_status cuda_import(void *user, void *address, uint64_t bytes, uint32_t access,
                                 tercet_driver_memory *memory, tercet_error *error) {
  cuda *self = (cuda *)user;
  uint32_t id = 0;
  if (access == TERCET_ACCESS_READ) // pinned memory is far, or not cached
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED, "constants belong in the GPU's memory");
  tercet_status status = cuda_gpu_enter(&self->gpu, error);
  if (status)
    return status;
  status = cuda_gpu_import(&self->gpu, address, bytes, &id, error);
  cuda_gpu_leave(&self->gpu);
  if (!status)
    *memory = (tercet_driver_memory){id, address};
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

static tercet_status make_batches(cuda *self, tercet_error *error) {
  cuda_gpu *gpu = &self->gpu;
  cuda_result result = gpu->library.event_create(&self->base, 0);
  tercet_status status = TERCET_OK;
  for (uint32_t i = 0; i < BATCHES && !result && !status; ++i) {
    batch *b = &self->batches[i];
    status = cuda_controls_take(gpu, &self->segments.controls, self->setup.max_scalars, &b->control,
                                &b->device, error);
    result = gpu->library.event_create(&b->start, 0);
    if (!result)
      result = gpu->library.event_create(&b->end, 0);
  }
  return result ? cuda_gpu_fail(gpu, TERCET_ERROR_ENGINE_LOST, "cuEventCreate", result, error)
                : status;
}

static tercet_status cuda_load(void *user, tercet_error *error) {
  cuda *self = (cuda *)user;
  cuda_gpu *gpu = &self->gpu;
  if (self->ready) // only what has been loaded may have run
    end(self);
  tercet_status status = cuda_image_check(self->setup.image, self->setup.image_bytes,
                                          self->setup.kernel_count, &gpu->image, error);
  if (!status)
    status = cuda_gpu_enter(gpu, error);
  if (status)
    return status;
  status = cuda_gpu_load(gpu, error);
  if (!status)
    status = make_batches(self, error);
  cuda_gpu_leave(gpu);
  if (status)
    end(self);
  self->ready = !status;
  return status;
}

static tercet_status cuda_record(void *user, const tercet_driver_place *place,
                                 const tercet_driver_submission *submission,
                                 const uint32_t *scalar_refs, tercet_error *error) {
  cuda *self = (cuda *)user;
  tercet_status status = self->ready ? cuda_gpu_enter(&self->gpu, error)
                                     : driver_fail(error, TERCET_ERROR_ENGINE_LOST, "not loaded");
  if (status)
    return status;
  status = cuda_segments_record(&self->segments, &self->gpu, place, submission, scalar_refs, error);
  cuda_gpu_leave(&self->gpu);
  if (status)
    end(self);
  return status;
}

// ---- Running ----------------------------------------------------------------

static tercet_status fail_lost(cuda *self, const char *call, cuda_result result, const char *kernel,
                               tercet_error *error) {
  char text[TERCET_ERROR_TEXT_BYTES], name[60];
  cuda_library_explain(&self->gpu.library, result, text, sizeof text);
  snprintf(name, sizeof name, "%s", kernel);
  end(self);
  return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "%s at kernel '%.50s': %.100s", call, name,
                     text);
}

// Room for a batch, with the context current.
static tercet_status enter(cuda *self, tercet_error *error) {
  if (!self->ready)
    return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the GPU has no context");
  if (self->in_hand == BATCHES)
    return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "%u submissions are in hand", BATCHES);
  tercet_status status = cuda_gpu_enter(&self->gpu, error);
  if (status)
    end(self);
  return status;
}

// Times are counted from when the stream was idle last.
static cuda_result note_base(cuda *self) {
  if (self->in_hand)
    return CUDA_OK;
  self->base_ns = tercet_port_clock_read();
  return self->gpu.library.event_record(self->base, self->gpu.stream);
}

static cuda_result start_one(cuda *self, const tercet_driver_submission *submission, batch *b) {
  const cuda_memory *memories = self->gpu.memories;
  const tercet_driver_operand *o = submission->operands;
  if (submission->kernel == TERCET_DRIVER_COPY)
    return self->gpu.library.memory_copy(memories[o[1].memory].device + o[1].offset,
                                         memories[o[0].memory].device + o[0].offset,
                                         (size_t)submission->scalars[0], self->gpu.stream);
  cuda_launch launch = {.parameters = self->parameters};
  cuda_result result = cuda_launch_make(&self->gpu, submission, b->device, &launch);
  if (result)
    return result;
  if (submission->scalar_count)
    memcpy(b->control->scalars, submission->scalars,
           submission->scalar_count * sizeof *submission->scalars);
  return cuda_launch_start(&self->gpu, &launch);
}

static tercet_status cuda_submit(void *user, const tercet_driver_submission *submission,
                                 uint64_t *ticket, tercet_error *error) {
  cuda *self = (cuda *)user;
  const cuda_library *library = &self->gpu.library;
  tercet_status status = enter(self, error);
  if (status)
    return status;
  batch *b = &self->batches[(self->first + self->in_hand) % BATCHES];
  b->segment = TERCET_NONE;
  b->count = 1;
  b->kernel = submission->kernel;
  b->control->fault = 0;
  const char *call = "cuEventRecord";
  cuda_result result = note_base(self);
  if (!result)
    result = library->event_record(b->start, self->gpu.stream);
  if (!result) {
    call = b->kernel == TERCET_DRIVER_COPY ? "cuMemcpyAsync" : "cuLaunchKernel";
    b->refused = start_one(self, submission, b);
    if (!cuda_launch_is_refusal(b->refused))
      result = b->refused;
  }
  if (!result)
    call = "cuEventRecord", result = library->event_record(b->end, self->gpu.stream);
  cuda_gpu_leave(&self->gpu);
  if (result)
    return fail_lost(self, call, result, cuda_launch_name(&self->gpu, b->kernel), error);
  ++self->in_hand;
  *ticket = b->first = ++self->tickets;
  return TERCET_OK;
}

static tercet_status cuda_resubmit(void *user, uint32_t number, const int64_t *values,
                                   uint32_t measure, uint64_t *ticket, tercet_error *error) {
  cuda *self = (cuda *)user;
  tercet_status status = enter(self, error);
  if (status)
    return status;
  batch *b = &self->batches[(self->first + self->in_hand) % BATCHES];
  cuda_segment *segment = &self->segments.list[number];
  b->segment = number;
  b->count = segment->count;
  b->kernel = segment->steps->launch.kernel;
  b->refused = CUDA_OK;
  const char *call = "cuEventRecord";
  cuda_result result = measure ? note_base(self) : CUDA_OK;
  if (!result)
    result = cuda_segment_start(segment, &self->gpu, values, measure != 0, &call);
  cuda_gpu_leave(&self->gpu);
  if (result)
    return fail_lost(self, call, result, cuda_launch_name(&self->gpu, b->kernel), error);
  ++self->in_hand;
  *ticket = b->first = self->tickets + 1;
  self->tickets += b->count;
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
static void measure(cuda *self, cuda_event from, cuda_event to,
                    tercet_driver_completion *completion) {
  float start = 0, duration = 0;
  if (self->gpu.library.event_elapsed(&start, self->base, from) ||
      self->gpu.library.event_elapsed(&duration, from, to) || start < 0 || duration < 0)
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
    return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the GPU has no context");
  batch *b = &self->batches[self->first];
  uint32_t index = (uint32_t)(ticket - b->first), kernel = b->kernel;
  cuda_segment *segment = b->segment == TERCET_NONE ? NULL : &self->segments.list[b->segment];
  cuda_step *step = segment ? &segment->steps[index] : NULL;
  const tercet_cuda_control *control = step ? step->control : b->control;
  cuda_event event = step ? cuda_segment_event(segment, index) : b->end;
  if (step)
    kernel = step->launch.kernel;
  cuda_result result = CUDA_OK;
  if (event) {
    tercet_status status = cuda_gpu_enter(&self->gpu, error);
    if (status) {
      end(self);
      return status;
    }
    result = wait_event(self, event, timeout_ns);
    if (!result && !step)
      measure(self, b->start, b->end, completion);
    else if (!result && segment->is_measured)
      measure(self, step->start, step->end, completion);
    else if (!result)
      segment->pieces[step->piece].is_known = 1;
    cuda_gpu_leave(&self->gpu);
  }
  const char *name = cuda_launch_name(&self->gpu, kernel);
  if (result == CUDA_NOT_READY) {
    end(self);
    return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                       "kernel '%.60s' did not end within %llu ms; the GPU's context was ended",
                       name, (unsigned long long)timeout_ns / 1000000);
  }
  if (result)
    return fail_lost(self, "cuEventQuery", result, name, error);
  if (index + 1 == b->count) {
    self->first = (self->first + 1) % BATCHES;
    --self->in_hand;
  }
  if (b->refused) {
    char text[TERCET_ERROR_TEXT_BYTES];
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED,
                       "kernel '%.60s' was not launched: %.100s", name,
                       cuda_library_explain(&self->gpu.library, b->refused, text, sizeof text));
  }
  completion->fault = control->fault;
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
                                          .close = cuda_close,
                                          .record = cuda_record,
                                          .resubmit = cuda_resubmit,
                                          .import = cuda_import};

// ---- Making one -------------------------------------------------------------

tercet_status tercet_cuda_create(const tercet_cuda_options *options, tercet_driver *driver) {
  if (!driver)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *driver = (tercet_driver){NULL, NULL};
  cuda *self = (cuda *)calloc(1, sizeof *self);
  if (!self)
    return TERCET_ERROR_SYSTEM_MEMORY;
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
