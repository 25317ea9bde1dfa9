// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls LLVM's intrinsics for the instructions. Vectors that are no whole
// register of an instruction take the plain form.

#include "targets/cpu/ByteDot.h"

#include "targets/cpu/HostCpu.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet;

namespace {

VectorType bytesOf(Value lanes) {
  auto type = cast<VectorType>(lanes.getType());
  return VectorType::get({type.getNumElements() * 4}, IntegerType::get(type.getContext(), 8));
}

VectorType halvesOf(Value lanes) {
  auto type = cast<VectorType>(lanes.getType());
  return VectorType::get({type.getNumElements() * 2}, IntegerType::get(type.getContext(), 16));
}

Value bitcast(OpBuilder &b, Location loc, Type type, Value value) {
  return vector::BitCastOp::create(b, loc, cast<VectorType>(type), value);
}

Value splat(OpBuilder &b, Location loc, Type type, int64_t value) {
  auto vector = cast<VectorType>(type);
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(
          vector, APInt(vector.getElementTypeBitWidth(), value, /*isSigned=*/true, true)));
}

Value intrinsic(OpBuilder &b, Location loc, Type result, const Twine &name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, loc, result, b.getStringAttr(name), operands)
      .getResults();
}

int64_t bitsOf(Value lanes) { return cast<VectorType>(lanes.getType()).getNumElements() * 32; }

} // namespace

cpu::ByteDot cpu::ByteDot::of(soc::CpuAttr cpu) {
  ByteDot dot;
  StringRef triple = cpu.getTriple().getValue();
  dot.isX86 = triple.starts_with("x86_64");
  dot.isArm = triple.starts_with("aarch64");
  if (dot.isX86) {
    bool vnni = (hasFeature(cpu, "+avx512vnni") && hasFeature(cpu, "+avx512vl")) ||
                hasFeature(cpu, "+avxvnni");
    dot.kind = vnni ? Kind::Vnni : hasFeature(cpu, "+avx2") ? Kind::Avx2 : Kind::Plain;
  } else if (dot.isArm) {
    dot.kind = hasFeature(cpu, "+i8mm")      ? Kind::NeonMixed
               : hasFeature(cpu, "+dotprod") ? Kind::NeonDot
                                             : Kind::Plain;
  }
  return dot;
}

int64_t cpu::ByteDot::bias(int64_t greatest) const {
  return kind == Kind::NeonDot && greatest > 127 ? 128 : 0;
}

SmallVector<Value> cpu::ByteDot::prepare(OpBuilder &b, Location loc, Value codes,
                                         int64_t greatest) const {
  Type i32 = codes.getType();
  switch (kind) {
  case Kind::Vnni:
  case Kind::NeonMixed:
    return {bitcast(b, loc, bytesOf(codes), codes)};
  case Kind::NeonDot:
    if (greatest > 127)
      codes = arith::XOrIOp::create(b, loc, codes, splat(b, loc, i32, int32_t(0x80808080)));
    return {bitcast(b, loc, bytesOf(codes), codes)};
  case Kind::Avx2: {
    if (greatest <= 127)
      return {bitcast(b, loc, bytesOf(codes), codes)};
    // Sums of two such products would not fit 16 bits: even and odd bytes apart.
    Value even = arith::AndIOp::create(b, loc, codes, splat(b, loc, i32, 0x00ff00ff));
    Value odd = arith::ShRUIOp::create(b, loc, codes, splat(b, loc, i32, 8));
    odd = arith::AndIOp::create(b, loc, odd, splat(b, loc, i32, 0x00ff00ff));
    return {bitcast(b, loc, halvesOf(codes), even), bitcast(b, loc, halvesOf(codes), odd)};
  }
  case Kind::Plain: {
    SmallVector<Value> bytes;
    for (int64_t i = 0; i < 4; ++i) {
      Value byte =
          i ? arith::ShRUIOp::create(b, loc, codes, splat(b, loc, i32, 8 * i)).getResult() : codes;
      bytes.push_back(i == 3 ? byte : arith::AndIOp::create(b, loc, byte, splat(b, loc, i32, 255)));
    }
    return bytes;
  }
  }
  llvm_unreachable("an unknown kind of instruction");
}

Value cpu::ByteDot::add(OpBuilder &b, Location loc, ArrayRef<Value> prepared, Value left,
                        Value sum) const {
  auto type = cast<VectorType>(sum.getType());
  int64_t bits = bitsOf(sum);
  auto all = [&] { return vector::BroadcastOp::create(b, loc, type, left).getResult(); };
  auto allBytes = [&] { return bitcast(b, loc, bytesOf(sum), all()); };
  switch (kind) {
  case Kind::Vnni:
    return intrinsic(b, loc, type, "llvm.x86.avx512.vpdpbusd." + Twine(bits),
                     {sum, prepared[0], allBytes()});
  case Kind::NeonDot:
    return intrinsic(b, loc, type,
                     bits == 128 ? "llvm.aarch64.neon.sdot.v4i32.v16i8"
                                 : "llvm.aarch64.neon.sdot.v2i32.v8i8",
                     {sum, prepared[0], allBytes()});
  case Kind::NeonMixed:
    return intrinsic(b, loc, type,
                     bits == 128 ? "llvm.aarch64.neon.usdot.v4i32.v16i8"
                                 : "llvm.aarch64.neon.usdot.v2i32.v8i8",
                     {sum, prepared[0], allBytes()});
  case Kind::Avx2: {
    bool wide = bits == 256;
    const char *pairs = wide ? "llvm.x86.avx2.pmadd.wd" : "llvm.x86.sse2.pmadd.wd";
    Type halves = halvesOf(sum);
    if (prepared.size() == 1) {
      Value products = intrinsic(
          b, loc, halves, wide ? "llvm.x86.avx2.pmadd.ub.sw" : "llvm.x86.ssse3.pmadd.ub.sw.128",
          {prepared[0], allBytes()});
      Value added = intrinsic(b, loc, type, pairs, {products, splat(b, loc, halves, 1)});
      return arith::AddIOp::create(b, loc, sum, added);
    }
    Value words = bitcast(b, loc, halves, all()), eight = splat(b, loc, halves, 8);
    Value odd = arith::ShRSIOp::create(b, loc, words, eight);
    Value even = arith::ShRSIOp::create(b, loc, arith::ShLIOp::create(b, loc, words, eight), eight);
    sum = arith::AddIOp::create(b, loc, sum, intrinsic(b, loc, type, pairs, {prepared[0], even}));
    return arith::AddIOp::create(b, loc, sum, intrinsic(b, loc, type, pairs, {prepared[1], odd}));
  }
  case Kind::Plain:
    for (auto [i, byte] : llvm::enumerate(prepared)) {
      auto constant = [&](int64_t value) -> Value {
        return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(value)));
      };
      Value up = arith::ShLIOp::create(b, loc, left, constant(24 - 8 * int64_t(i)));
      Value own = arith::ShRSIOp::create(b, loc, up, constant(24));
      Value factor = vector::BroadcastOp::create(b, loc, type, own);
      sum = arith::AddIOp::create(b, loc, sum, arith::MulIOp::create(b, loc, byte, factor));
    }
    return sum;
  }
  llvm_unreachable("an unknown kind of instruction");
}

std::array<Value, 2> cpu::ByteDot::preparePair(OpBuilder &b, Location loc, Value first,
                                               Value second) const {
  auto columns = [&](ArrayRef<int64_t> lanes) {
    Value both = vector::ShuffleOp::create(b, loc, first, second, lanes);
    return bitcast(b, loc, bytesOf(both), both);
  };
  return {columns({0, 4, 1, 5}), columns({2, 6, 3, 7})};
}

std::array<Value, 2> cpu::ByteDot::addPair(OpBuilder &b, Location loc,
                                           std::array<Value, 2> prepared, Value left,
                                           std::array<Value, 2> sums) const {
  for (auto [sum, codes] : llvm::zip(sums, prepared))
    sum = intrinsic(b, loc, sum.getType(), "llvm.aarch64.neon.usmmla.v4i32.v16i8",
                    {sum, codes, left});
  return sums;
}

std::array<Value, 2> cpu::ByteDot::rowsOfPair(OpBuilder &b, Location loc,
                                              std::array<Value, 2> sums) const {
  auto row = [&](ArrayRef<int64_t> lanes) -> Value {
    return vector::ShuffleOp::create(b, loc, sums[0], sums[1], lanes);
  };
  return {row({0, 2, 4, 6}), row({1, 3, 5, 7})};
}

Value cpu::ByteDot::lookup(OpBuilder &b, Location loc, Value codes, ArrayRef<uint8_t> table) const {
  VectorType bytes = bytesOf(codes);
  int64_t bits = bitsOf(codes);
  Value index = bitcast(b, loc, bytes, codes);
  const char *name = isX86                  ? (bits == 512   ? "llvm.x86.avx512.pshuf.b.512"
                                               : bits == 256 ? "llvm.x86.avx2.pshuf.b"
                                               : bits == 128 ? "llvm.x86.ssse3.pshuf.b.128"
                                                             : nullptr)
                     : isArm && bits == 128 ? "llvm.aarch64.neon.tbl1.v16i8"
                                            : nullptr;
  if (name) {
    // Lanes of 16 bytes have the table each.
    SmallVector<int8_t> repeated;
    for (int64_t i = 0; i < bytes.getNumElements(); ++i)
      repeated.push_back(static_cast<int8_t>(table[i % 16]));
    Value values = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(bytes, ArrayRef<int8_t>(repeated)));
    return bitcast(b, loc, codes.getType(), intrinsic(b, loc, bytes, name, {values, index}));
  }
  Value found = splat(b, loc, bytes, table[0]);
  for (size_t i = 1; i < table.size(); ++i) {
    Value is = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, index,
                                     splat(b, loc, bytes, int64_t(i)));
    found = arith::SelectOp::create(b, loc, is, splat(b, loc, bytes, table[i]), found);
  }
  return bitcast(b, loc, codes.getType(), found);
}
