// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Classification and emission of vectorised bodies.

#include "targets/cpu/NestBody.h"
#include "passes/codegen/LoopBuilder.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;
using namespace tercet::cpu;

static Type widen(Type element, int64_t lanes) {
  return lanes == 1 ? element : Type(VectorType::get({lanes}, element));
}

static bool isBool(Type type) { return type.isInteger(1); }

Value tercet::cpu::splat(OpBuilder &b, Location loc, Value value, int64_t lanes) {
  if (lanes == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, loc, VectorType::get({lanes}, value.getType()), value);
}

unsigned tercet::cpu::widestElement(Block &body) {
  unsigned widest = 8;
  auto look = [&](Type type) {
    if (type.isIntOrFloat() && !isBool(type))
      widest = std::max(widest, type.getIntOrFloatBitWidth());
  };
  for (BlockArgument argument : body.getArguments())
    look(argument.getType());
  for (Operation &op : body)
    for (Value result : op.getResults())
      if (!isa<arith::ConstantOp>(op))
        look(result.getType());
  return widest;
}

NestBody::NestBody(Block &body, const LoopNest &nest, int64_t vectorLoop)
    : body(body), nest(nest), vectorLoop(vectorLoop) {
  classify();
}

NestBody::Kind NestBody::kindOf(Value value) const {
  auto found = kinds.find(value);
  return found == kinds.end() ? Kind::Uniform : found->second; // captured from above
}

static bool isDivision(Operation &op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp,
             arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

void NestBody::classify() {
  for (auto [argument, access] : llvm::zip_equal(body.getArguments(), nest.accesses)) {
    unsigned number = argument.getArgNumber();
    bool output = number >= nest.inputs;
    bool moves = vectorLoop >= 0 && access.moves(vectorLoop);
    kinds[argument] = output || moves ? Kind::Varying : Kind::Uniform;
    if (!moves || (!output && argument.use_empty()))
      continue;
    if (!access.isUnit(vectorLoop) || isBool(access.element)) {
      ++perLaneOps;
      maskable = false;
    } else {
      ++vectorOps;
    }
  }
  for (Operation &op : body.without_terminator()) {
    if (op.getNumRegions() != 0) {
      vectorisable = false;
      for (Value result : op.getResults())
        kinds[result] = Kind::Varying;
      continue;
    }
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      int64_t loop = nest.loopOfDim[index.getDim()];
      kinds[index] = loop >= 0 && loop == vectorLoop ? Kind::Linear : Kind::Uniform;
      continue;
    }
    bool uniform = llvm::all_of(op.getOperands(),
                                [&](Value operand) { return kindOf(operand) == Kind::Uniform; });
    for (Value result : op.getResults())
      kinds[result] = uniform ? Kind::Uniform : Kind::Varying;
    if (uniform)
      continue;
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      maskable = false;
      bool contiguous = kindOf(load.getIndices().back()) == Kind::Linear &&
                        llvm::all_of(load.getIndices().drop_back(),
                                     [&](Value index) { return kindOf(index) == Kind::Uniform; });
      auto [strides, offset] = load.getMemRefType().getStridesAndOffset();
      contiguous &= strides.back() == 1 && !isBool(load.getType());
      ++(contiguous ? vectorOps : perLaneOps);
      continue;
    }
    if (isa<cf::AssertOp>(op)) {
      maskable = false;
      ++vectorOps;
      continue;
    }
    ++vectorOps;
    if (isDivision(op)) {
      maskable = false;
      ++perLaneOps;
    }
    vectorisable &= OpTrait::hasElementwiseMappableTraits(&op);
    for (Type type : op.getResultTypes())
      vectorisable &= VectorType::isValidElementType(type);
    for (Type type : op.getOperandTypes())
      vectorisable &= VectorType::isValidElementType(type);
  }
}

Value NestBody::load(OpBuilder &b, const Access &access, int64_t lanes, Value mask,
                     ValueRange ivs) const {
  Location loc = b.getUnknownLoc();
  if (access.isScalar())
    return access.scalar;
  loc = access.memory.getLoc();
  bool moves = vectorLoop >= 0 && access.moves(vectorLoop);
  Value address = access.address(b, loc, ivs);
  if (lanes == 1 || !moves)
    return memref::LoadOp::create(b, loc, access.memory, address);
  auto type = VectorType::get({lanes}, access.element);
  if (access.isUnit(vectorLoop) && !isBool(access.element)) {
    if (!mask)
      return vector::LoadOp::create(b, loc, type, access.memory, address);
    Value zero = arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, loc, type, access.memory, address, mask, zero);
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    OpFoldResult distance = mulIndex(b, loc, access.strides[vectorLoop], b.getIndexAttr(lane));
    Value position = indexValue(b, loc, addIndex(b, loc, address, distance));
    elements.push_back(memref::LoadOp::create(b, loc, access.memory, position));
  }
  return vector::FromElementsOp::create(b, loc, type, elements);
}

void NestBody::store(OpBuilder &b, const Access &access, Value value, int64_t lanes, Value mask,
                     ValueRange ivs) const {
  Location loc = access.memory.getLoc();
  Value address = access.address(b, loc, ivs);
  if (lanes == 1) {
    memref::StoreOp::create(b, loc, value, access.memory, address);
    return;
  }
  if (access.isUnit(vectorLoop) && !isBool(access.element)) {
    if (mask)
      vector::MaskedStoreOp::create(b, loc, access.memory, address, mask, value);
    else
      vector::StoreOp::create(b, loc, value, access.memory, address);
    return;
  }
  for (int64_t lane = 0; lane < lanes; ++lane) {
    OpFoldResult distance = mulIndex(b, loc, access.strides[vectorLoop], b.getIndexAttr(lane));
    Value position = indexValue(b, loc, addIndex(b, loc, address, distance));
    Value element = vector::ExtractOp::create(b, loc, value, lane);
    memref::StoreOp::create(b, loc, element, access.memory, position);
  }
}

static Value indexOfDim(OpBuilder &b, Location loc, const LoopNest &nest, int64_t dim,
                        ValueRange ivs) {
  int64_t loop = nest.loopOfDim[dim];
  return loop < 0 ? arith::ConstantIndexOp::create(b, loc, 0).getResult() : ivs[loop];
}

IRMapping NestBody::emitUniform(OpBuilder &b, ValueRange ivs) const {
  IRMapping mapping;
  for (unsigned number = 0; number < nest.inputs; ++number) {
    BlockArgument argument = body.getArgument(number);
    if (kindOf(argument) == Kind::Uniform && !argument.use_empty())
      mapping.map(argument, load(b, nest.accesses[number], 1, Value(), ivs));
  }
  for (Operation &op : body.without_terminator()) {
    if (op.getNumRegions() != 0)
      continue;
    bool uniform =
        llvm::all_of(op.getOperands(), [&](Value v) { return kindOf(v) == Kind::Uniform; }) &&
        llvm::all_of(op.getResults(), [&](Value v) { return kindOf(v) == Kind::Uniform; });
    if (!uniform)
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(op))
      mapping.map(index.getResult(), indexOfDim(b, op.getLoc(), nest, index.getDim(), ivs));
    else
      b.clone(op, mapping);
  }
  return mapping;
}

Value NestBody::emitLoad(OpBuilder &b, memref::LoadOp op, int64_t lanes,
                         function_ref<Value(Value)> scalarOf,
                         function_ref<Value(Value)> vectorOf) const {
  Location loc = op.getLoc();
  auto type = VectorType::get({lanes}, op.getType());
  auto [strides, offset] = op.getMemRefType().getStridesAndOffset();
  bool contiguous = strides.back() == 1 && !isBool(op.getType()) &&
                    kindOf(op.getIndices().back()) == Kind::Linear;
  for (Value index : op.getIndices().drop_back())
    contiguous &= kindOf(index) == Kind::Uniform;
  if (contiguous) {
    SmallVector<Value> indices = llvm::map_to_vector(op.getIndices(), scalarOf);
    return vector::LoadOp::create(b, loc, type, op.getMemRef(), indices);
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> indices;
    for (Value index : op.getIndices())
      indices.push_back(kindOf(index) == Kind::Uniform
                            ? scalarOf(index)
                            : vector::ExtractOp::create(b, loc, vectorOf(index), lane).getResult());
    elements.push_back(memref::LoadOp::create(b, loc, op.getMemRef(), indices));
  }
  return vector::FromElementsOp::create(b, loc, type, elements);
}

SmallVector<Value> NestBody::emit(OpBuilder &b, int64_t lanes, Value mask, ValueRange ivs,
                                  const IRMapping &uniform, ValueRange outputs) const {
  IRMapping mapping(uniform);
  for (unsigned number = 0; number < nest.inputs; ++number) {
    BlockArgument argument = body.getArgument(number);
    if (kindOf(argument) != Kind::Uniform && !argument.use_empty())
      mapping.map(argument, load(b, nest.accesses[number], lanes, mask, ivs));
  }
  for (auto [number, value] : llvm::enumerate(outputs))
    mapping.map(body.getArgument(nest.inputs + number), value);

  // The index of the vector loop, as the first lane's value or as a vector.
  auto scalarOf = [&](Value value) -> Value {
    if (kindOf(value) == Kind::Linear)
      return ivs[vectorLoop];
    return mapping.lookupOrDefault(value);
  };
  llvm::DenseMap<Value, Value> wide;
  auto vectorOf = [&](Value value) -> Value {
    Value &cached = wide[value];
    if (cached)
      return cached;
    Location loc = value.getLoc();
    Value result = splat(b, loc, scalarOf(value), lanes);
    if (kindOf(value) == Kind::Linear && lanes > 1) {
      auto type = VectorType::get({lanes}, b.getIndexType());
      result = arith::AddIOp::create(b, loc, result, vector::StepOp::create(b, loc, type));
    }
    return cached = result;
  };

  for (Operation &op : body.without_terminator()) {
    Location loc = op.getLoc();
    if (op.getNumRegions() != 0) {
      // Only without a vector loop.
      b.clone(op, mapping);
      continue;
    }
    if (isa<linalg::IndexOp>(op))
      continue; // uniform: mapped already; linear: see scalarOf
    bool operandsUniform =
        llvm::all_of(op.getOperands(), [&](Value value) { return kindOf(value) == Kind::Uniform; });
    bool resultsUniform =
        llvm::all_of(op.getResults(), [&](Value value) { return kindOf(value) == Kind::Uniform; });
    if (operandsUniform && resultsUniform)
      continue;
    if (lanes == 1) {
      IRMapping scalars(mapping);
      for (Value operand : op.getOperands())
        scalars.map(operand, scalarOf(operand));
      Operation *copy = b.clone(op, scalars);
      mapping.map(op.getResults(), copy->getResults());
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      mapping.map(load.getResult(), emitLoad(b, load, lanes, scalarOf, vectorOf));
      continue;
    }
    if (auto check = dyn_cast<cf::AssertOp>(op)) {
      Value all =
          vector::ReductionOp::create(b, loc, vector::CombiningKind::AND, vectorOf(check.getArg()));
      cf::AssertOp::create(b, loc, all, check.getMsgAttr());
      continue;
    }
    OperationState state(loc, op.getName());
    for (Value operand : op.getOperands())
      state.operands.push_back(vectorOf(operand));
    for (Type type : op.getResultTypes())
      state.types.push_back(widen(type, lanes));
    state.attributes = op.getDiscardableAttrDictionary();
    state.propertiesAttr = op.getPropertiesAsAttribute();
    Operation *vectorised = b.create(state);
    mapping.map(op.getResults(), vectorised->getResults());
  }

  SmallVector<Value> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(vectorOf(value));
  return yielded;
}

Operation *NestBody::getCombiner(unsigned output) const {
  SmallVector<Operation *> combiners;
  SmallVector<BlockArgument> carried(body.getArguments().drop_front(nest.inputs));
  if (!matchReduction(carried, output, combiners) || combiners.size() != 1)
    return nullptr;
  Operation *combiner = combiners.front();
  if (combiner->getNumOperands() != 2 || combiner->getNumResults() != 1 ||
      !OpTrait::hasElementwiseMappableTraits(combiner) || !arith::getNeutralElement(combiner))
    return nullptr;
  return combiner;
}
