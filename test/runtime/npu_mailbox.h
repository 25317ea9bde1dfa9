// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens a program with a driver over qemu-hexagon, for tests that run the
// images of test/runtime/npu.
#ifndef TERCET_TEST_NPU_MAILBOX_H
#define TERCET_TEST_NPU_MAILBOX_H

#include "npu_program.h"
#include "tercet/hexagon.h"
#include "tercet/npu_window.h"

namespace tercet_test {

inline std::string imagePath(const char *name) { return std::string(NPU_IMAGES) + "/" + name; }

// A driver over the mailbox.
class Mailbox {
public:
  explicit Mailbox(tercet_mailbox_options options = {}) {
    EXPECT_EQ(tercet_mailbox_create(&options, &driver), TERCET_OK);
  }
  ~Mailbox() { tercet_mailbox_destroy(&driver); }
  tercet_driver driver;
};

// Opened, with queues if the parameter says so.
struct Opened {
  Opened(QueueProgram &program, bool concurrent) : context(program), queues({1, 1}) {
    EXPECT_EQ(context.status, TERCET_OK) << context.error.text;
    EXPECT_EQ(context.attach(mailbox.driver), TERCET_OK) << context.text();
    if (concurrent) {
      EXPECT_EQ(context.attachQueues(queues.port()), TERCET_OK);
    }
  }
  Mailbox mailbox; // outlives the context
  NpuContext context;
  Queues queues;
};

} // namespace tercet_test
#endif // TERCET_TEST_NPU_MAILBOX_H
