// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes are told apart by the names in the operations' locations.

#include "compiler/tools/compare/ReferenceNodes.h"

#include "compiler/emit/SourceNames.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::compare;

ReferenceNodes::ReferenceNodes(func::FuncOp function) : function(function) {
  for (auto [place, op] : llvm::enumerate(function.getBody().front().without_terminator())) {
    SmallVector<StringRef> names = emit::getSourceNames(op.getLoc());
    for (StringRef name : names) {
      Node &node = nodes[name];
      node.place = place;
      for (Value result : op.getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) {
              return user->hasTrait<OpTrait::IsTerminator>() ||
                     !llvm::is_contained(emit::getSourceNames(user->getLoc()), name);
            }))
          node.results.push_back(result);
    }
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
  // Each result goes to the nodes that it belongs to.
  DenseMap<Operation *, SmallVector<Node *>> ofOp;
  for (auto &entry : nodes) {
    Node &node = entry.second;
    node.values.clear();
    if (wanted.contains(entry.first()))
      for (Value result : node.results)
        if (SmallVector<Node *> &list = ofOp[result.getDefiningOp()];
            !llvm::is_contained(list, &node))
          list.push_back(&node);
  }
  Evaluator evaluator(function->getParentOfType<ModuleOp>(), weights);
  return evaluator.run(function, inputs, [&](Operation *op, ArrayRef<Tensor> results) {
    auto found = ofOp.find(op);
    if (found == ofOp.end())
      return;
    for (Node *node : found->second)
      for (auto [result, tensor] : llvm::zip_equal(op->getResults(), results))
        if (llvm::is_contained(node->results, result))
          node->values.push_back(tensor);
  });
}

ArrayRef<Tensor> ReferenceNodes::getValues(StringRef node) const {
  auto found = nodes.find(node);
  return found == nodes.end() ? ArrayRef<Tensor>() : ArrayRef<Tensor>(found->second.values);
}
