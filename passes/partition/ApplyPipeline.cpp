// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adds entries that run several inferences at once. They are independent, so
// that one may be on one engine while the next is on another: overlap that a
// single pass through a chain of layers does not have. Placement, order and
// memory are then decided for all of them together.

#include "passes/partition/Passes.h"

#include "dialects/soc/Soc.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

namespace tercet::partition {
#define GEN_PASS_DEF_APPLYPIPELINEPASS
#include "passes/partition/Passes.h.inc"
} // namespace tercet::partition

using namespace mlir;
using namespace tercet;

namespace {

struct ApplyPipelinePass : partition::impl::ApplyPipelinePassBase<ApplyPipelinePass> {
  using ApplyPipelinePassBase::ApplyPipelinePassBase;

  void runOnOperation() override {
    if (count < 2)
      return;
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        functions.push_back(function);
    for (func::FuncOp function : functions)
      symbols.insert(addPipelined(function), std::next(Block::iterator(function)));
  }

  /// Arguments and results of one inference after those of the one before it.
  func::FuncOp addPipelined(func::FuncOp function) {
    OpBuilder builder(&getContext());
    SmallVector<Type> inputs, results;
    SmallVector<DictionaryAttr> inputAttrs, resultAttrs;
    FunctionType type = function.getFunctionType();
    for (unsigned copy = 0; copy < count; ++copy) {
      llvm::append_range(inputs, type.getInputs());
      llvm::append_range(results, type.getResults());
      for (unsigned i = 0; i < type.getNumInputs(); ++i)
        inputAttrs.push_back(renamed(function.getArgAttrDict(i), "input", i, copy));
      for (unsigned i = 0; i < type.getNumResults(); ++i)
        resultAttrs.push_back(renamed(function.getResultAttrDict(i), "output", i, copy));
    }
    auto pipelined = func::FuncOp::create(builder, function.getLoc(),
                                          (function.getSymName() + "_x" + Twine(count)).str(),
                                          builder.getFunctionType(inputs, results));
    pipelined.setAllArgAttrs(inputAttrs);
    pipelined.setAllResultAttrs(resultAttrs);
    Block *body = pipelined.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    SmallVector<Value> values;
    for (unsigned copy = 0; copy < count; ++copy) {
      IRMapping mapping;
      for (BlockArgument argument : function.getArguments())
        mapping.map(argument,
                    body->getArgument(copy * type.getNumInputs() + argument.getArgNumber()));
      for (Operation &op : function.getBody().front().without_terminator())
        builder.clone(op, mapping);
      for (Value value : function.getBody().front().getTerminator()->getOperands())
        values.push_back(mapping.lookupOrDefault(value));
    }
    func::ReturnOp::create(builder, function.getLoc(), values);
    return pipelined;
  }

  /// Attributes of an argument or result, its name with the inference's number.
  DictionaryAttr renamed(DictionaryAttr attrs, StringRef kind, unsigned index, unsigned copy) {
    NamedAttrList list(attrs);
    auto name = dyn_cast_or_null<StringAttr>(list.get("nn.name"));
    std::string text = name ? name.str() : (kind + Twine(index)).str();
    list.set("nn.name", StringAttr::get(&getContext(), text + "." + std::to_string(copy)));
    return list.getDictionary(&getContext());
  }
};

} // namespace
