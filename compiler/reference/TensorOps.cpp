// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Offsets, sizes and indices are checked against the tensors' shapes where
// they are only known when the program runs.

#include "compiler/reference/TensorOps.h"

#include "compiler/reference/LinalgLoops.h"
#include "compiler/reference/SourceError.h"
#include "compiler/weights/StridedCopy.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet;

namespace {

using Result = llvm::Expected<Tensor>;

class TensorOpEvaluator {
public:
  TensorOpEvaluator(Operation *op, MutableArrayRef<Tensor> operands, Lookup lookup)
      : op(op), operands(operands), lookup(lookup) {}

  Result reinterpret() {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!type.hasStaticShape() || getTensorBytes(type) != getTensorBytes(operands[0].getType()))
      return errorAt(op, "expected ", operands[0].getType(), ", got ", type);
    return operands[0].withType(type);
  }

  Result extract(tensor::ExtractOp extract) {
    llvm::Expected<int64_t> offset = flatIndex(operands[0], operands.drop_front());
    if (!offset)
      return offset.takeError();
    int64_t bytes = operands[0].getElementBytes();
    return Tensor::fromBytes(getHolderType(extract.getType()),
                             operands[0].bytes().slice(*offset * bytes, bytes));
  }

  Result insert(tensor::InsertOp) {
    llvm::Expected<int64_t> offset = flatIndex(operands[1], operands.drop_front(2));
    if (!offset)
      return offset.takeError();
    Tensor result = std::move(operands[1]);
    int64_t bytes = result.getElementBytes();
    std::memcpy(result.mutableData() + *offset * bytes, operands[0].data(), bytes);
    return result;
  }

  Result dim() {
    int64_t position = operands[1].getInt();
    if (position < 0 || position >= operands[0].getType().getRank())
      return errorAt(op, "dimension ", position, " is outside of ", operands[0].getType());
    return Tensor::fromIndex(op->getContext(), operands[0].getShape()[position]);
  }

  Result fromElements(tensor::FromElementsOp elements) {
    Tensor result = Tensor::allocate(elements.getType());
    char *to = result.mutableData();
    for (const Tensor &operand : operands) {
      std::memcpy(to, operand.data(), operand.bytes().size());
      to += operand.bytes().size();
    }
    return result;
  }

  Result splat(tensor::SplatOp splat) {
    if (!splat.getType().hasStaticShape())
      return errorAt(op, "expected a static shape");
    Tensor result = Tensor::allocate(cast<RankedTensorType>(splat.getType()));
    SmallVector<int64_t> shape{result.getNumElements()}, none{0}, dense{1};
    copyStrided(operands[0].data(), none, result.mutableData(), dense, shape,
                result.getElementBytes());
    return result;
  }

  Result concat(tensor::ConcatOp concat) {
    auto type = cast<RankedTensorType>(concat.getType());
    if (!type.hasStaticShape())
      return errorAt(op, "expected a static shape");
    Tensor result = Tensor::allocate(type);
    SmallVector<int64_t> strides = getRowMajorStrides(type.getShape());
    char *to = result.mutableData();
    for (const Tensor &operand : operands) {
      copyStrided(operand.data(), getRowMajorStrides(operand.getShape()), to, strides,
                  operand.getShape(), result.getElementBytes());
      to += operand.getShape()[concat.getDim()] * strides[concat.getDim()] *
            int64_t(result.getElementBytes());
    }
    return result;
  }

  /// Where a slice lies in a tensor: its first element, and strides in elements.
  struct Slice {
    int64_t offset = 0;
    SmallVector<int64_t> sizes, strides;
  };

  /// The slice that an operation selects of `whole`; `first` is the number of
  /// the first operand that is a dynamic offset.
  llvm::Expected<Slice> getSlice(OffsetSizeAndStrideOpInterface slicing, const Tensor &whole,
                                 unsigned first) {
    auto resolve = [&](ArrayRef<int64_t> values) {
      SmallVector<int64_t> result(values);
      for (int64_t &value : result)
        if (ShapedType::isDynamic(value))
          value = operands[first++].getInt();
      return result;
    };
    SmallVector<int64_t> offsets = resolve(slicing.getStaticOffsets());
    SmallVector<int64_t> sizes = resolve(slicing.getStaticSizes());
    SmallVector<int64_t> strides = resolve(slicing.getStaticStrides());
    Slice slice;
    for (auto [dim, stride] : llvm::enumerate(getRowMajorStrides(whole.getShape()))) {
      int64_t bound = whole.getShape()[dim], last = offsets[dim] + (sizes[dim] - 1) * strides[dim];
      if (sizes[dim] < 0 || offsets[dim] < 0 || offsets[dim] > bound ||
          (sizes[dim] > 0 && (offsets[dim] >= bound || last < 0 || last >= bound)))
        return errorAt(op, "slice of ", sizes[dim], " from ", offsets[dim], " by ", strides[dim],
                       " leaves dimension ", dim, " of ", whole.getType());
      slice.offset += offsets[dim] * stride;
      slice.strides.push_back(stride * strides[dim]);
    }
    slice.sizes = sizes;
    return slice;
  }

  static int64_t count(ArrayRef<int64_t> sizes) {
    int64_t result = 1;
    for (int64_t size : sizes)
      result *= size;
    return result;
  }

  Result extractSlice(tensor::ExtractSliceOp slicing) {
    llvm::Expected<Slice> slice = getSlice(slicing, operands[0], 1);
    if (!slice)
      return slice.takeError();
    RankedTensorType type = slicing.getType();
    if (!type.hasStaticShape() || count(slice->sizes) != type.getNumElements())
      return errorAt(op, "expected a slice of ", type);
    Tensor result = Tensor::allocate(type);
    int64_t bytes = result.getElementBytes();
    copyStrided(operands[0].data() + slice->offset * bytes, slice->strides, result.mutableData(),
                getRowMajorStrides(slice->sizes), slice->sizes, bytes);
    return result;
  }

  Result insertSlice(tensor::InsertSliceOp slicing) {
    llvm::Expected<Slice> slice = getSlice(slicing, operands[1], 2);
    if (!slice)
      return slice.takeError();
    if (count(slice->sizes) != operands[0].getNumElements())
      return errorAt(op, "expected a slice as large as ", operands[0].getType());
    Tensor result = std::move(operands[1]);
    int64_t bytes = result.getElementBytes();
    copyStrided(operands[0].data(), getRowMajorStrides(slice->sizes),
                result.mutableData() + slice->offset * bytes, slice->strides, slice->sizes, bytes);
    return result;
  }

  Result pad(tensor::PadOp pad) {
    unsigned first = 1;
    auto resolve = [&](ArrayRef<int64_t> values) {
      SmallVector<int64_t> result(values);
      for (int64_t &value : result)
        if (ShapedType::isDynamic(value))
          value = operands[first++].getInt();
      return result;
    };
    SmallVector<int64_t> low = resolve(pad.getStaticLow()), high = resolve(pad.getStaticHigh());
    RankedTensorType type = pad.getResultType();
    if (!type.hasStaticShape())
      return errorAt(op, "expected a static shape");
    int64_t offset = 0;
    SmallVector<int64_t> strides = getRowMajorStrides(type.getShape());
    for (auto [dim, size] : llvm::enumerate(operands[0].getShape())) {
      if (low[dim] < 0 || high[dim] < 0 || low[dim] + size + high[dim] != type.getDimSize(dim))
        return errorAt(op, "padding ", low[dim], " and ", high[dim], " of dimension ", dim, " of ",
                       operands[0].getType(), " does not give ", type);
      offset += low[dim] * strides[dim];
    }
    Result result = evaluateGenerate(op, pad.getRegion().front(), type, lookup);
    if (!result)
      return result;
    int64_t bytes = result->getElementBytes();
    copyStrided(operands[0].data(), getRowMajorStrides(operands[0].getShape()),
                result->mutableData() + offset * bytes, strides, operands[0].getShape(), bytes);
    return result;
  }

private:
  llvm::Expected<int64_t> flatIndex(const Tensor &tensor, ArrayRef<Tensor> indices) {
    int64_t offset = 0;
    for (auto [index, size] : llvm::zip_equal(indices, tensor.getShape())) {
      int64_t at = index.getInt();
      if (at < 0 || at >= size)
        return errorAt(op, "index ", at, " is outside of ", tensor.getType());
      offset = offset * size + at;
    }
    return offset;
  }

  Operation *op;
  MutableArrayRef<Tensor> operands;
  Lookup lookup;
};

} // namespace

std::optional<Result> tercet::evaluateTensorOp(Operation *op, MutableArrayRef<Tensor> operands,
                                               Lookup lookup) {
  using Answer = std::optional<Result>;
  TensorOpEvaluator evaluator(op, operands, lookup);
  return TypeSwitch<Operation *, Answer>(op)
      .Case<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::ReshapeOp,
            tensor::BitcastOp>([&](auto) { return Answer(evaluator.reinterpret()); })
      .Case([&](tensor::EmptyOp empty) -> Answer {
        if (!empty.getType().hasStaticShape() || !getTensorBytes(empty.getType()))
          return errorAt(op, "the reference evaluator cannot hold ", empty.getType());
        return Tensor::allocate(empty.getType());
      })
      .Case([&](tensor::RankOp) {
        return Answer(Tensor::fromIndex(op->getContext(), operands[0].getType().getRank()));
      })
      .Case([&](tensor::GenerateOp generate) -> Answer {
        auto type = cast<RankedTensorType>(generate.getType());
        if (!type.hasStaticShape())
          return errorAt(op, "expected a static shape");
        return evaluateGenerate(op, generate.getBody().front(), type, lookup);
      })
      .Case([&](tensor::ExtractOp extract) { return Answer(evaluator.extract(extract)); })
      .Case([&](tensor::InsertOp insert) { return Answer(evaluator.insert(insert)); })
      .Case([&](tensor::DimOp) { return Answer(evaluator.dim()); })
      .Case([&](tensor::FromElementsOp from) { return Answer(evaluator.fromElements(from)); })
      .Case([&](tensor::SplatOp splat) { return Answer(evaluator.splat(splat)); })
      .Case([&](tensor::ConcatOp concat) { return Answer(evaluator.concat(concat)); })
      .Case([&](tensor::ExtractSliceOp slice) { return Answer(evaluator.extractSlice(slice)); })
      .Case([&](tensor::InsertSliceOp slice) { return Answer(evaluator.insertSlice(slice)); })
      .Case([&](tensor::PadOp pad) { return Answer(evaluator.pad(pad)); })
      .Default([](Operation *) { return Answer(); });
}
