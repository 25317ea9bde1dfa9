// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes for positions in a sequence: the range of a scalar, and recipes of
// tables with a row or column for every position, which are computed when the
// artifact is written and never stand in text.

#ifndef TERCET_DIALECTS_NN_NNPOSITIONATTRS_TD
#define TERCET_DIALECTS_NN_NNPOSITIONATTRS_TD

def NN_RangeAttr : AttrDef<NN_Dialect, "Range"> {
  let mnemonic = "range";
  let summary = "the values that a scalar of an entry may have, both inclusive";
  let description = [{
    On an argument of type index, as `nn.range`: a bounded dynamic quantity that
    the application sets between runs.
  }];
  let parameters = (ins "int64_t":$min, "int64_t":$max);
  let assemblyFormat = "`<` $min `,` $max `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Tables of rotary position embedding
//===----------------------------------------------------------------------===//

def NN_RopeTableKind : I32EnumAttr<"RopeTableKind", "which function of the angles a table holds", [
    I32EnumAttrCase<"Cos", 0, "cos">,
    I32EnumAttrCase<"Sin", 1, "sin">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::tercet::nn";
}

def NN_RopeTableKindParameter : EnumParameter<NN_RopeTableKind>;

def NN_RopeTableAttr : NN_RecipeAttr<"RopeTable", "rope_table"> {
  let summary = "cos or sin of the angles by which `nn.rope` rotates, a row for every position";
  let description = [{
    Of type [1, T, D]. With R = `rotary` (even, at most D) the angle of row t for
    the pair (i, i + D/2) is t * theta^(-2 i / R) / factors[i] where i < R/2, and
    both columns i and i + D/2 hold its cosine or sine times `attention`. Pairs
    beyond R/2 are not rotated: cosine 1 and sine 0, whatever `attention` is.
    `factors` has R/2 positive floats (1 where there are none): those of Llama 3
    (file tensor rope_freqs.weight), of LongRoPE, of linear scaling and of YaRN.
    Computed in doubles and rounded once, when the recipe is executed.
  }];
  let parameters = (ins NN_RopeTableKindParameter:$kind, "::mlir::FloatAttr":$theta,
    "int64_t":$rotary, OptionalParameter<"::mlir::TypedAttr">:$factors,
    "::mlir::FloatAttr":$attention,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = [{ `<` $kind `,` `theta` `=` $theta `,` `rotary` `=` $rotary `,`
    `attention` `=` $attention (`,` `factors` `=` $factors^)? `>` }];
}

def NN_AlibiAttr : NN_RecipeAttr<"Alibi", "alibi"> {
  let summary = "attention with linear biases as a mask: slopes[h] * t";
  let description = [{
    Of type [1, H, 1, T]. A causal softmax is the same with slopes[h] * t as with
    slopes[h] * (t - position), which needs no position (Press et al., arXiv
    2108.12409).
  }];
  let parameters = (ins "::mlir::TypedAttr":$slopes,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $slopes `>`";
}

#endif // TERCET_DIALECTS_NN_NNPOSITIONATTRS_TD
