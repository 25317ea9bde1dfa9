// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferisation of the nn operations that are not decomposed before kernels
// are bufferised: so far, the packed matmul.

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

struct PackedMatmulModel
    : DstBufferizableOpInterfaceExternalModel<PackedMatmulModel, tercet::nn::PackedMatmulOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    auto matmul = cast<tercet::nn::PackedMatmulOp>(op);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    tercet::nn::PackedMatmulOp::create(rewriter, matmul.getLoc(), TypeRange{}, buffers[0],
                                       buffers[1], buffers[2]);
    replaceOpWithBufferizedValues(rewriter, op, buffers[2]);
    return success();
  }
};

} // namespace

void tercet::nn::registerBufferizationModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NNDialect *) {
    PackedMatmulOp::attachInterface<PackedMatmulModel>(*context);
  });
}
