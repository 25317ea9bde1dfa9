// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the nn dialect on state: tensors that persist between runs, of
// which a part is valid. How much that is comes as a scalar, so that shapes stay
// static and cost follows what is valid.

#ifndef TERCET_DIALECTS_NN_NNSTATEOPS_TD
#define TERCET_DIALECTS_NN_NNSTATEOPS_TD

def NN_CacheUpdateOp : NN_Op<"cache_update", [Pure, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue"]>,
    DeclareOpInterfaceMethods<AggregatedOpInterface, ["decomposeOperation"]>]> {
  let summary = "rows of a cache replaced from a position on";
  let description = [{
    The cache [B, T, G, D] with rows [position, position + S) replaced by those of
    [B, S, G, D], rounded to nearest even into its element type. position + S is
    at most T, which the range of the scalar sees to.

    With a `format` the rows are f32 and are stored in groups: the cache is [B, T,
    G, bytes] of i8, the bytes of D elements being the blocks of one token and head
    one behind the other, as nn.encode_groups makes them. D is whole blocks.

    ```mlir
    %0 = nn.cache_update ins(%x : tensor<1x4x2x8xf32>) at %p outs(%c : tensor<1x16x2x8xf16>)
    %1 = nn.cache_update format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
           ins(%y : tensor<1x4x2x64xf32>) at %p outs(%d : tensor<1x16x2x68xi8>)
    ```
  }];
  let arguments = (ins OptionalAttr<NN_GroupsAttr>:$format, AnyRankedTensor:$rows, Index:$position,
    AnyRankedTensor:$init);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{ (`format` $format^)? `ins` `(` $rows `:` type($rows) `)` `at` $position
    `outs` `(` $init `:` type($init) `)` attr-dict custom<ResultOfInit>(type($result), ref(type($init))) }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def NN_CachedAttentionOp : NN_KernelOp<"cached_attention"> {
  let summary = "causal attention of rows at a position over what a cache holds";
  let description = [{
    As nn.attention for q in [B, S, H, D], k in [B, T, G, D] and v in [B, T, G, E],
    where row s is at position + s and sees the keys t <= position + s; with a
    window, only those with t > position + s - window. Keys that no row sees are
    never read. A mask, which broadcasts to [B, H, S, T] and is the same for all
    rows, is added to the scores (ALiBi). Elements of k and v may be narrower than those of q: they are
    converted; sums are of q's type. With a `format` q is f32, and k and v are
    stored as nn.cache_update stores them.

    ```mlir
    %0 = nn.cached_attention ins(%q, %k, %v : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
           at %p outs(%e : tensor<1x4x4x8xf32>) scale 2.500000e-01
    %1 = nn.cached_attention format #nn.groups<32 in 34 group 32 planes [<bits = 8, run = 1, at = 2>] codes signed scale f16 at 0>
           ins(%r, %d, %d : tensor<1x4x4x64xf32>, tensor<1x16x2x68xi8>, tensor<1x16x2x68xi8>)
           at %p outs(%f : tensor<1x4x4x64xf32>) scale 1.250000e-01
    ```
  }];
  let arguments = (ins OptionalAttr<NN_GroupsAttr>:$format, AnyShaped:$query, AnyShaped:$key, AnyShaped:$value,
    Optional<AnyShaped>:$mask, Index:$position, AnyShaped:$init, F64Attr:$scale, OptionalAttr<I64Attr>:$window);
  let assemblyFormat = [{ (`format` $format^)? `ins` `(` $query `,` $key `,` $value `:` type($query) `,` type($key) `,` type($value) `)`
    (`mask` `(` $mask^ `:` type($mask) `)`)? `at` $position `outs` `(` $init `:` type($init) `)` `scale` $scale (`window` $window^)? attr-dict
    custom<ResultOfInit>(type($result), ref(type($init))) }];
  let extraClassDeclaration = dpsDeclaration # [{
    /// Query heads per key head.
    int64_t getGroupSize();
  }];
}

#endif // TERCET_DIALECTS_NN_NNSTATEOPS_TD
