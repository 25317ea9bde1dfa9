// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a test can do to the stand-in for libcdsprpc.so, and see of it.
#ifndef TERCET_TEST_FAKE_CDSPRPC_H
#define TERCET_TEST_FAKE_CDSPRPC_H

typedef struct fake_cdsprpc {
  // By the test.
  const char *failing; // function that fails with error 0x4D; NULL: none
  int hangs;           // submissions are not answered
  int refuses;         // they are, with status 2
  int dies;            // the error callback is called in place of an answer
  unsigned char digest;
  unsigned local_bytes; // of TCM that there are
  // By the library.
  int sessions, queues, mappings, memories; // that are open
  int unsigned_sessions;                    // that were asked for
  int bad_buffers; // not mapped, out of range, or without cache maintenance
  char uri[256];
} fake_cdsprpc;

#endif // TERCET_TEST_FAKE_CDSPRPC_H
