// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Group quantisation: one attribute says which floats the bytes of a block stand
// for and where in the block they lie, so that every format of weights in groups
// (GGUF's block types, OCP MX, the int4 of MatMulNBits, AWQ and GPTQ) is an
// instance of it. Beside it the recipes that decode blocks, make them and lay
// them out for kernels. docs/dialects/nn.md states the arithmetic.

#ifndef TERCET_DIALECTS_NN_NNGROUPATTRS_TD
#define TERCET_DIALECTS_NN_NNGROUPATTRS_TD

// How the scale of a group is stored, and with it a minimum or a float zero.
def NN_ScaleKind : I32EnumAttr<"ScaleKind", "how the scale of a group is stored", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"F16", 1, "f16">,
    I32EnumAttrCase<"BF16", 2, "bf16">,
    I32EnumAttrCase<"F32", 3, "f32">,
    I32EnumAttrCase<"E8M0", 4, "e8m0">,              // 2^(e - 127)
    I32EnumAttrCase<"HalfE8M0", 5, "half_e8m0">,     // 2^(e - 128)
    I32EnumAttrCase<"UE4M3", 6, "ue4m3">,
    I32EnumAttrCase<"HalfUE4M3", 7, "half_ue4m3">]> { // half of that
  let cppNamespace = "::tercet::nn";
  let genSpecializedAttr = 0;
}

// Integer scales of groups below a float that a whole block shares.
def NN_SubscaleKind : I32EnumAttr<"SubscaleKind", "integer scales of the groups of a block", [
    I32EnumAttrCase<"None", 0, "none">,
    // Byte g: scale in the low and minimum in the high four bits.
    I32EnumAttrCase<"Nibbles", 1, "nibbles">,
    // 16 signed scales of 8 bits.
    I32EnumAttrCase<"I8", 2, "i8">,
    // 8 scales and 8 minima of 6 bits in 12 bytes, as Q4_K has them.
    I32EnumAttrCase<"SixWithMinima", 3, "six_with_minima">,
    // 16 scales of 6 bits less 32 in 12 bytes, as Q3_K has them.
    I32EnumAttrCase<"Six", 4, "six">,
    // 8 scales of 6 bits less 32, high bits in 2 bytes, low in 4, as IQ4_XS.
    I32EnumAttrCase<"SplitSix", 5, "split_six">]> {
  let cppNamespace = "::tercet::nn";
  let genSpecializedAttr = 0;
}

// What else than a constant zero moves the values of a group.
def NN_GroupShiftKind : I32EnumAttr<"GroupShiftKind", "what moves the values of a group", [
    I32EnumAttrCase<"None", 0, "none">,
    // A float as the scale is one, added to the value.
    I32EnumAttrCase<"Minimum", 1, "minimum">,
    // A float as the scale is one, times the group's minimum among the
    // subscales, subtracted from the value.
    I32EnumAttrCase<"Subminimum", 2, "subminimum">,
    // An unsigned byte, subtracted from the code.
    I32EnumAttrCase<"Zero", 3, "zero">,
    // A float as the scale is one, subtracted from the code.
    I32EnumAttrCase<"FloatZero", 4, "float_zero">]> {
  let cppNamespace = "::tercet::nn";
  let genSpecializedAttr = 0;
}

def NN_CodeKind : I32EnumAttr<"CodeKind", "what the bits of a code are", [
    I32EnumAttrCase<"Unsigned", 0, "unsigned">,
    I32EnumAttrCase<"Signed", 1, "signed">]> {
  let cppNamespace = "::tercet::nn";
  let genSpecializedAttr = 0;
}

def NN_PlaneAttr : AttrDef<NN_Dialect, "Plane"> {
  let mnemonic = "plane";
  let summary = "where some bits of each code lie in a block";
  let description = [{
    Byte `at` + n * run + l holds, for c = 0, 1, ..., 8 / bits - 1, in its bits
    from c * bits on those of element (n * 8 / bits + c) * run + l. With run 1
    this is a stream of codes, low bits first; then `bits` need not divide 8 and
    codes may straddle bytes.
  }];
  let parameters = (ins "int64_t":$bits, "int64_t":$run, "int64_t":$at);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def NN_GroupsAttr : AttrDef<NN_Dialect, "Groups"> {
  let mnemonic = "groups";
  let summary = "numbers in groups with a scale each, and how their bits lie in a block";
  let description = [{
    A row of numbers is cut into blocks of `block` elements, stored in `bytes`
    bytes each; `group` elements of a block share a scale. The bits of a code are
    those of `planes`, the first plane's lowest. With c the code (of its two's
    complement if `codes` are signed, or what `codebook` has for it) the value is,
    each operation rounded to f32,

        (scale [* subscale]) * (c - zero [- group's zero]) [+ minimum | - (minimum * subminimum)]

    Scales lie one after another from byte `scale_at` on: one for each group, or
    with subscales one for the block. So do zeros and minima from `shift_at` on.
    With scale `none` the value is c - zero. `sum_at`, if not negative, is where
    minus the sum of each group's codes lies, in i32: left-hand sides that are
    quantised as the program runs have it, since a product with codes less a zero
    starts with it. All is little-endian; floats need not be aligned.
  }];
  let parameters = (ins "int64_t":$block, "int64_t":$bytes, "int64_t":$group,
    ArrayRefParameter<"::tercet::nn::PlaneAttr">:$planes,
    DefaultValuedParameter<"::tercet::nn::CodeKind", "::tercet::nn::CodeKind::Unsigned">:$codes,
    DefaultValuedParameter<"int64_t", "0">:$zero,
    OptionalParameter<"::mlir::DenseI8ArrayAttr">:$codebook,
    DefaultValuedParameter<"::tercet::nn::ScaleKind", "::tercet::nn::ScaleKind::None">:$scale,
    DefaultValuedParameter<"int64_t", "-1">:$scale_at,
    DefaultValuedParameter<"::tercet::nn::SubscaleKind", "::tercet::nn::SubscaleKind::None">:$subscale,
    DefaultValuedParameter<"int64_t", "-1">:$subscale_at,
    DefaultValuedParameter<"::tercet::nn::GroupShiftKind", "::tercet::nn::GroupShiftKind::None">:$shift,
    DefaultValuedParameter<"int64_t", "-1">:$shift_at,
    DefaultValuedParameter<"int64_t", "-1">:$sum_at);
  let assemblyFormat = [{ `<` $block `in` $bytes `group` $group `planes` `[` $planes `]`
    (`codes` $codes^)? (`zero` $zero^)? (`codebook` $codebook^)?
    (`scale` $scale^ `at` $scale_at)? (`subscale` $subscale^ `at` $subscale_at)?
    (`shift` $shift^ `at` $shift_at)? (`sum` `at` $sum_at^)? `>` }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bits of a code.
    int64_t getBits() const;
    /// Groups in a block.
    int64_t getGroups() const { return getBlock() / getGroup(); }
    /// Blocks in a row of `elements`.
    int64_t getBlocks(int64_t elements) const;
    /// The least and the greatest that c - zero can be, c being a code's value;
    /// a group's own zero is not part of it.
    std::pair<int64_t, int64_t> getRange() const;
    /// Whether each group has an integer minimum beside its subscale.
    bool hasSubminima() const;
    /// Whether `#nn.pack_groups` can lay out blocks of this format.
    bool isPackable() const;
    /// Bytes of a block of one row in the layout of `#nn.pack_groups`.
    int64_t getPackedBytes() const;
  }];
}

//===----------------------------------------------------------------------===//
// Recipes
//===----------------------------------------------------------------------===//

def NN_DecodeAttr : NN_RecipeAttr<"Decode", "decode"> {
  let summary = "the floats that blocks stand for";
  let description = [{
    Blocks in [N, ceil(K / block), bytes] of i8 become [N, K] of f32; what the
    last block has beyond K is left out.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "::tercet::nn::GroupsAttr":$format,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `format` `=` $format `>`";
}

def NN_EncodeAttr : NN_RecipeAttr<"Encode", "encode"> {
  let summary = "a matrix of floats in blocks, rounded to nearest";
  let description = [{
    [N, K] of floats become [N, ceil(K / block), bytes] of i8, as the public
    reference of the format rounds; what the last block has beyond K is 0. Not
    every format can be made; docs/dialects/nn.md lists those that can.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "::tercet::nn::GroupsAttr":$format,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `format` `=` $format `>`";
}

def NN_JoinGroupsAttr : NN_RecipeAttr<"JoinGroups", "join_groups"> {
  let summary = "codes, scales and zeros of several tensors in blocks";
  let description = [{
    For formats whose files have them in tensors of their own: codes in [N, K] of
    i8 or of floats that are integers; scales, and zeros or minima where the
    format has a shift, in [N, ceil(K / group)] of floats. A code, a zero or a
    scale that the format cannot hold is an error when the recipe is executed.
  }];
  let parameters = (ins "::mlir::TypedAttr":$codes, "::mlir::TypedAttr":$scales,
    OptionalParameter<"::mlir::TypedAttr">:$shifts, "::tercet::nn::GroupsAttr":$format,
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = [{ `<` $codes `,` `scales` `=` $scales (`shifts` `=` $shifts^)? `,`
    `format` `=` $format `>` }];
}

def NN_PackGroupsAttr : NN_RecipeAttr<"PackGroups", "pack_groups"> {
  let summary = "blocks of `panel` rows side by side, codes in the order in which kernels multiply";
  let description = [{
    Blocks in [N, B, bytes] of i8 become [ceil(N / panel), B, panel * packed
    bytes]. Such a block has one after another, where the format has them: scales
    and then shifts, each as [group or none, row] and stored as before; subscales
    and then subminima, as bytes in [group, row]; then the codes. Their bits are
    cut, lowest first, into planes of 8, 4, 2 and 1; for each 32 elements a plane
    of b bits has b vectors v = 0, 1, ... of 4 bytes for each row, and byte i of
    vector v holds, in its bits from c * b on, those of element 4 (c * b + v) + i.
    Signed codes become unsigned, 2^(bits - 1) more. Rows beyond N have zeros.
  }];
  let parameters = (ins "::mlir::TypedAttr":$source, "::tercet::nn::GroupsAttr":$format,
    "int64_t":$panel, AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type);
  let assemblyFormat = "`<` $source `,` `format` `=` $format `,` `panel` `=` $panel `>`";
}

#endif // TERCET_DIALECTS_NN_NNGROUPATTRS_TD
