// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves the code of tasks into kernels. Kernels are compared before anything
// expensive is done to them, by their text without locations.

#include "passes/tile/Passes.h"

#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::tile {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "passes/tile/Passes.h.inc"
} // namespace tercet::tile

using namespace mlir;
using namespace tercet;

namespace {

MemRefType memoryOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

/// A word for what the kernel does: its heaviest operation, or the last one.
std::string nameOf(Block &body) {
  Operation *chosen = nullptr;
  int best = -1;
  for (Operation &op : body.without_terminator()) {
    if (op.hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp, linalg::FillOp>(op))
      continue;
    int weight = isa<linalg::GenericOp>(op) ? 0 : 1;
    if (isa<nn::PackedMatmulOp, nn::QuantizedMatmulOp, linalg::MatmulOp, linalg::BatchMatmulOp,
            linalg::ConvolutionOpInterface, nn::AttentionOp, nn::CachedAttentionOp,
            nn::GroupMatmulOp, nn::QuantizedAttentionOp>(op))
      weight = 3;
    else if (isa<nn::LayerNormOp, nn::RmsNormOp, nn::QuantizedLayerNormOp, nn::QuantizedRmsNormOp,
                 linalg::SoftmaxOp, nn::GatherOp, nn::GroupGatherOp, nn::EncodeGroupsOp>(op))
      weight = 2;
    if (weight >= best) {
      best = weight;
      chosen = &op;
    }
  }
  if (!chosen)
    return "copy";
  if (isa<linalg::GenericOp>(chosen))
    return "elementwise";
  return chosen->getName().stripDialect().str();
}

/// The argument that the result is an updated state of, if it is one. Then the
/// kernel works in its memory.
std::optional<unsigned> updatedArgument(Value result) {
  auto update = result.getDefiningOp<nn::CacheUpdateOp>();
  auto cache = update ? dyn_cast<BlockArgument>(update.getInit()) : BlockArgument();
  return cache && cache.hasOneUse() ? std::optional<unsigned>(cache.getArgNumber()) : std::nullopt;
}

/// Whether the first result may be computed in the memory of the argument:
/// every operation between them reads what it gets at the index that it
/// writes, or by whole rows of a tile.
bool mayShareMemory(BlockArgument argument, Value result) {
  if (argument.getType() != result.getType())
    return false;
  SmallVector<Value> worklist{argument};
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (user->hasTrait<OpTrait::IsTerminator>())
        continue;
      bool aligned = false;
      if (auto generic = dyn_cast<linalg::GenericOp>(user))
        aligned = generic.getNumParallelLoops() == generic.getNumLoops() &&
                  generic.getMatchingIndexingMap(&use).isIdentity() &&
                  generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isIdentity();
      else if (auto softmax = dyn_cast<linalg::SoftmaxOp>(user))
        aligned = static_cast<int64_t>(softmax.getDimension()) ==
                  softmax.getInputOperandType().getRank() - 1;
      else
        aligned =
            (isa<nn::ActivationOp, nn::LayerNormOp, nn::RmsNormOp, nn::QuantizedLayerNormOp,
                 nn::QuantizedRmsNormOp, nn::QuantizedAddOp, nn::RescaleOp, nn::LookupOp>(user) &&
             use.getOperandNumber() == 0) ||
            (isa<nn::QuantizedAddOp>(user) && use.getOperandNumber() == 1);
      if (!aligned || user->getNumResults() != 1 ||
          user->getResult(0).getType() != result.getType())
        return false;
      worklist.push_back(user->getResult(0));
    }
  }
  return !argument.use_empty();
}

/// Lets the operation that defines `value` write into the memory `output`: its
/// destination, where that is an empty tensor (filled or not) or a state that it
/// updates, becomes a tensor of its own there.
void writeInto(Value output, Value value, bool updates) {
  auto dps = value.getDefiningOp<DestinationStyleOpInterface>();
  if (!dps)
    return;
  OpOperand *init = dps.getTiedOpOperand(cast<OpResult>(value));
  auto fill = init->get().getDefiningOp<linalg::FillOp>();
  Value start = fill ? fill.getDpsInits()[0] : init->get();
  if (!updates && !start.getDefiningOp<tensor::EmptyOp>())
    return;
  OpBuilder builder(dps);
  Value memory = bufferization::ToTensorOp::create(builder, dps.getLoc(), start.getType(), output,
                                                   /*restrict=*/true, /*writable=*/true);
  if (fill)
    memory =
        linalg::FillOp::create(builder, fill.getLoc(), fill.getInputs()[0], memory).getResult(0);
  init->set(memory);
}

struct OutlineKernelsPass : tile::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::StringMap<soc::KernelOp> byText;
    SmallVector<soc::TaskOp> tasks;
    getOperation().walk([&](soc::TaskOp task) { tasks.push_back(task); });
    for (soc::TaskOp task : tasks) {
      soc::KernelOp kernel = outline(task);
      std::string text;
      llvm::raw_string_ostream os(text);
      kernel->print(os, OpPrintingFlags().printGenericOpForm().useLocalScope());
      auto [it, isNew] = byText.try_emplace(text, kernel);
      if (isNew) {
        kernel.setSymName(nameOf(task.getBody().front()));
        symbols.insert(kernel, getOperation().getBody()->end());
        ++kernels;
      } else {
        kernel->erase();
        kernel = it->second;
      }
      callFrom(task, kernel);
    }
  }

  soc::KernelOp outline(soc::TaskOp task) {
    Location loc = task.getLoc();
    OpBuilder builder(task.getContext());
    Block &body = task.getBody().front();
    auto yield = cast<soc::YieldOp>(body.getTerminator());
    SmallVector<Type> types;
    for (Type type : task.getInputs().getTypes())
      types.push_back(memoryOf(type));
    for (Type type : task.getOutputs().getTypes())
      types.push_back(memoryOf(type));
    llvm::append_range(types, task.getScalars().getTypes());

    SmallVector<int64_t> inPlace;
    unsigned inputs = task.getInputs().size();
    std::optional<unsigned> updates = updatedArgument(yield.getResults()[0]);
    if (yield.getResults().size() == 1)
      for (BlockArgument argument : body.getArguments().take_front(inputs))
        if (mayShareMemory(argument, yield.getResults()[0]))
          inPlace.push_back(argument.getArgNumber());

    auto kernel = soc::KernelOp::create(
        builder, loc, "kernel", builder.getFunctionType(types, {}), ArrayAttr(), ArrayAttr(),
        task.getEngine(), task.getVariant(), inputs, inPlace,
        updates ? builder.getI64IntegerAttr(*updates) : IntegerAttr(), IntegerAttr(),
        DenseI64ArrayAttr(), DenseI64ArrayAttr());
    Block *entry = builder.createBlock(&kernel.getBody());
    for (Type type : types)
      entry->addArgument(type, loc);
    builder.setInsertionPointToStart(entry);

    IRMapping mapping;
    for (BlockArgument scalar : body.getArguments().drop_front(inputs))
      mapping.map(scalar, entry->getArgument(scalar.getArgNumber() + task.getOutputs().size()));
    for (BlockArgument argument : body.getArguments().take_front(inputs))
      mapping.map(argument, bufferization::ToTensorOp::create(
                                builder, loc, argument.getType(),
                                entry->getArgument(argument.getArgNumber()), /*restrict=*/true,
                                /*writable=*/false));
    for (Operation &op : body.without_terminator())
      builder.clone(op, mapping);
    for (auto [index, result] : llvm::enumerate(yield.getResults())) {
      Value output = entry->getArgument(inputs + index), value = mapping.lookup(result);
      writeInto(output, value, updates && index == 0);
      bufferization::MaterializeInDestinationOp::create(builder, loc, TypeRange{}, value, output,
                                                        /*restrict=*/true, /*writable=*/true);
    }
    soc::ReturnOp::create(builder, loc);
    return kernel;
  }

  static void callFrom(soc::TaskOp task, soc::KernelOp kernel) {
    Block &body = task.getBody().front();
    SmallVector<Operation *> old;
    for (Operation &op : body)
      old.push_back(&op);
    OpBuilder builder = OpBuilder::atBlockEnd(&body);
    SmallVector<Value> inits;
    for (Type type : task.getOutputs().getTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      inits.push_back(tensor::EmptyOp::create(builder, task.getLoc(), tensor.getShape(),
                                              tensor.getElementType()));
    }
    auto call = soc::CallOp::create(
        builder, task.getLoc(), task.getOutputs().getTypes(), kernel.getSymName(),
        ValueRange(body.getArguments()).take_front(task.getInputs().size()), inits,
        ValueRange(body.getArguments()).drop_front(task.getInputs().size()));
    soc::YieldOp::create(builder, task.getLoc(), call.getResults());
    for (Operation *op : llvm::reverse(old))
      op->erase();
  }
};

} // namespace
