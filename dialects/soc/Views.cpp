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

SmallVector<tercet::soc::SourceRange> tercet::soc::getSources(Value value) {
  auto elementsOf = [](Value of) {
    auto type = dyn_cast<RankedTensorType>(of.getType());
    return type && type.hasStaticShape() ? type.getNumElements() : 0;
  };
  SmallVector<SourceRange> sources, worklist{{value, 0, elementsOf(value), 0}};
  while (!worklist.empty()) {
    SourceRange range = worklist.pop_back_val();
    Operation *def = range.root.getDefiningOp();
    std::optional<int64_t> offset = def ? getContiguousOffset(def) : std::nullopt;
    if (offset) {
      worklist.push_back(
          {def->getOperand(0), range.begin + *offset, range.end + *offset, range.at});
    } else if (def && isContiguousConcat(def)) {
      // Of a concatenation only the parts that a view of it reads count.
      int64_t at = 0;
      for (Value part : def->getOperands()) {
        int64_t elements = elementsOf(part);
        int64_t begin = std::max(range.begin, at), end = std::min(range.end, at + elements);
        if (begin < end)
          worklist.push_back({part, begin - at, end - at, range.at + begin - range.begin});
        at += elements;
      }
    } else {
      sources.push_back(range);
    }
  }
  return sources;
}

void tercet::soc::forEachProducer(Value value, llvm::function_ref<void(Operation *)> visit) {
  for (const SourceRange &source : getSources(value))
    if (Operation *def = source.root.getDefiningOp())
      if (def->getNumOperands() > 0 || def->getNumRegions() > 0)
        visit(def);
}
