// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks blocks in order, keeps the live values, and hands each operation to
// whoever knows its family. Operations that decompose are cloned into a
// function of their own, which is then run in the same way.

#include "compiler/reference/Evaluator.h"

#include "compiler/reference/LinalgLoops.h"
#include "compiler/reference/SourceError.h"
#include "compiler/reference/TensorOps.h"
#include "compiler/weights/WeightReader.h"
#include "dialects/nn/NN.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace tercet;

using Results = Evaluator::Results;

class Evaluator::Implementation {
public:
  Implementation(ModuleOp module, WeightReader &weights) : module(module), weights(weights) {}

  /// An error may leave values behind, so every run has a state of its own.
  std::unique_ptr<Implementation> withFreshState() {
    auto fresh = std::make_unique<Implementation>(module, weights);
    fresh->handlers = handlers;
    return fresh;
  }

  llvm::Expected<Results> call(func::FuncOp function, MutableArrayRef<Tensor> inputs);
  llvm::Expected<Results> evaluate(Operation *op, MutableArrayRef<Tensor> operands);

  Observer observer;
  llvm::StringMap<Handler> handlers;

private:
  using Operands = MutableArrayRef<Tensor>;

  llvm::Expected<Results> runBlock(Block &block, Operands arguments);
  llvm::Expected<Results> getWeight(nn::GetWeightOp op);
  llvm::Expected<Results> decompose(Operation *op, Operands operands);
  llvm::Expected<Results> runFor(scf::ForOp loop, Operands operands);
  llvm::Expected<Results> runWhile(scf::WhileOp loop, Operands operands);

  const Tensor &lookup(Value value) {
    auto it = values.find(value);
    assert(it != values.end() && "a value is used after it was freed");
    return it->second;
  }

  ModuleOp module;
  WeightReader &weights;
  DenseMap<Value, Tensor> values;
  SymbolTableCollection symbols;
  llvm::SmallPtrSet<Operation *, 8> active;
  /// Greater than zero inside of a decomposition.
  int hidden = 0;
};

/// Whether the operation is nothing but its region run on its operands.
static bool isTransparentRegion(Operation *op) {
  if (op->getNumRegions() != 1 || !op->hasTrait<OpTrait::IsIsolatedFromAbove>() ||
      !op->getRegion(0).hasOneBlock())
    return false;
  Block &block = op->getRegion(0).front();
  return block.mightHaveTerminator() && block.getArgumentTypes() == op->getOperandTypes() &&
         block.getTerminator()->getOperandTypes() == op->getResultTypes();
}

llvm::Expected<Results> Evaluator::Implementation::runBlock(Block &block, Operands arguments) {
  // What is nested in an operation of this block counts as used by it.
  auto findLastUse = [&](Value value) {
    Operation *last = nullptr;
    for (Operation *user : value.getUsers()) {
      Operation *ancestor = block.findAncestorOpInBlock(*user);
      if (ancestor && (!last || last->isBeforeInBlock(ancestor)))
        last = ancestor;
    }
    return last;
  };
  DenseMap<Operation *, SmallVector<Value>> dying;
  auto define = [&](Value value, Tensor tensor) {
    if (Operation *last = findLastUse(value)) {
      values[value] = std::move(tensor);
      dying[last].push_back(value);
    }
  };
  for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments))
    define(argument, std::move(tensor));

  for (Operation &op : block) {
    SmallVector<Value> &ending = dying[&op];
    SmallVector<Tensor> operands;
    for (Value operand : op.getOperands())
      operands.push_back(lookup(operand));
    // What no region of the operation can still look up may be overwritten in place.
    bool isClosed = op.getNumRegions() == 0 || op.hasTrait<OpTrait::IsIsolatedFromAbove>();
    for (Value value : ending) {
      bool isLocal = llvm::all_of(value.getUsers(),
                                  [&](Operation *user) { return user->getBlock() == &block; });
      if (isClosed || (isa<linalg::LinalgOp>(op) && isLocal))
        values.erase(value);
    }
    if (op.hasTrait<OpTrait::IsTerminator>())
      return operands;
    llvm::Expected<Results> results = evaluate(&op, operands);
    if (!results)
      return results.takeError();
    operands.clear();
    for (Value value : ending)
      values.erase(value);
    if (results->size() != op.getNumResults())
      return errorAt(&op, "expected ", op.getNumResults(), " results, got ", results->size());
    if (observer && hidden == 0)
      observer(&op, *results);
    for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
      define(value, std::move(tensor));
  }
  return errorAt(block.getParentOp(), "expected a terminator");
}

llvm::Expected<Results> Evaluator::Implementation::call(func::FuncOp function, Operands inputs) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return errorAt(function, "expected a function of one block");
  if (inputs.size() != function.getNumArguments())
    return errorAt(function, "expected ", function.getNumArguments(), " inputs, got ",
                   inputs.size());
  for (auto [i, input] : llvm::enumerate(inputs)) {
    RankedTensorType expected = getHolderType(function.getArgumentTypes()[i]);
    if (!expected || expected != input.getType()) {
      auto name = function.getArgAttrOfType<StringAttr>(i, "nn.name");
      return errorAt(function, "input ", i, name ? " '" + name.str() + "'" : std::string(),
                     ": expected ", function.getArgumentTypes()[i], ", got ", input.getType());
    }
  }
  if (!active.insert(function).second)
    return errorAt(function, "the function calls itself");
  llvm::Expected<Results> results = runBlock(function.getBody().front(), inputs);
  active.erase(function);
  return results;
}

llvm::Expected<Results> Evaluator::Implementation::getWeight(nn::GetWeightOp op) {
  auto weight = symbols.lookupNearestSymbolFrom<nn::WeightOp>(module, op.getWeightAttr());
  if (!weight)
    return errorAt(op, "no nn.weight ", op.getWeight(), " in this module");
  if (!getTensorBytes(weight.getType()))
    return errorAt(op, "the reference evaluator cannot hold ", weight.getType());
  Tensor tensor = Tensor::allocate(weight.getType());
  if (llvm::Error error =
          weights.read(weight.getRecipe(), {tensor.mutableData(), tensor.bytes().size()}))
    return errorAt(weight, llvm::toString(std::move(error)));
  return Results{std::move(tensor)};
}

llvm::Expected<Results> Evaluator::Implementation::decompose(Operation *op, Operands operands) {
  OpBuilder builder(op->getContext());
  OwningOpRef<func::FuncOp> function = func::FuncOp::create(
      op->getLoc(), "decomposed",
      FunctionType::get(op->getContext(), op->getOperandTypes(), op->getResultTypes()));
  Block *block = function->addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping mapping;
  mapping.map(op->getOperands(), block->getArguments());
  // A position is known here, so that sizes that follow from it are static.
  for (auto [operand, value] : llvm::zip_equal(op->getOperands(), operands))
    if (operand.getType().isIndex())
      mapping.map(
          operand,
          arith::ConstantIndexOp::create(builder, op->getLoc(), value.getInt()).getResult());
  Operation *clone = builder.clone(*op, mapping);
  // An operand that occurs twice must not become the same argument twice: the
  // map keeps the last one, which has the same value.
  builder.setInsertionPoint(clone);
  FailureOr<SmallVector<Value>> values =
      cast<linalg::AggregatedOpInterface>(clone).decomposeOperation(builder);
  if (failed(values) || values->size() != op->getNumResults())
    return errorAt(op, "the operation does not decompose into linalg");
  clone->erase();
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, op->getLoc(), *values);
  ++hidden;
  llvm::Expected<Results> results = runBlock(*block, operands);
  --hidden;
  return results;
}

llvm::Expected<Results> Evaluator::Implementation::runFor(scf::ForOp loop, Operands operands) {
  int64_t lower = operands[0].getInt(), upper = operands[1].getInt(), step = operands[2].getInt();
  if (step <= 0)
    return errorAt(loop, "expected a positive step, got ", step);
  Type indexType = loop.getInductionVar().getType();
  Results carried(std::make_move_iterator(operands.begin() + 3),
                  std::make_move_iterator(operands.end()));
  for (int64_t i = lower; i < upper; i += step) {
    Results arguments{Tensor::allocate(getHolderType(indexType))};
    std::memcpy(arguments[0].mutableData(), &i, arguments[0].getElementBytes());
    for (Tensor &value : carried)
      arguments.push_back(std::move(value));
    llvm::Expected<Results> results = runBlock(*loop.getBody(), arguments);
    if (!results)
      return results;
    carried = std::move(*results);
  }
  return carried;
}

llvm::Expected<Results> Evaluator::Implementation::runWhile(scf::WhileOp loop, Operands operands) {
  Results carried(std::make_move_iterator(operands.begin()),
                  std::make_move_iterator(operands.end()));
  while (true) {
    llvm::Expected<Results> checked = runBlock(*loop.getBeforeBody(), carried);
    if (!checked)
      return checked;
    bool goesOn = (*checked)[0].getInt() != 0;
    checked->erase(checked->begin());
    if (!goesOn)
      return checked;
    llvm::Expected<Results> next = runBlock(*loop.getAfterBody(), *checked);
    if (!next)
      return next;
    carried = std::move(*next);
  }
}

llvm::Expected<Results> Evaluator::Implementation::evaluate(Operation *op, Operands operands) {
  auto lookupValue = [this](Value value) -> const Tensor & { return lookup(value); };
  if (auto it = handlers.find(op->getName().getStringRef()); it != handlers.end())
    return it->second(op, operands);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    llvm::Expected<Tensor> value = Tensor::fromAttribute(constant.getValue());
    if (!value)
      return errorAt(op, llvm::toString(value.takeError()));
    return Results{std::move(*value)};
  }
  if (auto weight = dyn_cast<nn::GetWeightOp>(op))
    return getWeight(weight);
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return evaluateLinalg(structured, operands, lookupValue);
  if (isa<linalg::AggregatedOpInterface>(op))
    return decompose(op, operands);
  if (auto result = evaluateTensorOp(op, operands, lookupValue)) {
    if (!*result)
      return result->takeError();
    return Results{std::move(**result)};
  }
  if (auto callOp = dyn_cast<func::CallOp>(op)) {
    auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(module, callOp.getCalleeAttr());
    if (!callee)
      return errorAt(op, "no function ", callOp.getCallee(), " in this module");
    return call(callee, operands);
  }
  if (auto assertion = dyn_cast<cf::AssertOp>(op)) {
    if (operands[0].getInt() == 0)
      return errorAt(op, assertion.getMsg());
    return Results{};
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    Region &region = operands[0].getInt() ? branch.getThenRegion() : branch.getElseRegion();
    if (region.empty())
      return Results{};
    return runBlock(region.front(), {});
  }
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return runFor(loop, operands);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return runWhile(loop, operands);
  bool isScalarMath = isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect());
  if (isScalarMath || isa<affine::AffineApplyOp>(op))
    return evaluateElementwise(op, operands);
  if (isTransparentRegion(op))
    return runBlock(op->getRegion(0).front(), operands);
  return errorAt(op, "the reference evaluator does not know this operation");
}

Evaluator::Evaluator(ModuleOp module, WeightReader &weights)
    : implementation(std::make_unique<Implementation>(module, weights)) {}
Evaluator::~Evaluator() = default;

void Evaluator::setHandler(StringRef operation, Handler handler) {
  implementation->handlers[operation] = std::move(handler);
}

llvm::Expected<Results> Evaluator::run(func::FuncOp function, ArrayRef<Tensor> inputs,
                                       Observer observer) {
  std::unique_ptr<Implementation> fresh = implementation->withFreshState();
  fresh->observer = std::move(observer);
  SmallVector<Tensor> copies(inputs);
  return fresh->call(function, copies);
}

llvm::Expected<Results> Evaluator::evaluate(Operation *op, ArrayRef<Tensor> operands,
                                            Observer observer) {
  std::unique_ptr<Implementation> fresh = implementation->withFreshState();
  fresh->observer = std::move(observer);
  SmallVector<Tensor> copies(operands);
  return fresh->evaluate(op, copies);
}
