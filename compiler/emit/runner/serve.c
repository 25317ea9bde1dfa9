// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One request after the other. What a request names is checked here against the
// shared memory's size; what it means is checked by the session. A closed socket
// is the end, however it comes about.
#include "serve.h"
#include "engines.h"
#include "program.h"
#include "tercet/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct server {
  tercet_context *context;
  tercet_session session;
  serve_hello hello;
  unsigned char *shared;
  int control;
} server;

static uint64_t align(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

// Whole messages only; 0 at the end of the stream.
static int receive(int control, void *data, size_t bytes) {
  unsigned char *at = data;
  while (bytes) {
    ssize_t got = read(control, at, bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return 0;
    at += got;
    bytes -= (size_t)got;
  }
  return 1;
}

static int send_all(int control, const void *data, size_t bytes) {
  const unsigned char *at = data;
  while (bytes) {
    ssize_t put = write(control, at, bytes);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return 0;
    at += put;
    bytes -= (size_t)put;
  }
  return 1;
}

// Sums up what the program needs, by kind of pool.
static void describe_pools(const tercet_context *context, serve_hello *hello) {
  tercet_pool_info info;
  for (uint32_t pool = 0; !tercet_pool_query(context, pool, &info); ++pool) {
    if (info.kind == TERCET_POOL_STATE)
      hello->state_bytes += info.bytes;
    if (info.kind == TERCET_POOL_ARENA)
      hello->arena_bytes += info.bytes;
    if (info.kind == TERCET_POOL_WEIGHTS)
      hello->weights_bytes += info.bytes;
  }
}

// Lays the shared memory out, maps it, and opens the session in it.
static int open_session(server *s, int file) {
  uint64_t bytes;
  tercet_status status = tercet_session_bytes(s->context, &bytes);
  if (status)
    return fail_status(status, tercet_context_error(s->context));
  // The session's sizes are known only when it is open; it is opened again where
  // it belongs.
  void *scratch = allocate(bytes, 64);
  if (!scratch)
    return fail("out of memory");
  status = tercet_session_open(&s->session, s->context, scratch, bytes);
  if (status)
    return fail_status(status, tercet_context_error(s->context));
  free(scratch);
  serve_hello *hello = &s->hello;
  hello->magic = SERVE_MAGIC;
  hello->capacity = s->session.capacity;
  hello->vocabulary = s->session.vocabulary;
  hello->workers = tercet_context_workers(s->context);
  hello->longest = s->session.parts[0].length;
  for (uint32_t i = s->session.part_count; i--;)
    if (s->session.parts[i].rows == s->session.parts[i].length)
      hello->verify = s->session.parts[i].length;
  describe_pools(s->context, hello);
  uint64_t row = s->session.vocabulary * sizeof(float);
  uint64_t session = align((uint64_t)s->session.capacity * sizeof(int64_t));
  hello->scores = session + align(bytes);
  hello->shared_bytes = hello->scores + align(SERVE_SCORE_ROWS * row);
  if (ftruncate(file, (off_t)hello->shared_bytes))
    return fail("cannot make the shared memory as large as the model needs");
  s->shared = mmap(NULL, hello->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (s->shared == MAP_FAILED)
    return fail("cannot map the shared memory");
  status = tercet_session_open(&s->session, s->context, s->shared + session, bytes);
  if (status)
    return fail_status(status, tercet_context_error(s->context));
  hello->logits = (uint64_t)((unsigned char *)s->session.logits - s->shared);
  hello->history = (uint64_t)((unsigned char *)s->session.tokens - s->shared);
  return 0;
}

static tercet_status save(server *s, const char *path) {
  uint64_t bytes = tercet_session_save_bytes(&s->session);
  void *memory = malloc(bytes);
  if (!memory)
    return TERCET_ERROR_SYSTEM_MEMORY;
  tercet_status status = tercet_session_save(&s->session, memory, bytes);
  FILE *file = status ? NULL : fopen(path, "wb");
  if (!status && !file)
    status = TERCET_ERROR_FILE_OPEN;
  if (file) {
    int short_write = fwrite(memory, 1, bytes, file) != bytes;
    if (fclose(file) || short_write)
      status = TERCET_ERROR_FILE_OPEN;
  }
  free(memory);
  return status;
}

static tercet_status load(server *s, const char *path) {
  const void *data;
  uint64_t bytes;
  tercet_status status = tercet_weights_map(path, &data, &bytes);
  if (status)
    return status;
  status = tercet_session_load(&s->session, data, bytes);
  tercet_weights_unmap(data, bytes);
  return status;
}

static tercet_status handle(server *s, const serve_request *request) {
  const int64_t *tokens = (const int64_t *)(void *)s->shared;
  const char *path = (const char *)s->shared;
  uint64_t room = (uint64_t)s->hello.capacity * sizeof *tokens;
  switch (request->operation) {
  case SERVE_APPEND:
    if (request->count > s->hello.capacity)
      return TERCET_ERROR_STATE_FULL;
    return tercet_session_append(&s->session, tokens, request->count);
  case SERVE_SCORE:
    if (request->count > SERVE_SCORE_ROWS || request->count > s->hello.capacity)
      return TERCET_ERROR_INVALID_ARGUMENT;
    return tercet_session_score(&s->session, tokens, request->count,
                                (float *)(void *)(s->shared + s->hello.scores));
  case SERVE_TRIM:
    return tercet_session_trim(&s->session, request->count);
  case SERVE_SAVE:
  case SERVE_LOAD:
    if (!memchr(path, 0, room))
      return TERCET_ERROR_INVALID_ARGUMENT;
    return request->operation == SERVE_SAVE ? save(s, path) : load(s, path);
  default:
    return TERCET_ERROR_INVALID_ARGUMENT;
  }
}

static void answer(server *s) {
  serve_request request;
  while (receive(s->control, &request, sizeof request)) {
    serve_reply reply = {0};
    uint64_t start = tercet_port_clock_read();
    reply.status = handle(s, &request);
    reply.nanoseconds = tercet_port_clock_read() - start;
    reply.position = s->session.position;
    const tercet_error *error = tercet_context_error(s->context);
    if (reply.status)
      snprintf(reply.text, sizeof reply.text, "%s%s%s",
               tercet_status_string((tercet_status)reply.status),
               error->status == reply.status && error->text[0] ? ": " : "",
               error->status == reply.status ? error->text : "");
    if (!send_all(s->control, &reply, sizeof reply))
      return;
  }
}

int serve(int argc, char **argv) {
  const char *weights = NULL;
  thread_options threads = {0};
  thread_plan plan = {0};
  server s = {0};
  tool_name = "tercet-generate";
  if (argc < 2)
    return fail("--serve needs two file descriptors");
  for (int i = 2; i < argc; ++i) {
    if (strcmp(argv[i], "--pin") == 0)
      threads.pin = 1;
    else if (strcmp(argv[i], "--weights") == 0 && i + 1 < argc)
      weights = argv[++i];
    else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
      threads.threads = (uint32_t)strtoul(argv[++i], NULL, 10);
    else
      return fail("--serve takes --weights FILE, --threads N and --pin");
  }
  s.control = (int)strtol(argv[1], NULL, 10);
  if (open_program(weights, &threads, &s.context, &plan) ||
      open_session(&s, (int)strtol(argv[0], NULL, 10)))
    return 1;
  if (send_all(s.control, &s.hello, sizeof s.hello))
    answer(&s);
  engines_stop(s.context);
  return 0;
}
