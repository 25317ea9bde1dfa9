// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of operators, gathered from the files that translate them.

#include "compiler/import/onnx/OperatorTable.h"

#include "compiler/import/Import.h"

using namespace llvm;
using namespace tercet::onnx;

ArrayRef<Operator> tercet::onnx::allOperators() {
  static const std::vector<Operator> table = [] {
    std::vector<Operator> all;
    for (ArrayRef<Operator> part :
         {unaryOperators(), binaryOperators(), shapeOperators(), indexOperators(),
          generatorOperators(), reductionOperators(), productOperators(), normalizationOperators(),
          convolutionOperators(), quantizationOperators(), groupedProductOperators(),
          positionOperators(), attentionOperators()})
      all.insert(all.end(), part.begin(), part.end());
    llvm::sort(all, [](const Operator &a, const Operator &b) {
      return std::tie(a.domain, a.name) < std::tie(b.domain, b.name);
    });
    return all;
  }();
  return table;
}

const Operator *tercet::onnx::findOperator(StringRef domain, StringRef name) {
  if (domain == "ai.onnx")
    domain = "";
  ArrayRef<Operator> all = allOperators();
  const Operator *found =
      llvm::lower_bound(all, std::tie(domain, name),
                        [](const Operator &a, const std::tuple<StringRef &, StringRef &> &key) {
                          return std::tie(a.domain, a.name) < key;
                        });
  return found != all.end() && found->domain == domain && found->name == name ? found : nullptr;
}

void tercet::printSupportedOnnxOperators(raw_ostream &os) {
  os << "# ONNX operators\n\n"
     << "What the importer accepts, written by `tercet-import "
        "--supported-operators` from the\n"
     << "table that the import itself uses. Operator sets " << kOldestOpset << " to "
     << kNewestOpset << " of the default domain are understood;\n"
     << "each operator has the meaning of the model's operator set. Whatever "
        "is not here, and\n"
     << "every form that the notes exclude, is refused with a reason and never "
        "approximated.\n\n"
     << "| Operator | Domain | Operator sets | Notes |\n|---|---|---|---|\n";
  for (const Operator &op : allOperators()) {
    os << "| " << op.name << " | " << (op.domain.empty() ? "ai.onnx" : op.domain) << " | ";
    if (op.domain.empty())
      os << std::max(op.since, kOldestOpset) << "-" << kNewestOpset;
    else
      os << op.since;
    os << " | " << op.notes << " |\n";
  }
}
