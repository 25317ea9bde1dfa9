// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the plan stage: from tasks to commands on buffers at fixed offsets.

#ifndef TERCET_PASSES_PLAN_PASSES_TD
#define TERCET_PASSES_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignMemoryPass : Pass<"plan-assign-memory", "::mlir::ModuleOp"> {
  let summary = "Give every value an address and turn functions into command streams";
  let description = [{
    Requires tasks that are calls of kernels, in order. Values that are views of
    one another share a buffer, and the parts of a concatenation are computed
    where it is to lie, unless they have another place already: then they are
    copied. A result goes directly into the output that it
    is returned as; it takes the memory of an input that dies with its task
    where the kernel allows that. The rest, and the scratch of each task, is
    placed in one arena for each memory. Weights are laid out in the order of
    their first use, those that an engine with a driver reads in a pool of their
    own. What engines with drivers keep to themselves lies in their first memory
    as far as that has room; inputs and outputs of an entry are not theirs to
    touch, so a result that one of them computes is copied by a CPU. A pool that would hold nothing is left out. Functions
    become `cmd.entry`.
  }];
  let dependentDialects = ["::tercet::cmd::CmdDialect"];
}

def ShareWeightsPass : Pass<"plan-share-weights", "::mlir::ModuleOp"> {
  let summary = "Read weights that are parts of others as parts of those";
  let description = [{
    Entries share groups out differently, and each share has a weight of its own.
    Where another entry, or another engine, has the whole in the same layout, a
    part that is a run of its first dimension becomes a view of it, and its weight
    goes away. A part that an engine with a driver reads stays, as does one whose
    whole another such engine reads. Before plan-assign-memory.
  }];
  let statistics = [Statistic<"numShared", "shared", "Reads of parts that became views">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def AssignAlignmentsPass : Pass<"plan-assign-alignments", "::mlir::ModuleOp"> {
  let summary = "State how the memories of kernels are aligned";
  let description = [{
    Sets `alignments` of every kernel whose code is an image of its engine: for
    each memory the greatest power of two that its address is a multiple of in
    all commands that run the kernel, as their buffers' places and their offsets
    tell. What the application binds is aligned to its elements.
  }];
}

def VerifyPlanPass : Pass<"verify-plan"> {
  let summary = "Check what the plan stage promises";
  let description = [{
    Replays the commands of every entry over byte ranges: every read finds what
    was last written to that buffer, not what another buffer in the same place
    has put there; commands of different queues that touch the same bytes are
    ordered by tokens, unless both read; every output is written whole, no input
    or weight is written, no two weights overlap; no engine uses a pool that is
    for others, and none with a driver what the application binds; the pools of
    a memory that no CPU addresses fit it together. Shares no code with the
    planner.
  }];
}

#endif // TERCET_PASSES_PLAN_PASSES_TD
