// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the body of a structured operation into a Program.

#include "compiler/reference/Program.h"
#include "compiler/reference/SourceError.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace tercet;

RegisterKind tercet::getRegisterKind(Type type) {
  if (isa<Float64Type>(type))
    return RegisterKind::F64;
  return isa<FloatType>(type) ? RegisterKind::F32 : RegisterKind::Int;
}

static unsigned bitsOf(Type type) { return type.isIndex() ? 64 : type.getIntOrFloatBitWidth(); }

/// Operations that are one instruction on operands of one type.
static Opcode simpleOpcode(Operation *op) {
  return llvm::StringSwitch<Opcode>(op->getName().getStringRef())
      .Case("arith.addf", Opcode::AddF)
      .Case("arith.subf", Opcode::SubF)
      .Case("arith.mulf", Opcode::MulF)
      .Case("arith.divf", Opcode::DivF)
      .Case("arith.remf", Opcode::RemF)
      .Case("arith.negf", Opcode::NegF)
      .Case("arith.maximumf", Opcode::MaximumF)
      .Case("arith.minimumf", Opcode::MinimumF)
      .Case("arith.maxnumf", Opcode::MaxNumF)
      .Case("arith.minnumf", Opcode::MinNumF)
      .Case("arith.addi", Opcode::AddI)
      .Case("arith.subi", Opcode::SubI)
      .Case("arith.muli", Opcode::MulI)
      .Case("arith.divsi", Opcode::DivSI)
      .Case("arith.divui", Opcode::DivUI)
      .Case("arith.ceildivsi", Opcode::CeilDivSI)
      .Case("arith.ceildivui", Opcode::CeilDivUI)
      .Case("arith.floordivsi", Opcode::FloorDivSI)
      .Case("arith.remsi", Opcode::RemSI)
      .Case("arith.remui", Opcode::RemUI)
      .Case("arith.andi", Opcode::AndI)
      .Case("arith.ori", Opcode::OrI)
      .Case("arith.xori", Opcode::XorI)
      .Case("arith.shli", Opcode::ShlI)
      .Case("arith.shrsi", Opcode::ShrSI)
      .Case("arith.shrui", Opcode::ShrUI)
      .Case("arith.maxsi", Opcode::MaxSI)
      .Case("arith.maxui", Opcode::MaxUI)
      .Case("arith.minsi", Opcode::MinSI)
      .Case("arith.minui", Opcode::MinUI)
      .Case("math.absf", Opcode::AbsF)
      .Case("math.absi", Opcode::AbsI)
      .Case("math.acos", Opcode::Acos)
      .Case("math.acosh", Opcode::Acosh)
      .Case("math.asin", Opcode::Asin)
      .Case("math.asinh", Opcode::Asinh)
      .Case("math.atan", Opcode::Atan)
      .Case("math.atan2", Opcode::Atan2)
      .Case("math.atanh", Opcode::Atanh)
      .Case("math.cbrt", Opcode::Cbrt)
      .Case("math.ceil", Opcode::Ceil)
      .Case("math.clampf", Opcode::ClampF)
      .Case("math.copysign", Opcode::CopySign)
      .Case("math.cos", Opcode::Cos)
      .Case("math.cosh", Opcode::Cosh)
      .Case("math.ctlz", Opcode::CountLeadingZeros)
      .Case("math.cttz", Opcode::CountTrailingZeros)
      .Case("math.ctpop", Opcode::CtPop)
      .Case("math.erf", Opcode::Erf)
      .Case("math.erfc", Opcode::Erfc)
      .Case("math.exp", Opcode::Exp)
      .Case("math.exp2", Opcode::Exp2)
      .Case("math.expm1", Opcode::ExpM1)
      .Case("math.floor", Opcode::Floor)
      .Case("math.fma", Opcode::Fma)
      .Case("math.fpowi", Opcode::FPowI)
      .Case("math.ipowi", Opcode::IPowI)
      .Case("math.isfinite", Opcode::IsFinite)
      .Case("math.isinf", Opcode::IsInf)
      .Case("math.isnan", Opcode::IsNaN)
      .Case("math.isnormal", Opcode::IsNormal)
      .Case("math.log", Opcode::Log)
      .Case("math.log10", Opcode::Log10)
      .Case("math.log1p", Opcode::Log1p)
      .Case("math.log2", Opcode::Log2)
      .Case("math.powf", Opcode::PowF)
      .Case("math.round", Opcode::Round)
      .Case("math.roundeven", Opcode::RoundEven)
      .Case("math.rsqrt", Opcode::Rsqrt)
      .Case("math.sin", Opcode::Sin)
      .Case("math.sinh", Opcode::Sinh)
      .Case("math.sqrt", Opcode::Sqrt)
      .Case("math.tan", Opcode::Tan)
      .Case("math.tanh", Opcode::Tanh)
      .Case("math.trunc", Opcode::Trunc)
      .Default(Opcode::Invalid);
}

static bool isFoldable(Opcode opcode) {
  switch (opcode) {
  case Opcode::AddF:
  case Opcode::MulF:
  case Opcode::MaximumF:
  case Opcode::MinimumF:
  case Opcode::MaxNumF:
  case Opcode::MinNumF:
  case Opcode::AddI:
  case Opcode::MulI:
  case Opcode::AndI:
  case Opcode::OrI:
  case Opcode::XorI:
  case Opcode::MaxSI:
  case Opcode::MaxUI:
  case Opcode::MinSI:
  case Opcode::MinUI:
    return true;
  default:
    return false;
  }
}

namespace {

class ProgramBuilder {
public:
  llvm::Error addArgument(Operation *at, Value value, Type type) {
    if (!type.isIntOrIndexOrFloat() || !getElementKind(type))
      return errorAt(at, "the reference evaluator has no scalars of type ", type);
    registers[value] = program.numRegisters++;
    return llvm::Error::success();
  }

  llvm::Expected<uint16_t> get(Operation *user, Value value) {
    auto it = registers.find(value);
    if (it != registers.end())
      return it->second;
    // From outside of the body: a constant or a value of the surrounding block.
    if (llvm::Error error = addArgument(user, value, value.getType()))
      return error;
    program.captures.emplace_back(registers[value], value);
    return registers[value];
  }

  llvm::Error add(Operation *op);

  uint16_t emit(Opcode opcode, RegisterKind kind, unsigned bits, uint16_t a, uint16_t b = 0,
                uint16_t c = 0, uint32_t aux = 0) {
    Instruction instruction;
    instruction.opcode = opcode;
    instruction.kind = kind;
    instruction.bits = bits;
    instruction.dst = program.numRegisters++;
    instruction.a = a;
    instruction.b = b;
    instruction.c = c;
    instruction.aux = aux;
    program.code.push_back(instruction);
    return instruction.dst;
  }

  /// Rounds a value that was computed in a wider register to its type.
  uint16_t rounded(uint16_t value, Type type) {
    if (isa<Float16Type>(type))
      return emit(Opcode::RoundToHalf, RegisterKind::F32, 16, value);
    if (isa<BFloat16Type>(type))
      return emit(Opcode::RoundToBFloat16, RegisterKind::F32, 16, value);
    return value;
  }

  uint16_t constant(Tensor value) {
    program.constants.emplace_back(program.numRegisters, std::move(value));
    return program.numRegisters++;
  }

  llvm::Error addCast(Operation *op, uint16_t from);
  llvm::Expected<uint16_t> addAffine(Operation *op, AffineExpr expr, unsigned numDims,
                                     ArrayRef<uint16_t> operands);

  Program program;
  DenseMap<Value, uint16_t> registers;
};

llvm::Expected<uint16_t> ProgramBuilder::addAffine(Operation *op, AffineExpr expr, unsigned numDims,
                                                   ArrayRef<uint16_t> operands) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return operands[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return operands[numDims + symbol.getPosition()];
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return constant(Tensor::fromIndex(op->getContext(), value.getValue()));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  llvm::Expected<uint16_t> lhs = addAffine(op, binary.getLHS(), numDims, operands);
  if (!lhs)
    return lhs;
  llvm::Expected<uint16_t> rhs = addAffine(op, binary.getRHS(), numDims, operands);
  if (!rhs)
    return rhs;
  auto two = [&](Opcode opcode, uint16_t a, uint16_t b) {
    return emit(opcode, RegisterKind::Int, 64, a, b);
  };
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return two(Opcode::AddI, *lhs, *rhs);
  case AffineExprKind::Mul:
    return two(Opcode::MulI, *lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return two(Opcode::FloorDivSI, *lhs, *rhs);
  case AffineExprKind::CeilDiv:
    return two(Opcode::CeilDivSI, *lhs, *rhs);
  default: // Mod: x - floor(x / m) * m.
    return two(Opcode::SubI, *lhs, two(Opcode::MulI, two(Opcode::FloorDivSI, *lhs, *rhs), *rhs));
  }
}

llvm::Error ProgramBuilder::addCast(Operation *op, uint16_t from) {
  Type source = op->getOperand(0).getType(), target = op->getResult(0).getType();
  RegisterKind sourceKind = getRegisterKind(source), targetKind = getRegisterKind(target);
  unsigned sourceBits = bitsOf(source), targetBits = bitsOf(target);
  uint16_t result = from;
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    // From f64 straight to 16 bits: keep what is lost sticky for the second rounding.
    if (sourceKind == RegisterKind::F64 && targetKind == RegisterKind::F32)
      result =
          emit(targetBits == 16 ? Opcode::F64ToF32Odd : Opcode::F64ToF32, sourceKind, 64, from);
    else if (sourceKind == RegisterKind::F32 && targetKind == RegisterKind::F64)
      result = emit(Opcode::F32ToF64, sourceKind, 64, from);
    if (targetBits < sourceBits)
      result = rounded(result, target);
  } else if (isa<arith::ExtUIOp>(op)) {
    result = emit(Opcode::ZeroExtend, RegisterKind::Int, sourceBits, from);
  } else if (isa<arith::TruncIOp>(op)) {
    result = emit(Opcode::Wrap, RegisterKind::Int, targetBits, from);
  } else if (isa<arith::IndexCastOp, arith::ExtSIOp>(op)) {
    if (targetBits < sourceBits)
      result = emit(Opcode::Wrap, RegisterKind::Int, targetBits, from);
  } else if (isa<arith::IndexCastUIOp>(op)) {
    result = targetBits < sourceBits
                 ? emit(Opcode::Wrap, RegisterKind::Int, targetBits, from)
                 : emit(Opcode::ZeroExtend, RegisterKind::Int, sourceBits, from);
  } else if (isa<arith::SIToFPOp, arith::UIToFPOp>(op)) {
    Opcode opcode = isa<arith::SIToFPOp>(op) ? Opcode::SIToFP : Opcode::UIToFP;
    // `aux` asks for a result that rounds correctly to 16 bits afterwards.
    result = emit(opcode, targetKind, sourceBits, from, 0, 0, targetBits == 16);
    result = rounded(result, target);
  } else if (isa<arith::FPToSIOp, arith::FPToUIOp>(op)) {
    Opcode opcode = isa<arith::FPToSIOp>(op) ? Opcode::FPToSI : Opcode::FPToUI;
    result = emit(opcode, sourceKind, targetBits, from);
  } else if (isa<arith::BitcastOp>(op)) {
    auto code = [](Type type) -> uint32_t {
      return isa<Float16Type>(type) ? 1 : isa<BFloat16Type>(type) ? 2 : 0;
    };
    if (isa<FloatType>(source))
      result = emit(Opcode::BitsOfFloat, sourceKind, sourceBits, result, 0, 0, code(source));
    if (isa<FloatType>(target))
      result = emit(Opcode::FloatOfBits, targetKind, targetBits, result, 0, 0, code(target));
  } else {
    return errorAt(op, "the reference evaluator does not know this operation in a body");
  }
  registers[op->getResult(0)] = result;
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::add(Operation *op) {
  for (Type type : op->getResultTypes())
    if (!type.isIntOrIndexOrFloat() || !getElementKind(type))
      return errorAt(op, "the reference evaluator has no scalars of type ", type);
  if (op->getNumRegions() != 0)
    return errorAt(op, "the reference evaluator does not handle control flow in a body");
  if (program.numRegisters > 60000)
    return errorAt(op, "the body is too long for the reference evaluator");

  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    llvm::Expected<Tensor> value = Tensor::fromAttribute(constantOp.getValue());
    if (!value)
      return value.takeError();
    registers[op->getResult(0)] = constant(std::move(*value));
    return llvm::Error::success();
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    registers[index] = program.numRegisters;
    program.indices.emplace_back(program.numRegisters++, index.getDim());
    return llvm::Error::success();
  }
  SmallVector<uint16_t> operands;
  for (Value operand : op->getOperands()) {
    if (isa<TensorType>(operand.getType()) && isa<tensor::ExtractOp, tensor::DimOp>(op)) {
      operands.push_back(0);
      continue;
    }
    llvm::Expected<uint16_t> value = get(op, operand);
    if (!value)
      return value.takeError();
    operands.push_back(*value);
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    Program::Extraction extraction;
    extraction.op = op;
    extraction.tensor = extract.getTensor();
    extraction.indices.append(operands.begin() + 1, operands.end());
    program.extractions.push_back(extraction);
    registers[extract] = emit(Opcode::Extract, getRegisterKind(extract.getType()), 64, 0, 0, 0,
                              program.extractions.size() - 1);
    return llvm::Error::success();
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> position = dim.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    if (!position || !type || type.isDynamicDim(*position))
      return errorAt(op, "expected a static dimension");
    registers[dim] = constant(Tensor::fromIndex(op->getContext(), type.getDimSize(*position)));
    return llvm::Error::success();
  }
  if (isa<cf::AssertOp>(op)) {
    program.assertions.push_back(op);
    emit(Opcode::Assert, RegisterKind::Int, 1, operands[0], 0, 0, program.assertions.size() - 1);
    return llvm::Error::success();
  }
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    AffineMap map = apply.getAffineMap();
    llvm::Expected<uint16_t> value = addAffine(op, map.getResult(0), map.getNumDims(), operands);
    if (!value)
      return value.takeError();
    registers[apply] = *value;
    return llvm::Error::success();
  }
  if (isa<arith::SelectOp>(op)) {
    if (!op->getOperand(0).getType().isInteger(1))
      return errorAt(op, "expected a scalar condition");
    registers[op->getResult(0)] = emit(Opcode::Select, getRegisterKind(op->getResult(0).getType()),
                                       64, operands[0], operands[1], operands[2]);
    return llvm::Error::success();
  }
  if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    registers[compare] = emit(Opcode::CmpF, getRegisterKind(compare.getLhs().getType()), 1,
                              operands[0], operands[1], 0, uint32_t(compare.getPredicate()));
    return llvm::Error::success();
  }
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    registers[compare] = emit(Opcode::CmpI, RegisterKind::Int, bitsOf(compare.getLhs().getType()),
                              operands[0], operands[1], 0, uint32_t(compare.getPredicate()));
    return llvm::Error::success();
  }
  if (Opcode opcode = simpleOpcode(op); opcode != Opcode::Invalid) {
    operands.resize(3, 0);
    Type type = op->getOperand(0).getType();
    uint16_t value =
        emit(opcode, getRegisterKind(type), bitsOf(type), operands[0], operands[1], operands[2]);
    registers[op->getResult(0)] = rounded(value, op->getResult(0).getType());
    return llvm::Error::success();
  }
  if (op->getNumOperands() == 1 && op->getNumResults() == 1)
    return addCast(op, operands[0]);
  return errorAt(op, "the reference evaluator does not know this operation in a body");
}

/// If `value` is one fold of the accumulator, the operation that folds it.
Operation *matchFold(Value value, BlockArgument accumulator) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != accumulator.getOwner() || op->getNumOperands() != 2 ||
      !isFoldable(simpleOpcode(op)) || !value.hasOneUse() || !accumulator.hasOneUse())
    return nullptr;
  return op->getOperand(0) == accumulator || op->getOperand(1) == accumulator ? op : nullptr;
}

} // namespace

llvm::Expected<Program> Program::compile(Block &body, std::optional<unsigned> foldFrom) {
  ProgramBuilder builder;
  Operation *parent = body.getParentOp();
  builder.program.owner = parent;
  for (BlockArgument argument : body.getArguments())
    if (llvm::Error error = builder.addArgument(parent, argument, argument.getType()))
      return error;
  Operation *terminator = body.getTerminator();
  SmallVector<Operation *> folds;
  if (foldFrom)
    for (auto [result, accumulator] :
         llvm::zip(terminator->getOperands(), body.getArguments().drop_front(*foldFrom)))
      if (Operation *fold = matchFold(result, accumulator))
        folds.push_back(fold);
  if (folds.size() != terminator->getNumOperands())
    folds.clear();
  for (Operation &op : body.without_terminator())
    if (!llvm::is_contained(folds, &op))
      if (llvm::Error error = builder.add(&op))
        return error;
  if (folds.empty()) {
    for (Value result : terminator->getOperands()) {
      llvm::Expected<uint16_t> value = builder.get(terminator, result);
      if (!value)
        return value.takeError();
      builder.program.results.push_back(*value);
    }
    return std::move(builder.program);
  }
  for (auto [index, op] : llvm::enumerate(folds)) {
    bool accumulatorFirst = op->getOperand(0) == body.getArgument(*foldFrom + index);
    llvm::Expected<uint16_t> term = builder.get(op, op->getOperand(accumulatorFirst ? 1 : 0));
    if (!term)
      return term.takeError();
    Type type = op->getResult(0).getType();
    Fold fold;
    fold.combine.opcode = simpleOpcode(op);
    fold.combine.bits = bitsOf(type);
    fold.combine.kind = isa<FloatType>(type) ? RegisterKind::F64 : RegisterKind::Int;
    fold.term = getRegisterKind(type) == RegisterKind::F32
                    ? builder.emit(Opcode::F32ToF64, RegisterKind::F32, 64, *term)
                    : *term;
    builder.program.folds.push_back(fold);
  }
  return std::move(builder.program);
}

llvm::Expected<Program> Program::compile(Operation *op) {
  // The same operation on scalars, in a block of its own, since elementwise
  // operations may be applied to tensors.
  Block block;
  auto scalar = [](Type type) { return getElementTypeOrSelf(type); };
  for (Value operand : op->getOperands())
    block.addArgument(scalar(operand.getType()), op->getLoc());
  Operation *clone = Operation::create(
      op->getLoc(), op->getName(), llvm::map_to_vector(op->getResultTypes(), scalar),
      block.getArguments(), op->getAttrDictionary(), op->getPropertiesStorage(), BlockRange(), 0);
  block.push_back(clone);
  ProgramBuilder builder;
  builder.program.owner = op;
  for (BlockArgument argument : block.getArguments())
    if (llvm::Error error = builder.addArgument(op, argument, argument.getType()))
      return error;
  if (llvm::Error error = builder.add(clone))
    return error;
  for (Value result : clone->getResults())
    builder.program.results.push_back(builder.registers[result]);
  return std::move(builder.program);
}
