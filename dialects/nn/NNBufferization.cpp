// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferisation of the nn operations that may live on inside kernels, for
// engines whose code generation takes them whole: the packed matmul and the
// operations on integers, on state and on groups. The others are decomposed before.

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

/// The same operation on the buffers of its operands, without a result.
template <typename OpTy>
struct OnBuffers : DstBufferizableOpInterfaceExternalModel<OnBuffers<OpTy>, OpTy> {
  /// What is in the destination matters only to a product that adds to it.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return std::is_same_v<OpTy, tercet::nn::PackedMatmulOp> ||
           std::is_same_v<OpTy, tercet::nn::GroupMatmulOp> ||
           !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        buffers.push_back(operand); // a scalar
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    OpOperand &init = cast<DestinationStyleOpInterface>(op).getDpsInitsMutable()[0];
    clone(rewriter, op, TypeRange(), buffers);
    replaceOpWithBufferizedValues(rewriter, op, buffers[init.getOperandNumber()]);
    return success();
  }
};

template <typename... Ops> void attach(MLIRContext &context) {
  (Ops::template attachInterface<OnBuffers<Ops>>(context), ...);
}

} // namespace

void tercet::nn::registerBufferizationModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NNDialect *) {
    attach<PackedMatmulOp, AttentionOp, CachedAttentionOp, QuantizeOp, DequantizeOp,
           QuantizedMatmulOp, QuantizedAttentionOp, QuantizedLayerNormOp, QuantizedRmsNormOp,
           QuantizedAddOp, RescaleOp, LookupOp, EncodeGroupsOp, GroupMatmulOp, GroupGatherOp>(
        *context);
  });
}
