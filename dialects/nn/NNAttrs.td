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

#endif // TERCET_DIALECTS_NN_NNATTRS_TD
