// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forms groups in one sweep over the function: an operation joins the groups
// of producers that it alone reads at the same index, or opens a new one.
// Since such a producer has no other reader, nothing outside can depend on the
// inside of a group, so groups never form cycles.

#include "passes/graph/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "dialects/soc/Views.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace tercet::graph {
#define GEN_PASS_DEF_ASSIGNGROUPSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

/// Operations that stay at the level of the function: views and weights.
bool isView(Operation *op) { return isa<nn::GetWeightOp>(op) || soc::isBetweenTasks(op); }

/// Operations that are cheaper to repeat in every group than to share.
bool isRepeatable(Operation *op) {
  if (isa<tensor::EmptyOp, linalg::FillOp>(op))
    return true;
  DenseElementsAttr value;
  if (op->hasTrait<OpTrait::ConstantLike>() && isa<RankedTensorType>(op->getResult(0).getType()))
    return matchPattern(op, m_Constant(&value)) && value.isSplat();
  // Scalars cross no boundary of a group; what they are made from may.
  return op->getNumResults() > 0 && op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
         llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
}

bool isParallel(linalg::LinalgOp op) {
  return op.getNumParallelLoops() == op.getNumLoops() && op.getNumDpsInits() == 1 &&
         op->getNumResults() == 1 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

/// Elementwise: every element of the result from the elements at its index
/// (and broadcasts of them).
bool isElementwise(Operation *op) {
  if (isa<nn::ActivationOp>(op))
    return true;
  auto linalgOp = dyn_cast<linalg::GenericOp>(op);
  return linalgOp && isParallel(linalgOp);
}

/// Operations over whole rows: the last dimension is not split.
bool isRowwise(Operation *op) {
  if (isa<nn::LayerNormOp, nn::RmsNormOp, nn::EncodeGroupsOp>(op))
    return true;
  auto softmax = dyn_cast<linalg::SoftmaxOp>(op);
  return softmax && static_cast<int64_t>(softmax.getDimension()) ==
                        softmax.getInputOperandType().getRank() - 1;
}

struct Group {
  SmallVector<Operation *> ops;
  /// Whether only elementwise operations and gathers are in it.
  bool light = false;
  /// Whether elementwise operations may follow.
  bool open = false;

  Operation *last() const { return ops.back(); }
};

class Grouping {
public:
  explicit Grouping(func::FuncOp func) : func(func) {}

  void form() {
    foldViewsOfEmpties();
    for (Operation &op : func.getBody().front().without_terminator())
      if (!isView(&op) && (!isRepeatable(&op) || isNeededOutside(&op)))
        place(&op);
  }

  std::vector<Group> take() {
    std::vector<Group> result;
    for (Group &group : groups)
      if (!group.ops.empty())
        result.push_back(std::move(group));
    return result;
  }

private:
  /// A view of a tensor without contents is such a tensor, and nothing that a
  /// group would have to compute.
  void foldViewsOfEmpties() {
    for (Operation &op : llvm::make_early_inc_range(func.getBody().front().without_terminator())) {
      if (!soc::getContiguousOffset(&op) || !op.getOperand(0).getDefiningOp<tensor::EmptyOp>())
        continue;
      OpBuilder b(&op);
      auto type = cast<RankedTensorType>(op.getResult(0).getType());
      op.getResult(0).replaceAllUsesWith(
          tensor::EmptyOp::create(b, op.getLoc(), type.getShape(), type.getElementType()));
      op.erase();
    }
  }

  /// A constant or a fill that the function returns or reshapes must be
  /// computed once into memory after all.
  static bool isNeededOutside(Operation *op) {
    return llvm::any_of(op->getUsers(),
                        [](Operation *user) { return isView(user) || isa<func::ReturnOp>(user); });
  }

  /// The group that ends with the producer of the operand, if `op` may join it.
  std::optional<size_t> joinable(Operation *op, Value operand) {
    Operation *producer = operand.getDefiningOp();
    auto it = producer ? groupOf.find(producer) : groupOf.end();
    if (it == groupOf.end() || groups[it->second].last() != producer)
      return std::nullopt;
    if (!llvm::all_of(operand.getUsers(), [&](Operation *user) { return user == op; }))
      return std::nullopt;
    return it->second;
  }

  /// Operands that are read at the index of the result.
  static SmallVector<Value> alignedOperands(Operation *op) {
    SmallVector<Value> aligned;
    if (auto linalgOp = dyn_cast<linalg::GenericOp>(op)) {
      for (OpOperand *operand : linalgOp.getDpsInputOperands())
        if (linalgOp.getMatchingIndexingMap(operand).isIdentity())
          aligned.push_back(operand->get());
      return aligned;
    }
    aligned.push_back(op->getOperand(0));
    return aligned;
  }

  void place(Operation *op) {
    SmallVector<size_t> join;
    bool elementwise = isElementwise(op), rowwise = isRowwise(op);
    if (elementwise || rowwise) {
      std::optional<size_t> heavy;
      for (Value operand : alignedOperands(op)) {
        std::optional<size_t> group = joinable(op, operand);
        if (!group || llvm::is_contained(join, *group) || !groups[*group].open)
          continue;
        if (groups[*group].light)
          join.push_back(*group);
        else if (elementwise && !heavy)
          heavy = group;
      }
      if (heavy)
        join.insert(join.begin(), *heavy);
    }

    Group merged;
    merged.light = elementwise || isa<nn::GatherOp, nn::GroupGatherOp>(op);
    // Upstream's softmax cannot be fused into a reader's tiles.
    merged.open = merged.light || (rowwise && !isa<linalg::SoftmaxOp>(op)) || isProduct(op);
    for (size_t index : join) {
      Group &part = groups[index];
      merged.light &= part.light;
      llvm::append_range(merged.ops, part.ops);
      part.ops.clear();
    }
    merged.ops.push_back(op);
    llvm::sort(merged.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *member : merged.ops)
      groupOf[member] = groups.size();
    groups.push_back(std::move(merged));
  }

  static bool isProduct(Operation *op) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    return isa<nn::PackedMatmulOp, nn::GroupMatmulOp>(op) ||
           (linalgOp && isa<linalg::MatmulOp, linalg::BatchMatmulOp>(op) &&
            op->getNumResults() == 1);
  }

  func::FuncOp func;
  std::vector<Group> groups;
  DenseMap<Operation *, size_t> groupOf;
};

/// Moves the operations of a group into a soc.group in place of the last one.
void materialize(const Group &group) {
  Operation *last = group.last();
  OpBuilder builder(last);
  SetVector<Value> inputs;
  SetVector<Operation *> members(group.ops.begin(), group.ops.end());

  // Repeatable operations, and what they are made from, are cloned inside.
  SetVector<Operation *> clones;
  std::function<void(Value)> visit = [&](Value value) {
    Operation *def = value.getDefiningOp();
    if (def && members.contains(def))
      return;
    if (def && isRepeatable(def)) {
      for (Value operand : def->getOperands())
        visit(operand);
      clones.insert(def);
      return;
    }
    inputs.insert(value);
  };
  SmallVector<Location> locs;
  for (Operation *op : group.ops) {
    locs.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      visit(operand);
    for (Region &region : op->getRegions())
      region.walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (!region.isAncestor(operand.getParentRegion()))
            visit(operand);
      });
  }

  SmallVector<Value> tensors, scalars;
  for (Value input : inputs)
    (input.getType().isIndex() ? scalars : tensors).push_back(input);
  Location loc = FusedLoc::get(builder.getContext(), locs);
  auto groupOp =
      soc::GroupOp::create(builder, loc, last->getResultTypes(), StringAttr(), soc::VariantAttr(),
                           ArrayAttr(), ArrayAttr(), ArrayAttr(), tensors, scalars);
  Block *body = builder.createBlock(&groupOp.getBody());
  IRMapping mapping;
  for (Value input : llvm::concat<Value>(tensors, scalars))
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  builder.setInsertionPointToStart(body);
  for (Operation *op : clones)
    builder.clone(*op, mapping);
  for (Operation *op : group.ops)
    builder.clone(*op, mapping);
  SmallVector<Value> results;
  for (Value result : last->getResults())
    results.push_back(mapping.lookup(result));
  soc::YieldOp::create(builder, loc, results);
  last->replaceAllUsesWith(groupOp);
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}

struct AssignGroupsPass : graph::impl::AssignGroupsPassBase<AssignGroupsPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> funcs;
    if (auto func = dyn_cast<func::FuncOp>(getOperation()))
      funcs.push_back(func);
    else
      getOperation()->walk([&](func::FuncOp func) { funcs.push_back(func); });
    for (func::FuncOp func : funcs) {
      if (func.isExternal())
        continue;
      Grouping grouping(func);
      grouping.form();
      for (const Group &group : grouping.take()) {
        materialize(group);
        ++groups;
      }
      // What was only cloned is dead now.
      SmallVector<Operation *> rest;
      for (Operation &op : func.getBody().front().without_terminator())
        rest.push_back(&op);
      for (Operation *op : llvm::reverse(rest))
        if (isRepeatable(op) && op->use_empty())
          op->erase();
    }
  }
};

} // namespace
