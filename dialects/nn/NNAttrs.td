// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weight recipes: where a constant's bytes lie and what is done to them before
// they are written into the artifact. A recipe is a tree of attributes, each
// with the tensor type that it yields; its leaves are regions of files or
// small inline values. Text never holds the data of a model.

#ifndef TERCET_DIALECTS_NN_NNATTRS_TD
#define TERCET_DIALECTS_NN_NNATTRS_TD

include "dialects/nn/NNDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"

class NN_RecipeAttr<string name, string attrMnemonic>
    : AttrDef<NN_Dialect, name, [TypedAttrInterface]> {
  let mnemonic = attrMnemonic;
  let genVerifyDecl = 1;
}

def NN_FileAttr : NN_RecipeAttr<"File", "file"> {
  let summary = "a region of a file, little-endian, row-major";
  let description = [{
    `digest` is the XXH3 64-bit hash of the region in hexadecimal, or empty if
    it has not been taken; emit verifies it, so a model that changed on disk
    between two stages is noticed.
  }];
  let parameters = (ins "::mlir::StringAttr":$path, "uint64_t":$offset,
    "uint64_t":$bytes, OptionalParameter<"::mlir::StringAttr">:$digest,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = [{ `<` $path `,` `offset` `=` $offset `,` `bytes` `=` $bytes
    (`,` `digest` `=` $digest^)? `>` }];
}

def NN_TransposeAttr : NN_RecipeAttr<"Transpose", "transpose"> {
  let summary = "dimension i of the result is dimension perm[i] of the source";
  let parameters = (ins "::mlir::TypedAttr":$source,
    ArrayRefParameter<"int64_t">:$perm,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `perm` `=` `[` $perm `]` `>`";
}

def NN_ReshapeAttr : NN_RecipeAttr<"Reshape", "reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let parameters = (ins "::mlir::TypedAttr":$source,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `>`";
}

def NN_CastAttr : NN_RecipeAttr<"Cast", "cast"> {
  let summary = "element type conversion, round to nearest even for floats";
  let parameters = (ins "::mlir::TypedAttr":$source,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `>`";
}

def NN_SliceAttr : NN_RecipeAttr<"Slice", "slice"> {
  let summary = "a rectangular part with unit strides; the type gives its sizes";
  let parameters = (ins "::mlir::TypedAttr":$source,
    ArrayRefParameter<"int64_t">:$offsets,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `offsets` `=` `[` $offsets `]` `>`";
}

def NN_ConcatAttr : NN_RecipeAttr<"Concat", "concat"> {
  let summary = "the sources one after another along an axis";
  let parameters = (ins "::mlir::ArrayAttr":$sources, "int64_t":$axis,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $sources `,` `axis` `=` $axis `>`";
}

def NN_PackAttr : NN_RecipeAttr<"Pack", "pack"> {
  let summary = "columns in panels: [K, N] becomes [ceil(N / panel), K, panel], padded with zeros";
  let parameters = (ins "::mlir::TypedAttr":$source, "int64_t":$panel,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `panel` `=` $panel `>`";
}

def NN_SortOrderAttr : NN_RecipeAttr<"SortOrder", "sort_order"> {
  let summary = "where the elements of a vector of integers are, from the least on; equal ones in order";
  let description = [{
    Element i of the result, [N] of i64, is the index of what a stable sort puts
    at place i. The groups of GPTQ's act-order are found with it.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `>`";
}

def NN_TakeAttr : NN_RecipeAttr<"Take", "take"> {
  let summary = "element j of the last dimension is element indices[j] of the source's";
  let description = [{
    `indices` is a vector of integers from 0 to the size of that dimension;
    another one is an error when the recipe is executed.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "::mlir::TypedAttr":$indices,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `indices` `=` $indices `>`";
}

//===----------------------------------------------------------------------===//
// Integer weights: computed in doubles and rounded half to even
//===----------------------------------------------------------------------===//

def NN_ScaleRowsAttr : NN_RecipeAttr<"ScaleRows", "scale_rows"> {
  let summary = "floats, those at index k of the first dimension times factors[k]";
  let parameters = (ins "::mlir::TypedAttr":$source, "::mlir::TypedAttr":$factors,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `factors` `=` $factors `>`";
}

def NN_ColumnScaleAttr : NN_RecipeAttr<"ColumnScale", "column_scale"> {
  let summary = "of a matrix of floats, what 1 stands for in each column of its i8";
  let description = [{
    s[n] = max over k of |w[k, n]| / 127, but at least 2^-12 of the greatest of
    them; 1 for a matrix of zeros. The type has floats in [N], best f64.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `>`";
}

def NN_QuantizeColumnsAttr : NN_RecipeAttr<"QuantizeColumns", "quantize_columns"> {
  let summary = "a matrix of floats in i8, symmetric, with a scale for each column";
  let description = [{
    clamp(round(w[k, n] / s[n]), -127, 127) with the scales s of
    `#nn.column_scale` of the same source.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `>`";
}

def NN_FixedPointAttr : NN_RecipeAttr<"FixedPoint", "fixed_point"> {
  let summary = "floats in i32: clamp(round(x * factor * 2^shift))";
  let description = [{
    The multipliers of a product are this of its `#nn.column_scale`, with the
    factor s_lhs / s_out and the shift 31 + shift of the product.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "::mlir::FloatAttr":$factor,
    "int64_t":$shift, AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `factor` `=` $factor `,` `shift` `=` $shift `>`";
}

def NN_ColumnBiasAttr : NN_RecipeAttr<"ColumnBias", "column_bias"> {
  let summary = "what a product of integers starts its sums with";
  let description = [{
    round(bias[n] / (scale * scales[n])) - zero * sum over k of quantised[k, n],
    in i32; `scale` and `zero` are those of the left-hand side, and without a
    bias it is 0. More than 2^30 is an error when the recipe is executed. With
    `means`, which are those of the left-hand side's channels, the bias makes up
    for what rounding the weight adds to the product on average: then it is
    bias[n] + sum over k of means[k] * (w[k, n] - scales[n] * quantised[k, n]), w
    being what `quantised` is an `#nn.quantize_columns` of.
  }];
  let parameters = (ins "::mlir::TypedAttr":$quantised, "::mlir::TypedAttr":$scales,
    OptionalParameter<"::mlir::TypedAttr">:$bias, OptionalParameter<"::mlir::TypedAttr">:$means,
    "::mlir::FloatAttr":$scale, "int64_t":$zero,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = [{ `<` $quantised `,` `scales` `=` $scales `,` `scale` `=` $scale `,`
    `zero` `=` $zero (`,` `bias` `=` $bias^)? (`means` `=` $means^)? `>` }];
}

def NN_PackDotAttr : NN_RecipeAttr<"PackDot", "pack_dot"> {
  let summary = "a matrix of i8 for sums of four products: [K, N] becomes [ceil(N / panel), ceil(K / 4), panel, 4]";
  let description = [{
    Element (j, g, n, i) is w[4 g + i, panel j + n] as an unsigned byte that is
    128 more; padding is a weight of 0.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "int64_t":$panel,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `panel` `=` $panel `>`";
}

def NN_ActivationKind : I32EnumAttr<"ActivationKind", "elementwise activation function", [
    I32EnumAttrCase<"GeluErf", 0, "gelu_erf">,
    I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,
    I32EnumAttrCase<"QuickGelu", 2, "quick_gelu">,
    I32EnumAttrCase<"Silu", 3, "silu">,
    I32EnumAttrCase<"Sigmoid", 4, "sigmoid">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::tercet::nn";
}

def NN_ActivationKindAttr : EnumAttr<NN_Dialect, NN_ActivationKind, "activation_kind"> {
  let assemblyFormat = "$value";
}

include "dialects/nn/NNPositionAttrs.td"
include "dialects/nn/NNGroupAttrs.td"

#endif // TERCET_DIALECTS_NN_NNATTRS_TD
