// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the graph stage: from imported operations to groups. In the order
// of the pipeline.

#ifndef TERCET_PASSES_GRAPH_PASSES_TD
#define TERCET_PASSES_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseActivationsPass : Pass<"graph-fuse-activations"> {
  let summary = "Recognise activation functions in their exported spelling";
  let description = [{
    Turns chains of elementwise operations that compute GELU (by erf or tanh),
    SiLU, QuickGELU or the sigmoid into `nn.activation`. Constants are compared
    with a relative tolerance of 1e-6, what rounding to f32 explains. A product with
    other readers counts as one factor; any other intermediate that is read
    elsewhere is computed there as before.

    Before: `x / sqrt(2)`, `erf`, `+ 1`, `* x`, `* 0.5`. After: `nn.activation gelu_erf`.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
  let statistics = [Statistic<"fused", "activations", "Number of activations recognised">];
}

def FuseNormsPass : Pass<"graph-fuse-norms"> {
  let summary = "Recognise layer norm and RMS norm in their exported spelling";
  let description = [{
    Turns the chain mean, subtract, square, mean, add epsilon, root, divide,
    scale, shift over the last dimension into `nn.layer_norm`, and its shorter
    sister into `nn.rms_norm`. Scale and shift must be vectors of that dimension.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
  let statistics = [Statistic<"fused", "norms", "Number of norms recognised">];
}

def FuseRopePass : Pass<"graph-fuse-rope"> {
  let summary = "Recognise rotary position embeddings in their exported spelling";
  let description = [{
    Turns `x * cos + concat(-x[D/2:], x[:D/2]) * sin` on [B, H, S, D] into
    `nn.rope` on [B, S, H, D] between transposes, which then fold away. Cosines
    and sines that are gathered from tables at a scalar of the function and the
    positions after it become `nn.rope` at that scalar, with the tables.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
  let statistics = [Statistic<"fused", "ropes", "Number of rotary embeddings recognised">];
}

def FuseAttentionPass : Pass<"graph-fuse-attention"> {
  let summary = "Recognise scaled dot-product attention in its exported spelling";
  let description = [{
    Turns batch product, scale, additive mask, softmax over the last dimension,
    batch product into `nn.attention` on [B, S, H, D]. Transposes are placed
    around it, which cancel the exported ones. Masks that replace scores
    (Where) are left alone: for rows that are masked altogether they are not
    the same as an addition.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
  let statistics = [Statistic<"fused", "attentions", "Number of attentions recognised">];
}

def FoldTransposesPass : Pass<"graph-fold-transposes"> {
  let summary = "Compose and cancel transposes, and turn those of weights into recipes";
  let description = [{
    Transposes of transposes compose; those that permute only dimensions of
    size one become reshapes; transposes of weights become part of the recipe.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
}

def FoldReshapesPass : Pass<"graph-fold-reshapes"> {
  let summary = "Move reshapes past elementwise and row operations";
  let description = [{
    A reshape between a matrix product and its epilogue would keep them apart.
    Elementwise operations and operations on rows are rewritten to work on the
    collapsed shape, and the reshape moves behind them. Reshapes of weights
    become part of the recipe. Splat constants become scalars in the bodies
    that use them.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect"];
}

def EncodeWeightsPass : Pass<"graph-encode-weights", "::mlir::ModuleOp"> {
  let summary = "Round weights to groups, as --quantize asks";
  let description = [{
    Does: gives products with a constant matrix, and gathers of rows of one, a
    weight that is `#nn.decode` of `#nn.encode` of what it was. Entries are
    [PATTERN=]SCHEME with schemes f16 (halves instead of groups), w8 (GGUF's q8_0),
    w4g32 (q4_0), w4g128, w2g64, mxfp4, and f32, which keeps a weight and its
    left-hand sides as they are; the last entry that names a node or its weight wins. Without a pattern a scheme
    is for all products with rows of whole groups, and for gathers that share
    such a product's weight. Requires: transposes folded into recipes. Fails on
    entries that match nothing, and on nodes that are named but have rows of no
    whole groups. Without entries it does nothing.
  }];
  let options = [ListOption<"entries", "entries", "std::string", "[PATTERN=]SCHEME, in order">];
  let dependentDialects = ["::tercet::nn::NNDialect"];
  let statistics = [Statistic<"encodedWeights", "encoded", "Number of operands rounded to groups">];
}

def MergeProductsPass : Pass<"graph-merge-products", "::mlir::ModuleOp"> {
  let summary = "Compute products of one left-hand side as one product";
  let description = [{
    Does: joins `linalg.matmul` operations of a function with state that have the
    same left-hand side and weights that are stored alike, with the vectors that
    are added to them, into one product of which each result is a slice of
    columns: the projections of queries, keys and values, and gate and up. A
    matrix is read in one pass, and the left-hand side is rounded once. Requires:
    transposes and reshapes folded, weights encoded. Leaves alone weights with
    other readers, and formats that differ. Functions share joined weights.

    Before: `x A + a`, `x B + b`. After: slices of `x [A B] + [a b]`.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::tercet::nn::NNDialect"];
  let statistics = [Statistic<"merged", "merged", "Number of products that became part of one">];
}

def FuseGroupWeightsPass : Pass<"graph-fuse-group-weights", "::mlir::ModuleOp"> {
  let summary = "Let products and gathers read weights in the groups that they are stored in";
  let description = [{
    Does: turns a linalg.matmul with a weight whose recipe is the transpose of an
    `#nn.decode`, or of f16 or bf16, into `nn.group_matmul` with the blocks or
    narrow floats themselves, and an nn.gather of rows of such a weight into
    `nn.group_gather`. Left-hand sides of weights in groups are rounded to groups
    of bytes by `nn.encode_groups`, once for all products that read them, unless
    the weight has `float_activations`. Products, gathers and functions that
    read the same blocks share one weight. Requires: transposes folded into
    recipes. Leaves alone formats that cannot be packed in panels, and rows that
    end within a block: these run on decoded floats.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::tercet::nn::NNDialect"];
  let statistics = [
    Statistic<"products", "products", "Number of products with stored weights">,
    Statistic<"gathers", "gathers", "Number of gathers from stored weights">];
}

def FoldConstantWeightsPass : Pass<"graph-fold-constant-weights", "::mlir::ModuleOp"> {
  let summary = "Constant tensors that are left become weights";
  let description = [{
    A constant that is the same everywhere and that a `linalg.generic` reads
    becomes a scalar in its body. Every other tensor constant becomes an
    `nn.weight` with inline data, so that all constants which a kernel reads
    lie in the pool of weights. Unused weights are removed.
  }];
  let dependentDialects = ["::tercet::nn::NNDialect", "::mlir::arith::ArithDialect"];
}

def AssignGroupsPass : Pass<"graph-assign-groups"> {
  let summary = "Form the groups that are the units of fusion";
  let description = [{
    Every operation that computes ends up in exactly one `soc.group`. A group
    has one operation that does the work (a product, an attention, a row
    operation, a reduction) and what is fused with it: elementwise operations
    that read its result at the same index and are its only readers (epilogue),
    and elementwise operations before a row operation (prologue).
    Weights, reshapes, and slices and concatenations that are contiguous in
    memory stay outside: whether they move data is the planner's decision. A group has the locations of all its
    source nodes.
  }];
  let dependentDialects = ["::tercet::soc::SocDialect"];
  let statistics = [Statistic<"groups", "groups", "Number of groups formed">];
}

def VerifyGraphPass : Pass<"verify-graph"> {
  let summary = "Check what the graph stage promises";
  let description = [{
    Functions hold nothing but groups, weights and what lies between tasks
    (reshapes, contiguous slices and concatenations), all of static shape. What
    works at a position of a cache or table stays within it for every value that
    the ranges of the scalars allow.
  }];
}

#endif // TERCET_PASSES_GRAPH_PASSES_TD
