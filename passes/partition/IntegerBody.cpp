// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises what grouping makes of a network in floats. One sweep over the
// body: each operation either extends the step of the value that it alone reads
// (a bias, a function of a function) or is a step of its own.

#include "passes/partition/IntegerBody.h"

#include "dialects/nn/NN.h"
#include "passes/partition/ScalarFunction.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

class Recogniser {
public:
  Recogniser(soc::GroupOp group, std::string &reason) : group(group), reason(reason) {}

  std::optional<IntegerBody> run() {
    Block &block = group.getBody().front();
    for (Operation &op : block.without_terminator())
      if (!isPreparation(&op) && !add(&op))
        return std::nullopt;
    if (body.steps.empty()) {
      refuse("it computes nothing");
      return std::nullopt;
    }
    for (Value result : block.getTerminator()->getOperands())
      if (!stepOf.contains(result)) {
        refuse("it yields what it does not compute");
        return std::nullopt;
      }
    return std::move(body);
  }

private:
  bool refuse(const Twine &text) {
    reason = text.str();
    return false;
  }

  static bool isPreparation(Operation *op) {
    return op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp, linalg::FillOp>(op);
  }

  static bool isFloats(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.hasStaticShape() && type.getElementType().isF32();
  }

  /// An argument that is a constant of the model.
  BlockArgument asWeight(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument || argument.getOwner() != &group.getBody().front())
      return {};
    Value operand = group.getInputs()[argument.getArgNumber()];
    return operand.getDefiningOp<nn::GetWeightOp>() ? argument : BlockArgument();
  }

  bool add(Operation *op) {
    std::string name = op->getName().getStringRef().str();
    if (op->getNumResults() != 1 || !isFloats(op->getResult(0)))
      return refuse("'" + name + "' computes no tensor of f32");
    if (auto matmul = dyn_cast<linalg::MatmulOp>(op))
      return addProduct(matmul);
    if (auto norm = dyn_cast<nn::LayerNormOp>(op))
      return addNorm(IntegerStepKind::LayerNorm, op, norm.getInput(), norm.getScale(),
                     norm.getBias());
    if (auto norm = dyn_cast<nn::RmsNormOp>(op))
      return addNorm(IntegerStepKind::RmsNorm, op, norm.getInput(), norm.getScale(), {});
    if (auto attention = dyn_cast<nn::AttentionOp>(op))
      return addAttention(attention);
    if (std::optional<SmallVector<Value, 4>> moved = matchMove(op))
      return addStep({IntegerStepKind::Move, {op}, *moved, {}, {}});
    if (Value input = matchScalarFunction(op))
      return addFunction(op, input);
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op); linalgOp && isSum(linalgOp))
      return addSum(linalgOp);
    return refuse("'" + name + "' has no form in integers");
  }

  bool addStep(IntegerStep step) {
    for (Value input : step.inputs)
      if (!isFloats(input) || (!stepOf.contains(input) && !isa<BlockArgument>(input)))
        return refuse("'" + step.ops.back()->getName().getStringRef() +
                      "' reads what has no form in integers");
    stepOf[step.getResult()] = body.steps.size();
    body.steps.push_back(std::move(step));
    return true;
  }

  bool addProduct(linalg::MatmulOp matmul) {
    FloatAttr zero;
    auto fill = matmul.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
    if (!fill || !matchPattern(fill.getInputs()[0], m_Constant(&zero)) || !zero.getValue().isZero())
      return refuse("its product adds to what is there");
    if (matmul.hasUserDefinedMaps())
      return refuse("its product is of transposed or broadcast matrices");
    BlockArgument weight = asWeight(matmul.getInputs()[1]);
    if (!weight || !isFloats(weight))
      return refuse("its product is of two values that are computed, not of one and a weight");
    return addStep(
        {IntegerStepKind::Product, {matmul.getOperation()}, {matmul.getInputs()[0]}, weight, {}});
  }

  bool addNorm(IntegerStepKind kind, Operation *op, Value input, Value scale, Value bias) {
    BlockArgument gain = asWeight(scale), offset = bias ? asWeight(bias) : BlockArgument();
    if (!gain || !isFloats(gain) || (bias && (!offset || !isFloats(offset))))
      return refuse("scale or bias of its norm is no weight of f32");
    return addStep({kind, {op}, {input}, gain, offset});
  }

  bool addAttention(nn::AttentionOp op) {
    SmallVector<Value, 4> inputs{op.getQuery(), op.getKey(), op.getValue()};
    if (op.getMask())
      inputs.push_back(op.getMask());
    return addStep({IntegerStepKind::Attention, {op.getOperation()}, inputs, {}, {}});
  }

  /// The operands whose elements an operation moves and does nothing else.
  static std::optional<SmallVector<Value, 4>> matchMove(Operation *op) {
    if (isa<linalg::TransposeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      return SmallVector<Value, 4>{op->getOperand(0)};
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      return slice->getNumOperands() == 1 ? std::optional(SmallVector<Value, 4>{slice.getSource()})
                                          : std::nullopt;
    if (auto concat = dyn_cast<tensor::ConcatOp>(op))
      return SmallVector<Value, 4>(concat.getInputs());
    auto pad = dyn_cast<tensor::PadOp>(op);
    FloatAttr padding;
    if (pad && pad->getNumOperands() == 1 && pad.getConstantPaddingValue() &&
        matchPattern(pad.getConstantPaddingValue(), m_Constant(&padding)) &&
        padding.getValue().isZero())
      return SmallVector<Value, 4>{pad.getSource()};
    return std::nullopt;
  }

  bool addFunction(Operation *op, Value input) {
    auto before = stepOf.find(input);
    if (before != stepOf.end() && input.hasOneUse() &&
        body.steps[before->second].kind == IntegerStepKind::Lookup) {
      extend(before->second, op);
      return true;
    }
    return addStep({IntegerStepKind::Lookup, {op}, {input}, {}, {}});
  }

  void extend(unsigned index, Operation *op) {
    IntegerStep &step = body.steps[index];
    stepOf.erase(step.getResult());
    step.ops.push_back(op);
    stepOf[step.getResult()] = index;
  }

  /// Elementwise a + b and nothing else.
  static bool isSum(linalg::LinalgOp op) {
    Block *block = op.getBlock();
    if (op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
        op.getNumDpsInputs() != 2 ||
        !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
        !llvm::hasSingleElement(block->without_terminator()))
      return false;
    auto sum = dyn_cast<arith::AddFOp>(block->front());
    if (!sum || block->getTerminator()->getOperand(0) != sum.getResult())
      return false;
    Value a = block->getArgument(0), b = block->getArgument(1);
    return (sum.getLhs() == a && sum.getRhs() == b) || (sum.getLhs() == b && sum.getRhs() == a);
  }

  bool addSum(linalg::LinalgOp op) {
    SmallVector<bool, 2> aligned;
    for (OpOperand *operand : op.getDpsInputOperands())
      aligned.push_back(op.getMatchingIndexingMap(operand).isIdentity());
    if (aligned[0] && aligned[1])
      return addStep({IntegerStepKind::Add,
                      {op.getOperation()},
                      {op.getDpsInputs()[0], op.getDpsInputs()[1]},
                      {},
                      {}});
    for (unsigned product : {0u, 1u}) {
      OpOperand *vector = op.getDpsInputOperand(1 - product);
      AffineMap map = op.getMatchingIndexingMap(vector);
      auto found = stepOf.find(op.getDpsInputs()[product]);
      BlockArgument bias = asWeight(vector->get());
      if (!aligned[product] || found == stepOf.end() || !bias || !isFloats(bias) ||
          map.getNumResults() != 1 || map.getNumDims() != 2 ||
          map.getResult(0) != getAffineDimExpr(1, op.getContext()))
        continue;
      IntegerStep &step = body.steps[found->second];
      if (step.kind != IntegerStepKind::Product || step.bias || !step.getResult().hasOneUse())
        continue;
      step.bias = bias;
      extend(found->second, op);
      return true;
    }
    return refuse("it adds tensors of different shapes that are no product and its bias");
  }

  soc::GroupOp group;
  std::string &reason;
  IntegerBody body;
  DenseMap<Value, unsigned> stepOf;
};

} // namespace

std::optional<IntegerBody> partition::findIntegerBody(soc::GroupOp group, std::string &reason) {
  return Recogniser(group, reason).run();
}
