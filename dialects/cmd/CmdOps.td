// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the cmd dialect. Sizes and offsets are in bytes.

#ifndef TERCET_DIALECTS_CMD_CMDOPS_TD
#define TERCET_DIALECTS_CMD_CMDOPS_TD

include "dialects/cmd/CmdAttrs.td"
include "dialects/cmd/CmdTypes.td"
include "dialects/soc/SocAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

class Cmd_Op<string mnemonic, list<Trait> traits = []>
    : Op<Cmd_Dialect, mnemonic, traits>;

def Cmd_PoolOp : Cmd_Op<"pool", [Symbol]> {
  let summary = "a memory with one arena";
  let description = [{
    `lower_bound` is a bound below which no plan of the same buffers can go;
    `method` says how `bytes` was found. `engines` are those that may use it,
    where these are not all that address the memory: what engines with a driver
    use is not the application's to provide.

    ```mlir
    cmd.pool @arena arena in "dram" for ["cpu"] bytes 4096 alignment 64 lower_bound 4096 method "greedy-by-size"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Cmd_PoolKind:$kind, StrAttr:$memory,
    OptionalAttr<StrArrayAttr>:$engines, I64Attr:$bytes, I64Attr:$alignment, I64Attr:$lower_bound,
    StrAttr:$method);
  let assemblyFormat = [{ $sym_name $kind `in` $memory (`for` $engines^)? `bytes` $bytes
    `alignment` $alignment `lower_bound` $lower_bound `method` $method attr-dict }];
  let hasVerifier = 1;
}

def Cmd_EntryOp : Cmd_Op<"entry", [Symbol, NoRegionArguments, NoTerminator, SingleBlock]> {
  let summary = "an entry point: its tensors and its commands";
  let description = [{
    ```mlir
    cmd.entry @main {
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<Soc_ProofAttr>:$partition,
    OptionalAttr<Soc_ProofAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{ $sym_name (`partition` $partition^)? (`schedule` $schedule^)?
    attr-dict-with-keyword $body }];
}

def Cmd_BufferOp : Cmd_Op<"buffer", [Pure, HasParent<"EntryOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a range of a pool at a fixed offset";
  let description = [{
    ```mlir
    %0 = cmd.buffer @arena [64 for 128]
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$pool, I64Attr:$offset, I64Attr:$bytes);
  let results = (outs Cmd_BufferType:$buffer);
  let assemblyFormat = "$pool `[` $offset `for` $bytes `]` attr-dict";
}

def Cmd_WeightOp : Cmd_Op<"weight", [Pure, HasParent<"EntryOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight's place in its pool";
  let description = [{
    ```mlir
    %0 = cmd.weight @dense @weights [0 for 24]
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, FlatSymbolRefAttr:$pool, I64Attr:$offset,
    I64Attr:$bytes);
  let results = (outs Cmd_BufferType:$buffer);
  let assemblyFormat = "$weight $pool `[` $offset `for` $bytes `]` attr-dict";
}

def Cmd_InputOp : Cmd_Op<"input", [Pure, HasParent<"EntryOp">]> {
  let summary = "an input that the application binds";
  let description = [{
    `index` is its place among the inputs of the entry.

    ```mlir
    %0 = cmd.input 0 "input_ids" : tensor<1x128xi64>
    ```
  }];
  let arguments = (ins I64Attr:$index, StrAttr:$name, TypeAttrOf<AnyRankedTensor>:$tensor);
  let results = (outs Cmd_BufferType:$buffer);
  let assemblyFormat = "$index $name `:` $tensor attr-dict";
}

def Cmd_OutputOp : Cmd_Op<"output", [Pure, HasParent<"EntryOp">]> {
  let summary = "an output that the application binds";
  let description = [{
    ```mlir
    %0 = cmd.output 0 "embedding" : tensor<1x384xf32>
    ```
  }];
  let arguments = (ins I64Attr:$index, StrAttr:$name, TypeAttrOf<AnyRankedTensor>:$tensor);
  let results = (outs Cmd_BufferType:$buffer);
  let assemblyFormat = "$index $name `:` $tensor attr-dict";
}

def Cmd_StateOp : Cmd_Op<"state", [Pure, HasParent<"EntryOp">,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a tensor that persists between runs";
  let description = [{
    An input and an output of the entry in one place of a state pool. Entries
    that name the same state share it.

    ```mlir
    %0 = cmd.state "cache.0.key" @state [0 for 4096] : tensor<1x16x2x64xf16>
    ```
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$pool, I64Attr:$offset, I64Attr:$bytes,
    TypeAttrOf<AnyRankedTensor>:$tensor);
  let results = (outs Cmd_BufferType:$buffer);
  let assemblyFormat = "$name $pool `[` $offset `for` $bytes `]` `:` $tensor attr-dict";
  let hasVerifier = 1;
}

def Cmd_ScalarOp : Cmd_Op<"scalar", [Pure, HasParent<"EntryOp">]> {
  let summary = "a bounded number that the application sets between runs";
  let description = [{
    At least `min`, at most `max`: the runtime refuses others. It starts at
    `min`.

    ```mlir
    %0 = cmd.scalar "position" [0 to 2047]
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$min, I64Attr:$max);
  let results = (outs Index:$value);
  let assemblyFormat = "$name `[` $min `to` $max `]` attr-dict";
  let hasVerifier = 1;
}

def Cmd_DispatchOp : Cmd_Op<"dispatch", [HasParent<"EntryOp">, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "run a kernel over its grid";
  let description = [{
    Operand i is bytes [offsets[i], offsets[i] + bytes[i]) of its buffer; the
    first `num_inputs` of the kernel are read, the others written; one that the
    kernel updates is both. `scratch`,
    where a kernel needs it, is `scratch_stride` bytes for each worker.

    ```mlir
    %t = cmd.dispatch @kernel on "cpu" (%a, %b) offsets [0, 0] bytes [16, 16] grid [1, 1, 1] scratch (%s stride 64) wait (%u)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, StrAttr:$engine,
    Variadic<Cmd_BufferType>:$buffers, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$bytes,
    DenseI64ArrayAttr:$grid, Variadic<Index>:$scalars, Optional<Cmd_BufferType>:$scratch,
    DefaultValuedAttr<I64Attr, "0">:$scratch_stride, Variadic<Cmd_TokenType>:$waits,
    DefaultValuedAttr<I64Attr, "0">:$predicted_ps, OptionalAttr<I64Attr>:$start_ps,
    OptionalAttr<TypedArrayAttrBase<Soc_AlternativeAttr, "alternatives">>:$alternatives,
    OptionalAttr<Soc_ComputationAttr>:$computation);
  let results = (outs Cmd_TokenType:$token);
  let assemblyFormat = [{ $kernel `on` $engine `(` $buffers `)` `offsets` $offsets `bytes` $bytes
    `grid` $grid (`scalars` `(` $scalars^ `)`)? (`scratch` `(` $scratch^ `stride` $scratch_stride `)`)?
    (`wait` `(` $waits^ `)`)? (`predicted_ps` $predicted_ps^)?
    (`start_ps` $start_ps^)? (`among` $alternatives^)? (`computes` $computation^)? attr-dict }];
  let hasVerifier = 1;
}

def Cmd_CopyOp : Cmd_Op<"copy", [HasParent<"EntryOp">]> {
  let summary = "copy bytes from one buffer to another";
  let description = [{
    ```mlir
    %t = cmd.copy %a [0] to %b [64] bytes 128 on "cpu"
    ```
  }];
  let arguments = (ins Cmd_BufferType:$source, I64Attr:$source_offset, Cmd_BufferType:$target,
    I64Attr:$target_offset, I64Attr:$bytes, StrAttr:$engine, Variadic<Cmd_TokenType>:$waits);
  let results = (outs Cmd_TokenType:$token);
  let assemblyFormat = [{ $source `[` $source_offset `]` `to` $target `[` $target_offset `]`
    `bytes` $bytes `on` $engine (`wait` `(` $waits^ `)`)? attr-dict }];
  let hasVerifier = 1;
}

#endif // TERCET_DIALECTS_CMD_CMDOPS_TD
