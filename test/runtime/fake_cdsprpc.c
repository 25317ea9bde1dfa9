// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stand-in for libcdsprpc.so with a module in it: the functions that the
// FastRPC driver calls, with the checks that the real ones make, and a thread in
// place of the NPU, whose kernel 0 adds words and whose others report a fault.
// The control block is for the test.
#define _GNU_SOURCE
#include "fake_cdsprpc.h"
#include "../../runtime/drivers/hexagon/fastrpc_library.h"
#include "tercet/npu_window.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { NO_MEMORY = 2, BAD_PARAMETER = 14, BAD_SIZE = 0x4D, NO_MAP = 0x48, BLOCKS = 64 };

fake_cdsprpc fake_control;

static struct block {
  unsigned char *address;
  size_t bytes;
  int descriptor, mapped;
} blocks[BLOCKS];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct fastrpc_queue {
  pthread_t thread;
  int started, stopping;
  fastrpc_callback error;
  void *user;
  struct packet {
    uint8_t message[4096];
    fastrpc_buffer buffers[64];
    uint32_t bytes, count;
  } requests[8];
  uint32_t written, taken; // requests
  tercet_npu_completion answers[64];
  uint32_t answered, read;
};

static int fails(const char *name) {
  return fake_control.failing && strcmp(fake_control.failing, name) == 0;
}

// ---- Memory -----------------------------------------------------------------

static struct block *find(const void *address, int descriptor) {
  for (int i = 0; i < BLOCKS; ++i)
    if (blocks[i].address &&
        (address ? blocks[i].address == address : blocks[i].descriptor == descriptor))
      return &blocks[i];
  return NULL;
}

void *rpcmem_alloc(int heap, uint32_t flags, int bytes) {
  (void)flags;
  if (heap != FASTRPC_HEAP_SYSTEM || fails("rpcmem_alloc"))
    return NULL;
  int descriptor = memfd_create("fake-rpcmem", MFD_CLOEXEC);
  void *address = MAP_FAILED;
  if (descriptor >= 0 && !ftruncate(descriptor, bytes))
    address = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  for (int i = 0; address != MAP_FAILED && i < BLOCKS; ++i)
    if (!blocks[i].address) {
      blocks[i] = (struct block){(unsigned char *)address, (size_t)bytes, descriptor, 0};
      ++fake_control.memories;
      return address;
    }
  return NULL;
}

void rpcmem_free(void *address) {
  struct block *block = find(address, -1);
  munmap(block->address, block->bytes);
  close(block->descriptor);
  block->address = NULL;
  --fake_control.memories;
}

int rpcmem_to_fd(void *address) {
  struct block *block = find(address, -1);
  return block ? block->descriptor : -1;
}

int fastrpc_mmap(int domain, int descriptor, void *address, int offset, size_t bytes, int flags) {
  struct block *block = find(address, -1);
  if (fails("fastrpc_mmap"))
    return BAD_SIZE;
  if (domain != 3 || !block || block->descriptor != descriptor || offset || bytes > block->bytes ||
      flags != FASTRPC_MAP_BY_DESCRIPTOR || block->mapped || !fake_control.sessions)
    return BAD_PARAMETER;
  block->mapped = 1;
  ++fake_control.mappings;
  return 0;
}

int fastrpc_munmap(int domain, int descriptor, void *address, size_t bytes) {
  (void)domain, (void)bytes;
  struct block *block = find(address, -1);
  if (!block || !block->mapped || block->descriptor != descriptor)
    return BAD_PARAMETER;
  block->mapped = 0;
  --fake_control.mappings;
  return 0;
}

// ---- The module -------------------------------------------------------------

static tercet_npu_completion run(const struct packet *packet) {
  tercet_npu_submission submission;
  memcpy(&submission, packet->message, sizeof submission);
  tercet_npu_completion done = {.sequence = submission.sequence, .packets = 1000};
  const tercet_npu_address *operands =
      (const tercet_npu_address *)(const void *)(packet->message + sizeof submission);
  if (fake_control.refuses)
    done.status = TERCET_NPU_BAD_SLOT;
  else if (submission.kernel)
    done.fault = submission.kernel;
  else
    for (uint32_t i = 0; i < submission.grid[0] * 256; ++i) {
      const int32_t *a = (const int32_t *)packet->buffers[operands[0].offset].pointer;
      const int32_t *b = (const int32_t *)packet->buffers[operands[1].offset].pointer;
      ((int32_t *)packet->buffers[operands[2].offset].pointer)[i] = a[i] + b[i];
    }
  return done;
}

static void *serve(void *argument) {
  fastrpc_queue *queue = (fastrpc_queue *)argument;
  pthread_mutex_lock(&mutex);
  while (!queue->stopping) {
    if (queue->taken == queue->written || fake_control.hangs) {
      pthread_cond_wait(&changed, &mutex);
      continue;
    }
    if (fake_control.dies) {
      ++queue->taken;
      pthread_mutex_unlock(&mutex);
      queue->error(queue, 0x68, queue->user);
      pthread_mutex_lock(&mutex);
      continue;
    }
    queue->answers[queue->answered % 64] = run(&queue->requests[queue->taken % 8]);
    ++queue->taken;
    ++queue->answered;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static fastrpc_queue *exported;

int remote_session_control(uint32_t request, void *data, uint32_t bytes) {
  if (fails("remote_session_control") || request != FASTRPC_CONTROL_UNSIGNED_MODULE ||
      bytes != sizeof(fastrpc_unsigned_module) || ((fastrpc_unsigned_module *)data)->domain != 3)
    return BAD_SIZE;
  ++fake_control.unsigned_sessions;
  return 0;
}

int remote_handle64_open(const char *uri, uint64_t *handle) {
  if (fails("remote_handle64_open"))
    return BAD_SIZE;
  strncpy(fake_control.uri, uri, sizeof fake_control.uri - 1);
  *handle = 77;
  ++fake_control.sessions;
  return 0;
}

int remote_handle64_close(uint64_t handle) {
  if (handle != 77)
    return BAD_PARAMETER;
  --fake_control.sessions;
  return 0;
}

int remote_handle64_control(uint64_t handle, uint32_t request, void *data, uint32_t bytes) {
  (void)data;
  return handle == 77 && request == FASTRPC_CONTROL_LATENCY && bytes == sizeof(fastrpc_latency)
             ? 0
             : BAD_PARAMETER;
}

static void stop(fastrpc_queue *queue) {
  if (!queue || !queue->started)
    return;
  pthread_mutex_lock(&mutex);
  queue->stopping = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  pthread_join(queue->thread, NULL);
  queue->started = 0;
}

int remote_handle64_invoke(uint64_t handle, uint32_t scalars, fastrpc_argument *arguments) {
  if (handle != 77 || fails("remote_handle64_invoke"))
    return BAD_SIZE;
  if (scalars == FASTRPC_SCALARS(FASTRPC_METHOD_STOP, 0, 0)) {
    stop(exported);
    return 0;
  }
  fastrpc_start_in in;
  fastrpc_start_out out = {.version = TERCET_NPU_VERSION, .architecture = 75, .kernel_count = 9};
  if (scalars != FASTRPC_SCALARS(FASTRPC_METHOD_START, 1, 1) || arguments[0].bytes != sizeof in ||
      arguments[1].bytes != sizeof out)
    return BAD_PARAMETER;
  memcpy(&in, arguments[0].data, sizeof in);
  if (in.queue != 4711 || !exported)
    return BAD_PARAMETER;
  out.local_bytes = fake_control.local_bytes;
  out.digest[0] = fake_control.digest;
  out.digest[1] = 0x7E;
  memcpy(arguments[1].data, &out, sizeof out);
  exported->started = !pthread_create(&exported->thread, NULL, serve, exported);
  return !exported->started;
}

// ---- The queue --------------------------------------------------------------

int dspqueue_create(int domain, uint32_t flags, uint32_t request_bytes, uint32_t response_bytes,
                    fastrpc_callback packet, fastrpc_callback error, void *user,
                    fastrpc_queue **queue) {
  (void)request_bytes, (void)response_bytes;
  if (fails("dspqueue_create") || domain != 3 || flags || packet)
    return BAD_SIZE;
  *queue = (fastrpc_queue *)calloc(1, sizeof **queue);
  if (!*queue)
    return NO_MEMORY;
  (*queue)->error = error;
  (*queue)->user = user;
  ++fake_control.queues;
  return 0;
}

int dspqueue_export(fastrpc_queue *queue, uint64_t *id) {
  if (fails("dspqueue_export"))
    return BAD_SIZE;
  exported = queue;
  *id = 4711;
  return 0;
}

int dspqueue_close(fastrpc_queue *queue) {
  stop(queue);
  free(queue);
  exported = NULL;
  --fake_control.queues;
  return 0;
}

static int check_buffer(const fastrpc_buffer *buffer) {
  const struct block *block = find(NULL, (int)buffer->descriptor);
  uint32_t wanted = FASTRPC_FLUSH_SENDER | FASTRPC_INVALIDATE_RECIPIENT;
  if (block && block->mapped && buffer->offset <= block->bytes &&
      buffer->bytes <= block->bytes - buffer->offset && (buffer->flags & wanted) == wanted &&
      buffer->pointer == block->address + buffer->offset)
    return 0;
  ++fake_control.bad_buffers;
  return NO_MAP;
}

int dspqueue_write(fastrpc_queue *queue, uint32_t flags, uint32_t count, fastrpc_buffer *buffers,
                   uint32_t bytes, const uint8_t *message, uint32_t timeout_us) {
  (void)timeout_us;
  if (fails("dspqueue_write") || !(flags & FASTRPC_PACKET_MESSAGE) ||
      !(flags & FASTRPC_PACKET_BUFFERS) != !count || count > 64 ||
      bytes > sizeof queue->requests->message)
    return BAD_SIZE;
  int code = 0;
  for (uint32_t i = 0; i < count && !code; ++i)
    code = check_buffer(&buffers[i]);
  if (code)
    return code;
  pthread_mutex_lock(&mutex);
  if (queue->written - queue->taken == 8) {
    code = FASTRPC_WOULD_BLOCK;
  } else {
    struct packet *packet = &queue->requests[queue->written++ % 8];
    memcpy(packet->message, message, bytes);
    memcpy(packet->buffers, buffers, count * sizeof *buffers);
    packet->bytes = bytes;
    packet->count = count;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  return code;
}

int dspqueue_read(fastrpc_queue *queue, uint32_t *flags, uint32_t max_buffers, uint32_t *count,
                  fastrpc_buffer *buffers, uint32_t max_bytes, uint32_t *bytes, uint8_t *message,
                  uint32_t timeout_us) {
  (void)max_buffers, (void)buffers;
  if (fails("dspqueue_read"))
    return BAD_SIZE;
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  uint64_t ns = (uint64_t)end.tv_nsec + timeout_us * (uint64_t)1000;
  end.tv_sec += (time_t)(ns / 1000000000);
  end.tv_nsec = (long)(ns % 1000000000);
  pthread_mutex_lock(&mutex);
  int code = 0;
  while (queue->answered == queue->read && !code)
    code = pthread_cond_timedwait(&changed, &mutex, &end) ? FASTRPC_EXPIRED : 0;
  if (queue->answered != queue->read && max_bytes >= sizeof *queue->answers) {
    memcpy(message, &queue->answers[queue->read++ % 64], sizeof *queue->answers);
    *bytes = sizeof *queue->answers;
    *flags = FASTRPC_PACKET_MESSAGE;
    *count = 0;
    code = 0;
  }
  pthread_mutex_unlock(&mutex);
  return code;
}
