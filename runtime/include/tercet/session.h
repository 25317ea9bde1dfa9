// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Language models: a sequence of tokens and the state (keys and values) that
// belongs to it, over the entry points that the compiler makes of a decoder:
// `decode` for one token, `prefill_N` for N at a time, `verify_K` for K with
// the logits of each. Optional; on top of runtime.h, as free of allocation and
// files as the core. Invariant: state rows [0, position) are those of
// tokens[0, position), whatever failed before; rows after them mean nothing and
// are never read, so going back is free.
//
// An entry point takes part if it has an input "tokens" (i64, N elements), a
// scalar "position", and an output "logits" (f32, one row or N rows); its state
// lies in STATE pools. One of a single token must be there.
#ifndef TERCET_SESSION_H
#define TERCET_SESSION_H

#include "tercet/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERCET_SESSION_MAX_PARTS 16

// An entry point that takes part.
typedef struct tercet_session_part {
  uint32_t entry;
  uint32_t length;                   // tokens that it takes
  uint32_t rows;                     // of logits that it gives: 1 or length
  uint32_t tokens, logits, position; // indices of input, output and scalar
} tercet_session_part;

// Plain data, owned by whoever declares it; read by the application, written by
// the functions below only.
typedef struct tercet_session {
  tercet_context *context;
  uint32_t capacity;   // most tokens: the context length
  uint32_t position;   // tokens so far
  uint32_t vocabulary; // tokens are in [0, vocabulary)
  uint32_t part_count;
  int64_t *tokens;                                     // [0, position)
  float *logits;                                       // of the last token: `vocabulary` elements
  int64_t *input;                                      // of the entry that runs
  tercet_session_part parts[TERCET_SESSION_MAX_PARTS]; // longest first
} tercet_session;

// Bytes of memory that a session of this context needs.
// Errors: NOT_FOUND (no decoder: the context's error says what is missing),
// INVALID_ARGUMENT.
tercet_status tercet_session_bytes(tercet_context *context, uint64_t *bytes);

// Begins an empty sequence. The session uses memory[0, bytes), 64-byte aligned,
// and the context's token inputs and logit outputs, which it binds, until either
// is no longer used; the caller owns all. The context's pools are bound before
// the first run. Errors: as tercet_session_bytes; OUT_OF_MEMORY, MISALIGNED.
tercet_status tercet_session_open(tercet_session *session, tercet_context *context, void *memory,
                                  uint64_t bytes);

// Adds tokens, in pieces as long as the entry points allow, without padding;
// session->logits are then those that follow the last. Nothing is run unless all
// fit and are in range. After an error of a run (bands 5xx, 7xx) the session
// holds the tokens of the pieces before it.
// Errors: STATE_FULL (more than capacity), INDEX_OUT_OF_RANGE (token),
// INVALID_ARGUMENT (none, NULL), as tercet_entry_run.
tercet_status tercet_session_append(tercet_session *session, const int64_t *tokens, uint32_t count);

// The same, and logits[count * vocabulary] get those that follow each token; owned by
// the caller, any alignment. Uses only entry points that give all rows.
tercet_status tercet_session_score(tercet_session *session, const int64_t *tokens, uint32_t count,
                                   float *logits);

// Goes back to an earlier position; 0 begins anew. session->logits mean nothing
// until tokens are added. Errors: INVALID_ARGUMENT (after the present one).
tercet_status tercet_session_trim(tercet_session *session, uint32_t position);

// How many of these tokens the sequence begins with. To go on with another
// sequence: trim to that, but to less than count (the last token's logits are
// wanted), and append the rest.
uint32_t tercet_session_common(const tercet_session *session, const int64_t *tokens,
                               uint32_t count);

// Tokens and state as bytes, which the same program (weights and all) can load,
// on any machine of its kind. 0 for NULL.
uint64_t tercet_session_save_bytes(const tercet_session *session);

// Writes that many into memory. Errors: OUT_OF_MEMORY, INVALID_ARGUMENT,
// NOT_BOUND (STATE pool).
tercet_status tercet_session_save(const tercet_session *session, void *memory, uint64_t bytes);

// Replaces the sequence; memory may come from anywhere, any alignment. On error the
// sequence is as it was. Errors: STATE_MISMATCH (of another program, or damaged),
// INVALID_ARGUMENT, NOT_BOUND.
tercet_status tercet_session_load(tercet_session *session, const void *memory, uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif // TERCET_SESSION_H
