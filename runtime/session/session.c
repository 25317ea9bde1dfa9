// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which entry points take part, and which of them runs next: always the longest
// that fits into what is left, so that a piece is never padded. Inputs and
// outputs are staged here, because tokens and logits of the application need not
// be aligned as the program asks.
#include "tercet/session.h"
#include "../core/context.h"
#include "../core/memory.h"

#define ALIGN 64u

static uint64_t align(uint64_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

// Whether all of the entry's state is in pools of the program.
static int keeps_state(const tercet_context *context, uint32_t entry) {
  tercet_tensor_info info;
  for (uint32_t i = 0; !tercet_tensor_query(context, entry, TERCET_INPUT, i, &info); ++i)
    if ((info.flags & TERCET_TENSOR_STATE) && info.bindable)
      return 0;
  return 1;
}

// Elements of a tensor; 0 if it is of another type or is larger than 2^32.
static uint64_t count_elements(const tercet_tensor_info *info, tercet_element element) {
  uint64_t bytes = TERCET_ELEMENT_BITS(element) / 8;
  return info->element == element && info->bytes / bytes <= UINT32_MAX ? info->bytes / bytes : 0;
}

// Whether the entry takes part; fills the part, the vocabulary and the most
// tokens before the entry's own.
static int read_part(const tercet_context *context, uint32_t entry, tercet_session_part *part,
                     uint32_t *vocabulary, int64_t *last) {
  tercet_tensor_info tokens, logits;
  tercet_scalar_info position;
  if (tercet_tensor_find(context, entry, TERCET_INPUT, "tokens", &part->tokens) ||
      tercet_tensor_find(context, entry, TERCET_OUTPUT, "logits", &part->logits) ||
      tercet_scalar_find(context, entry, "position", &part->position))
    return 0;
  tercet_tensor_query(context, entry, TERCET_INPUT, part->tokens, &tokens);
  tercet_tensor_query(context, entry, TERCET_OUTPUT, part->logits, &logits);
  tercet_scalar_query(context, entry, part->position, &position);
  uint64_t length = count_elements(&tokens, TERCET_ELEMENT_I64);
  uint64_t elements = count_elements(&logits, TERCET_ELEMENT_F32);
  if (!tokens.bindable || !logits.bindable || !length || !elements || !logits.rank ||
      position.min != 0 || position.max < 0 || position.max > UINT32_MAX / 2 ||
      length > UINT32_MAX / 2 || !keeps_state(context, entry))
    return 0;
  uint64_t width = logits.dims[logits.rank - 1], rows = elements / width;
  if (rows != 1 && rows != length)
    return 0;
  part->entry = entry;
  part->length = (uint32_t)length;
  part->rows = (uint32_t)rows;
  *vocabulary = (uint32_t)width;
  *last = position.max;
  return 1;
}

// Keeps the parts sorted: the longest first, of equals the one with fewer rows.
static void insert_part(tercet_session *session, const tercet_session_part *part) {
  uint32_t at = session->part_count++;
  for (; at; --at) {
    const tercet_session_part *before = &session->parts[at - 1];
    if (before->length > part->length ||
        (before->length == part->length && before->rows <= part->rows))
      break;
    session->parts[at] = *before;
  }
  session->parts[at] = *part;
}

// Everything of a session but its memory.
static tercet_status read_session(tercet_session *session, tercet_context *context) {
  tercet_status status = tercet_context_enter(context);
  if (status || !session)
    return status ? status : TERCET_ERROR_INVALID_ARGUMENT;
  tercet_session_part part;
  uint32_t vocabulary;
  int64_t last;
  memset(session, 0, sizeof *session);
  session->context = context;
  for (uint32_t e = 0; e < tercet_entry_count(context); ++e) {
    if (session->part_count == TERCET_SESSION_MAX_PARTS ||
        !read_part(context, e, &part, &vocabulary, &last))
      continue;
    if (session->part_count && vocabulary != session->vocabulary)
      return tercet_error_set(&context->error, TERCET_ERROR_NOT_FOUND,
                              "entry points whose logits have rows of different lengths");
    session->vocabulary = vocabulary;
    if (part.length == 1)
      session->capacity = (uint32_t)last + 1;
    insert_part(session, &part);
  }
  if (session->capacity)
    return TERCET_OK;
  return tercet_error_set(&context->error, TERCET_ERROR_NOT_FOUND,
                          "no decoder: expected an entry point with an input 'tokens' of one i64, "
                          "a scalar 'position', an output 'logits', and state in a pool");
}

// Most rows of logits of any part.
static uint64_t count_rows(const tercet_session *session) {
  uint64_t rows = 1;
  for (uint32_t i = 0; i < session->part_count; ++i)
    if (session->parts[i].rows > rows)
      rows = session->parts[i].rows;
  return rows;
}

static uint64_t logit_bytes(const tercet_session *session) {
  return align(count_rows(session) * session->vocabulary * sizeof(float));
}

static uint64_t input_bytes(const tercet_session *session) {
  return align((uint64_t)session->parts[0].length * sizeof(int64_t));
}

static uint64_t session_bytes(const tercet_session *session) {
  return logit_bytes(session) + input_bytes(session) +
         align((uint64_t)session->capacity * sizeof(int64_t));
}

tercet_status tercet_session_bytes(tercet_context *context, uint64_t *bytes) {
  tercet_session session;
  if (!bytes)
    return TERCET_ERROR_INVALID_ARGUMENT;
  tercet_status status = read_session(&session, context);
  *bytes = status ? 0 : session_bytes(&session);
  return status;
}

tercet_status tercet_session_open(tercet_session *session, tercet_context *context, void *memory,
                                  uint64_t bytes) {
  tercet_status status = read_session(session, context);
  if (!status)
    status = tercet_error_check_memory(&context->error, "memory of the", "session", memory, bytes,
                                       session_bytes(session), ALIGN);
  if (status)
    return status;
  unsigned char *at = (unsigned char *)memory;
  session->logits = (float *)(void *)at;
  session->input = (int64_t *)(void *)(at += logit_bytes(session));
  session->tokens = (int64_t *)(void *)(at + input_bytes(session));
  for (uint32_t i = 0; i < session->part_count && !status; ++i) {
    const tercet_session_part *part = &session->parts[i];
    status =
        tercet_input_bind(context, part->entry, part->tokens, session->input, input_bytes(session));
    if (!status)
      status = tercet_output_bind(context, part->entry, part->logits, session->logits,
                                  logit_bytes(session));
  }
  return status;
}

// Checks what is to be added, before anything runs.
static tercet_status check_tokens(tercet_session *session, const int64_t *tokens, uint32_t count) {
  tercet_status status = tercet_context_enter(session ? session->context : NULL);
  if (status)
    return status;
  tercet_error *error = &session->context->error;
  if (!tokens || !count)
    return tercet_error_set(error, TERCET_ERROR_INVALID_ARGUMENT, "no tokens to add");
  if (count > session->capacity - session->position)
    return tercet_error_format(error, TERCET_ERROR_STATE_FULL,
                               "the context is @x tokens long, @y are there, @z more were given",
                               NULL, NULL, session->capacity, session->position, count);
  for (uint32_t i = 0; i < count; ++i)
    if (tokens[i] < 0 || tokens[i] >= session->vocabulary)
      return tercet_error_format(error, TERCET_ERROR_INDEX_OUT_OF_RANGE,
                                 "token @x is outside of the vocabulary of @y", NULL, NULL,
                                 tokens[i], session->vocabulary, 0);
  return TERCET_OK;
}

// The part to run next of `left` tokens; `all`: it must give all rows.
static const tercet_session_part *choose_part(const tercet_session *session, uint32_t left,
                                              int all) {
  for (uint32_t i = 0; i < session->part_count; ++i) {
    const tercet_session_part *part = &session->parts[i];
    if (part->length <= left && (!all || part->rows == part->length))
      return part;
  }
  return NULL; // not with a part of one token, which open has asked for
}

static tercet_status run_part(tercet_session *session, const tercet_session_part *part,
                              const int64_t *tokens) {
  memcpy(session->input, tokens, part->length * sizeof *tokens);
  tercet_status status =
      tercet_scalar_set(session->context, part->entry, part->position, session->position);
  if (!status)
    status = tercet_entry_run(session->context, part->entry);
  if (!status) {
    memcpy(session->tokens + session->position, tokens, part->length * sizeof *tokens);
    session->position += part->length;
  }
  return status;
}

// `logits` NULL: those of the last token are enough.
static tercet_status add_tokens(tercet_session *session, const int64_t *tokens, uint32_t count,
                                float *logits) {
  tercet_status status = check_tokens(session, tokens, count);
  size_t row = status ? 0 : session->vocabulary;
  while (!status && count) {
    const tercet_session_part *part = choose_part(session, count, logits != NULL);
    status = run_part(session, part, tokens);
    if (status)
      break;
    if (logits) {
      memcpy(logits, session->logits, part->rows * row * sizeof *logits);
      logits += part->rows * row;
    }
    // Where all rows are given, the last one is the one that counts.
    if (part->rows > 1)
      memmove(session->logits, session->logits + (part->rows - 1) * row, row * sizeof(float));
    tokens += part->length;
    count -= part->length;
  }
  return status;
}

tercet_status tercet_session_append(tercet_session *session, const int64_t *tokens,
                                    uint32_t count) {
  return add_tokens(session, tokens, count, NULL);
}

tercet_status tercet_session_score(tercet_session *session, const int64_t *tokens, uint32_t count,
                                   float *logits) {
  return logits ? add_tokens(session, tokens, count, logits) : TERCET_ERROR_INVALID_ARGUMENT;
}

tercet_status tercet_session_trim(tercet_session *session, uint32_t position) {
  tercet_status status = tercet_context_enter(session ? session->context : NULL);
  if (status)
    return status;
  if (position > session->position)
    return tercet_error_format(&session->context->error, TERCET_ERROR_INVALID_ARGUMENT,
                               "cannot go back to position @x from @y", NULL, NULL, position,
                               session->position, 0);
  session->position = position;
  return TERCET_OK;
}

uint32_t tercet_session_common(const tercet_session *session, const int64_t *tokens,
                               uint32_t count) {
  uint32_t common = 0;
  if (!session || !tokens)
    return 0;
  while (common < count && common < session->position && session->tokens[common] == tokens[common])
    ++common;
  return common;
}
