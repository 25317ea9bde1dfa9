// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which reshapes, slices and concatenations keep elements in order.

#include "dialects/soc/Views.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

/// A slice is contiguous if the dimensions inside of the outermost one that it
/// cuts are whole, and those outside of it have one element.
static std::optional<int64_t> contiguousOffset(tensor::ExtractSliceOp slice) {
  RankedTensorType from = slice.getSourceType();
  if (!slice.hasUnitStride() || !from.hasStaticShape() ||
      llvm::any_of(slice.getStaticOffsets(), ShapedType::isDynamic) ||
      llvm::any_of(slice.getStaticSizes(), ShapedType::isDynamic))
    return std::nullopt;
  int64_t offset = 0, stride = 1;
  bool cut = false;
  for (int64_t dim = from.getRank() - 1; dim >= 0; --dim) {
    int64_t size = slice.getStaticSizes()[dim], whole = from.getDimSize(dim);
    if (cut && size != 1)
      return std::nullopt;
    offset += slice.getStaticOffsets()[dim] * stride;
    stride *= whole;
    cut |= size != whole;
  }
  return offset;
}

std::optional<int64_t> tercet::soc::getContiguousOffset(Operation *op) {
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
    return 0;
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return contiguousOffset(slice);
  return std::nullopt;
}

bool tercet::soc::isContiguousConcat(Operation *op) {
  auto concat = dyn_cast<tensor::ConcatOp>(op);
  if (!concat || !concat.getResultType().hasStaticShape())
    return false;
  for (Value input : concat.getInputs())
    if (!cast<RankedTensorType>(input.getType()).hasStaticShape())
      return false;
  return llvm::all_of(concat.getResultType().getShape().take_front(concat.getDim()),
                      [](int64_t size) { return size == 1; });
}

bool tercet::soc::isBetweenTasks(Operation *op) {
  return getContiguousOffset(op) || isContiguousConcat(op);
}

void tercet::soc::forEachProducer(Value value, llvm::function_ref<void(Operation *)> visit) {
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Operation *def = worklist.pop_back_val().getDefiningOp();
    if (!def)
      continue;
    if (isBetweenTasks(def))
      llvm::append_range(worklist, def->getOperands());
    else if (def->getNumOperands() > 0 || def->getNumRegions() > 0)
      visit(def);
  }
}
