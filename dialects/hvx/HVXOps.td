// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of the hvx dialect. One that is an instruction bears its name in
// LLVM (V6_NAME_128B); what the instruction does is in Qualcomm's "Hexagon V66
// HVX Programmer's Reference Manual" (80-N2040-44) under the syntax that the
// summary gives. One file, for it is one flat list.

#ifndef TERCET_DIALECTS_HVX_HVXOPS_TD
#define TERCET_DIALECTS_HVX_HVXOPS_TD

include "dialects/hvx/HVXDialect.td"
include "dialects/hvx/HVXInterfaces.td"
include "mlir/Dialect/LLVMIR/LLVMTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def HVX_Register : AnyTypeOf<[VectorOfLengthAndType<[32], [I32]>], "a vector register (vector<32xi32>)",
  "::mlir::VectorType">, BuildableType<"::mlir::VectorType::get({32}, $_builder.getI32Type())">;
def HVX_Pair : AnyTypeOf<[VectorOfLengthAndType<[64], [I32]>], "a pair of vector registers (vector<64xi32>)",
  "::mlir::VectorType">, BuildableType<"::mlir::VectorType::get({64}, $_builder.getI32Type())">;
def HVX_Predicate : AnyTypeOf<[VectorOfLengthAndType<[128], [I1]>], "a vector predicate (vector<128xi1>)",
  "::mlir::VectorType">, BuildableType<"::mlir::VectorType::get({128}, $_builder.getI1Type())">;

def HVX_Pointer : Type<CPred<"::llvm::isa<::mlir::LLVM::LLVMPointerType>($_self)">, "an address (!llvm.ptr)",
  "::mlir::LLVM::LLVMPointerType">, BuildableType<"::mlir::LLVM::LLVMPointerType::get($_builder.getContext())">;

class HVX_Op<string mnemonic, list<Trait> traits = []> : Op<HVX_Dialect, mnemonic, traits>;

// All types follow from the operation.
class HVX_Instruction<string mnemonic, string syntax, dag operands, string operandsFormat, Type type>
    : HVX_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<HVX_InstructionOpInterface>,
        DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = syntax;
  let arguments = operands;
  let results = (outs type:$result);
  let assemblyFormat = operandsFormat # " attr-dict";
  let extraClassDefinition = [{
    std::string $cppClass::getIntrinsic() {
      return ::tercet::hvx::intrinsicOf(getOperationName());
    }
  }];
}

// Splats.

def HVX_LvsplatwOp : HVX_Instruction<"lvsplatw", "Vd = vsplat(Rt): the word in every lane",
  (ins I32:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.lvsplatw %i
    ```
  }];
}

def HVX_LvsplathOp : HVX_Instruction<"lvsplath", "Vd.h = vsplat(Rt): the low 16 bits in every lane",
  (ins I32:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.lvsplath %i
    ```
  }];
}

def HVX_LvsplatbOp : HVX_Instruction<"lvsplatb", "Vd.b = vsplat(Rt): the low 8 bits in every lane",
  (ins I32:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.lvsplatb %i
    ```
  }];
}

// Sums of four products of bytes in each word.

def HVX_VrmpybusAccOp : HVX_Instruction<"vrmpybus_acc", "Vx.w += vrmpy(Vu.ub, Rt.b)",
  (ins HVX_Register:$accumulator, HVX_Register:$bytes, I32:$scalar), "$accumulator `,` $bytes `,` $scalar", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vrmpybus_acc %v, %v, %i
    ```
  }];
}

def HVX_VrmpyubAccOp : HVX_Instruction<"vrmpyub_acc", "Vx.uw += vrmpy(Vu.ub, Rt.ub)",
  (ins HVX_Register:$accumulator, HVX_Register:$bytes, I32:$scalar), "$accumulator `,` $bytes `,` $scalar", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vrmpyub_acc %v, %v, %i
    ```
  }];
}

def HVX_VrmpybvAccOp : HVX_Instruction<"vrmpybv_acc", "Vx.w += vrmpy(Vu.b, Vv.b)",
  (ins HVX_Register:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vrmpybv_acc %v, %v, %v
    ```
  }];
}

def HVX_VrmpyubvAccOp : HVX_Instruction<"vrmpyubv_acc", "Vx.uw += vrmpy(Vu.ub, Vv.ub)",
  (ins HVX_Register:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vrmpyubv_acc %v, %v, %v
    ```
  }];
}

def HVX_VrmpybusvAccOp : HVX_Instruction<"vrmpybusv_acc", "Vx.w += vrmpy(Vu.ub, Vv.b)",
  (ins HVX_Register:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vrmpybusv_acc %v, %v, %v
    ```
  }];
}

// Products of words, the high half.

def HVX_VmpyewuhOp : HVX_Instruction<"vmpyewuh", "Vd.w = vmpye(Vu.w, Vv.uh): lhs times the even halves of rhs, 16 bits dropped",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyewuh %v, %v
    ```
  }];
}

def HVX_VmpyowhRndSaccOp : HVX_Instruction<"vmpyowh_rnd_sacc", "Vx.w += vmpyo(Vu.w, Vv.h):<<1:rnd:sat:shift: adds the odd halves' part; after vmpyewuh of the same operands the result is (lhs * rhs + 2^30) >> 31",
  (ins HVX_Register:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyowh_rnd_sacc %v, %v, %v
    ```
  }];
}

def HVX_Vmpyewuh64Op : HVX_Instruction<"vmpyewuh_64", "Vdd = vmpye(Vu.w, Vv.uh): the same without dropping bits: 64 bits, low words in the first register",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyewuh_64 %v, %v
    ```
  }];
}

def HVX_Vmpyowh64AccOp : HVX_Instruction<"vmpyowh_64_acc", "Vxx += vmpyo(Vu.w, Vv.h): adds the odd halves' part: lhs * rhs in 64 bits, low words first",
  (ins HVX_Pair:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyowh_64_acc %p, %v, %v
    ```
  }];
}

// Products of half words and their sums.

def HVX_VmpyhOp : HVX_Instruction<"vmpyh", "Vdd.w = vmpy(Vu.h, Rt.h): even lanes, then odd ones; by the halves of the scalar likewise",
  (ins HVX_Register:$lhs, I32:$scalar), "$lhs `,` $scalar", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyh %v, %i
    ```
  }];
}

def HVX_VmpyhsatAccOp : HVX_Instruction<"vmpyhsat_acc", "Vxx.w += vmpy(Vu.h, Rt.h):sat",
  (ins HVX_Pair:$accumulator, HVX_Register:$lhs, I32:$scalar), "$accumulator `,` $lhs `,` $scalar", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyhsat_acc %p, %v, %i
    ```
  }];
}

def HVX_VmpyhvOp : HVX_Instruction<"vmpyhv", "Vdd.w = vmpy(Vu.h, Vv.h): even lanes, then odd ones",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyhv %v, %v
    ```
  }];
}

def HVX_VmpyhvAccOp : HVX_Instruction<"vmpyhv_acc", "Vxx.w += vmpy(Vu.h, Vv.h)",
  (ins HVX_Pair:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vmpyhv_acc %p, %v, %v
    ```
  }];
}

def HVX_VdmpyhvsatAccOp : HVX_Instruction<"vdmpyhvsat_acc", "Vx.w += vdmpy(Vu.h, Vv.h):sat: sums of two products",
  (ins HVX_Register:$accumulator, HVX_Register:$lhs, HVX_Register:$rhs), "$accumulator `,` $lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vdmpyhvsat_acc %v, %v, %v
    ```
  }];
}

// Shifts.

def HVX_VasrwOp : HVX_Instruction<"vasrw", "Vd.w = vasr(Vu.w, Rt)",
  (ins HVX_Register:$value, I32:$amount), "$value `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vasrw %v, %i
    ```
  }];
}

def HVX_VasrwvOp : HVX_Instruction<"vasrwv", "Vd.w = vasr(Vu.w, Vv.w): a negative amount shifts to the left",
  (ins HVX_Register:$value, HVX_Register:$amounts), "$value `,` $amounts", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vasrwv %v, %v
    ```
  }];
}

def HVX_VlsrwOp : HVX_Instruction<"vlsrw", "Vd.uw = vlsr(Vu.uw, Rt)",
  (ins HVX_Register:$value, I32:$amount), "$value `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vlsrw %v, %i
    ```
  }];
}

def HVX_VaslwOp : HVX_Instruction<"vaslw", "Vd.w = vasl(Vu.w, Rt)",
  (ins HVX_Register:$value, I32:$amount), "$value `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vaslw %v, %i
    ```
  }];
}

def HVX_VasrwhrndsatOp : HVX_Instruction<"vasrwhrndsat", "Vd.h = vasr(Vu.w, Vv.w, Rt):rnd:sat: by at most 15; the odd lanes come from the first operand",
  (ins HVX_Register:$odd, HVX_Register:$even, I32:$amount), "$odd `,` $even `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vasrwhrndsat %v, %v, %i
    ```
  }];
}

def HVX_VasrwhOp : HVX_Instruction<"vasrwh", "Vd.h = vasr(Vu.w, Vv.w, Rt): the same, truncated",
  (ins HVX_Register:$odd, HVX_Register:$even, I32:$amount), "$odd `,` $even `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vasrwh %v, %v, %i
    ```
  }];
}

// Sums and limits of lanes.

def HVX_VaddhsatOp : HVX_Instruction<"vaddhsat", "Vd.h = vadd(Vu.h, Vv.h):sat",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vaddhsat %v, %v
    ```
  }];
}

def HVX_VsubhsatOp : HVX_Instruction<"vsubhsat", "Vd.h = vsub(Vu.h, Vv.h):sat",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vsubhsat %v, %v
    ```
  }];
}

def HVX_VmaxhOp : HVX_Instruction<"vmaxh", "Vd.h = vmax(Vu.h, Vv.h)",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vmaxh %v, %v
    ```
  }];
}

def HVX_VavghOp : HVX_Instruction<"vavgh", "Vd.h = vavg(Vu.h, Vv.h): half of the sum, rounded down",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vavgh %v, %v
    ```
  }];
}

def HVX_VaddwsatOp : HVX_Instruction<"vaddwsat", "Vd.w = vadd(Vu.w, Vv.w):sat",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vaddwsat %v, %v
    ```
  }];
}

def HVX_VminubOp : HVX_Instruction<"vminub", "Vd.ub = vmin(Vu.ub, Vv.ub)",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vminub %v, %v
    ```
  }];
}

def HVX_VlsrhvOp : HVX_Instruction<"vlsrhv", "Vd.uh = vlsr(Vu.uh, Vv.h): by amounts below 16",
  (ins HVX_Register:$value, HVX_Register:$amounts), "$value `,` $amounts", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vlsrhv %v, %v
    ```
  }];
}

def HVX_VpackhbSatOp : HVX_Instruction<"vpackhb_sat", "Vd.b = vpack(Vu.h, Vv.h):sat: the second operand becomes the first half",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackhb_sat %v, %v
    ```
  }];
}

def HVX_VpackhubSatOp : HVX_Instruction<"vpackhub_sat", "Vd.ub = vpack(Vu.h, Vv.h):sat",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackhub_sat %v, %v
    ```
  }];
}

def HVX_VpackwhSatOp : HVX_Instruction<"vpackwh_sat", "Vd.h = vpack(Vu.w, Vv.w):sat",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackwh_sat %v, %v
    ```
  }];
}

def HVX_VpackebOp : HVX_Instruction<"vpackeb", "Vd.b = vpacke(Vu.h, Vv.h): the low byte of each half word",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackeb %v, %v
    ```
  }];
}

def HVX_VpackobOp : HVX_Instruction<"vpackob", "Vd.b = vpacko(Vu.h, Vv.h): the high byte of each half word",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackob %v, %v
    ```
  }];
}

def HVX_VpackehOp : HVX_Instruction<"vpackeh", "Vd.h = vpacke(Vu.w, Vv.w): the low half of each word",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackeh %v, %v
    ```
  }];
}

def HVX_VpackohOp : HVX_Instruction<"vpackoh", "Vd.h = vpacko(Vu.w, Vv.w): the high half of each word",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vpackoh %v, %v
    ```
  }];
}

def HVX_VunpackbOp : HVX_Instruction<"vunpackb", "Vdd.h = vunpack(Vu.b)",
  (ins HVX_Register:$value), "$value", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vunpackb %v
    ```
  }];
}

def HVX_VunpackubOp : HVX_Instruction<"vunpackub", "Vdd.uh = vunpack(Vu.ub)",
  (ins HVX_Register:$value), "$value", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vunpackub %v
    ```
  }];
}

def HVX_VunpackhOp : HVX_Instruction<"vunpackh", "Vdd.w = vunpack(Vu.h)",
  (ins HVX_Register:$value), "$value", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vunpackh %v
    ```
  }];
}

// Moves between lanes.

def HVX_VdealbOp : HVX_Instruction<"vdealb", "Vd.b = vdeal(Vu.b): even bytes, then odd ones",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vdealb %v
    ```
  }];
}

def HVX_VdealhOp : HVX_Instruction<"vdealh", "Vd.h = vdeal(Vu.h): even half words, then odd ones",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vdealh %v
    ```
  }];
}

def HVX_VshuffbOp : HVX_Instruction<"vshuffb", "Vd.b = vshuff(Vu.b): undoes vdealb",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vshuffb %v
    ```
  }];
}

def HVX_VshuffhOp : HVX_Instruction<"vshuffh", "Vd.h = vshuff(Vu.h): undoes vdealh",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vshuffh %v
    ```
  }];
}

def HVX_VshuffvddOp : HVX_Instruction<"vshuffvdd", "Vdd = vshuff(Vu, Vv, Rt): exchanges between the two by the bits of the scalar; -s interleaves units of s bytes",
  (ins HVX_Register:$high, HVX_Register:$low, I32:$control), "$high `,` $low `,` $control", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vshuffvdd %v, %v, %i
    ```
  }];
}

def HVX_VdealvddOp : HVX_Instruction<"vdealvdd", "Vdd = vdeal(Vu, Vv, Rt): undoes vshuffvdd",
  (ins HVX_Register:$high, HVX_Register:$low, I32:$control), "$high `,` $low `,` $control", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vdealvdd %v, %v, %i
    ```
  }];
}

def HVX_VrorOp : HVX_Instruction<"vror", "Vd = vror(Vu, Rt): rotates to the right by bytes",
  (ins HVX_Register:$value, I32:$amount), "$value `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vror %v, %i
    ```
  }];
}

def HVX_ValignbOp : HVX_Instruction<"valignb", "Vd = valign(Vu, Vv, Rt): 128 bytes of both from byte Rt of the second on",
  (ins HVX_Register:$high, HVX_Register:$low, I32:$amount), "$high `,` $low `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.valignb %v, %v, %i
    ```
  }];
}

def HVX_VlalignbOp : HVX_Instruction<"vlalignb", "Vd = vlalign(Vu, Vv, Rt): 128 bytes of both from byte 128 - Rt of the second on",
  (ins HVX_Register:$high, HVX_Register:$low, I32:$amount), "$high `,` $low `,` $amount", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vlalignb %v, %v, %i
    ```
  }];
}

def HVX_VcombineOp : HVX_Instruction<"vcombine", "Vdd = vcombine(Vu, Vv): the second becomes the first register",
  (ins HVX_Register:$high, HVX_Register:$low), "$high `,` $low", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vcombine %v, %v
    ```
  }];
}

def HVX_HiOp : HVX_Instruction<"hi", "the second register of a pair",
  (ins HVX_Pair:$pair), "$pair", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.hi %p
    ```
  }];
}

def HVX_LoOp : HVX_Instruction<"lo", "the first register of a pair",
  (ins HVX_Pair:$pair), "$pair", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.lo %p
    ```
  }];
}

def HVX_ExtractwOp : HVX_Instruction<"extractw", "Rd = vextract(Vu, Rs): the word at byte Rs",
  (ins HVX_Register:$value, I32:$byte), "$value `,` $byte", I32> {
  let description = [{
    ```mlir
    %0 = hvx.extractw %v, %i
    ```
  }];
}

// Tables in registers.

def HVX_VlutvvbOp : HVX_Instruction<"vlutvvb", "Vd.b = vlut32(Vu.b, Vv.b, Rt): bytes of 32 * Rt + i (Rt below 8) give byte Rt / 2 % 2 of half word 32 * (Rt % 2) + i of the table, others 0",
  (ins HVX_Register:$indices, HVX_Register:$table, I32:$part), "$indices `,` $table `,` $part", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vlutvvb %v, %v, %i
    ```
  }];
}

def HVX_VlutvvbOraccOp : HVX_Instruction<"vlutvvb_oracc", "Vx.b |= vlut32(Vu.b, Vv.b, Rt)",
  (ins HVX_Register:$accumulator, HVX_Register:$indices, HVX_Register:$table, I32:$part), "$accumulator `,` $indices `,` $table `,` $part", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vlutvvb_oracc %v, %v, %v, %i
    ```
  }];
}

def HVX_VlutvwhOp : HVX_Instruction<"vlutvwh", "Vdd.h = vlut16(Vu.b, Vv.h, Rt): bytes of 16 * Rt + i (Rt below 16) give half Rt / 2 % 2 of word 16 * (Rt % 2) + i of the table, others 0; even lanes, then odd ones",
  (ins HVX_Register:$indices, HVX_Register:$table, I32:$part), "$indices `,` $table `,` $part", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vlutvwh %v, %v, %i
    ```
  }];
}

def HVX_VlutvwhOraccOp : HVX_Instruction<"vlutvwh_oracc", "Vxx.h |= vlut16(Vu.b, Vv.h, Rt)",
  (ins HVX_Pair:$accumulator, HVX_Register:$indices, HVX_Register:$table, I32:$part), "$accumulator `,` $indices `,` $table `,` $part", HVX_Pair> {
  let description = [{
    ```mlir
    %0 = hvx.vlutvwh_oracc %p, %v, %v, %i
    ```
  }];
}

// Normalisation.

def HVX_VnormamtwOp : HVX_Instruction<"vnormamtw", "Vd.w = vnormamt(Vu.w): by how much a word can be shifted to the left without overflow",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vnormamtw %v
    ```
  }];
}

def HVX_Vcl0wOp : HVX_Instruction<"vcl0w", "Vd.uw = vcl0(Vu.uw): leading zeros",
  (ins HVX_Register:$value), "$value", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vcl0w %v
    ```
  }];
}

// Predicates.

def HVX_PredScalar2Op : HVX_Instruction<"pred_scalar2", "Qd = vsetq(Rt): the first Rt % 128 bytes",
  (ins I32:$count), "$count", HVX_Predicate> {
  let description = [{
    ```mlir
    %0 = hvx.pred_scalar2 %i
    ```
  }];
}

def HVX_PredScalar2v2Op : HVX_Instruction<"pred_scalar2v2", "Qd = vsetq2(Rt): the first Rt % 128 bytes, all for 0",
  (ins I32:$count), "$count", HVX_Predicate> {
  let description = [{
    ```mlir
    %0 = hvx.pred_scalar2v2 %i
    ```
  }];
}

def HVX_PredAndNOp : HVX_Instruction<"pred_and_n", "Qd = and(Qs, !Qt)",
  (ins HVX_Predicate:$lhs, HVX_Predicate:$rhs), "$lhs `,` $rhs", HVX_Predicate> {
  let description = [{
    ```mlir
    %0 = hvx.pred_and_n %q, %q
    ```
  }];
}

def HVX_VgtwOp : HVX_Instruction<"vgtw", "Qd = vcmp.gt(Vu.w, Vv.w)",
  (ins HVX_Register:$lhs, HVX_Register:$rhs), "$lhs `,` $rhs", HVX_Predicate> {
  let description = [{
    ```mlir
    %0 = hvx.vgtw %v, %v
    ```
  }];
}

def HVX_VmuxOp : HVX_Instruction<"vmux", "Vd = vmux(Qt, Vu, Vv)",
  (ins HVX_Predicate:$condition, HVX_Register:$yes, HVX_Register:$no), "$condition `,` $yes `,` $no", HVX_Register> {
  let description = [{
    ```mlir
    %0 = hvx.vmux %q, %v, %v
    ```
  }];
}

// Memory.

def HVX_AddressOp : HVX_Op<"address", [Pure]> {
  let summary = "the address of a view's first element";
  let description = [{
    ```mlir
    %0 = hvx.address %m : memref<4x8xi8, strided<[64, 1], offset: ?>>
    ```
  }];
  let arguments = (ins AnyMemRef:$memory);
  let results = (outs HVX_Pointer:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$memory)>];
  let assemblyFormat = "$memory attr-dict `:` type($memory)";
}

def HVX_LoadOp : HVX_Op<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "128 bytes from memory";
  let description = [{
    From any address, or faster from one that is a multiple of 128 (`aligned`;
    the instruction ignores the lower bits of others).

    ```mlir
    %0 = hvx.load %a aligned
    ```
  }];
  let arguments = (ins HVX_Pointer:$address, UnitAttr:$aligned);
  let results = (outs HVX_Register:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$address, CArg<"bool", "false">:$aligned)>];
  let assemblyFormat = "$address (`aligned` $aligned^)? attr-dict";
}

def HVX_StoreOp : HVX_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "128 bytes to memory";
  let description = [{
    ```mlir
    hvx.store %v, %a aligned
    ```
  }];
  let arguments = (ins HVX_Register:$value, HVX_Pointer:$address, UnitAttr:$aligned);
  let assemblyFormat = "$value `,` $address (`aligned` $aligned^)? attr-dict";
}

def HVX_LoadPartOp : HVX_Op<"load_part", [MemoryEffects<[MemRead]>]> {
  let summary = "the first bytes of a register from memory";
  let description = [{
    1 to 128 bytes from any address; the others are undefined. Touches only
    blocks of 128 that hold one of the bytes, so nothing beyond the last page.

    ```mlir
    %0 = hvx.load_part %a, %i
    ```
  }];
  let arguments = (ins HVX_Pointer:$address, I32:$bytes);
  let results = (outs HVX_Register:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$address, "::mlir::Value":$bytes)>];
  let assemblyFormat = "$address `,` $bytes attr-dict";
  let hasVerifier = 1;
}

def HVX_StorePartOp : HVX_Op<"store_part", [MemoryEffects<[MemWrite]>]> {
  let summary = "the first bytes of a register to memory";
  let description = [{
    1 to 128 bytes to any address; other bytes in memory are not written.

    ```mlir
    hvx.store_part %v, %a, %i
    ```
  }];
  let arguments = (ins HVX_Register:$value, HVX_Pointer:$address, I32:$bytes);
  let assemblyFormat = "$value `,` $address `,` $bytes attr-dict";
  let hasVerifier = 1;
}

def HVX_DmaStartOp : HVX_Op<"dma_start", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "begins to copy rows from one memory to another";
  let description = [{
    `rows` times `row_bytes` bytes, `to_stride` and `from_stride` apart. The
    copies of one worker complete in their order. Becomes a call of
    tercet_dma_start, which the target's runtime provides.

    ```mlir
    %0 = hvx.dma_start %a, %b row_bytes %i rows %i strides %i, %i
    ```
  }];
  let arguments = (ins HVX_Pointer:$to, HVX_Pointer:$from, I32:$row_bytes, I32:$rows,
    I32:$to_stride, I32:$from_stride);
  let results = (outs I32:$ticket);
  let builders = [OpBuilder<(ins "::mlir::Value":$to, "::mlir::Value":$from, "::mlir::Value":$row_bytes,
    "::mlir::Value":$rows, "::mlir::Value":$to_stride, "::mlir::Value":$from_stride)>];
  let assemblyFormat = [{ $to `,` $from `row_bytes` $row_bytes `rows` $rows
    `strides` $to_stride `,` $from_stride attr-dict }];
}

def HVX_DmaWaitOp : HVX_Op<"dma_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "waits until a copy is complete";
  let description = [{
    ```mlir
    hvx.dma_wait %i
    ```
  }];
  let arguments = (ins I32:$ticket);
  let assemblyFormat = "$ticket attr-dict";
}

#endif // TERCET_DIALECTS_HVX_HVXOPS_TD
