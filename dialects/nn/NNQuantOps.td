// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the nn dialect that compute in integers, and those that lead
// there and back. Their arithmetic is stated bit by bit in docs/quantisation.md,
// whose names M (multiply high), R (rounding shift) and Q (requantise) are used
// here. Storage is plain i8, i16 and i32; scales are gone: what is left of them
// are multipliers and shifts, which are attributes or small constant operands.

#ifndef TERCET_DIALECTS_NN_NNQUANTOPS_TD
#define TERCET_DIALECTS_NN_NNQUANTOPS_TD

// I32Attr, but signed in C++.
def NN_I32Attr : TypedSignlessIntegerAttrBase<I32, "int32_t", "32-bit signless integer attribute">;

// Of a packed rhs only whole panels can be cut out, which NNTiling.cpp does.
class NN_IntegerOp<string mnemonic, list<Trait> traits = []> : NN_KernelOp<mnemonic, traits>;

def NN_QuantizeOp : NN_IntegerOp<"quantize"> {
  let summary = "floats to integers of a quantised type";
  let description = [{
    clamp(round_half_even(x / scale) + zero); not-a-number becomes zero. `as` is
    a !quant.uniform whose storage type is that of the result, with one scale or
    with one for each index of the last dimension and one zero for all.

    ```mlir
    %0 = nn.quantize as !quant.uniform<i8:f32, 5.000000e-02:3> ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xi8>)
    ```
  }];
  let arguments = (ins TypeAttr:$type, AnyShaped:$input, AnyShaped:$init);
  let assemblyFormat = [{ `as` $type attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_DequantizeOp : NN_IntegerOp<"dequantize"> {
  let summary = "integers of a quantised type to floats";
  let description = [{
    (q - zero) * scale, with a type as in nn.quantize.

    ```mlir
    %0 = nn.dequantize from !quant.uniform<i8:f32, 5.000000e-02:3> ins(%x : tensor<4x8xi8>) outs(%e : tensor<4x8xf32>)
    ```
  }];
  let arguments = (ins TypeAttr:$type, AnyShaped:$input, AnyShaped:$init);
  let assemblyFormat = [{ `from` $type attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_QuantizedMatmulOp : NN_IntegerOp<"quantized_matmul"> {
  let summary = "matrix product of integers, requantised";
  let description = [{
    Q(bias[n] + sum over k of lhs[m, k] * rhs[k, n], multiplier[n], shift, zero)
    for lhs in [M, K] of i8 or i16, rhs in [K, N] of i8, bias and multiplier in
    [N] of i32, and a result in [M, N] of i8 or i16. rhs may be packed as
    [ceil(N / p), ceil(K / 4), p, 4] by `#nn.pack_dot`: then its bytes are
    unsigned, 128 more than the weight.

    ```mlir
    %0 = nn.quantized_matmul ins(%a, %b, %bias, %m : tensor<4x8xi8>, tensor<8x16xi8>, tensor<16xi32>, tensor<16xi32>)
           outs(%e : tensor<4x16xi8>) shift 7 zero -3
    ```
  }];
  let arguments = (ins AnyShaped:$lhs, AnyShaped:$rhs, AnyShaped:$bias, AnyShaped:$multiplier,
    AnyShaped:$init, NN_I32Attr:$shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $lhs `,` $rhs `,` $bias `,` $multiplier `:` type($lhs) `,` type($rhs) `,`
    type($bias) `,` type($multiplier) `)` `outs` `(` $init `:` type($init) `)`
    `shift` $shift `zero` $zero attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Whether rhs is packed as #nn.pack_dot does.
    bool isPacked() { return ::llvm::cast<::mlir::ShapedType>(getRhs().getType()).getRank() == 4; }
    /// Columns in a panel of a packed rhs.
    int64_t getPanel() { return ::llvm::cast<::mlir::ShapedType>(getRhs().getType()).getDimSize(2); }
  }];
}

def NN_QuantizedAttentionOp : NN_IntegerOp<"quantized_attention"> {
  let summary = "scaled dot-product attention of integers";
  let description = [{
    As nn.attention for i8 operands with zero 0: scores in base 2 with 8 fraction
    bits by `score_multiplier` and `score_shift`, a mask of i16 in the same unit,
    powers of two from a table, division by a reciprocal of each row, and the
    result, of i8, as `multiplier`, `shift` and `zero` say.

    ```mlir
    %0 = nn.quantized_attention ins(%q, %k, %v : tensor<1x4x2x8xi8>, tensor<1x6x2x8xi8>, tensor<1x6x2x8xi8>)
           mask(%m : tensor<1x1x1x6xi16>) outs(%e : tensor<1x4x2x8xi8>)
           score_multiplier 1476395008 score_shift 4 multiplier 1610612736 shift 0 zero 0
    ```
  }];
  let arguments = (ins AnyShaped:$query, AnyShaped:$key, AnyShaped:$value, Optional<AnyShaped>:$mask,
    AnyShaped:$init, NN_I32Attr:$score_multiplier, NN_I32Attr:$score_shift, NN_I32Attr:$multiplier,
    NN_I32Attr:$shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)? `outs` `(` $init `:` type($init) `)`
    `score_multiplier` $score_multiplier `score_shift` $score_shift `multiplier` $multiplier
    `shift` $shift `zero` $zero attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Query heads per key head.
    int64_t getGroupSize();
  }];
}

def NN_QuantizedLayerNormOp : NN_IntegerOp<"quantized_layer_norm"> {
  let summary = "normalisation over the last dimension, in integers";
  let description = [{
    Mean and variance are exact; the deviation is an integer square root.
    `epsilon` is in units of the input's, times C squared; gain and offset, in [C]
    of i32, hold scale and bias of the layer in units of the result.

    ```mlir
    %0 = nn.quantized_layer_norm ins(%x, %g, %o : tensor<4x8xi16>, tensor<8xi32>, tensor<8xi32>)
           outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
    ```
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$gain, AnyShaped:$offset, AnyShaped:$init,
    I64Attr:$epsilon, NN_I32Attr:$gain_shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $input `,` $gain `,` $offset `:` type($input) `,` type($gain) `,` type($offset) `)`
    `outs` `(` $init `:` type($init) `)` `epsilon` $epsilon `gain_shift` $gain_shift `zero` $zero attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_QuantizedRmsNormOp : NN_IntegerOp<"quantized_rms_norm"> {
  let summary = "division by the root mean square of the last dimension, in integers";
  let description = [{
    As quantized_layer_norm without the mean and the offset, for an operand with
    zero 0; the gain includes the square root of C.

    ```mlir
    %0 = nn.quantized_rms_norm ins(%x, %g : tensor<4x8xi16>, tensor<8xi32>)
           outs(%e : tensor<4x8xi8>) epsilon 12 gain_shift 3 zero 0
    ```
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$gain, AnyShaped:$init,
    I64Attr:$epsilon, NN_I32Attr:$gain_shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $input `,` $gain `:` type($input) `,` type($gain) `)`
    `outs` `(` $init `:` type($init) `)` `epsilon` $epsilon `gain_shift` $gain_shift `zero` $zero attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_QuantizedAddOp : NN_IntegerOp<"quantized_add"> {
  let summary = "sum of two integer tensors of one shape, rescaled";
  let description = [{
    clamp(R(a * multiplier_a + b * multiplier_b + offset, shift) + zero).

    ```mlir
    %0 = nn.quantized_add ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi16>) outs(%e : tensor<4x8xi16>)
           multipliers [16384, 9000] offset -120 shift 10 zero 0
    ```
  }];
  let arguments = (ins AnyShaped:$lhs, AnyShaped:$rhs, AnyShaped:$init,
    ConfinedAttr<DenseI32ArrayAttr, [DenseArrayCount<2>]>:$multipliers, NN_I32Attr:$offset, NN_I32Attr:$shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)`
    `outs` `(` $init `:` type($init) `)` `multipliers` $multipliers `offset` $offset `shift` $shift
    `zero` $zero attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_RescaleOp : NN_IntegerOp<"rescale"> {
  let summary = "the same value in another quantised type";
  let description = [{
    clamp(R(x * multiplier + offset, shift) + zero). With `columns`, in [C] of i32
    for the last dimension, multiplier and offset are 0 and the result is
    clamp(R(M(x << a, columns[c]), shift) + zero), a being 15 for i16 and 23 for i8.

    ```mlir
    %0 = nn.rescale ins(%x : tensor<4x8xi16>) outs(%e : tensor<4x8xi8>) multiplier 9000 offset 0 shift 20 zero 3
    %1 = nn.rescale ins(%x : tensor<4x8xi16>) columns(%c : tensor<8xi32>) outs(%e : tensor<4x8xi8>) multiplier 0 offset 0 shift 7 zero 3
    ```
  }];
  let arguments = (ins AnyShaped:$input, Optional<AnyShaped>:$columns, AnyShaped:$init,
    NN_I32Attr:$multiplier, NN_I32Attr:$offset, NN_I32Attr:$shift, NN_I32Attr:$zero);
  let assemblyFormat = [{ `ins` `(` $input `:` type($input) `)` (`columns` `(` $columns^ `:` type($columns) `)`)?
    `outs` `(` $init `:` type($init) `)` `multiplier` $multiplier `offset` $offset `shift` $shift
    `zero` $zero attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$types, "::mlir::Value":$input, "::mlir::Value":$init,
    "int32_t":$multiplier, "int32_t":$offset, "int32_t":$shift, "int32_t":$zero),
    [{ build($_builder, $_state, types, input, ::mlir::Value(), init, multiplier, offset, shift, zero); }]>];
  let extraClassDeclaration = dpsDeclaration # [{
    /// What the operand is shifted left by before it meets its column's multiplier.
    int64_t getColumnShift();
  }];
}

def NN_LookupOp : NN_IntegerOp<"lookup"> {
  let summary = "any function of one i8 value, by a table of 256";
  let description = [{
    table[x + 128], of i8 or i16. A table in [B, 256] has a row for each of B
    blocks of the last dimension, which are multiples of 128 channels.

    ```mlir
    %0 = nn.lookup ins(%x, %t : tensor<4x8xi8>, tensor<256xi8>) outs(%e : tensor<4x8xi8>)
    %1 = nn.lookup ins(%y, %u : tensor<4x512xi8>, tensor<4x256xi8>) outs(%f : tensor<4x512xi8>)
    ```
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$table, AnyShaped:$init);
  let assemblyFormat = [{ `ins` `(` $input `,` $table `:` type($input) `,` type($table) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Channels of the last dimension that share a row of the table; dynamic
    /// where it is not known.
    int64_t getBlock();
  }];
}

#endif // TERCET_DIALECTS_NN_NNQUANTOPS_TD
