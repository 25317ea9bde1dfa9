// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads groups and operations. What they cost in packets is HexagonPackets'.

#include "targets/hexagon/HexagonWork.h"

#include "dialects/nn/NN.h"
#include "passes/partition/IntegerBody.h"
#include "passes/partition/IntegerForm.h"
#include "targets/hexagon/Emitters.h"
#include "targets/hexagon/HexagonArchitecture.h"
#include "targets/hexagon/HexagonPackets.h"
#include "targets/hexagon/Lowerable.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// Queries that an attention works on at once.
constexpr int64_t kQueriesAtOnce = 4;

/// Weights of a panel in one buffer of the stream, at most (EmitMatmul).
constexpr int64_t kChunkQuads = 128;
constexpr int64_t kPanel = 32;

int64_t elementBytes(Value value) {
  return llvm::divideCeil(getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(), 8);
}

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

KernelWork::Kind kindOf(partition::IntegerStepKind kind) {
  switch (kind) {
  case partition::IntegerStepKind::Product:
    return KernelWork::Product;
  case partition::IntegerStepKind::LayerNorm:
  case partition::IntegerStepKind::RmsNorm:
    return KernelWork::Norm;
  case partition::IntegerStepKind::Attention:
    return KernelWork::Attention;
  case partition::IntegerStepKind::Add:
    return KernelWork::Add;
  case partition::IntegerStepKind::Lookup:
    return KernelWork::Lookup;
  case partition::IntegerStepKind::Move:
    return KernelWork::Move;
  }
  llvm_unreachable("all kinds are listed");
}

/// Of an operand or result as a precision stores it; 2 where it does not say.
class StoredBytes {
public:
  StoredBytes(soc::GroupOp group, StringRef scheme) {
    soc::PrecisionAttr precision;
    if (ArrayAttr allowed = group.getPrecisionsAttr())
      for (auto other : allowed.getAsRange<soc::PrecisionAttr>())
        if (other.getScheme() == scheme)
          precision = other;
    if (!precision)
      return;
    Block &body = group.getBody().front();
    auto note = [&](Value value, ArrayAttr types, size_t index) {
      if (index < types.size())
        if (auto type = dyn_cast<quant::QuantizedType>(cast<TypeAttr>(types[index]).getValue()))
          stored[value] = type;
    };
    for (BlockArgument argument : body.getArguments())
      note(argument, precision.getInputs(), argument.getArgNumber());
    size_t index = 0;
    for (Operation &op : body)
      if (op.getNumResults() == 1)
        note(op.getResult(0), precision.getResults(), index++);
  }

  int64_t of(Value value) const {
    quant::QuantizedType type = stored.lookup(value);
    return type ? llvm::divideCeil(type.getStorageTypeIntegralWidth(), 8) : 2;
  }
  bool hasColumns(Value value) const {
    return isa_and_nonnull<quant::UniformQuantizedPerAxisType>(stored.lookup(value));
  }

private:
  llvm::SmallDenseMap<Value, quant::QuantizedType> stored;
};

bool isMovedByElements(Operation *op) {
  auto transpose = dyn_cast<linalg::TransposeOp>(op);
  if (!transpose)
    return false;
  ArrayRef<int64_t> permutation = transpose.getPermutation();
  return !permutation.empty() && permutation.back() + 1 != int64_t(permutation.size());
}

/// Of a group in floats: the steps that its integer form has.
std::optional<SmallVector<KernelWork>> findFloatWork(soc::GroupOp group, StringRef scheme,
                                                     std::string &reason) {
  if (!partition::findIntegerForm(group, scheme, reason))
    return std::nullopt;
  std::optional<partition::IntegerBody> body = partition::findIntegerBody(group, reason);
  if (!body)
    return std::nullopt;
  StoredBytes stored(group, scheme);
  SmallVector<KernelWork> works;
  for (const partition::IntegerStep &step : body->steps) {
    KernelWork work;
    work.kind = kindOf(step.kind);
    llvm::append_range(work.shape, shapeOf(step.getResult()));
    work.resultBytes = stored.of(step.getResult());
    if (!step.inputs.empty())
      work.operandBytes = stored.of(step.inputs[0]);
    work.hasMean = step.kind == partition::IntegerStepKind::LayerNorm;
    if (work.kind == KernelWork::Product) {
      work.operandBytes = scheme == "w8a8" ? 1 : 2;
      work.depth = shapeOf(step.inputs[0]).back();
      work.weights = step.weight.getArgNumber();
    } else if (work.kind == KernelWork::Attention) {
      work.depth = shapeOf(step.inputs[1])[1];
      work.headSize = shapeOf(step.inputs[0]).back();
    } else if (work.kind == KernelWork::Lookup) {
      // A table for each block of columns.
      work.byColumns = stored.hasColumns(step.inputs[0]) || stored.hasColumns(step.getResult());
    } else if (work.kind == KernelWork::Move) {
      work.byElements = isMovedByElements(step.ops.back());
      work.byColumns = !work.byElements;
    }
    works.push_back(std::move(work));
  }
  return works;
}

std::optional<SmallVector<KernelWork>> findIntegerWork(soc::GroupOp group, std::string &reason) {
  SmallVector<KernelWork> works;
  for (Operation &op : group.getBody().front().without_terminator()) {
    if (op.hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp>(op))
      continue;
    std::string name = op.getName().getStringRef().str();
    if (!isLowered(&op) || op.getNumResults() != 1) {
      reason = "its kernels have no '" + name + "'";
      return std::nullopt;
    }
    if (std::optional<std::string> why = reasonAgainst(&op)) {
      reason = "its kernels cannot compute '" + name + "': " + *why;
      return std::nullopt;
    }
    KernelWork work = *describeWork(&op);
    if (auto matmul = dyn_cast<nn::QuantizedMatmulOp>(op)) {
      auto weights = dyn_cast<BlockArgument>(matmul.getRhs());
      if (!weights || !group.getInputs()[weights.getArgNumber()].getDefiningOp<nn::GetWeightOp>()) {
        reason = "its products take weights on the right, packed ahead of time";
        return std::nullopt;
      }
      work.weights = weights.getArgNumber();
    }
    works.push_back(std::move(work));
  }
  return works;
}

} // namespace

std::optional<KernelWork> hexagon::describeWork(Operation *op) {
  if (!isLowered(op))
    return std::nullopt;
  // What it writes: a result, or the memory given for it.
  Value result = op->getNumResults() ? Value(op->getResult(0)) : op->getOperands().back();
  KernelWork work;
  auto type = cast<ShapedType>(result.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    work.shape.push_back(type.isDynamicDim(dim) ? greatestSize(result, dim) : type.getDimSize(dim));
  if (work.shape.empty())
    work.shape.push_back(1);
  work.resultBytes = elementBytes(result);
  work.operandBytes = elementBytes(op->getOperand(0));
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](nn::QuantizedMatmulOp matmul) {
        work.kind = KernelWork::Product;
        work.depth = cast<ShapedType>(matmul.getLhs().getType()).getShape().back();
      })
      .Case([&](nn::QuantizedAttentionOp attention) {
        work.kind = KernelWork::Attention;
        work.depth = cast<ShapedType>(attention.getKey().getType()).getDimSize(1);
        work.headSize = cast<ShapedType>(attention.getQuery().getType()).getShape().back();
      })
      .Case([&](nn::QuantizedLayerNormOp) {
        work.kind = KernelWork::Norm;
        work.hasMean = true;
      })
      .Case([&](nn::QuantizedRmsNormOp) { work.kind = KernelWork::Norm; })
      .Case([&](nn::QuantizedAddOp) { work.kind = KernelWork::Add; })
      .Case([&](nn::LookupOp lookup) {
        work.kind = KernelWork::Lookup;
        auto table = cast<ShapedType>(lookup.getTable().getType());
        work.byColumns = table.getRank() == 2 && table.getDimSize(0) != 1;
      })
      .Case([&](nn::RescaleOp rescale) {
        work.kind = KernelWork::Rescale;
        work.byColumns = bool(rescale.getColumns());
      })
      .Default([&](Operation *move) {
        work.kind = KernelWork::Move;
        work.byElements = isMovedByElements(move);
        auto transpose = dyn_cast<linalg::TransposeOp>(move);
        work.byColumns = transpose && !work.byElements;
      });
  return work;
}

uint64_t KernelWork::packets(int64_t rows, int64_t columns) const {
  uint64_t thousandths = 0;
  for (const PacketTerm &term : getPacketTerms(*this, rows, columns))
    thousandths += term.count * term.thousandths;
  return thousandths / 1000;
}

int64_t KernelWork::chunkQuads() const {
  int64_t quads = llvm::divideCeil(depth, 4), chunks = llvm::divideCeil(quads, kChunkQuads);
  return chunks <= 1 ? quads : llvm::alignTo(llvm::divideCeil(quads, chunks), 8);
}

uint64_t KernelWork::streamedBytes(int64_t columns) const {
  return kind == Product
             ? llvm::divideCeil(columns, kPanel) * llvm::divideCeil(depth, 4) * kVectorBytes
             : 0;
}

int64_t KernelWork::stagingBytes(int64_t rows, bool streamed) const {
  if (kind == Product) {
    return rows * llvm::alignTo(depth, kVectorBytes) * operandBytes +
           llvm::alignTo(rows * 4, kVectorBytes) + rows * 4 * kVectorBytes +
           (streamed ? 4 * chunkQuads() * kVectorBytes : 0);
  }
  if (kind == Attention) {
    int64_t panels = llvm::divideCeil(depth, kPanel), quads = llvm::divideCeil(headSize, 4);
    int64_t widths = llvm::divideCeil(headSize, kPanel), row = llvm::alignTo(depth, kVectorBytes);
    return (panels * quads + widths * llvm::divideCeil(depth, 4) + kQueriesAtOnce * (1 + widths)) *
               kVectorBytes +
           row * (2 + 5 * kQueriesAtOnce);
  }
  if (kind == Norm)
    return llvm::divideCeil(shape.back(), kVectorBytes) * kVectorBytes * 4 * 2;
  return 0;
}

bool hexagon::isInteger(soc::GroupOp group) {
  for (Operation &op : group.getBody().front().without_terminator())
    if (isLowered(&op) && op.getNumResults() == 1)
      return getElementTypeOrSelf(op.getResult(0).getType()).isInteger();
  return false;
}

std::optional<SmallVector<KernelWork>> hexagon::findWork(soc::GroupOp group, StringRef scheme,
                                                         std::string &reason) {
  std::optional<SmallVector<KernelWork>> works =
      scheme.empty() ? findIntegerWork(group, reason) : findFloatWork(group, scheme, reason);
  if (!works)
    return std::nullopt;
  if (works->empty()) {
    reason = "there is nothing in the group that it computes";
    return std::nullopt;
  }
  return works;
}
