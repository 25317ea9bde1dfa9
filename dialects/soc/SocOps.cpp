// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers and the custom syntax of the soc operations.

#include "dialects/soc/Soc.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace tercet::soc;

#define GET_OP_CLASSES
#include "dialects/soc/SocOps.cpp.inc"

/// Block arguments are the inputs, then the scalars, and yielded values the
/// results, type by type.
static LogicalResult verifyBody(Operation *op, Block &body, TypeRange inputs, TypeRange scalars,
                                TypeRange outputs) {
  if (!llvm::equal(body.getArgumentTypes(), llvm::concat<const Type>(inputs, scalars)))
    return op->emitOpError() << "expected block arguments of the types of its inputs and scalars";
  if (body.getTerminator()->getOperandTypes() != outputs)
    return op->emitOpError() << "expected to yield values of the types of its results";
  return success();
}

LogicalResult GroupOp::verify() {
  if (getOutputs().empty())
    return emitOpError() << "expected a result";
  if (getShares() && (getEngine() || getVariant()))
    return emitOpError() << "has shares beside an engine or a variant of its own";
  if (getShares() && getShares()->empty())
    return emitOpError() << "expected at least one share";
  Block &body = *getBody().begin();
  size_t values = llvm::count_if(body, [](Operation &op) { return op.getNumResults() == 1; });
  for (auto precision : getPrecisionsAttr()
                            ? getPrecisionsAttr().getAsRange<PrecisionAttr>()
                            : ArrayAttr::get(getContext(), {}).getAsRange<PrecisionAttr>())
    if (!precision.isApplied() && (precision.getInputs().size() != getInputs().size() ||
                                   precision.getResults().size() != values))
      return emitOpError() << "precision " << precision.getScheme() << " speaks of "
                           << precision.getInputs().size() << " inputs and "
                           << precision.getResults().size() << " results of operations, expected "
                           << getInputs().size() << " and " << values;
  return verifyBody(*this, body, getInputs().getTypes(), getScalars().getTypes(),
                    getOutputs().getTypes());
}

LogicalResult TaskOp::verify() {
  for (Value token : getWaits())
    if (!token.getDefiningOp<TaskOp>())
      return emitOpError() << "waits for a token that no task signals";
  return verifyBody(*this, *getBody().begin(), getInputs().getTypes(), getScalars().getTypes(),
                    getOutputs().getTypes());
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "no soc.kernel " << getKernelAttr() << " in this module";
  auto differ = [&](StringRef what) {
    auto diag = emitOpError() << "operands differ from the kernel's arguments in " << what;
    diag.attachNote(kernel.getLoc()) << "kernel defined here";
    return diag;
  };
  if (getOperands().size() != kernel.getNumArguments() ||
      getInputs().size() != static_cast<size_t>(kernel.getNumInputs()) ||
      getScalars().size() != kernel.getNumScalars())
    return differ("number");
  for (auto [operand, argument] : llvm::zip(getOperands(), kernel.getArgumentTypes())) {
    if (argument.isIndex())
      continue; // as many as scalars, and both are last
    auto tensor = cast<ShapedType>(operand.getType()), memory = cast<ShapedType>(argument);
    if (tensor.getShape() != memory.getShape() ||
        tensor.getElementType() != memory.getElementType())
      return differ("type");
  }
  return success();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

LogicalResult KernelOp::verify() {
  if (!getFunctionType().getResults().empty())
    return emitOpError() << "a kernel returns nothing; it writes its last arguments";
  int64_t inputs = getNumInputs();
  if (inputs < 0 || inputs > static_cast<int64_t>(getFunctionType().getNumInputs()))
    return emitOpError() << "num_inputs is " << inputs << " of " << getFunctionType().getNumInputs()
                         << " arguments";
  for (int64_t input : getInPlace())
    if (input < 0 || input >= inputs)
      return emitOpError() << "in_place names input " << input << " of " << inputs;
  if (getUpdates() && (getUpdates() >= static_cast<uint64_t>(inputs) ||
                       getNumBuffers() == static_cast<size_t>(inputs) ||
                       getArgumentTypes()[*getUpdates()] != getArgumentTypes()[inputs]))
    return emitOpError() << "updates names input " << *getUpdates() << " of " << inputs
                         << ", which must have the type of the first output";
  if (getScratchBytes() && static_cast<int64_t>(*getScratchBytes()) < 0)
    return emitOpError() << "expected scratch of at least 0 bytes";
  if (std::optional<ArrayRef<int64_t>> alignments = getAlignments();
      alignments && (alignments->size() != getNumBuffers() ||
                     !llvm::all_of(*alignments, [](int64_t bytes) {
                       return bytes > 0 && llvm::isPowerOf2_64(bytes);
                     })))
    return emitOpError() << "expected in alignments a power of two for each of " << getNumBuffers()
                         << " memories";
  ArrayRef<Type> types = getFunctionType().getInputs();
  if (!llvm::all_of(types.drop_front(getNumBuffers()), [](Type type) { return type.isIndex(); }) ||
      static_cast<int64_t>(getNumBuffers()) < inputs)
    return emitOpError() << "expected scalars after all memrefs";
  for (Type type : types.take_front(getNumBuffers())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || !memref.hasStaticShape() || !memref.getLayout().isIdentity())
      return emitOpError() << "expected arguments to be row-major memrefs of static shape, got "
                           << type;
  }
  return success();
}
