// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes are told apart by the names in the operations' locations.

#include "compiler/tools/compare/ReferenceNodes.h"

#include "dialects/soc/SourceNames.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::compare;

/// Whether an operation of another node, or the function's result, reads the value.
static bool isReadOutside(Value value, StringRef node) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return user->hasTrait<OpTrait::IsTerminator>() ||
           !llvm::is_contained(soc::getSourceNames(user->getLoc()), node);
  });
}

ReferenceNodes::ReferenceNodes(func::FuncOp function) : function(function) {
  for (auto [place, op] : llvm::enumerate(function.getBody().front().without_terminator()))
    for (StringRef name : soc::getSourceNames(op.getLoc())) {
      nodes[name].place = place;
      nodes[name].ops.push_back(&op);
    }
}

StringRef ReferenceNodes::findLast(StringRef joined) const {
  auto last = nodes.end();
  // A name may hold the separator itself.
  if (auto whole = nodes.find(joined); whole != nodes.end())
    return whole->first();
  SmallVector<StringRef> names;
  joined.split(names, " + ");
  for (StringRef name : names) {
    auto node = nodes.find(name);
    if (node != nodes.end() && (last == nodes.end() || node->second.place > last->second.place))
      last = node;
  }
  return last == nodes.end() ? StringRef() : last->first();
}

llvm::Expected<Evaluator::Results> ReferenceNodes::run(WeightReader &weights,
                                                       ArrayRef<Tensor> inputs,
                                                       const llvm::StringMap<bool> &wanted) {
  DenseMap<Operation *, SmallVector<llvm::StringMapEntry<Node> *>> ofOp;
  for (auto &entry : nodes) {
    entry.second.values.clear();
    if (wanted.contains(entry.first()))
      for (Operation *op : entry.second.ops)
        ofOp[op].push_back(&entry);
  }
  Evaluator evaluator(function->getParentOfType<ModuleOp>(), weights);
  return evaluator.run(function, inputs, [&](Operation *op, ArrayRef<Tensor> results) {
    auto found = ofOp.find(op);
    if (found == ofOp.end())
      return;
    for (llvm::StringMapEntry<Node> *node : found->second)
      for (auto [result, tensor] : llvm::zip_equal(op->getResults(), results))
        node->second.values.push_back({tensor, !isReadOutside(result, node->first())});
  });
}

ArrayRef<ReferenceNodes::Result> ReferenceNodes::getValues(StringRef node) const {
  auto found = nodes.find(node);
  return found == nodes.end() ? ArrayRef<Result>() : ArrayRef<Result>(found->second.values);
}
