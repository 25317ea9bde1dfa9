// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the soc dialect: from the unit of fusion to the code of a task.

#ifndef TERCET_DIALECTS_SOC_SOCOPS_TD
#define TERCET_DIALECTS_SOC_SOCOPS_TD

include "dialects/soc/SocAttrs.td"
include "dialects/soc/SocTypes.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class Soc_Op<string mnemonic, list<Trait> traits = []>
    : Op<Soc_Dialect, mnemonic, traits>;

def Soc_GroupOp : Soc_Op<"group", [Pure, IsolatedFromAbove, AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "the unit of fusion: never split by placement except into shares";
  let description = [{
    The body computes the results from its block arguments, which are the
    operands, one to one: tensors, then `scalars`, which are bounded dynamic
    quantities (a position) and are used as offsets and loop bounds only. The operation that yields the first result is the
    group's root: tiling starts there and pulls the others in. `engine` and
    `variant` are absent until partition has decided; text may pin them. In
    their place a group has `shares` where several engines run parts of it.
    `precisions` lists what it may be computed in, the preferred one first;
    absent, that is only what is written. The variant that is chosen says which,
    and that one alone, without types, is there once it has been applied.

    ```mlir
    %0 = soc.group (%a) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<4xf32>):
      soc.yield %x : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$engine, OptionalAttr<Soc_VariantAttr>:$variant,
    OptionalAttr<TypedArrayAttrBase<Soc_ShareAttr, "shares">>:$shares,
    OptionalAttr<TypedArrayAttrBase<Soc_AlternativeAttr, "alternatives">>:$alternatives,
    OptionalAttr<TypedArrayAttrBase<Soc_PrecisionAttr, "precisions">>:$precisions,
    Variadic<AnyRankedTensor>:$inputs, Variadic<Index>:$scalars);
  let results = (outs Variadic<AnyRankedTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{ (`on` $engine^)? (`variant` $variant^)? (`shares` $shares^)?
    (`among` $alternatives^)? (`precisions` $precisions^)? `(` $inputs `)`
    (`scalars` `(` $scalars^ `)`)? attr-dict `:` functional-type($inputs, $outputs) $body }];
  let hasVerifier = 1;
}

def Soc_TaskOp : Soc_Op<"task", [IsolatedFromAbove, AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "a group on an engine: one command";
  let description = [{
    Results are the outputs and a token that is signalled when the task has
    completed. It starts after the tasks whose tokens it waits for and after those
    before it on the same engine: `order` is its place in the engine's queue,
    absent until schedule has decided, and `start_ps` when that predicts it to
    start. `alternatives` say what became of the other engines, `computation`
    what it computes in where the program is quantised.

    ```mlir
    %0, %t = soc.task on "cpu" variant #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
        (%a) after () : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%x: tensor<4xf32>):
      soc.yield %x : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$engine, Soc_VariantAttr:$variant, OptionalAttr<I64Attr>:$order,
    OptionalAttr<I64Attr>:$start_ps,
    OptionalAttr<TypedArrayAttrBase<Soc_AlternativeAttr, "alternatives">>:$alternatives,
    OptionalAttr<Soc_ComputationAttr>:$computation,
    Variadic<AnyStaticShapeTensor>:$inputs, Variadic<Index>:$scalars,
    Variadic<Soc_TokenType>:$waits);
  let results = (outs Variadic<AnyStaticShapeTensor>:$outputs, Soc_TokenType:$token);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{ `on` $engine (`order` $order^)? (`start_ps` $start_ps^)? `variant` $variant
    (`among` $alternatives^)? (`computes` $computation^)?
    `(` $inputs `)` (`scalars` `(` $scalars^ `)`)? `after` `(` $waits `)` attr-dict `:` functional-type($inputs, $outputs) $body }];
  let hasVerifier = 1;
}

def Soc_YieldOp : Soc_Op<"yield", [Pure, ReturnLike, Terminator,
    ParentOneOf<["GroupOp", "TaskOp"]>]> {
  let summary = "the results of a group or task";
  let arguments = (ins Variadic<AnyRankedTensor>:$results);
  let builders = [OpBuilder<(ins), [{ }]>];
  let assemblyFormat = "attr-dict ($results^ `:` type($results))?";
}

def Soc_CallOp : Soc_Op<"call", [DestinationStyleOpInterface, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a task's body once its code is in a kernel";
  let description = [{
    Operands are the kernel's arguments in order: first what it reads, then
    what it writes, then scalars. Only inside of a `soc.task`.

    ```mlir
    %0 = soc.call @kernel ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$inputs,
    Variadic<AnyRankedTensor>:$inits, Variadic<Index>:$scalars);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{ $kernel `ins` `(` $inputs (`:` type($inputs)^)? `)`
    `outs` `(` $inits `:` type($inits) `)` (`scalars` `(` $scalars^ `)`)? attr-dict
    `->` type($results) }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
}

def Soc_KernelOp : Soc_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, OpAsmOpInterface]> {
  let summary = "the code of tasks with equal bodies";
  let description = [{
    Arguments are memrefs of static shape in row-major order: first
    `num_inputs` that it reads, then those that it writes; then scalars of type
    index. The outermost
    `scf.forall` is the grid that workers share; what it holds runs once a
    tile. `scratch_bytes` is what one worker needs, absent until it is known,
    `grid` likewise. An input listed in `in_place` may be the same memory as the
    first output: every tile reads of it only what it then overwrites. With
    `updates` the first output must be the memory of that input: the kernel
    writes a part of it and reads of it nothing, and the rest stays. `alignments`
    gives for each memory a power of two that its address is a multiple of in
    every command that runs the kernel, absent until that is known.

    ```mlir
    soc.kernel @copy(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>} {
      memref.copy %a, %b : memref<4xf32> to memref<4xf32>
      soc.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
    OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs,
    StrAttr:$engine, Soc_VariantAttr:$variant, I64Attr:$num_inputs,
    DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$in_place, OptionalAttr<I64Attr>:$updates,
    OptionalAttr<I64Attr>:$scratch_bytes, OptionalAttr<DenseI64ArrayAttr>:$grid,
    OptionalAttr<DenseI64ArrayAttr>:$alignments);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// Arguments that are memory: inputs and outputs.
    unsigned getNumBuffers() { return getNumArguments() - getNumScalars(); }
    /// Arguments after those: of type index.
    unsigned getNumScalars() {
      return ::llvm::count_if(getArgumentTypes(), [](::mlir::Type type) { return type.isIndex(); });
    }
  }];
}

def Soc_ReturnOp : Soc_Op<"return", [Pure, ReturnLike, Terminator, HasParent<"KernelOp">]> {
  let summary = "the end of a kernel";
  let assemblyFormat = "attr-dict";
}

def Soc_ScratchOp : Soc_Op<"scratch", [Pure]> {
  let summary = "a part of the worker's scratch memory";
  let description = [{
    At `offset` bytes from the start of the scratch of the worker that runs the
    tile. Contents are undefined at the start of every tile.

    ```mlir
    %0 = soc.scratch 128 : memref<4x8xf32>
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs AnyMemRef:$memory);
  let assemblyFormat = "$offset attr-dict `:` type($memory)";
}

#endif // TERCET_DIALECTS_SOC_SOCOPS_TD
