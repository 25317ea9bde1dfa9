// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the partition stage: from groups to tasks on engines.

#ifndef TERCET_PASSES_PARTITION_PASSES_TD
#define TERCET_PASSES_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyPipelinePass : Pass<"partition-apply-pipeline", "::mlir::ModuleOp"> {
  let summary = "Add an entry that runs several inferences at once";
  let description = [{
    Beside every function `@f` there is then a function `@f_xN` with the
    arguments and results of N inferences, their names followed by `.0` to
    `.N-1`. The inferences share weights and nothing else, so they overlap on
    the engines as far as placement and schedule let them. A count below 2
    changes nothing.
  }];
  let options = [Option<"count", "count", "unsigned", "1", "Inferences in flight">];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def LiftQuantizationPass : Pass<"partition-lift-quantization", "::mlir::ModuleOp"> {
  let summary = "Compute in integers what a quantised model has between dequantize and quantize";
  let description = [{
    A group of floats whose operands are results of `nn.dequantize` groups or
    weights that the model has as i8 with one scale for each column, and whose
    result is read by `nn.quantize` groups of one type only, gets a body of
    integer operations with these very scales and zeros. Conversions that nobody
    reads go. A group stays as it is where the model leaves open how a value
    within it is stored, where scales lie too far apart, or where it has
    `precisions`, a variant or shares already. A result may differ from that of
    the floats by one step of its type, as docs/quantisation.md says.

    Before: groups of `nn.dequantize`, `linalg.matmul` and `nn.quantize`. After:
    one group of `nn.quantized_matmul`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect", "::tercet::nn::NNDialect", "::tercet::soc::SocDialect"];
}

def AssignPinsPass : Pass<"partition-assign-pins", "::mlir::ModuleOp"> {
  let summary = "Pin groups to engines by the names of their source nodes";
  let description = [{
    Each pin is `PATTERN=ENGINE`, a pattern with the wildcards of a shell; later
    pins win. Groups that already have a variant or shares keep them. Fails if
    the machine lacks the engine, or a pattern matches no node.
  }];
  let options = [ListOption<"pins", "pins", "std::string", "PATTERN=ENGINE, once for each pin">];
}

def AssignEnginesPass : Pass<"partition-assign-engines", "::mlir::ModuleOp"> {
  let summary = "Choose engines, shares, a precision and a variant for every group";
  let description = [{
    Requires `#soc.machine` on the module. Every engine that supports a group
    offers its variants, of which those count that compute in one of the group's
    `precisions`; two engines may share it in eighths of its rows. Wanted is the
    least time of all groups one after another, launches, transfers, conversions
    between precisions and synchronisation included, a tensor charged once for
    each engine that reads it and each type that it is wanted in; then, with several engines, the schedule in which they overlap best, if
    that is shorter. What a group already says is kept. Weights fit the memory
    of their engine.

    Guarantees a variant and an engine, or shares, for every group; with several
    engines also `alternatives`, which say what became of each; the value and
    the bound of the serial time as `soc.partition` on the function. Fails with
    every engine's reason when none supports a group, or has it in none of its
    precisions.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::tensor::TensorDialect",
    "::tercet::soc::SocDialect"];
}

def VerifyRequirementsPass : Pass<"partition-verify-requirements", "::mlir::ModuleOp"> {
  let summary = "Hold the placement to what the user requires";
  let description = [{
    Every group that a pattern of `engines` matches runs on that engine alone;
    with `forbid-fallback` no group runs where it does because another engine
    cannot run it. Fails with the reason of every engine.
  }];
  let options = [
    ListOption<"engines", "engines", "std::string", "PATTERN=ENGINE, once for each requirement">,
    Option<"forbidFallback", "forbid-fallback", "bool", "false",
           "No group may be where it is for lack of support elsewhere">];
}

def ApplyPrecisionPass : Pass<"partition-apply-precision", "::mlir::ModuleOp"> {
  let summary = "Compute groups in the precision that their variant chose";
  let description = [{
    Does: a group whose variant has the precision i8 (w8a8) or i16 (w8a16), and
    whose `precisions` have that scheme, gets a body of integer operations of
    the nn dialect, as docs/quantisation.md says. Its weights get recipes;
    multipliers, biases and tables are operands that follow those that there
    were. Of `precisions` the one that was applied stays, without types.

    Values between groups are stored as their producer yields them. A float
    group on a CPU whose readers all want one type of integers yields that;
    otherwise a group on the first CPU quantises. An integer reader that wants
    another type rescales at the head of its body, or, where several want the
    same, a group does so once. A float group on a CPU dequantises at the head of
    its body what it reads tile by tile; for others, and for what the function
    returns, a group does.

    Requires: engines and variants or shares are assigned. Guarantees: tiles and
    the places of operands stay; the operation that yields the first result is
    the group's root as before; new operations have the locations of those that
    they replace. Fails, at the group, if it does not list what its variant
    chose, the types do not fit it, its shares differ in precision, or there is
    no CPU for a conversion.

    Before: a product of f32, `precision = i8`, and `precisions` with the types
    of operands and results. After: `nn.quantized_matmul`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect", "::tercet::nn::NNDialect", "::tercet::soc::SocDialect"];
}

def ApplySharesPass : Pass<"partition-apply-shares", "::mlir::ModuleOp"> {
  let summary = "Turn a group with shares into a group for each of them";
  let description = [{
    Each part computes its rows from the parts of the operands that it needs:
    views of them where those are contiguous, weights with a `#nn.slice` recipe.
    The results are concatenated, which costs nothing, since the outer
    dimensions have one element; a view of the whole that lies in one part
    becomes a view of that part. Fails if the shares do not cover the rows
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
