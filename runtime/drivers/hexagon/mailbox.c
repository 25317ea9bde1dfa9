// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver over qemu-hexagon: an image in a process of its own, a window of
// memory that both map, a ring of submissions in it. Invariants: a process that
// has been lost, or was too slow, is ended before the call that found out
// returns, so that nothing runs behind the application's back; memory outlives
// the process, so that another one can take over.
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "../failure.h"
#include "image.h"
#include "tercet/hexagon.h"
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include "process.h"
#include "window.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 4096
#define DEFAULT_START_NS UINT64_C(10000000000)
#define DEFAULT_SPIN_NS 20000u
#define DEFAULT_ARCHITECTURE 67u

typedef struct mailbox {
  tercet_mailbox_options options;
  char qemu[NAME_BYTES], image_path[NAME_BYTES];
  tercet_driver_setup setup;
  hexagon_window window;
  hexagon_process *process;
  cpu_set_t cores; // of who made the driver; who attaches may be tied to one
  int has_cores;
} mailbox;

static int process_has_ended(void *user) {
  const mailbox *self = (const mailbox *)user;
  return !self->process || hexagon_process_has_ended(self->process);
}

static void process_ended(void *user) { hexagon_window_wake(&((mailbox *)user)->window); }

static void end_process(mailbox *self) {
  hexagon_process_end(self->process);
  self->process = NULL;
}

// For a process that has ended by itself; forgets it.
static tercet_status fail_lost(mailbox *self, tercet_error *error) {
  char how[TERCET_ERROR_TEXT_BYTES] = "the NPU's process does not run";
  if (self->process)
    hexagon_process_describe(self->process, how, sizeof how);
  end_process(self);
  return driver_fail(error, TERCET_ERROR_ENGINE_LOST, "%s", how);
}

// ---- Opening ----------------------------------------------------------------

static tercet_status mailbox_open(void *user, const tercet_driver_setup *setup,
                                  tercet_error *error) {
  mailbox *self = (mailbox *)user;
  self->setup = *setup;
  if (setup->isa != TERCET_ISA_HEXAGON || setup->image_format != TERCET_IMAGE_ELF)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "engine '%s' has no ELF image for Hexagon",
                       setup->engine);
  return hexagon_window_open(&self->window, setup, self->options.window_bytes,
                             self->options.local_bytes, error);
}

static tercet_status mailbox_alloc(void *user, tercet_memory_kind kind, uint64_t bytes,
                                   uint32_t alignment, tercet_driver_memory *memory,
                                   tercet_error *error) {
  return hexagon_window_alloc(&((mailbox *)user)->window, kind, bytes, alignment, memory, error);
}

static void mailbox_free(void *user, uint32_t memory) {
  hexagon_window_free(&((mailbox *)user)->window, memory);
}

static void mailbox_close(void *user) {
  mailbox *self = (mailbox *)user;
  end_process(self);
  hexagon_window_close(&self->window);
}

// ---- Loading ----------------------------------------------------------------

// A descriptor of a file with the image that is to be run; -1 on failure.
static int open_image(const mailbox *self, tercet_error *error) {
  if (self->image_path[0]) {
    int descriptor = open(self->image_path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      driver_fail(error, TERCET_ERROR_ENGINE_IMAGE, "cannot open '%.100s': %s", self->image_path,
                  strerror(errno));
    return descriptor;
  }
  int descriptor = memfd_create("tercet-npu-image", MFD_CLOEXEC);
  const unsigned char *bytes = (const unsigned char *)self->setup.image;
  uint64_t left = self->setup.image_bytes;
  while (descriptor >= 0 && left) {
    ssize_t written = write(descriptor, bytes, left);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      close(descriptor);
      descriptor = -1;
      break;
    }
    bytes += written;
    left -= (uint64_t)written;
  }
  if (descriptor < 0)
    driver_fail(error, TERCET_ERROR_ENGINE_MEMORY, "no memory for the NPU's image: %s",
                strerror(errno));
  return descriptor;
}

static tercet_status start(mailbox *self, tercet_error *error) {
  int image = open_image(self, error);
  if (image < 0)
    return error->status;
  const char *named = getenv("TERCET_QEMU_HEXAGON");
  const hexagon_process_options options = {.program = self->qemu[0]     ? self->qemu
                                                      : named && *named ? named
                                                                        : "qemu-hexagon",
                                           .argument = "/proc/self/fd/4",
                                           .descriptors = {self->window.descriptor, image},
                                           .cores = self->has_cores ? &self->cores : NULL,
                                           .cores_bytes = sizeof self->cores,
                                           .ended = process_ended,
                                           .user = self};
  hexagon_window_restart(&self->window);
  tercet_status status = hexagon_process_start(&options, &self->process, error);
  close(image);
  return status;
}

static tercet_status await_ready(mailbox *self, tercet_error *error) {
  const tercet_npu_window *page = self->window.page;
  uint64_t limit = self->options.start_timeout_ns;
  uint32_t state =
      hexagon_window_wait(&self->window, &page->state, TERCET_NPU_STARTING,
                          tercet_port_clock_read() + limit, 0, process_has_ended, self);
  if (state == TERCET_NPU_READY)
    return TERCET_OK;
  if (state == TERCET_NPU_REFUSED)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU's image refused to start, reason %u", page->refusal);
  if (process_has_ended(self))
    return fail_lost(self, error);
  return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                     "the NPU's image has not answered within %llu ms",
                     (unsigned long long)limit / 1000000);
}

// What answers must be what the program's image is.
static tercet_status check_answer(const mailbox *self, const hexagon_image *image,
                                  tercet_error *error) {
  const tercet_npu_window *page = self->window.page;
  if (page->kernel_count != image->kernel_count)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU answers with %u kernels, the program's image has %u",
                       page->kernel_count, image->kernel_count);
  if (memcmp(page->digest, image->digest, sizeof image->digest) != 0)
    return driver_fail(error, TERCET_ERROR_ENGINE_IMAGE,
                       "the NPU answers with the digest of another image");
  return TERCET_OK;
}

static tercet_status mailbox_load(void *user, tercet_error *error) {
  mailbox *self = (mailbox *)user;
  end_process(self);
  hexagon_image image;
  tercet_status status =
      hexagon_image_check(self->setup.image, self->setup.image_bytes, self->options.architecture,
                          self->setup.kernel_count, &image, error);
  if (!status)
    status = start(self, error);
  if (!status)
    status = await_ready(self, error);
  if (!status)
    status = check_answer(self, &image, error);
  if (status)
    end_process(self);
  return status;
}

// ---- Running ----------------------------------------------------------------

static tercet_status mailbox_submit(void *user, const tercet_driver_submission *submission,
                                    uint64_t *ticket, tercet_error *error) {
  mailbox *self = (mailbox *)user;
  if (process_has_ended(self))
    return fail_lost(self, error);
  if (hexagon_window_submit(&self->window, submission))
    return driver_fail(error, TERCET_ERROR_ENGINE_FULL, "the ring is full");
  *ticket = self->window.submitted;
  return TERCET_OK;
}

static tercet_status read_completion(const mailbox *self, uint32_t number,
                                     tercet_driver_completion *completion, tercet_error *error) {
  tercet_npu_completion done;
  memcpy(&done, &self->window.page->completions[(number - 1) % TERCET_NPU_RING], sizeof done);
  if (done.sequence != number || done.status)
    return driver_fail(error, TERCET_ERROR_ENGINE_REFUSED,
                       "the NPU answered submission %u with status %u (as number %u)", number,
                       done.status, done.sequence);
  *completion = (tercet_driver_completion){.start = done.start,
                                           .end = done.end,
                                           .packets = done.packets,
                                           .packets_of_one = done.packets_of_one,
                                           .vector_instructions = done.vector_instructions,
                                           .fault = done.fault};
  return TERCET_OK;
}

static tercet_status mailbox_wait(void *user, uint64_t ticket, uint64_t timeout_ns,
                                  tercet_driver_completion *completion, tercet_error *error) {
  mailbox *self = (mailbox *)user;
  const uint32_t *word = &self->window.page->completed;
  uint32_t number = (uint32_t)ticket;
  uint64_t now = tercet_port_clock_read();
  uint64_t deadline = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
  uint32_t completed = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  while ((int32_t)(completed - number) < 0) {
    uint32_t seen = completed;
    completed = hexagon_window_wait(&self->window, word, seen, deadline, self->options.spin_ns,
                                    process_has_ended, self);
    if (completed != seen)
      continue;
    if (process_has_ended(self))
      return fail_lost(self, error);
    end_process(self);
    return driver_fail(error, TERCET_ERROR_ENGINE_TIMEOUT,
                       "no answer to a submission within %llu ms; the NPU's process was ended",
                       (unsigned long long)timeout_ns / 1000000);
  }
  self->window.waited = ticket;
  return read_completion(self, number, completion, error);
}

static const tercet_driver_table table = {.version = TERCET_DRIVER_VERSION,
                                          .open = mailbox_open,
                                          .alloc = mailbox_alloc,
                                          .free = mailbox_free,
                                          .load = mailbox_load,
                                          .sync = NULL, // one machine, coherent
                                          .submit = mailbox_submit,
                                          .wait = mailbox_wait,
                                          .close = mailbox_close};

// ---- Making one -------------------------------------------------------------

static int keep(char *kept, const char *text) {
  return !text || snprintf(kept, NAME_BYTES, "%s", text) < NAME_BYTES;
}

tercet_status tercet_mailbox_create(const tercet_mailbox_options *options, tercet_driver *driver) {
  if (!driver)
    return TERCET_ERROR_INVALID_ARGUMENT;
  *driver = (tercet_driver){NULL, NULL};
  mailbox *self = (mailbox *)calloc(1, sizeof *self);
  if (!self)
    return TERCET_ERROR_SYSTEM_MEMORY;
  if (options)
    self->options = *options;
  if (!keep(self->qemu, self->options.qemu) || !keep(self->image_path, self->options.image)) {
    free(self);
    return TERCET_ERROR_INVALID_ARGUMENT;
  }
  if (!self->options.start_timeout_ns)
    self->options.start_timeout_ns = DEFAULT_START_NS;
  if (!self->options.spin_ns)
    self->options.spin_ns = DEFAULT_SPIN_NS;
  if (!self->options.architecture)
    self->options.architecture = DEFAULT_ARCHITECTURE;
  self->has_cores = !sched_getaffinity(0, sizeof self->cores, &self->cores);
  *driver = (tercet_driver){&table, self};
  return TERCET_OK;
}

void tercet_mailbox_destroy(tercet_driver *driver) {
  if (!driver || !driver->self)
    return;
  mailbox_close(driver->self);
  free(driver->self);
  *driver = (tercet_driver){NULL, NULL};
}

int tercet_mailbox_process(const tercet_driver *driver) {
  const mailbox *self = driver ? (const mailbox *)driver->self : NULL;
  return self && self->process ? hexagon_process_id(self->process) : 0;
}

#else // no memfd, no death signal

tercet_status tercet_mailbox_create(const tercet_mailbox_options *options, tercet_driver *driver) {
  (void)options;
  if (driver)
    *driver = (tercet_driver){NULL, NULL};
  return TERCET_ERROR_ENGINE_ABSENT;
}

void tercet_mailbox_destroy(tercet_driver *driver) { (void)driver; }

int tercet_mailbox_process(const tercet_driver *driver) { return (void)driver, 0; }

#endif
