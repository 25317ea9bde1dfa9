// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models that were quantised before say between which operations values are
// integers, and with which scales. A group in floats that lies between
// nn.dequantize and nn.quantize, and for which the model gives every type that
// its integer form asks for, is rewritten into that form. What lacks one type
// stays as the model has it: dequantised, computed in floats, quantised.

#include "passes/partition/Passes.h"

#include "passes/partition/IntegerForm.h"
#include "passes/partition/IntegerParameters.h"
#include "passes/partition/IntegerRewrite.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "partition-lift-quantization"

namespace tercet::partition {
#define GEN_PASS_DEF_LIFTQUANTIZATIONPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

/// The only operation of a group that computes, if it is an `OpTy` that reads
/// the group's only operand and gives its only result.
template <typename OpTy> OpTy findConversion(Operation *op) {
  auto group = dyn_cast_or_null<soc::GroupOp>(op);
  if (!group || group.getInputs().size() != 1 || group.getOutputs().size() != 1)
    return {};
  Block &body = group.getBody().front();
  auto conversion = body.getTerminator()->getOperand(0).getDefiningOp<OpTy>();
  return conversion && conversion->getOperand(0) == body.getArgument(0) ? conversion : OpTy();
}

bool isReshape(Operation *op) {
  return isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

class FunctionLifter {
public:
  FunctionLifter(func::FuncOp func, IntegerWeights &weights) : func(func), weights(weights) {}

  LogicalResult run() {
    for (auto group : llvm::to_vector(func.getBody().front().getOps<soc::GroupOp>()))
      if (failed(visit(group)))
        return failure();
    // From the end on, readers before what they read.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
      if ((lifted.contains(&op) || isReshape(&op) ||
           (isa<soc::GroupOp>(op) &&
            (findConversion<nn::QuantizeOp>(&op) || findConversion<nn::DequantizeOp>(&op)))) &&
          op.use_empty())
        op.erase();
    return success();
  }

private:
  /// The integers that a value of floats was made of, and their type; null where
  /// floats were computed.
  StoredValue findStored(Value value, OpBuilder &b) {
    if (isReshape(value.getDefiningOp())) {
      Operation *view = value.getDefiningOp();
      StoredValue source = findStored(view->getOperand(0), b);
      if (!source.value)
        return {};
      Operation *clone = b.clone(*view);
      clone->setOperand(0, source.value);
      clone->getResult(0).setType(storedAs(value.getType(), source.type));
      return {clone->getResult(0), source.type};
    }
    auto dequantize = findConversion<nn::DequantizeOp>(value.getDefiningOp());
    if (!dequantize)
      return {};
    return {cast<soc::GroupOp>(value.getDefiningOp()).getInputs()[0],
            forRank(asQuantType(dequantize.getType()), 1)};
  }

  /// The type that all readers quantise a value to; null where one does not.
  QuantType findWanted(Value value) {
    QuantType wanted;
    for (Operation *reader : value.getUsers()) {
      auto quantize = findConversion<nn::QuantizeOp>(reader);
      QuantType type = quantize ? forRank(asQuantType(quantize.getType()), 1) : QuantType();
      if (!type || (wanted && wanted != type))
        return {};
      wanted = type;
    }
    return wanted;
  }

  LogicalResult visit(soc::GroupOp group) {
    // What the user or calibration has spoken of is theirs.
    if (group.getPrecisionsAttr() || group.getVariantAttr() || group.getSharesAttr() ||
        group.getOutputs().size() != 1 || !group.getScalars().empty())
      return success();
    std::string reason;
    std::optional<IntegerForm> form;
    for (StringRef scheme : {"w8a8", "w8a16"}) {
      form = findIntegerForm(group, scheme, reason);
      if (form && succeeded(lift(group, scheme, *form, reason)))
        return success();
      LDBG() << "not in " << scheme << ": " << reason << " " << group.getLoc();
    }
    return success();
  }

  LogicalResult lift(soc::GroupOp group, StringRef scheme, const IntegerForm &form,
                     std::string &reason) {
    MLIRContext *context = group.getContext();
    auto refuse = [&](const Twine &text) {
      reason = text.str();
      return failure();
    };
    QuantType wanted = findWanted(group.getOutputs()[0]);
    if (!wanted)
      return refuse("its result is not quantised");
    OpBuilder b(group);
    SmallVector<StoredValue> operands;
    SmallVector<Attribute> inputs, results;
    auto add = [&](SmallVector<Attribute> &types, QuantType type, Value value) {
      auto tensor = dyn_cast<RankedTensorType>(value.getType());
      types.push_back(TypeAttr::get(type ? Type(forRank(type, tensor.getRank()))
                                         : Type(NoneType::get(context))));
    };
    for (auto [operand, storage] : llvm::zip_equal(group.getInputs(), form.inputs)) {
      operands.push_back({operand, {}});
      auto weight = operand.getDefiningOp<nn::GetWeightOp>();
      QuantType type;
      if (storage == Storage::Columns && weight) {
        if (std::optional<double> scale = weights.findGreatestScale(weight))
          type = quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed,
                                                  IntegerType::get(context, 8),
                                                  Float32Type::get(context), *scale, 0, -128, 127);
        else
          return refuse("a weight of it has no scale for each column");
      } else if (storage != Storage::None && storage != Storage::Constant) {
        operands.back() = findStored(operand, b);
        type = operands.back().type;
        if (!type)
          return refuse("an operand of it was not quantised");
      }
      add(inputs, type, operand);
    }
    Operation *yield = group.getBody().front().getTerminator();
    size_t next = 0;
    for (Operation &op : group.getBody().front())
      if (op.getNumResults() == 1) {
        bool isResult = op.getResult(0) == yield->getOperand(0);
        if (form.results[next++] != Storage::None && !isResult)
          return refuse("a value within it was not quantised");
        add(results, isResult ? wanted : QuantType(), op.getResult(0));
      }
    auto precision = soc::PrecisionAttr::get(context, b.getStringAttr(scheme),
                                             b.getArrayAttr(inputs), b.getArrayAttr(results), 0);
    if (!fitsIntegerForm(group, precision, reason))
      return failure();
    FailureOr<soc::GroupOp> changed = rewriteInIntegers(group, precision, operands, weights);
    if (failed(changed))
      return failure();
    for (Operation *reader : llvm::to_vector(group.getOutputs()[0].getUsers()))
      reader->getResult(0).replaceAllUsesWith(changed->getOutputs()[0]);
    lifted.insert(group);
    return success();
  }

  func::FuncOp func;
  IntegerWeights &weights;
  DenseSet<Operation *> lifted;
};

struct LiftQuantizationPass : partition::impl::LiftQuantizationPassBase<LiftQuantizationPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    IntegerWeights weights(module, /*areGiven=*/true);
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal() && failed(FunctionLifter(func, weights).run()))
        return signalPassFailure();
    module.walk([](nn::GetWeightOp get) {
      if (get.use_empty())
        get.erase();
    });
  }
};

} // namespace
