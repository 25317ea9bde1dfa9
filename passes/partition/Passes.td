// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the partition stage: from groups to tasks on engines.

#ifndef TERCET_PASSES_PARTITION_PASSES_TD
#define TERCET_PASSES_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignEnginesPass : Pass<"partition-assign-engines"> {
  let summary = "Choose an engine and a variant for every group";
  let description = [{
    Requires `#soc.machine` on the module. Asks the engines, in the machine's
    order, which supports the group, and takes the variant that costs least in
    predicted time; an earlier engine wins a tie. What a group already says is
    kept, and checked. Fails with every engine's reason when none supports a
    group.
  }];
  let dependentDialects = ["::tercet::soc::SocDialect"];
}

def ApplySharesPass : Pass<"partition-apply-shares", "::mlir::ModuleOp"> {
  let summary = "Turn a group with shares into a group for each of them";
  let description = [{
    Each part computes its rows from the parts of the operands that it needs:
    views of them where those are contiguous, weights with a `#nn.slice` recipe.
    The results are concatenated, which costs nothing, since the outer
    dimensions have one element. Fails if the shares do not cover the rows
    exactly and in order, or the group cannot be cut.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect",
    "::tercet::nn::NNDialect", "::tercet::soc::SocDialect"];
}

def ApplyPlacementPass : Pass<"partition-apply-placement", "::mlir::ModuleOp"> {
  let summary = "Turn groups into tasks and give weights the layout that variants ask for";
  let description = [{
    A constant right-hand side that the variant wants in panels gets a
    `#nn.pack` recipe, shared by all tasks that want the same, and the product
    becomes `nn.packed_matmul`. Fails if a variant wants panels of an operand
    that is no constant.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect", "::tercet::soc::SocDialect"];
}

def VerifyPartitionPass : Pass<"verify-partition"> {
  let summary = "Check what the partition stage promises";
  let description = [{
    No group is left; every task names an engine of the machine whose target is
    present.
  }];
}

#endif // TERCET_PASSES_PARTITION_PASSES_TD
