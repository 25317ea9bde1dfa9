// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver over FastRPC: a module on the NPU, which the system loads, a
// dspqueue for submissions, memory of rpcmem that is mapped on both sides. Cache
// maintenance is asked for buffer by buffer in each packet. Tested against a
// stand-in for the library; it has not been run on a device. Invariant: after a
// failure the session is closed before the call returns; memory stays, and is
// mapped again by the next load.
#include "../failure.h"
#include "fastrpc_library.h"
#include "image.h"
#include "tercet/hexagon.h"
#include "tercet/npu_window.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 256
#define MEMORIES 64u
#define COMPUTE_DOMAIN 3
#define DEFAULT_LOCAL_BYTES (8u << 20)
#define LOOK_US 100000u
#define ANY_ARCHITECTURE 99u

typedef struct memory {
  void *address; // NULL: local, or not used
  uint64_t bytes;
  uint32_t local_offset;
  int descriptor;
  int used, mapped;
} memory;

typedef struct fastrpc {
  tercet_fastrpc_options options;
  char library_name[NAME_BYTES], module[NAME_BYTES];
  tercet_driver_setup setup;
  fastrpc_library library;
  memory memories[MEMORIES];
  uint64_t local_next;
  uint64_t session; // remote handle
  int has_session;
  fastrpc_queue *queue;
  uint64_t submitted, waited;
  uint8_t *message; // room for the greatest one
  fastrpc_buffer buffers[FASTRPC_PACKET_BUFFERS_MAX];
  _Atomic int lost; // an error that the library has reported
} fastrpc;

static int domain_of(const fastrpc *self) {
  return self->options.domain ? (int)self->options.domain : COMPUTE_DOMAIN;
}

static void on_error(fastrpc_queue *queue, int error, void *user) {
  (void)queue;
  atomic_store(&((fastrpc *)user)->lost, error ? error : -1);
}

// ---- Sessions ---------------------------------------------------------------

static void end_session(fastrpc *self) {
  const fastrpc_library *library = &self->library;
  if (self->has_session && self->queue)
    library->remote_handle64_invoke(self->session, FASTRPC_SCALARS(FASTRPC_METHOD_STOP, 0, 0),
                                    NULL);
  if (self->queue)
    library->dspqueue_close(self->queue);
  self->queue = NULL;
  for (uint32_t i = 0; i < MEMORIES; ++i) {
    memory *m = &self->memories[i];
    if (m->mapped)
      library->fastrpc_munmap(domain_of(self), m->descriptor, m->address, m->bytes);
    m->mapped = 0;
  }
  if (self->has_session)
    library->remote_handle64_close(self->session);
  self->has_session = 0;
}

static tercet_status open_session(fastrpc *self, tercet_error *error) {
  const fastrpc_library *library = &self->library;
  if (!self->options.signed_only) {
    fastrpc_unsigned_module module = {domain_of(self), 1};
    int code =
        library->remote_session_control(FASTRPC_CONTROL_UNSIGNED_MODULE, &module, sizeof module);
    if (code)
      return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT,
                         "no unsigned session on domain %d: error 0x%x", domain_of(self),
                         (unsigned)code);
  }
  char uri[3 * NAME_BYTES];
  snprintf(uri, sizeof uri, "file:///lib%s_skel.so?%s_skel_handle_invoke&_modver=1.0&_dom=cdsp",
           self->module, self->module);
  int code = library->remote_handle64_open(uri, &self->session);
  if (code)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "lib%.60s_skel.so cannot be loaded: error 0x%x; is it on "
                       "ADSP_LIBRARY_PATH?",
                       self->module, (unsigned)code);
  self->has_session = 1;
  fastrpc_latency latency = {1, 0};
  library->remote_handle64_control(self->session, FASTRPC_CONTROL_LATENCY, &latency,
                                   sizeof latency); // only makes it faster
  return TERCET_OK;
}

static tercet_status map_memories(fastrpc *self, tercet_error *error) {
  for (uint32_t i = 0; i < MEMORIES; ++i) {
    memory *m = &self->memories[i];
    if (!m->used || !m->address)
      continue;
    int code = self->library.fastrpc_mmap(domain_of(self), m->descriptor, m->address, 0, m->bytes,
                                          FASTRPC_MAP_BY_DESCRIPTOR);
    if (code)
      return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                         "%llu bytes cannot be mapped on the NPU: error 0x%x",
                         (unsigned long long)m->bytes, (unsigned)code);
    m->mapped = 1;
  }
  return TERCET_OK;
}

static tercet_status start(fastrpc *self, const hexagon_image *image, tercet_error *error) {
  const fastrpc_library *library = &self->library;
  fastrpc_start_in in = {.version = TERCET_NPU_VERSION,
                         .workers = self->setup.workers,
                         .local_bytes = (uint32_t)self->setup.local_bytes,
                         .stack_bytes = (uint32_t)self->setup.stack_bytes};
  fastrpc_start_out out = {0};
  int code = library->dspqueue_create(domain_of(self), 0, 0, 0, NULL, on_error, self, &self->queue);
  if (!code)
    code = library->dspqueue_export(self->queue, &in.queue);
  if (code)
    return driver_fail(error, TERCET_ERROR_ENGINE_ABSENT, "no queue to the NPU: error 0x%x",
                       (unsigned)code);
  fastrpc_argument arguments[2] = {{&in, sizeof in}, {&out, sizeof out}};
  code = library->remote_handle64_invoke(self->session, FASTRPC_SCALARS(FASTRPC_METHOD_START, 1, 1),
                                         arguments);
  if (code)
    return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the module does not start: error 0x%x",
                       (unsigned)code);
  if (out.version != TERCET_NPU_VERSION || out.kernel_count != image->kernel_count ||
      memcmp(out.digest, image->digest, sizeof out.digest) != 0)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "lib%.60s_skel.so is of another program (version %u, %u kernels); install "
                       "the one that was made with this program",
                       self->module, out.version, out.kernel_count);
  if (out.local_bytes < self->setup.local_bytes)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "the NPU gives %u bytes of local memory, %llu are needed", out.local_bytes,
                       (unsigned long long)self->setup.local_bytes);
  return TERCET_OK;
}

static tercet_status fastrpc_load(void *user, tercet_error *error) {
  fastrpc *self = (fastrpc *)user;
  end_session(self);
  self->submitted = self->waited = 0;
  atomic_store(&self->lost, 0);
  hexagon_image image;
  tercet_status status =
      hexagon_image_check(self->setup.image, self->setup.image_bytes, ANY_ARCHITECTURE,
                          self->setup.kernel_count, &image, error);
  if (!status)
    status = open_session(self, error);
  if (!status)
    status = map_memories(self, error);
  if (!status)
    status = start(self, &image, error);
  if (status)
    end_session(self);
  return status;
}

// ---- Opening and memory -----------------------------------------------------

static void fastrpc_close(void *user) {
  fastrpc *self = (fastrpc *)user;
  if (!self->library.handle)
    return;
  end_session(self);
  for (uint32_t i = 0; i < MEMORIES; ++i)
    if (self->memories[i].address)
      self->library.rpcmem_free(self->memories[i].address);
  memset(self->memories, 0, sizeof self->memories);
  free(self->message);
  self->message = NULL;
  fastrpc_library_unload(&self->library);
}

static tercet_status fastrpc_open(void *user, const tercet_driver_setup *setup,
                                  tercet_error *error) {
  fastrpc *self = (fastrpc *)user;
  uint64_t local = self->options.local_bytes ? self->options.local_bytes : DEFAULT_LOCAL_BYTES;
  self->setup = *setup;
  self->local_next = 0;
  if (setup->isa != TERCET_ISA_HEXAGON || setup->image_format != TERCET_IMAGE_ELF)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "engine '%s' has no ELF image for Hexagon",
                       setup->engine);
  if (setup->max_operands > FASTRPC_PACKET_BUFFERS_MAX)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "a kernel has %u operands, a packet takes %u", setup->max_operands,
                       FASTRPC_PACKET_BUFFERS_MAX);
  if ((self->options.shared_bytes && setup->shared_bytes > self->options.shared_bytes) ||
      setup->local_bytes > local)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY,
                       "engine '%s' needs %llu bytes of shared and %llu of local memory",
                       setup->engine, (unsigned long long)setup->shared_bytes,
                       (unsigned long long)setup->local_bytes);
  const char *named = getenv("TERCET_CDSPRPC");
  tercet_status status = fastrpc_library_load(self->library_name[0] ? self->library_name
                                              : named && *named     ? named
                                                                    : "libcdsprpc.so",
                                              &self->library, error);
  if (status)
    return status;
  self->message = (uint8_t *)calloc(1, sizeof(tercet_npu_submission) +
                                           setup->max_operands * sizeof(tercet_npu_address) +
                                           setup->max_scalars * sizeof(int64_t));
  if (self->message)
    return TERCET_OK;
  fastrpc_close(self);
  return driver_fail(error, TERCET_ERROR_SYSTEM_MEMORY, "no memory for messages");
}

static tercet_status fastrpc_alloc(void *user, tercet_memory_kind kind, uint64_t bytes,
                                   uint32_t alignment, tercet_driver_memory *result,
                                   tercet_error *error) {
  fastrpc *self = (fastrpc *)user;
  uint32_t id = 0;
  while (id < MEMORIES && self->memories[id].used)
    ++id;
  memory *m = &self->memories[id % MEMORIES];
  uint64_t whole = (bytes + TERCET_DRIVER_PAGE - 1) & ~(uint64_t)(TERCET_DRIVER_PAGE - 1);
  if (id == MEMORIES || alignment > TERCET_DRIVER_PAGE || whole > INT32_MAX)
    return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no %llu bytes at %u for the NPU",
                       (unsigned long long)bytes, alignment);
  *m = (memory){.bytes = whole, .descriptor = -1, .used = 1};
  if (kind == TERCET_MEMORY_LOCAL) {
    m->local_offset = (uint32_t)self->local_next;
    self->local_next += whole;
  } else {
    m->address = self->library.rpcmem_alloc(FASTRPC_HEAP_SYSTEM, FASTRPC_CACHED, (int)whole);
    m->descriptor = m->address ? self->library.rpcmem_to_fd(m->address) : -1;
    if (m->descriptor < 0) {
      if (m->address)
        self->library.rpcmem_free(m->address);
      *m = (memory){0};
      return driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "rpcmem has no %llu bytes for the NPU",
                         (unsigned long long)bytes);
    }
    memset(m->address, 0, whole);
  }
  *result = (tercet_driver_memory){id, m->address};
  return TERCET_OK;
}

static void fastrpc_free(void *user, uint32_t id) {
  fastrpc *self = (fastrpc *)user;
  memory *m = &self->memories[id];
  if (m->mapped)
    self->library.fastrpc_munmap(domain_of(self), m->descriptor, m->address, m->bytes);
  if (m->address)
    self->library.rpcmem_free(m->address);
  *m = (memory){0};
}

// ---- Running ----------------------------------------------------------------

static tercet_status fail_lost(fastrpc *self, const char *call, int code, tercet_error *error) {
  end_session(self);
  return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "%s: error 0x%x", call, (unsigned)code);
}

// The packet's message and buffers; the number of buffers.
static uint32_t write_packet(fastrpc *self, const tercet_driver_submission *submission,
                             uint32_t *bytes) {
  tercet_npu_submission header = {.sequence = (uint32_t)self->submitted + 1,
                                  .kernel = submission->kernel,
                                  .grain = submission->grain,
                                  .operand_count = submission->operand_count,
                                  .scalar_count = submission->scalar_count,
                                  .scratch = {0, TERCET_NONE},
                                  .scratch_stride = submission->scratch_stride};
  memcpy(header.grid, submission->grid, sizeof header.grid);
  if (submission->scratch_memory != TERCET_NONE)
    header.scratch =
        (tercet_npu_address){1, self->memories[submission->scratch_memory].local_offset +
                                    (uint32_t)submission->scratch_offset};
  memcpy(self->message, &header, sizeof header);
  uint8_t *next = self->message + sizeof header;
  uint32_t count = 0;
  for (uint32_t i = 0; i < submission->operand_count; ++i, next += sizeof(tercet_npu_address)) {
    const tercet_driver_operand *operand = &submission->operands[i];
    const memory *m = &self->memories[operand->memory];
    tercet_npu_address address = {1, m->local_offset + (uint32_t)operand->offset};
    if (m->address) {
      address = (tercet_npu_address){0, count};
      self->buffers[count++] =
          (fastrpc_buffer){.descriptor = (uint32_t)m->descriptor,
                           .bytes = (uint32_t)operand->bytes,
                           .offset = (uint32_t)operand->offset,
                           // Written ones too: no old line may be written back later.
                           .flags = FASTRPC_FLUSH_SENDER | FASTRPC_INVALIDATE_RECIPIENT,
                           .pointer = (unsigned char *)m->address + operand->offset};
    }
    memcpy(next, &address, sizeof address);
  }
  if (submission->scalar_count)
    memcpy(next, submission->scalars, submission->scalar_count * sizeof(int64_t));
  *bytes = (uint32_t)(next - self->message) + submission->scalar_count * (uint32_t)sizeof(int64_t);
  return count;
}

static tercet_status fastrpc_submit(void *user, const tercet_driver_submission *submission,
                                    uint64_t *ticket, tercet_error *error) {
  fastrpc *self = (fastrpc *)user;
  if (!self->queue)
    return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the NPU has no session");
  if (atomic_load(&self->lost))
    return fail_lost(self, "the NPU's session has ended", atomic_load(&self->lost), error);
  if (self->submitted - self->waited == TERCET_NPU_RING)
    return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "the queue is full");
  uint32_t bytes;
  uint32_t count = write_packet(self, submission, &bytes);
  uint32_t flags = FASTRPC_PACKET_MESSAGE | (count ? FASTRPC_PACKET_BUFFERS : 0);
  int code = self->library.dspqueue_write(self->queue, flags, count, self->buffers, bytes,
                                          self->message, 0);
  if (code == FASTRPC_WOULD_BLOCK || code == FASTRPC_EXPIRED)
    return self->submitted == self->waited
               ? fail_lost(self, "an empty queue takes no packet", code, error)
               : driver_fail(error, TERCET_ERROR_ENGINE_FULL, "the queue is full");
  if (code)
    return fail_lost(self, "dspqueue_write", code, error);
  *ticket = ++self->submitted;
  return TERCET_OK;
}

static tercet_status fastrpc_wait(void *user, uint64_t ticket, uint64_t timeout_ns,
                                  tercet_driver_completion *completion, tercet_error *error) {
  fastrpc *self = (fastrpc *)user;
  if (!self->queue)
    return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "the NPU has no session");
  tercet_npu_completion done = {0};
  fastrpc_buffer buffers[FASTRPC_PACKET_BUFFERS_MAX];
  uint64_t start_ns = tercet_port_clock_read();
  for (;;) {
    uint32_t flags, count, bytes = 0;
    uint64_t gone = tercet_port_clock_read() - start_ns;
    uint64_t left_us = gone < timeout_ns ? (timeout_ns - gone) / 1000 + 1 : 0;
    int code = self->library.dspqueue_read(self->queue, &flags, FASTRPC_PACKET_BUFFERS_MAX, &count,
                                           buffers, sizeof done, &bytes, (uint8_t *)&done,
                                           left_us < LOOK_US ? (uint32_t)left_us : LOOK_US);
    if (!code && bytes == sizeof done)
      break;
    if (!code)
      return fail_lost(self, "an answer of another size", (int)bytes, error);
    if (atomic_load(&self->lost))
      return fail_lost(self, "the NPU's session has ended", atomic_load(&self->lost), error);
    if (code != FASTRPC_EXPIRED && code != FASTRPC_INTERRUPTED && code != FASTRPC_WOULD_BLOCK)
      return fail_lost(self, "dspqueue_read", code, error);
    if (!left_us) {
      end_session(self);
      return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                         "no answer to a submission within %llu ms; the session was closed",
                         (unsigned long long)timeout_ns / 1000000);
    }
  }
  self->waited = ticket;
  if (done.sequence != (uint32_t)ticket || done.status)
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED,
                       "the NPU answered submission %llu with status %u (as number %u)",
                       (unsigned long long)ticket, done.status, done.sequence);
  // Its clock is another one: start and end stay unknown.
  completion->packets = done.packets;
  completion->packets_of_one = done.packets_of_one;
  completion->vector_instructions = done.vector_instructions;
  completion->fault = done.fault;
  return TERCET_OK;
}

static const tercet_driver_table table = {.version = TERCET_DRIVER_VERSION,
                                          .open = fastrpc_open,
                                          .alloc = fastrpc_alloc,
                                          .free = fastrpc_free,
                                          .load = fastrpc_load,
                                          .sync = NULL, // in the packets
                                          .submit = fastrpc_submit,
                                          .wait = fastrpc_wait,
                                          .close = fastrpc_close};

// ---- Making one -------------------------------------------------------------

tercet_status tercet_fastrpc_create(const tercet_fastrpc_options *options, tercet_driver *driver) {
  if (!driver)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *driver = (tercet_driver){NULL, NULL};
  fastrpc *self = (fastrpc *)calloc(1, sizeof *self);
  if (!self)
    return TERCET_ERROR_SYSTEM_MEMORY;
  if (options)
    self->options = *options;
  const char *library = self->options.library ? self->options.library : "";
  const char *module = self->options.module ? self->options.module : "tercet";
  if (snprintf(self->library_name, NAME_BYTES, "%s", library) >= NAME_BYTES ||
      snprintf(self->module, NAME_BYTES, "%s", module) >= NAME_BYTES) {
    free(self);
    return TERCET_ERROR_INVALID_ARGUMENT;
  }
  *driver = (tercet_driver){&table, self};
  return TERCET_OK;
}

void tercet_fastrpc_destroy(tercet_driver *driver) {
  if (!driver || !driver->self)
    return;
  fastrpc_close(driver->self);
  free(driver->self);
  *driver = (tercet_driver){NULL, NULL};
}
