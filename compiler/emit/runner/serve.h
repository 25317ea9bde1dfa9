// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runner as a process that holds a session (tercet/session.h) for another
// program, tercet-generate: the model runs in its own process, on its own
// machine (or emulator), with nothing of the compiler in it. Requests and replies
// go over a socket; tokens and logits lie in memory that both map, so that no
// logits are copied between them.
//
//   runner --serve SHARED CONTROL [--weights FILE] [--threads N] [--pin]
//
// SHARED is the file descriptor of an empty file, CONTROL that of a socket. The
// runner sizes and maps SHARED, writes a serve_hello, then answers each
// serve_request with a serve_reply until the socket is closed. All structs are
// native; both sides are little-endian.
#ifndef TERCET_RUNNER_SERVE_H
#define TERCET_RUNNER_SERVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Rows of logits that one SERVE_SCORE can give.
#define SERVE_SCORE_ROWS 32
#define SERVE_MAGIC 0x56535354u

typedef struct serve_hello {
  uint32_t magic;
  uint32_t capacity;   // tokens of the context
  uint32_t vocabulary; // elements of a row of logits
  uint32_t workers;
  uint32_t longest; // tokens of the longest entry point
  uint32_t verify;  // tokens of the longest that gives all rows
  // Of the shared memory, and in it:
  uint64_t shared_bytes;
  uint64_t tokens;  // request: i64[capacity], or a path of up to 8 * capacity bytes
  uint64_t history; // the session's tokens: i64[capacity]
  uint64_t logits;  // of the last token: f32[vocabulary]
  uint64_t scores;  // f32[SERVE_SCORE_ROWS, vocabulary]
  // What the program takes.
  uint64_t state_bytes, arena_bytes, weights_bytes;
} serve_hello;

typedef enum serve_operation {
  SERVE_APPEND = 1, // `count` tokens
  SERVE_SCORE = 2,  // the same, at most SERVE_SCORE_ROWS, with all their logits
  SERVE_TRIM = 3,   // to position `count`
  SERVE_SAVE = 4,   // to the path
  SERVE_LOAD = 5    // from the path
} serve_operation;

typedef struct serve_request {
  uint32_t operation;
  uint32_t count;
} serve_request;

typedef struct serve_reply {
  uint32_t status;      // a tercet_status
  uint32_t position;    // tokens in the session now
  uint64_t nanoseconds; // that the request took
  char text[256];       // of the error
} serve_reply;

// The runner's main in this mode, with the arguments after --serve.
int serve(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif // TERCET_RUNNER_SERVE_H
