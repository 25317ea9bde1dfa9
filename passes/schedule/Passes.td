// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the schedule stage: the order of tasks and the tokens between them.

#ifndef TERCET_PASSES_SCHEDULE_PASSES_TD
#define TERCET_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignOrderPass : Pass<"schedule-assign-order"> {
  let summary = "Give every task its place in its engine's queue";
  let description = [{
    Without an order of its own a task follows the one before it in the
    function. With the tasks of one engine any order takes the same time, so the
    order that keeps least memory alive is taken: the best of program order and
    a depth-first order, by the greatest number of bytes live at once. A task
    that reads what a task of another engine has written waits for that one's
    token; within a queue the order is enough.
  }];
  let dependentDialects = ["::tercet::soc::SocDialect"];
}

def VerifySchedulePass : Pass<"verify-schedule"> {
  let summary = "Check what the schedule stage promises";
  let description = [{
    Every task has an order, no two on an engine the same; operations stand in
    an order in which each engine's queue ascends, so that the program is
    acyclic; every value is read after its task in the same queue or behind a
    token of it.
  }];
}

#endif // TERCET_PASSES_SCHEDULE_PASSES_TD
