// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic, control and memory of emitted kernels.

#include "targets/hexagon/VectorBuilder.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

Value VectorBuilder::constant(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value VectorBuilder::constant64(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}

std::optional<int64_t> VectorBuilder::known(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getSExtValue();
}

Value VectorBuilder::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value VectorBuilder::add(Value a, int64_t b) {
  return b == 0 ? a : createOrFold<arith::AddIOp>(a, constant(b));
}
Value VectorBuilder::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value VectorBuilder::mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
Value VectorBuilder::mul(Value a, int64_t b) { return createOrFold<arith::MulIOp>(a, constant(b)); }

Value VectorBuilder::div(Value a, int64_t powerOfTwo) {
  assert(llvm::isPowerOf2_64(powerOfTwo));
  return createOrFold<arith::ShRUIOp>(a, constant(llvm::Log2_64(powerOfTwo)));
}

Value VectorBuilder::rem(Value a, int64_t powerOfTwo) {
  assert(llvm::isPowerOf2_64(powerOfTwo));
  return createOrFold<arith::AndIOp>(a, constant(powerOfTwo - 1));
}

Value VectorBuilder::min(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
Value VectorBuilder::max(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }

Value VectorBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}

Value VectorBuilder::select(Value condition, Value yes, Value no) {
  return createOrFold<arith::SelectOp>(condition, yes, no);
}

Value VectorBuilder::sizeOf(Value memory, int64_t dim) {
  auto type = cast<MemRefType>(memory.getType());
  if (!type.isDynamicDim(dim))
    return constant(type.getDimSize(dim));
  Value size = createOrFold<memref::DimOp>(memory, dim);
  return arith::IndexCastOp::create(*this, getI32Type(), size);
}

Value VectorBuilder::addressOf(Value memory) { return hvx::AddressOp::create(*this, memory); }

Value VectorBuilder::at(Value address, Value bytes) {
  if (std::optional<int64_t> offset = known(bytes))
    return at(address, *offset);
  return LLVM::GEPOp::create(*this, address.getType(), getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value VectorBuilder::at(Value address, int64_t bytes) {
  if (bytes == 0)
    return address;
  return LLVM::GEPOp::create(*this, address.getType(), getI8Type(), address,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value VectorBuilder::loadScalar(Type type, Value address, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, address, alignment);
}

void VectorBuilder::storeScalar(Value value, Value address, unsigned alignment) {
  LLVM::StoreOp::create(*this, value, address, alignment);
}

Value VectorBuilder::load(Value address, bool aligned) {
  return hvx::LoadOp::create(*this, address, aligned);
}

void VectorBuilder::store(Value value, Value address, bool aligned) {
  hvx::StoreOp::create(*this, value, address, aligned);
}

Value VectorBuilder::loadPart(Value address, Value bytes) {
  if (known(bytes) == hvx::kRegisterBytes)
    return load(address);
  return hvx::LoadPartOp::create(*this, address, bytes);
}

void VectorBuilder::storePart(Value value, Value address, Value bytes) {
  if (known(bytes) == hvx::kRegisterBytes)
    store(value, address);
  else
    hvx::StorePartOp::create(*this, value, address, bytes);
}

Values VectorBuilder::loop(Value from, Value to, int64_t step, ValueRange carried,
                           function_ref<Values(Value, ValueRange)> body) {
  std::optional<int64_t> first = known(from), last = known(to);
  if (first && last && *last <= *first)
    return Values(carried);
  if (first && last && *last - *first <= step)
    return body(from, carried);
  auto loop = scf::ForOp::create(*this, from, to, constant(step), carried);
  OpBuilder::InsertionGuard guard(*this);
  Block *block = loop.getBody();
  setInsertionPointToStart(block);
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  // Without carried values the loop has made its terminator already.
  if (!carried.empty())
    scf::YieldOp::create(*this, results);
  return Values(loop.getResults());
}

void VectorBuilder::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, step, ValueRange{}, [&](Value position, ValueRange) {
    body(position);
    return Values{};
  });
}

void VectorBuilder::when(Value condition, function_ref<void()> body) {
  if (std::optional<int64_t> value = known(condition)) {
    if (*value != 0)
      body();
    return;
  }
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

Values VectorBuilder::choose(Value condition, function_ref<Values()> yes,
                             function_ref<Values()> no) {
  if (std::optional<int64_t> value = known(condition))
    return *value != 0 ? yes() : no();
  auto branch = scf::IfOp::create(
      *this, condition,
      [&](OpBuilder &b, Location loc) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
        Values results = yes();
        scf::YieldOp::create(*this, results);
      },
      [&](OpBuilder &b, Location loc) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
        Values results = no();
        scf::YieldOp::create(*this, results);
      });
  return Values(branch.getResults());
}

Values VectorBuilder::repeatWhile(ValueRange carried, function_ref<Value(ValueRange)> condition,
                                  function_ref<Values(ValueRange)> body) {
  auto loop = scf::WhileOp::create(
      *this, carried.getTypes(), carried,
      [&](OpBuilder &b, Location, ValueRange values) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
        Value holds = condition(values);
        scf::ConditionOp::create(*this, holds, values);
      },
      [&](OpBuilder &b, Location, ValueRange values) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
        Values results = body(values);
        scf::YieldOp::create(*this, results);
      });
  return Values(loop.getResults());
}

Value VectorBuilder::splat(int64_t word) {
  auto type = registerType();
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, APInt(32, static_cast<uint64_t>(word), false, true)));
}

Value VectorBuilder::splat(Value word) {
  if (std::optional<int64_t> value = known(word))
    return splat(*value);
  return hvx::LvsplatwOp::create(*this, word);
}

Value VectorBuilder::keepBytes(Value value, Value count) {
  if (known(count) == hvx::kRegisterBytes)
    return value;
  Value predicate = hvx::PredScalar2v2Op::create(*this, count);
  return hvx::VmuxOp::create(*this, predicate, value, splat(0));
}

Value VectorBuilder::sumWords(Value value) {
  for (int64_t bytes = 4; bytes < hvx::kRegisterBytes; bytes *= 2) {
    Value rotated = hvx::VrorOp::create(*this, value, constant(bytes));
    value = arith::AddIOp::create(*this, value, rotated);
  }
  return value;
}

Value VectorBuilder::firstWord(Value value) {
  return hvx::ExtractwOp::create(*this, value, constant(0));
}

Value VectorBuilder::multiplyHigh(Value a, Value b) {
  Value even = hvx::VmpyewuhOp::create(*this, a, b);
  return hvx::VmpyowhRndSaccOp::create(*this, even, a, b);
}

Value VectorBuilder::roundToHalves(Value even, Value odd, Value shift) {
  // The instruction shifts by at most 15. What is dropped before does not
  // change a sum of a multiple of it, rounded down.
  if (std::optional<int64_t> amount = known(shift)) {
    if (*amount > 15) {
      Value before = constant(*amount - 15);
      even = hvx::VasrwOp::create(*this, even, before);
      odd = hvx::VasrwOp::create(*this, odd, before);
      shift = constant(15);
    }
  } else {
    Value before = max(add(shift, -15), constant(0));
    even = hvx::VasrwOp::create(*this, even, before);
    odd = hvx::VasrwOp::create(*this, odd, before);
    shift = sub(shift, before);
  }
  return hvx::VasrwhrndsatOp::create(*this, odd, even, shift);
}

Value VectorBuilder::narrowToBytes(Value low, Value high, int64_t zero) {
  if (zero != 0) {
    Value offset = splat((zero & 0xffff) << 16 | (zero & 0xffff));
    low = hvx::VaddhsatOp::create(*this, low, offset);
    high = hvx::VaddhsatOp::create(*this, high, offset);
  }
  return hvx::VpackhbSatOp::create(*this, high, low);
}
