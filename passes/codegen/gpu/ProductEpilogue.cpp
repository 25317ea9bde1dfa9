// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The body is cloned once for each lane: GPUs compute lanes of a vector one
// after the other, and scalars have all functions.

#include "passes/codegen/gpu/ProductEpilogue.h"

#include "passes/codegen/gpu/ScalarBody.h"
#include "passes/codegen/gpu/VectorAccess.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tercet::codegen;

std::optional<ProductEpilogue> ProductEpilogue::of(TileBuilder &b, const ProductChain &chain,
                                                   const Contraction &product) {
  ProductEpilogue epilogue;
  epilogue.product = &product;
  epilogue.isFilled = bool(chain.fill);
  epilogue.op = chain.epilogue;
  auto op = dyn_cast<linalg::LinalgOp>(chain.product);
  AffineMap map = op ? op.getMatchingIndexingMap(op.getDpsInitOperand(0))
                     : b.getMultiDimIdentityMap(product.nest.loops.size());
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return std::nullopt;
    int64_t loop = dim.getPosition();
    epilogue.loopOfDim.push_back(product.nest.loops[loop].staticSize() == 1 ? -1 : loop);
  }
  if (!epilogue.op)
    return epilogue;
  FailureOr<LoopNest> nest = LoopNest::of(b, cast<linalg::LinalgOp>(epilogue.op.getOperation()));
  if (failed(nest) || nest->loops.size() != epilogue.loopOfDim.size())
    return std::nullopt;
  epilogue.nest = *nest;
  for (Value operand : chain.epilogue->getOperands())
    epilogue.isSum.push_back(operand == chain.getResult());
  return epilogue;
}

Value ProductEpilogue::initial(TileBuilder &b, ValueRange ivs, bool lanes) const {
  const Access &result = product->result();
  if (isFilled) {
    Type type = product->sumElement();
    if (lanes)
      type = VectorType::get({kLanes}, type);
    return arith::ConstantOp::create(b, b.getZeroAttr(type));
  }
  Value value = lanes ? loadLanes(b, result, ivs, *product->columns) : loadElement(b, result, ivs);
  return toFloat(b, value, product->sumElement());
}

SmallVector<Value> ProductEpilogue::coordinates(TileBuilder &b, ValueRange ivs) const {
  return llvm::map_to_vector(loopOfDim,
                             [&](int64_t loop) { return loop < 0 ? Value() : Value(ivs[loop]); });
}

SmallVector<Value> ProductEpilogue::compute(TileBuilder &b, ValueRange arguments) const {
  return computeBody(b, op->getRegion(0).front(), llvm::to_vector(arguments),
                     [](int64_t) -> Value { llvm_unreachable("an epilogue has no indices"); });
}

void ProductEpilogue::finish(TileBuilder &b, Value sum, ValueRange ivs, bool lanes) const {
  auto store = [&](Value value, const Access &access, ValueRange at) {
    if (lanes)
      storeLanes(b, value, access, at);
    else
      memref::StoreOp::create(b, value, access.memory, access.address(b, b.getLoc(), at));
  };
  if (!nest)
    return store(toFloat(b, sum, product->result().element), product->result(), ivs);

  SmallVector<Value> at = coordinates(b, ivs);
  Block &body = op->getRegion(0).front();
  unsigned column = llvm::find(loopOfDim, int64_t(*product->columns)) - loopOfDim.begin();
  int64_t count = lanes ? kLanes : 1;
  SmallVector<SmallVector<Value>> arguments(count);
  for (auto [number, access] : llvm::enumerate(nest->accesses)) {
    Value value;
    if (isSum[number])
      value = sum;
    else if (!body.getArgument(number).use_empty())
      value = lanes && (access.isScalar() || access.isUnit(column) || !access.moves(column))
                  ? (access.isScalar() ? splat(b, access.scalar) : loadLanes(b, access, at, column))
                  : Value();
    bool byLane = !isSum[number] && !value && !body.getArgument(number).use_empty();
    for (int64_t lane = 0; lane < count; ++lane) {
      if (byLane) {
        SmallVector<Value> there(at);
        if (lane != 0)
          there[column] = arith::AddIOp::create(b, at[column], b.index(lane));
        arguments[lane].push_back(loadElement(b, access, there));
      } else if (value && lanes) {
        arguments[lane].push_back(vector::ExtractOp::create(b, value, lane));
      } else {
        arguments[lane].push_back(value);
      }
    }
  }
  SmallVector<SmallVector<Value>> results;
  for (int64_t lane = 0; lane < count; ++lane)
    results.push_back(compute(b, arguments[lane]));
  for (auto [number, access] : llvm::enumerate(nest->outputs())) {
    SmallVector<Value> values;
    for (ArrayRef<Value> lane : results)
      values.push_back(narrow(b, lane[number], access.element));
    if (!lanes) {
      store(values[0], access, at);
    } else {
      auto type = VectorType::get({kLanes}, access.element);
      store(vector::FromElementsOp::create(b, type, values), access, at);
    }
  }
}

void ProductEpilogue::finishParts(TileBuilder &b, Value shared, int64_t width, int64_t parts,
                                  OpFoldResult columns, unsigned columnLoop, ValueRange ivs) const {
  b.forEach(columns, [&](Value column) {
    SmallVector<Value> there(ivs);
    there[columnLoop] = column;
    auto loop = scf::ForOp::create(b, b.index(0), b.index(parts), b.index(1),
                                   ValueRange{initial(b, there, /*lanes=*/false)});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value place = arith::AddIOp::create(
          b, arith::MulIOp::create(b, loop.getInductionVar(), b.index(width)), column);
      Value other = memref::LoadOp::create(b, shared, place);
      scf::YieldOp::create(
          b, arith::AddFOp::create(b, loop.getRegionIterArgs()[0], other).getResult());
    }
    finish(b, loop.getResult(0), there, /*lanes=*/false);
  });
}
