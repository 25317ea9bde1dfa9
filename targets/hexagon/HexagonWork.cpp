// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads groups. The constants are packets of the kernels as measured on
// qemu-hexagon 7.2 (docs/targets/hexagon.md has the table), in thousandths.

#include "targets/hexagon/HexagonWork.h"

#include "dialects/nn/NN.h"
#include "passes/partition/IntegerBody.h"
#include "passes/partition/IntegerForm.h"
#include "targets/hexagon/HexagonArchitecture.h"
#include "targets/hexagon/Lowerable.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::hexagon;

namespace {

/// Multiply-adds of bytes in a packet of a product's inner loop, of at most 256.
constexpr int64_t kProductsPerPacket = 220;
/// Packets for 1000 elements of the result, or of 128 bytes where it says so.
constexpr int64_t kRequantise = 220, kStageRegister = 6000, kStartRegister = 4000,
                  kPackRegister = 12000;
constexpr int64_t kAdd = 150, kLookup = 200, kRescale = 100, kMove = 100, kNorm = 500;
/// For each score: two dot products of bytes and what is between them.
constexpr int64_t kScore = 600, kAttentionProductsPerPacket = 100;
/// Rows that a product works on at once.
constexpr int64_t kProductRows = 4;
/// Queries that an attention works on at once.
constexpr int64_t kQueriesAtOnce = 4;
/// What a tile takes beside its elements.
constexpr int64_t kTile = 200;

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

/// Of a group in floats: the steps that its integer form has.
std::optional<SmallVector<KernelWork>> findFloatWork(soc::GroupOp group, StringRef scheme,
                                                     std::string &reason) {
  if (!partition::findIntegerForm(group, scheme, reason))
    return std::nullopt;
  std::optional<partition::IntegerBody> body = partition::findIntegerBody(group, reason);
  if (!body)
    return std::nullopt;
  int64_t wide = scheme == "w8a8" ? 1 : 2;
  SmallVector<KernelWork> works;
  for (const partition::IntegerStep &step : body->steps) {
    KernelWork work;
    work.kind = kindOf(step.kind);
    llvm::append_range(work.shape, shapeOf(step.getResult()));
    work.resultBytes = work.kind == KernelWork::Attention ? 1 : 2;
    work.operandBytes = work.kind == KernelWork::Product ? wide : 2;
    if (work.kind == KernelWork::Product) {
      work.depth = shapeOf(step.inputs[0]).back();
      work.weights = step.weight.getArgNumber();
    } else if (work.kind == KernelWork::Attention) {
      work.depth = shapeOf(step.inputs[1])[1];
      work.headSize = shapeOf(step.inputs[0]).back();
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
    KernelWork work;
    llvm::append_range(work.shape, shapeOf(op.getResult(0)));
    work.resultBytes = elementBytes(op.getResult(0));
    work.operandBytes = elementBytes(op.getOperand(0));
    if (auto matmul = dyn_cast<nn::QuantizedMatmulOp>(op)) {
      work.kind = KernelWork::Product;
      work.depth = shapeOf(matmul.getLhs()).back();
      auto weights = dyn_cast<BlockArgument>(matmul.getRhs());
      if (!weights || !group.getInputs()[weights.getArgNumber()].getDefiningOp<nn::GetWeightOp>()) {
        reason = "its products take weights on the right, packed ahead of time";
        return std::nullopt;
      }
      work.weights = weights.getArgNumber();
    } else if (auto attention = dyn_cast<nn::QuantizedAttentionOp>(op)) {
      work.kind = KernelWork::Attention;
      work.depth = shapeOf(attention.getKey())[1];
      work.headSize = shapeOf(attention.getQuery()).back();
    } else {
      work.kind = isa<nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp>(op) ? KernelWork::Norm
                  : isa<nn::QuantizedAddOp>(op)                             ? KernelWork::Add
                  : isa<nn::LookupOp>(op)                                   ? KernelWork::Lookup
                  : isa<nn::RescaleOp>(op)                                  ? KernelWork::Rescale
                                                                            : KernelWork::Move;
    }
    works.push_back(std::move(work));
  }
  return works;
}

} // namespace

uint64_t KernelWork::packets(int64_t rows, int64_t columns) const {
  int64_t elements = rows * columns, thousandths = 0;
  switch (kind) {
  case Product: {
    int64_t products = llvm::alignTo(rows, kProductRows) * llvm::alignTo(columns, kPanel) *
                       llvm::alignTo(depth, 4) * operandBytes;
    int64_t registers = rows * llvm::divideCeil(depth * operandBytes, kVectorBytes);
    int64_t sums = rows * llvm::divideCeil(columns, kPanel);
    thousandths = products * 1000 / kProductsPerPacket + registers * kStageRegister +
                  sums * kStartRegister + elements * kRequantise;
    break;
  }
  case Attention:
    // `rows` are of queries, of one head each; `columns` the elements of a head.
    // Keys and values are packed anew for every tile.
    thousandths =
        rows * depth * kScore +
        2 * rows * depth * llvm::alignTo(headSize, 4) * 1000 / kAttentionProductsPerPacket +
        2 * llvm::divideCeil(depth * llvm::alignTo(headSize, 4), kVectorBytes) * kPackRegister;
    break;
  case Norm:
    thousandths = elements * kNorm;
    break;
  case Add:
    thousandths = elements * kAdd;
    break;
  case Lookup:
    thousandths = elements * kLookup;
    break;
  case Rescale:
    thousandths = elements * kRescale;
    break;
  case Move:
    thousandths = elements * kMove;
    break;
  }
  return thousandths / 1000 + kTile;
}

uint64_t KernelWork::streamedBytes(int64_t columns) const {
  return kind == Product
             ? llvm::divideCeil(columns, kPanel) * llvm::divideCeil(depth, 4) * kVectorBytes
             : 0;
}

int64_t KernelWork::stagingBytes(int64_t rows, bool streamed) const {
  if (kind == Product) {
    int64_t quads = llvm::divideCeil(depth, 4);
    int64_t chunks = llvm::divideCeil(quads, kChunkQuads);
    int64_t chunkQuads = chunks == 1 ? quads : llvm::alignTo(llvm::divideCeil(quads, chunks), 8);
    return rows * llvm::alignTo(depth, kVectorBytes) * operandBytes +
           llvm::alignTo(rows * 4, kVectorBytes) + rows * 4 * kVectorBytes +
           (streamed ? 4 * chunkQuads * kVectorBytes : 0);
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
