// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts operations by class. A class stands for a shape of loop nest and for
// how near to the peak such nests come.

#include "passes/partition/GroupWork.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

uint64_t partition::bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

uint64_t partition::storedBitsOf(Type tensor, Type stored) {
  if (auto quantised = dyn_cast_or_null<quant::QuantizedType>(stored))
    return quantised.getStorageTypeIntegralWidth();
  return cast<RankedTensorType>(tensor).getElementTypeBitWidth();
}

uint64_t partition::storedBytesOf(Type tensor, Type stored) {
  return cast<RankedTensorType>(tensor).getNumElements() *
         llvm::divideCeil(storedBitsOf(tensor, stored), 8);
}

/// A table of which few rows are gathered is not read whole.
static uint64_t bytesRead(Type input, uint64_t resultElements, Type stored = {}) {
  return std::min<uint64_t>(storedBytesOf(input, stored), 64 * resultElements);
}

/// What a group at a position touches of an operand: the rows of tables that
/// belong to it, of a cache that it appends to what it appends, else all.
static std::optional<uint64_t> bytesAtPosition(BlockArgument argument) {
  for (OpOperand &use : argument.getUses()) {
    auto rope = dyn_cast<nn::RopeOp>(use.getOwner());
    if (rope && rope.getPosition() && (use.get() == rope.getCos() || use.get() == rope.getSin())) {
      auto table = cast<RankedTensorType>(argument.getType());
      auto rows = cast<RankedTensorType>(rope.getInput().getType());
      return bytesOf(table) / table.getDimSize(1) * rows.getDimSize(1);
    }
    auto update = dyn_cast<nn::CacheUpdateOp>(use.getOwner());
    if (update && use.get() == update.getInit())
      return 0;
  }
  return std::nullopt;
}

uint64_t partition::trafficOf(TypeRange inputs, TypeRange outputs) {
  uint64_t bytes = 0;
  for (Type output : outputs)
    bytes += bytesOf(output);
  for (Type input : inputs)
    bytes += bytesRead(input, cast<RankedTensorType>(outputs[0]).getNumElements());
  return bytes;
}

int64_t partition::sharedBandwidth(soc::MachineAttr machine) {
  auto engine = cast<soc::EngineAttrInterface>(machine.getEngines()[0]);
  soc::MemoryAttr memory = machine.lookupMemory(engine.getEngineMemory());
  return memory ? memory.getBandwidthBytesPerSecond() : 0;
}

std::optional<unsigned> partition::getShareDim(soc::GroupOp group) {
  // Rows at a position are not cut: the part would be at another one.
  if (!group.getScalars().empty())
    return std::nullopt;
  for (auto [dim, size] :
       llvm::enumerate(cast<RankedTensorType>(group.getOutputs()[0].getType()).getShape()))
    if (size != 1)
      return dim;
  return std::nullopt;
}

int64_t partition::getShareRows(soc::GroupOp group) {
  std::optional<unsigned> dim = getShareDim(group);
  return dim ? cast<RankedTensorType>(group.getOutputs()[0].getType()).getDimSize(*dim) : 0;
}

namespace {

/// a * b / c, rounded up, for products of more than 64 bits; saturates.
uint64_t scale(uint64_t a, uint64_t b, uint64_t c) {
  unsigned __int128 value = (static_cast<unsigned __int128>(a) * b + c - 1) / c;
  constexpr uint64_t most = std::numeric_limits<int64_t>::max();
  return value > most ? most : static_cast<uint64_t>(value);
}

/// Rows of a product below which each element of the right-hand side is used
/// so seldom that fetching it sets the pace.
constexpr int64_t kThinRows = 8;

/// Of an operation that is no product, for each element.
constexpr uint64_t kOperationsPerElement = 8;

GroupWork::Part workOf(Operation &op) {
  GroupWork::Part part;
  auto result = cast<RankedTensorType>(op.getResult(0).getType());
  part.element = result.getElementType();
  uint64_t points = result.getNumElements();
  part.workClass = "elements";
  if (auto attention = dyn_cast<nn::AttentionOp>(op)) {
    // Two products of two operations, and half as much for the softmax.
    part.workClass = "attention";
    part.operations =
        points * 6 * cast<RankedTensorType>(attention.getKey().getType()).getDimSize(1);
  } else if (auto attention = dyn_cast<nn::CachedAttentionOp>(op)) {
    // As if all of the cache were valid: what it takes at most.
    part.workClass = "attention";
    part.operations =
        points * 6 * cast<RankedTensorType>(attention.getKey().getType()).getDimSize(1);
  } else if (auto update = dyn_cast<nn::CacheUpdateOp>(op)) {
    part.operations = cast<RankedTensorType>(update.getRows().getType()).getNumElements();
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    uint64_t iterations = 1;
    for (int64_t range : linalgOp.getStaticLoopRanges())
      iterations *= ShapedType::isDynamic(range) ? 1 : range;
    uint64_t perPoint = llvm::range_size(linalgOp.getBlock()->without_terminator());
    part.operations = iterations * std::max<uint64_t>(perPoint, 1);
    bool product = isa<linalg::MatmulOp, linalg::BatchMatmulOp, linalg::ConvolutionOpInterface>(op);
    if (product) {
      int64_t columns = result.getRank() ? result.getShape().back() : 1;
      part.workClass =
          points < static_cast<uint64_t>(kThinRows * columns) ? "thin_product" : "product";
    }
  } else if (auto matmul = dyn_cast<nn::PackedMatmulOp>(op)) {
    auto left = cast<RankedTensorType>(matmul->getOperand(0).getType());
    part.workClass = left.getDimSize(0) < kThinRows ? "thin_product" : "product";
    part.operations = points * 2 * left.getShape().back();
  } else if (auto matmul = dyn_cast<nn::QuantizedMatmulOp>(op)) {
    auto left = cast<RankedTensorType>(matmul.getLhs().getType());
    part.element = left.getElementType();
    part.workClass = left.getDimSize(0) < kThinRows ? "thin_product" : "product";
    part.operations = points * 2 * left.getShape().back();
  } else if (auto product = dyn_cast<nn::GroupMatmulOp>(op)) {
    if (product.getLhsFormat())
      part.element = IntegerType::get(op.getContext(), 8);
    part.workClass = result.getDimSize(0) < kThinRows ? "thin_product" : "product";
    part.operations = points * 2 * product.getDepth();
  } else if (auto attention = dyn_cast<nn::QuantizedAttentionOp>(op)) {
    part.workClass = "attention";
    part.operations =
        points * 6 * cast<RankedTensorType>(attention.getKey().getType()).getDimSize(1);
  } else if (isa<nn::LayerNormOp, nn::RmsNormOp, nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp,
                 linalg::SoftmaxOp>(op)) {
    part.workClass = "rows";
    part.operations = points * kOperationsPerElement;
  } else {
    part.operations = points * kOperationsPerElement;
  }
  return part;
}

/// Whether the input is weights in groups that a product reads all of.
bool isProductRhs(soc::GroupOp group, size_t index) {
  return llvm::any_of(group.getBody().front().getArgument(index).getUsers(),
                      llvm::IsaPred<nn::GroupMatmulOp>);
}

} // namespace

GroupWork GroupWork::ofConversion(MLIRContext *context, uint64_t elements, uint64_t fromBits,
                                  uint64_t toBits) {
  GroupWork work;
  work.parts.push_back({"elements", Float32Type::get(context), elements * kOperationsPerElement});
  work.readBytes = elements * llvm::divideCeil(fromBits, 8);
  work.writtenBytes = elements * llvm::divideCeil(toBits, 8);
  return work;
}

GroupWork GroupWork::of(soc::GroupOp group, int64_t rows, soc::PrecisionAttr precision) {
  GroupWork work;
  bool isInteger = precision && !precision.isFloat();
  auto typeAt = [&](ArrayAttr types, size_t index) {
    return isInteger && index < types.size() ? cast<TypeAttr>(types[index]).getValue() : Type();
  };
  // Of each value in the body what it is stored as.
  llvm::SmallDenseMap<Value, Type> stored;
  size_t number = 0;
  if (isInteger)
    for (Operation &op : group.getBody().front())
      if (op.getNumResults() == 1)
        stored[op.getResult(0)] = typeAt(precision.getResults(), number++);
  int64_t all = getShareRows(group);
  if (rows == 0 || all == 0)
    rows = all = 1;
  for (Operation &op : group.getBody().front().without_terminator()) {
    if (op.getNumResults() != 1 || !isa<RankedTensorType>(op.getResult(0).getType()) ||
        op.hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp, linalg::FillOp>(op))
      continue;
    Part part = workOf(op);
    if (isInteger)
      part.element = precision.getComputeType();
    part.operations = scale(part.operations, rows, all);
    work.parts.push_back(part);
  }
  uint64_t elements = cast<RankedTensorType>(group.getOutputs()[0].getType()).getNumElements();
  for (auto [index, input] : llvm::enumerate(group.getInputs())) {
    Type as = isInteger ? typeAt(precision.getInputs(), index) : Type();
    uint64_t bytes = bytesAtPosition(group.getBody().getArgument(index))
                         .value_or(bytesRead(input.getType(), elements, as));
    if (isProductRhs(group, index))
      bytes = storedBytesOf(input.getType(), as);
    bool isWeight = isa_and_nonnull<nn::GetWeightOp>(input.getDefiningOp());
    work.readBytes += isWeight ? bytes : scale(bytes, rows, all);
    work.weightBytes += isWeight ? bytes : 0;
  }
  for (Value result : group.getBody().front().getTerminator()->getOperands())
    if (auto update = result.getDefiningOp<nn::CacheUpdateOp>())
      work.writtenBytes += bytesOf(update.getType()) / update.getType().getDimSize(1) *
                           cast<RankedTensorType>(update.getRows().getType()).getDimSize(1);
    else
      work.writtenBytes += scale(storedBytesOf(result.getType(), stored.lookup(result)), rows, all);
  return work;
}

uint64_t GroupWork::timePs(soc::PerformanceAttr performance, uint64_t cores,
                           uint64_t allCores) const {
  constexpr uint64_t kPsPerSecond = 1000000000000;
  MLIRContext *context = performance.getContext();
  uint64_t computing = 0;
  for (const Part &part : parts) {
    uint64_t peak = performance.getPeak(part.element);
    if (!peak)
      peak = performance.getPeak(Float32Type::get(context));
    if (!peak)
      peak = performance.getBandwidthBytesPerSecond();
    uint64_t rate = scale(scale(peak, performance.getEfficiency(part.workClass), 100), cores,
                          std::max<uint64_t>(allCores, 1));
    computing += scale(part.operations, kPsPerSecond, std::max<uint64_t>(rate, 1));
  }
  // One core rarely reaches the memory's rate; half of the cores mostly do.
  uint64_t lanes = std::min(2 * cores, allCores);
  uint64_t bandwidth = scale(performance.getBandwidthBytesPerSecond(), std::max<uint64_t>(lanes, 1),
                             std::max<uint64_t>(allCores, 1));
  uint64_t moving = scale(readBytes + writtenBytes, kPsPerSecond, std::max<uint64_t>(bandwidth, 1));
  return std::max<uint64_t>({computing, moving, 1});
}
