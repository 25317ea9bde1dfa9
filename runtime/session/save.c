// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sequence as bytes: a header, the tokens, then of each state tensor the rows
// that the tokens fill, or all of it where it is not laid out in rows. The
// header carries a digest of what the bytes mean (weights, names and shapes of
// the state), so that another program's are refused.
#include "../core/context.h"
#include "../core/memory.h"
#include "tercet/session.h"

#define MAGIC 0x53534354u // "TCSS"
#define VERSION 1u

typedef struct header {
  uint32_t magic;
  uint32_t version;
  uint32_t position;
  uint32_t reserved;
  uint64_t bytes; // of everything, this included
  uint64_t digest;
} header;

static uint64_t digest_bytes(uint64_t digest, const void *data, uint64_t bytes) {
  const unsigned char *at = (const unsigned char *)data;
  for (; bytes; --bytes)
    digest = (digest ^ *at++) * 0x100000001B3u; // FNV-1a
  return digest;
}

// The entry of one token, whose state tensors are those of all.
static uint32_t state_entry(const tercet_session *session) {
  return session->parts[session->part_count - 1].entry;
}

// The next state tensor from *index on; 0 at the end.
static int next_state(const tercet_session *session, uint32_t *index, tercet_tensor_info *info) {
  while (
      !tercet_tensor_query(session->context, state_entry(session), TERCET_INPUT, (*index)++, info))
    if (info->flags & TERCET_TENSOR_STATE)
      return 1;
  return 0;
}

// Bytes of a state tensor that `position` tokens fill.
static uint64_t filled_bytes(const tercet_session *session, const tercet_tensor_info *info,
                             uint32_t position) {
  int rows = info->rank > 1 && info->dims[0] == 1 && info->dims[1] == session->capacity &&
             info->bytes % session->capacity == 0;
  return rows ? info->bytes / session->capacity * position : info->bytes;
}

static uint64_t digest_program(const tercet_session *session) {
  const tercet_table *table = &session->context->table;
  uint64_t digest = 0xCBF29CE484222325u;
  for (uint32_t i = 0; i < tercet_table_count(table, TERCET_RECORD_WEIGHTS); ++i) {
    const tercet_weights_record *weights = tercet_table_weights(table, i);
    digest = digest_bytes(digest, &weights->bytes, sizeof weights->bytes);
    digest = digest_bytes(digest, weights->digest, sizeof weights->digest);
  }
  tercet_tensor_info info;
  for (uint32_t i = 0; next_state(session, &i, &info);) {
    uint64_t length = 0;
    while (info.name[length])
      ++length;
    digest = digest_bytes(digest, info.name, length);
    digest = digest_bytes(digest, &info.element, sizeof info.element);
    digest = digest_bytes(digest, info.dims, info.rank * sizeof *info.dims);
  }
  return digest;
}

static uint64_t saved_bytes(const tercet_session *session, uint32_t position) {
  uint64_t bytes = sizeof(header) + position * sizeof(int64_t);
  tercet_tensor_info info;
  for (uint32_t i = 0; next_state(session, &i, &info);)
    bytes += filled_bytes(session, &info, position);
  return bytes;
}

uint64_t tercet_session_save_bytes(const tercet_session *session) {
  return session ? saved_bytes(session, session->position) : 0;
}

// Copies all state from (load) or to (save) `memory`, or checks that it could.
static tercet_status copy_state(const tercet_session *session, unsigned char *memory,
                                const unsigned char *loaded, uint32_t position) {
  tercet_tensor_info info;
  for (uint32_t i = 0; next_state(session, &i, &info);) {
    uint64_t bytes = filled_bytes(session, &info, position);
    if (!info.data)
      return tercet_error_format(&session->context->error, TERCET_ERROR_NOT_BOUND,
                                 "the pool of state '@a' has no memory", info.name, NULL, 0, 0, 0);
    if (loaded) {
      memcpy(info.data, loaded, bytes);
      loaded += bytes;
    } else if (memory) {
      memcpy(memory, info.data, bytes);
      memory += bytes;
    }
  }
  return TERCET_OK;
}

tercet_status tercet_session_save(const tercet_session *session, void *memory, uint64_t bytes) {
  tercet_status status = tercet_context_enter(session ? session->context : NULL);
  if (status)
    return status;
  header head = {MAGIC,
                 VERSION,
                 session->position,
                 0,
                 tercet_session_save_bytes(session),
                 digest_program(session)};
  if (!memory)
    return tercet_error_set(&session->context->error, TERCET_ERROR_INVALID_ARGUMENT,
                            "memory is NULL");
  if (bytes < head.bytes)
    return tercet_error_format(&session->context->error, TERCET_ERROR_OUT_OF_MEMORY,
                               "the session needs @x bytes, got @y", NULL, NULL,
                               (int64_t)head.bytes, (int64_t)bytes, 0);
  unsigned char *at = (unsigned char *)memory;
  memcpy(at, &head, sizeof head);
  memcpy(at + sizeof head, session->tokens, session->position * sizeof(int64_t));
  return copy_state(session, at + sizeof head + session->position * sizeof(int64_t), NULL,
                    session->position);
}

static tercet_status mismatch(const tercet_session *session, const char *text) {
  return tercet_error_set(&session->context->error, TERCET_ERROR_STATE_MISMATCH, text);
}

tercet_status tercet_session_load(tercet_session *session, const void *memory, uint64_t bytes) {
  tercet_status status = tercet_context_enter(session ? session->context : NULL);
  if (status)
    return status;
  if (!memory)
    return tercet_error_set(&session->context->error, TERCET_ERROR_INVALID_ARGUMENT,
                            "memory is NULL");
  const unsigned char *at = (const unsigned char *)memory;
  header head;
  if (bytes < sizeof head)
    return mismatch(session, "too short for a saved session");
  memcpy(&head, at, sizeof head);
  if (head.magic != MAGIC || head.version != VERSION)
    return mismatch(session, "not a saved session, or one of another version");
  if (head.digest != digest_program(session))
    return mismatch(session, "the session was saved by another program");
  if (head.position > session->capacity || head.bytes != saved_bytes(session, head.position) ||
      bytes < head.bytes)
    return mismatch(session, "the saved session is truncated or damaged");
  at += sizeof head;
  for (uint32_t i = 0; i < head.position; ++i) {
    int64_t token;
    memcpy(&token, at + i * sizeof token, sizeof token);
    if (token < 0 || token >= session->vocabulary)
      return mismatch(session, "the saved session is damaged: a token outside of the vocabulary");
  }
  status = copy_state(session, NULL, NULL, head.position);
  if (status)
    return status;
  memcpy(session->tokens, at, head.position * sizeof(int64_t));
  session->position = head.position;
  return copy_state(session, NULL, at + head.position * sizeof(int64_t), head.position);
}
