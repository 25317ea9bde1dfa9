// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding goes through the same evaluator as the reference, so a folded graph
// computes what the unfolded one would.

#include "compiler/reference/FoldConstant.h"

#include "compiler/reference/Evaluator.h"
#include "compiler/reference/SourceError.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace tercet;

llvm::Expected<SmallVector<DenseElementsAttr>>
tercet::foldConstant(Operation *op, ArrayRef<Attribute> operands, WeightReader &weights) {
  // Assertions inside of a body stop the evaluation, so only memory matters.
  if (!isMemoryEffectFree(op) && !op->hasTrait<OpTrait::HasRecursiveMemoryEffects>())
    return errorAt(op, "has side effects");
  if (operands.size() != op->getNumOperands())
    return errorAt(op, "expected ", op->getNumOperands(), " operands, got ", operands.size());
  SmallVector<Tensor> values;
  for (auto [attribute, operand] : llvm::zip_equal(operands, op->getOperands())) {
    RankedTensorType type = getHolderType(operand.getType());
    if (!type || !type.hasStaticShape() || !getTensorBytes(type))
      return errorAt(op, "cannot hold an operand of type ", operand.getType());
    if (!attribute) {
      values.push_back(Tensor::allocate(type));
      continue;
    }
    auto typed = dyn_cast<TypedAttr>(attribute);
    if (!typed || getHolderType(typed.getType()) != type)
      return errorAt(op, "expected a constant of type ", operand.getType(), ", got ", attribute);
    llvm::Expected<Tensor> value = Tensor::fromAttribute(typed);
    if (!value)
      return value.takeError();
    values.push_back(std::move(*value));
  }
  Evaluator evaluator(op->getParentOfType<ModuleOp>(), weights);
  llvm::Expected<Evaluator::Results> results = evaluator.evaluate(op, values);
  if (!results)
    return results.takeError();
  return llvm::map_to_vector(*results, [](const Tensor &result) { return result.toAttribute(); });
}
