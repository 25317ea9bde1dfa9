// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of four products of bytes as the instruction of SPV_KHR_integer_dot_product
// on words, where emitters have made them out of words; the canonicaliser removes
// what the words were taken apart with.

#include "passes/codegen/gpu/ByteDot.h"
#include "targets/vulkan/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_LOWERBYTEDOTSPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;

/// The word that four bytes are seen in; null if they are no word's.
static Value wordOf(ImplicitLocOpBuilder &b, Value bytes) {
  auto cast = bytes.getDefiningOp<vector::BitCastOp>();
  if (!cast || cast.getSourceVectorType().getShape() != ArrayRef<int64_t>{1} ||
      !cast.getSourceVectorType().getElementType().isInteger(32))
    return {};
  return vector::ExtractOp::create(b, cast.getSource(), 0);
}

namespace {

struct LowerByteDotsPass : vulkan::impl::LowerByteDotsPassBase<LowerByteDotsPass> {
  using LowerByteDotsPassBase::LowerByteDotsPassBase;

  void runOnOperation() override {
    llvm::Expected<codegen::GpuProfile> parsed = codegen::GpuProfile::parse(profile);
    if (!parsed) {
      getOperation().emitOpError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    if (!parsed->dot)
      return;
    getOperation().walk([&](vector::ReductionOp op) {
      std::optional<codegen::ByteDot> dot = codegen::ByteDot::of(op);
      if (!dot)
        return;
      ImplicitLocOpBuilder b(op.getLoc(), op);
      Value left = wordOf(b, dot->left), right = wordOf(b, dot->right);
      if (!left || !right)
        return;
      auto format = spirv::PackedVectorFormatAttr::get(
          b.getContext(), spirv::PackedVectorFormat::PackedVectorFormat4x8Bit);
      Value products = spirv::SDotOp::create(b, b.getI32Type(), left, right, format);
      op.replaceAllUsesWith(arith::AddIOp::create(b, dot->sum, products).getResult());
      op.erase();
      ++dots;
    });
  }
};

} // namespace
