// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the nn dialect. Shapes are written [B, S, H, D] for batch,
// sequence, heads and head dimension.

#ifndef TERCET_DIALECTS_NN_NNOPS_TD
#define TERCET_DIALECTS_NN_NNOPS_TD

include "dialects/nn/NNAttrs.td"
include "mlir/Dialect/Linalg/IR/LinalgInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

class NN_Op<string mnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def NN_WeightOp : NN_Op<"weight", [Symbol]> {
  let summary = "a constant of the model, as a symbol with a recipe";
  let description = [{
    Names a constant and says how its bytes are made from the model's files.
    Passes rewrite the recipe (transpose, concatenate, pack); emit executes it.
    With `float_activations` products with a weight in groups keep their left-hand
    side in f32, which else is rounded to 8 bits in groups.

    ```mlir
    nn.weight @dense = #nn.transpose<#nn.file<"model.onnx", offset = 64, bytes = 24> : tensor<3x2xf32>, perm = [1, 0]> : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypedAttrInterface:$recipe,
    UnitAttr:$float_activations);
  let assemblyFormat = "$sym_name `=` $recipe (`float_activations` $float_activations^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getRecipe().getType());
    }
  }];
}

def NN_GetWeightOp : NN_Op<"get_weight",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    ```mlir
    %0 = nn.get_weight @dense : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Compute
//===----------------------------------------------------------------------===//

// An operation on tensors with one destination. Subclasses say which dimension
// of each operand belongs to which loop; tiling follows from that.
class NN_ComputeOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, !listconcat(traits, [
        Pure, DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<TilingInterface, [
          "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
          "getResultTilePosition", "generateResultTileValue",
          "getIterationDomainTileFromResultTile"]>,
        DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>])> {
  let results = (outs AnyRankedTensor:$result);
  let hasVerifier = 1;
  code dpsDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }

    /// For each dimension of the operand, the loop that it belongs to, or
    /// kWhole where every tile needs all of it. Loops are the dimensions of the
    /// result, outermost first.
    ::llvm::SmallVector<int64_t> getLoopsOfOperand(unsigned operand);
    static constexpr int64_t kWhole = -1;
  }];
  let extraClassDeclaration = dpsDeclaration;
}

// The same for operations that code generation may take whole: on tensors or,
// inside kernels, on memrefs, and then there is no result.
class NN_KernelOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, !listconcat(traits, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<TilingInterface, [
          "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
          "getResultTilePosition", "generateResultTileValue",
          "getIterationDomainTileFromResultTile"]>,
        DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>])> {
  let results = (outs Optional<AnyRankedTensor>:$result);
  let hasVerifier = 1;
  code dpsDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// As for the other compute operations.
    ::llvm::SmallVector<int64_t> getLoopsOfOperand(unsigned operand);
    static constexpr int64_t kWhole = -1;
  }];
  let extraClassDeclaration = dpsDeclaration;
}

def NN_ActivationOp : NN_ComputeOp<"activation"> {
  let summary = "an elementwise activation function";
  let description = [{
    `gelu_erf` is x/2 (1 + erf(x/sqrt 2)); `gelu_tanh` is
    x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); `quick_gelu` is
    x sigmoid(1.702 x); `silu` is x sigmoid(x).

    ```mlir
    %0 = nn.activation gelu_erf ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>)
    ```
  }];
  let arguments = (ins NN_ActivationKindAttr:$kind, AnyRankedTensor:$input, AnyRankedTensor:$init);
  let assemblyFormat = [{ $kind attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_LayerNormOp : NN_ComputeOp<"layer_norm"> {
  let summary = "normalisation to mean 0 and variance 1 over the last dimension";
  let description = [{
    y = (x - mean) / sqrt(variance + epsilon) * scale + bias with the biased
    variance, both over the last dimension (Ba et al., arXiv 1607.06450).

    ```mlir
    %0 = nn.layer_norm ins(%x, %scale : tensor<4x8xf32>, tensor<8xf32>) bias(%b : tensor<8xf32>)
           outs(%e : tensor<4x8xf32>) epsilon 1.000000e-05
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale,
    Optional<AnyRankedTensor>:$bias, AnyRankedTensor:$init, F64Attr:$epsilon);
  let assemblyFormat = [{ `ins` `(` $input `,` $scale `:` type($input) `,` type($scale) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` `epsilon` $epsilon attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_RmsNormOp : NN_ComputeOp<"rms_norm"> {
  let summary = "division by the root of the mean square over the last dimension";
  let description = [{
    y = x / sqrt(mean(x^2) + epsilon) * scale (Zhang and Sennrich, arXiv 1910.07467).

    ```mlir
    %0 = nn.rms_norm ins(%x, %scale : tensor<4x8xf32>, tensor<8xf32>)
           outs(%e : tensor<4x8xf32>) epsilon 1.000000e-06
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$scale,
    AnyRankedTensor:$init, F64Attr:$epsilon);
  let assemblyFormat = [{ `ins` `(` $input `,` $scale `:` type($input) `,` type($scale) `)`
    `outs` `(` $init `:` type($init) `)` `epsilon` $epsilon attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_RopeOp : NN_ComputeOp<"rope"> {
  let summary = "rotary position embedding, half-split";
  let description = [{
    For x in [B, S, H, D] and tables cos, sin in [B or 1, S, D]:
    y = x * cos + rotate_half(x) * sin, where rotate_half(x) is
    concat(-x[D/2:], x[:D/2]) (Su et al., arXiv 2104.09864, in the spelling of
    the Llama exporters). `at` a position, row s uses row position + s of tables
    [1, T, D], where position + S is at most T.

    ```mlir
    %0 = nn.rope ins(%x, %cos, %sin : tensor<1x4x2x8xf32>, tensor<1x4x8xf32>, tensor<1x4x8xf32>)
           outs(%e : tensor<1x4x2x8xf32>)
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$cos, AnyRankedTensor:$sin,
    AnyRankedTensor:$init, Optional<Index>:$position);
  let assemblyFormat = [{ `ins` `(` $input `,` $cos `,` $sin `:` type($input) `,` type($cos) `,` type($sin) `)`
    (`at` $position^)? `outs` `(` $init `:` type($init) `)` attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_GatherOp : NN_ComputeOp<"gather"> {
  let summary = "slices of the data along an axis, chosen by indices";
  let description = [{
    As ONNX Gather: the result's shape is data[:axis] + indices + data[axis+1:];
    a negative index counts from the end. An index out of range is an error of
    the run, never a read outside of the data.

    ```mlir
    %0 = nn.gather axis 0 ins(%data, %i : tensor<10x8xf32>, tensor<4xi64>) outs(%e : tensor<4x8xf32>)
    ```
  }];
  let arguments = (ins I64Attr:$axis, AnyRankedTensor:$data, AnyRankedTensor:$indices,
    AnyRankedTensor:$init);
  let assemblyFormat = [{ `axis` $axis attr-dict `ins` `(` $data `,` $indices `:` type($data) `,` type($indices) `)`
    `outs` `(` $init `:` type($init) `)`
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_AttentionOp : NN_KernelOp<"attention"> {
  let summary = "scaled dot-product attention";
  let description = [{
    softmax(q k^T * scale + mask) v for q in [B, S, H, D], k in [B, T, G, D],
    v in [B, T, G, E] with G dividing H (grouped queries: head h reads key head
    h / (H / G)) and a mask that broadcasts to [B, H, S, T]. The result is
    [B, S, H, E]: heads stay innermost but one, so that the transposes around an
    exported attention fold away (Vaswani et al., arXiv 1706.03762).

    ```mlir
    %0 = nn.attention ins(%q, %k, %v : tensor<1x4x2x8xf32>, tensor<1x6x2x8xf32>, tensor<1x6x2x8xf32>)
           mask(%m : tensor<1x1x1x6xf32>) outs(%e : tensor<1x4x2x8xf32>) scale 2.500000e-01
    ```
  }];
  let arguments = (ins AnyShaped:$query, AnyShaped:$key, AnyShaped:$value,
    Optional<AnyShaped>:$mask, AnyShaped:$init, F64Attr:$scale);
  let assemblyFormat = [{ `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)?
    `outs` `(` $init `:` type($init) `)` `scale` $scale attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Query heads per key head.
    int64_t getGroupSize();
  }];
}

def NN_PackedMatmulOp : NN_Op<"packed_matmul", [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue",
      "getIterationDomainTileFromResultTile"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "matrix product with a right-hand side packed in column panels";
  let description = [{
    C += A B for A in [M, K], C in [M, N], and B in [ceil(N / p), K, p] as
    `#nn.pack` lays it out: panel j holds columns j*p to j*p+p-1, row after row,
    so that a kernel streams it with unit stride. What lies beyond column N is
    never looked at. On tensors or, inside kernels, on memrefs.

    ```mlir
    %0 = nn.packed_matmul ins(%a, %b : tensor<4x8xf32>, tensor<2x8x16xf32>) outs(%c : tensor<4x30xf32>)
    ```
  }];
  let arguments = (ins AnyShaped:$lhs, AnyShaped:$rhs, AnyShaped:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{ attr-dict `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)`
    `outs` `(` $init `:` type($init) `)` custom<ResultOfInit>(type($result), ref(type($init))) }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Columns in a panel.
    int64_t getPanel() { return ::llvm::cast<::mlir::ShapedType>(getRhs().getType()).getDimSize(2); }
  }];
}

include "dialects/nn/NNQuantOps.td"
include "dialects/nn/NNStateOps.td"
include "dialects/nn/NNGroupOps.td"

#endif // TERCET_DIALECTS_NN_NNOPS_TD
