// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the schedule stage: the order of tasks and the tokens between them.

#ifndef TERCET_PASSES_SCHEDULE_PASSES_TD
#define TERCET_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignOrderPass : Pass<"schedule-assign-order"> {
  let summary = "Give every task its place in its engine's queue";
  let description = [{
    Wanted is the shortest makespan over the engines' queues, with what a token,
    cache maintenance and a copy cost between engines; then the order in which
    the fewest bytes are alive at once. On one engine only the latter is left to
    decide. The solver is that of docs/schedule.md. Tasks with an `order` keep
    their sequence in the queue: then the others follow program order, and
    nothing is optimised; a sequence that contradicts the data is an error.

    Guarantees an `order` for every task and tokens where a task reads what
    another engine has written (within a queue the order is enough); unless the
    text has given an order, also a `start_ps` for every task and the makespan
    with its bound as `soc.schedule` on the function.
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
