// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantises weights alone: what a product or a gather reads becomes the blocks,
// or the halves, that its floats are rounded to, and what those decode to. The computation stays
// what it is; that blocks are read as they are is another pass's business.

#include "passes/graph/Passes.h"

#include "dialects/nn/GroupFormats.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/SourceNames.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/GlobPattern.h"

namespace tercet::graph {
#define GEN_PASS_DEF_ENCODEWEIGHTSPASS
#include "passes/graph/Passes.h.inc"
} // namespace tercet::graph

using namespace mlir;
using namespace tercet;

namespace {

/// `[PATTERN=]SCHEME`; a scheme never holds '=', names of nodes may.
struct Entry {
  std::string text;
  std::optional<llvm::GlobPattern> nodes;
  StringRef scheme;
  bool isUsed = false;
};

/// Weights are halves.
constexpr llvm::StringLiteral kHalves = "f16";

/// The format that a scheme stands for; empty for f32, kHalves, none for unknown
/// ones.
std::optional<StringRef> formatOfScheme(StringRef scheme) {
  return llvm::StringSwitch<std::optional<StringRef>>(scheme)
      .Case(kHalves, StringRef(kHalves))
      .Case("w8", StringRef("q8_0"))
      .Case("w4g32", StringRef("q4_0"))
      .Case("w4g128", StringRef("w4g128"))
      .Case("w2g64", StringRef("w2g64"))
      .Case("mxfp4", StringRef("mxfp4"))
      .Case("f32", StringRef())
      .Default(std::nullopt);
}

RankedTensorType typeOf(TypedAttr recipe) { return cast<RankedTensorType>(recipe.getType()); }

TypedAttr transposed(TypedAttr recipe) {
  auto inner = dyn_cast<nn::TransposeAttr>(recipe);
  if (inner && inner.getPerm() == ArrayRef<int64_t>{1, 0})
    return inner.getSource();
  RankedTensorType type = typeOf(recipe);
  auto turned =
      RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return nn::TransposeAttr::get(recipe.getContext(), recipe, {1, 0}, turned);
}

struct EncodeWeightsPass : graph::impl::EncodeWeightsPassBase<EncodeWeightsPass> {
  using EncodeWeightsPassBase::EncodeWeightsPassBase;

  void runOnOperation() override {
    std::vector<Entry> parsed;
    if (failed(parse(parsed)))
      return signalPassFailure();
    SymbolTable table(getOperation());
    symbols = &table;
    made.clear();
    encodedRows.clear();
    SmallVector<Operation *> gathers;
    bool ok = true;
    getOperation().walk([&](Operation *op) {
      if (auto matmul = dyn_cast<linalg::MatmulOp>(op); matmul && !matmul.hasUserDefinedMaps())
        ok &= succeeded(encode(op, op->getOpOperand(1), /*isTransposed=*/true, parsed));
      else if (auto gather = dyn_cast<nn::GatherOp>(op); gather && gather.getAxis() == 0)
        gathers.push_back(op);
    });
    // After the products, whose weights a gather may share.
    for (Operation *op : gathers)
      ok &= succeeded(encode(op, op->getOpOperand(0), /*isTransposed=*/false, parsed));
    for (const Entry &entry : parsed)
      if (!entry.isUsed) {
        emitError(UnknownLoc::get(&getContext()))
            << "'" << entry.text << "' of --quantize matches no product or gather with a constant "
            << "matrix; names are those of the model's nodes, and * stands for any part of one";
        ok = false;
      }
    if (!ok)
      signalPassFailure();
  }

private:
  LogicalResult parse(std::vector<Entry> &parsed) {
    for (const std::string &text : entries) {
      Entry entry;
      entry.text = text;
      StringRef whole(text);
      size_t at = whole.rfind('=');
      entry.scheme = at == StringRef::npos ? whole : whole.drop_front(at + 1);
      if (!formatOfScheme(entry.scheme))
        return getOperation().emitError() << "expected a scheme of f16, w8, w4g32, w4g128, w2g64, "
                                             "mxfp4 or f32 in '"
                                          << text << "'";
      if (at != StringRef::npos) {
        llvm::Expected<llvm::GlobPattern> glob =
            llvm::GlobPattern::create(whole.take_front(at), /*MaxSubPatterns=*/64);
        if (!glob)
          return getOperation().emitError()
                 << "'" << whole.take_front(at)
                 << "' is no pattern: " << llvm::toString(glob.takeError());
        entry.nodes = std::move(*glob);
      }
      // The scheme refers to the text of the option, which outlives the run.
      parsed.push_back(std::move(entry));
    }
    return success();
  }

  /// The last entry that names the operation or its weight, or all of them.
  Entry *lookup(Operation *op, nn::WeightOp weight, std::vector<Entry> &parsed) {
    SmallVector<StringRef> names = soc::getSourceNames(op->getLoc());
    names.push_back(weight.getSymName());
    Entry *found = nullptr;
    for (Entry &entry : parsed) {
      bool matches = !entry.nodes ||
                     llvm::any_of(names, [&](StringRef name) { return entry.nodes->match(name); });
      if (!matches)
        continue;
      entry.isUsed = true;
      found = &entry;
    }
    return found;
  }

  LogicalResult encode(Operation *op, OpOperand &operand, bool isTransposed,
                       std::vector<Entry> &parsed) {
    auto get = operand.get().getDefiningOp<nn::GetWeightOp>();
    auto weight = get ? symbols->lookup<nn::WeightOp>(get.getWeight()) : nn::WeightOp();
    if (!weight || weight.getType().getRank() != 2 || !weight.getType().getElementType().isF32())
      return success();
    Entry *entry = lookup(op, weight, parsed);
    if (!entry)
      return success();
    auto recipe = cast<TypedAttr>(weight.getRecipe());
    TypedAttr rows = isTransposed ? transposed(recipe) : recipe;
    StringRef name = *formatOfScheme(entry->scheme);
    if (name.empty()) {
      replace(operand, weight, recipe, /*floatActivations=*/isTransposed);
      return success();
    }
    if (name == kHalves)
      return encodeHalves(operand, weight, rows, isTransposed,
                          /*isNamed=*/entry->nodes.has_value());
    nn::GroupsAttr format = nn::groupFormat(&getContext(), name);
    int64_t depth = typeOf(rows).getDimSize(1);
    if (depth % format.getBlock() != 0) {
      if (!entry->nodes)
        return success();
      return op->emitError() << "'" << entry->text << "' of --quantize cannot be honoured: rows of "
                             << depth << " elements are no whole groups of " << format.getBlock()
                             << "; give the node a scheme with shorter groups, or f32";
    }
    auto blocks = RankedTensorType::get(
        {typeOf(rows).getDimSize(0), format.getBlocks(depth), format.getBytes()},
        IntegerType::get(&getContext(), 8));
    TypedAttr encoded = nn::EncodeAttr::get(&getContext(), rows, format, blocks);
    // A table is only quantised for itself where that is asked for by name.
    if (isTransposed)
      encodedRows.insert(encoded);
    else if (!entry->nodes && !encodedRows.contains(encoded))
      return success();
    TypedAttr decoded = nn::DecodeAttr::get(&getContext(), encoded, format, typeOf(rows));
    if (isTransposed)
      decoded = nn::TransposeAttr::get(&getContext(), decoded, {1, 0}, weight.getType());
    replace(operand, weight, decoded, /*floatActivations=*/false);
    ++encodedWeights;
    return success();
  }

  LogicalResult encodeHalves(OpOperand &operand, nn::WeightOp weight, TypedAttr rows,
                             bool isTransposed, bool isNamed) {
    RankedTensorType type = typeOf(rows);
    TypedAttr halves =
        nn::CastAttr::get(&getContext(), rows,
                          RankedTensorType::get(type.getShape(), Float16Type::get(&getContext())));
    if (isTransposed)
      encodedRows.insert(halves);
    else if (!isNamed && !encodedRows.contains(halves))
      return success();
    TypedAttr decoded = nn::CastAttr::get(&getContext(), halves, type);
    if (isTransposed)
      decoded = nn::TransposeAttr::get(&getContext(), decoded, {1, 0}, weight.getType());
    replace(operand, weight, decoded, /*floatActivations=*/false);
    ++encodedWeights;
    return success();
  }

  /// The operand becomes a weight of its own with this recipe.
  void replace(OpOperand &operand, nn::WeightOp weight, TypedAttr recipe, bool floatActivations) {
    nn::WeightOp &own = made[{recipe, unsigned(floatActivations)}];
    if (!own) {
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfter(weight);
      own = nn::WeightOp::create(builder, weight.getLoc(), weight.getSymName(), recipe,
                                 floatActivations);
      symbols->insert(own, Block::iterator(own));
    }
    OpBuilder builder(operand.getOwner());
    operand.set(
        nn::GetWeightOp::create(builder, operand.get().getLoc(), own.getType(), own.getSymName()));
  }

  SymbolTable *symbols = nullptr;
  DenseMap<std::pair<Attribute, unsigned>, nn::WeightOp> made;
  llvm::SmallDenseSet<Attribute> encodedRows;
};

} // namespace
