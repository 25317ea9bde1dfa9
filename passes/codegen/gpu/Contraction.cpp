// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises products by their loops and bodies.

#include "passes/codegen/gpu/Contraction.h"

#include "passes/codegen/gpu/Barriers.h"
#include "passes/codegen/gpu/FlatAddress.h"

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace tercet::codegen;

Type Contraction::sumElement() const {
  Type element = result().element;
  return element.getIntOrFloatBitWidth() < 32 ? Float32Type::get(element.getContext()) : element;
}

/// A block argument, or one that is widened.
static BlockArgument widened(Value value) {
  if (auto extension = value.getDefiningOp<arith::ExtFOp>())
    value = extension.getIn();
  return dyn_cast<BlockArgument>(value);
}

bool tercet::codegen::isMultiplyAdd(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return false;
  Block &body = *op.getBlock();
  auto sum = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum || sum->getBlock() != &body)
    return false;
  BlockArgument accumulator = body.getArgument(2);
  Value product = sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs();
  if (sum.getLhs() != accumulator && sum.getRhs() != accumulator)
    return false;
  auto multiply = product.getDefiningOp<arith::MulFOp>();
  if (!multiply)
    return false;
  BlockArgument left = widened(multiply.getLhs()), right = widened(multiply.getRhs());
  return left && right && left != right && left != accumulator && right != accumulator;
}

std::optional<Contraction> Contraction::of(OpBuilder &b, linalg::LinalgOp op) {
  if (!isMultiplyAdd(op))
    return std::nullopt;
  FailureOr<LoopNest> nest = LoopNest::of(b, op);
  if (failed(nest))
    return std::nullopt;
  Contraction product;
  product.nest = *nest;
  if (llvm::any_of(nest->accesses, [](const Access &access) { return access.isScalar(); }))
    return std::nullopt;
  const Access &c = product.result();
  auto collect = [&](bool swapped) {
    product.left = swapped;
    product.right = !swapped;
    product.batch.clear();
    product.sums.clear();
    product.rows = product.columns = std::nullopt;
    for (auto [number, loop] : llvm::enumerate(product.nest.loops)) {
      if (loop.staticSize() == 1)
        continue;
      bool inLeft = product.leftAccess().moves(number),
           inRight = product.rightAccess().moves(number);
      std::optional<unsigned> *single = nullptr;
      if (loop.reduction) {
        product.sums.push_back(number);
      } else if (inLeft == inRight) {
        product.batch.push_back(number);
      } else {
        single = inLeft ? &product.rows : &product.columns;
        if (*single)
          return false;
        *single = number;
      }
    }
    // Columns are those that lie side by side in the result.
    return !product.sums.empty() && (!product.columns || c.isUnit(*product.columns));
  };
  if (!collect(/*swapped=*/false) && !collect(/*swapped=*/true))
    return std::nullopt;
  // A column alone is as good as a row alone, and has lanes.
  if (!product.columns && product.rows && c.isUnit(*product.rows))
    (void)collect(product.left == 0);
  if (!product.columns)
    return std::nullopt;
  return product;
}

/// The nearest operation in that direction that touches memory.
static Operation *neighbour(Operation *op, bool forward) {
  do
    op = forward ? op->getNextNode() : op->getPrevNode();
  while (op && !Hazards::touchesMemory(op));
  return op;
}

static bool isZero(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto attr = constant ? dyn_cast<FloatAttr>(constant.getValue()) : FloatAttr();
  return attr && attr.getValue().isPosZero();
}

/// Whether another operation than these two may see what lies in the memory.
static bool isRead(Value memref, Operation *product, Operation *epilogue) {
  MemoryRange range = rangeOf(memref);
  if (!range.root || !range.isWorkgroup)
    return true;
  bool read = false;
  product->getParentOfType<FunctionOpInterface>()->walk([&](Operation *op) {
    if (op == product || op == epilogue || !Hazards::touchesMemory(op) || op->getNumRegions() > 1)
      return;
    for (Value operand : op->getOperands()) {
      if (!isa<MemRefType>(operand.getType()))
        continue;
      MemoryRange other = rangeOf(operand);
      bool overlaps = other.isWorkgroup && other.begin < range.end && range.begin < other.end;
      // What is written before it is read does not matter.
      bool writes = isa<linalg::FillOp>(op);
      read |= overlaps && !writes;
    }
  });
  return read;
}

static bool isEpilogue(linalg::GenericOp op, Value result) {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.getNumResults() != 0 ||
      !op.getBlock()->getOps<linalg::IndexOp>().empty())
    return false;
  unsigned reads = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    if (operand.get() != result)
      continue;
    if (!op.getMatchingIndexingMap(&operand).isIdentity())
      return false;
    reads += !op.isDpsInit(&operand) || op.payloadUsesValueFromOperand(&operand);
  }
  // Results are written where each is computed.
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!op.getMatchingIndexingMap(&init).isIdentity())
      return false;
  return reads != 0;
}

SmallVector<Operation *> ProductChain::getOperations() {
  SmallVector<Operation *> operations;
  if (fill)
    operations.push_back(fill);
  operations.push_back(product);
  if (epilogue)
    operations.push_back(epilogue);
  return operations;
}

Value ProductChain::getResult() const {
  return cast<DestinationStyleOpInterface>(product).getDpsInits()[0];
}

ProductChain ProductChain::around(Operation *product) {
  ProductChain chain;
  chain.product = product;
  Value result = chain.getResult();
  if (auto fill = dyn_cast_or_null<linalg::FillOp>(neighbour(product, /*forward=*/false)))
    if (fill.getOutputs()[0] == result && isZero(fill.getInputs()[0]))
      chain.fill = fill;
  if (auto next = dyn_cast_or_null<linalg::GenericOp>(neighbour(product, /*forward=*/true)))
    if (isEpilogue(next, result)) {
      // In place of the product's result, or of a result that nothing else sees.
      bool overwritten = llvm::is_contained(next.getDpsInits(), result);
      if (overwritten || !isRead(result, product, next))
        chain.epilogue = next;
    }
  return chain;
}
