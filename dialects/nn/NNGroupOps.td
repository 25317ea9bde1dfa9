// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on matrices in groups (#nn.groups): a product and a gather whose
// weight stays packed in memory, and the quantisation of a left-hand side as the
// program runs. docs/dialects/nn.md states their arithmetic; on a CPU every number
// of rows gives the same sums.

#ifndef TERCET_DIALECTS_NN_NNGROUPOPS_TD
#define TERCET_DIALECTS_NN_NNGROUPOPS_TD

def NN_EncodeGroupsOp : NN_KernelOp<"encode_groups"> {
  let summary = "rows of floats to blocks of integers, each group with its scale";
  let description = [{
    For signed codes of 8 bits: scale = max |x| / 127 over the group, code =
    round_half_even(x * (127 / max |x|)), 0 for a group of zeros. For unsigned
    codes of b bits around a zero z = 2^(b - 1): m is the greatest or the least x of
    the group, whichever is farther from 0, the greatest if both are; scale = m / -z,
    code = z + min(round_half_even(x * (-z / m)), z - 1), z for a group of zeros.
    Scales are stored rounded to nearest even; a group with an x that is no number,
    or an infinite one, has a scale that is no number or infinite. Minus the sum of
    the codes follows where the format has it. [M, K] of f32 become [M, K / block,
    bytes] of i8.

    ```mlir
    %0 = nn.encode_groups #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
           ins(%x : tensor<4x64xf32>) outs(%e : tensor<4x2x40xi8>)
    ```
  }];
  let arguments = (ins NN_GroupsAttr:$format, AnyShaped:$input, AnyShaped:$init);
  let assemblyFormat = [{ $format attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` custom<ResultOfInit>(type($result), ref(type($init))) }];
}

def NN_GroupMatmulOp : NN_KernelOp<"group_matmul"> {
  let summary = "matrix product with a right-hand side in groups, its rows being columns of the result";
  let description = [{
    C += A W^T for W in [N, K]: blocks in [N, K / block, bytes] of i8 of a
    `format`, or with `panel` those of `#nn.pack_groups` in
    [ceil(N / panel), K / block, panel * packed bytes]; without a format W has
    floats in [N, K], or with `panel` in [ceil(N / panel), K, panel] as `#nn.pack`
    lays out its transpose. A is [M, K] of f32, and decoded weights are
    multiplied in f32; or it is what nn.encode_groups of `lhs` gives, and the
    products of each group are added in integers before the scales apply.

    ```mlir
    %0 = nn.group_matmul format #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
           ins(%a, %w : tensor<4x64xf32>, tensor<24x2x18xi8>) outs(%c : tensor<4x24xf32>)
    %1 = nn.group_matmul format #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0> panel 16
           lhs #nn.groups<32 in 40 group 32 planes [<bits = 8, run = 1, at = 0>] codes signed scale f32 at 32 sum at 36>
           ins(%q, %p : tensor<4x2x40xi8>, tensor<2x2x288xi8>) outs(%c : tensor<4x24xf32>)
    %2 = nn.group_matmul panel 16 ins(%a, %h : tensor<4x64xf32>, tensor<2x64x16xf16>) outs(%c : tensor<4x24xf32>)
    ```
  }];
  let arguments = (ins OptionalAttr<NN_GroupsAttr>:$format, OptionalAttr<I64Attr>:$panel,
    OptionalAttr<NN_GroupsAttr>:$lhs_format, AnyShaped:$lhs, AnyShaped:$rhs, AnyShaped:$init);
  let assemblyFormat = [{ (`format` $format^)? (`panel` $panel^)? (`lhs` $lhs_format^)?
    `ins` `(` $lhs `,` $rhs `:` type($lhs) `,` type($rhs) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Columns of the product in a panel of the right-hand side, 1 if it is not
    /// packed.
    int64_t getPanelColumns() { return getPanel().value_or(1); }
    /// K, or dynamic where it is not known.
    int64_t getDepth();
  }];
}

def NN_GroupGatherOp : NN_KernelOp<"group_gather"> {
  let summary = "rows of a matrix in groups, chosen by indices, in f32";
  let description = [{
    As nn.gather along axis 0 of the decoded matrix, which has [V, D]: the result
    is [indices..., D]. `format`, `panel` and the data are as the right-hand side
    of nn.group_matmul, so that a product can share them. An index out of range
    is an error of the run.

    ```mlir
    %0 = nn.group_gather format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
           of 10 ins(%data, %i : tensor<10x2x34xi8>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
    %1 = nn.group_gather panel 8 of 10 ins(%half, %i : tensor<2x64x8xf16>, tensor<4xi64>) outs(%e : tensor<4x64xf32>)
    ```
  }];
  let arguments = (ins OptionalAttr<NN_GroupsAttr>:$format, OptionalAttr<I64Attr>:$panel,
    I64Attr:$rows, AnyShaped:$data, AnyShaped:$indices, AnyShaped:$init);
  let assemblyFormat = [{ (`format` $format^)? (`panel` $panel^)? `of` $rows
    `ins` `(` $data `,` $indices `:` type($data) `,` type($indices) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
}

#endif // TERCET_DIALECTS_NN_NNGROUPOPS_TD
