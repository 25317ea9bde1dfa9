// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Caches from the node that joins past and new rows to the products that read
// them. A mask may be computed in any way: what it is at every index and every
// position decides whether the attention is the causal one, with or without a window.

#include "compiler/import/onnx/past/PastImporter.h"

#include "compiler/import/onnx/NodeImporter.h"
#include "dialects/nn/NN.h"

#include "mlir/Analysis/Presburger/PresburgerRelation.h"

using namespace llvm;
using namespace mlir;
using namespace tercet;
using namespace tercet::onnx;

/// What is added to a score so that its weight is 0: softmax of f32 has no other
/// result for scores that are less by this much.
static constexpr double kHidden = -1e30;

static bool isPassedOn(StringRef op) { return op == "Identity" || op == "Dropout"; }

/// The past rows and behind them those that come in.
bool PastImporter::joinCache(Step &step, CacheView view) {
  const PastTensor &past = *step.past(0);
  Operand *rows = step.operand(1);
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  int64_t axis = evaluator.number("axis", 0);
  if (view.isWhole || step.inputs.size() != 2 || !rows || (axis != 2 && axis != -2) ||
      view.dims.size() != 4 || past.dims.size() != 4)
    return step.fail("expected the past in [batch, heads, past, size] and behind it new rows, "
                     "joined in dimension 2");
  if (rows->element != DataType::Float ||
      ArrayRef<int64_t>(rows->shape) !=
          ArrayRef<int64_t>{1, view.heads, entry.tokens, view.elements})
    return step.fail("expected new rows of float in " +
                     describe(ArrayRef<int64_t>{1, view.heads, entry.tokens, view.elements}) +
                     ", got " + describe(*rows));
  Operand turned = step.tensors.transpose(*rows, {0, 2, 1, 3});
  Value &cache = entry.caches[caches[view.cache]];
  cache = nn::CacheUpdateOp::create(b, step.tensors.loc, cache.getType(), entry.format,
                                    step.tensors.materialize(turned), entry.position, cache)
              .getResult();
  view.isWhole = true;
  view.tokens = {entry.tokens, 1};
  set(step.node, {DataType::Float, view.lengths(), {}, view, nullptr, {}});
  return true;
}

bool PastImporter::importCache(Step &step) {
  StringRef op = step.node.op;
  if (op == "MatMul")
    return multiply(step);
  if (!step.past(0) || !step.past(0)->cache) {
    // A number may come first in a product.
    bool isProduct = op == "Mul" && step.past(1) && step.past(1)->cache;
    if (!isProduct)
      return step.fail("uses keys or values of all tokens in another way than attention does");
    std::swap(step.inputs[0], step.inputs[1]);
  }
  CacheView view = *step.past(0)->cache;
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  std::vector<std::optional<Piecewise>> known;
  SmallVector<const Piecewise *> pointers{nullptr};
  for (unsigned i = 1; i < step.inputs.size(); ++i)
    known.push_back(functionOf(step, i));
  for (const std::optional<Piecewise> &one : known)
    pointers.push_back(one ? &*one : nullptr);
  evaluator.setInputs(pointers);
  auto done = [&](const CacheView &result) {
    set(step.node, {DataType::Float, result.lengths(), {}, result, nullptr, {}});
    return true;
  };
  int64_t rank = view.dims.size();
  if (isPassedOn(op) ||
      (op == "Cast" && evaluator.number("to", 0) == static_cast<int64_t>(DataType::Float)))
    return done(view);
  if (op == "Concat")
    return joinCache(step, view);
  if (op == "Transpose") {
    const NodeAttribute *perm = evaluator.attribute("perm");
    if (!perm || int64_t(perm->ints.size()) != rank)
      return step.fail("expected 'perm' of rank " + Twine(rank));
    CacheView result = view;
    for (auto [i, from] : llvm::enumerate(perm->ints)) {
      if (from < 0 || from >= rank)
        return step.fail("expected 'perm' of rank " + Twine(rank));
      result.dims[i] = view.dims[from];
    }
    return done(result);
  }
  if (op == "Unsqueeze") {
    auto axes = evaluator.numbers("axes", 1);
    if (!axes || axes->size() != 1)
      return step.fail("expected one known axis");
    int64_t axis = axes->front() + (axes->front() < 0 ? rank + 1 : 0);
    if (axis < 0 || axis > rank)
      return step.fail("expected an axis of rank " + Twine(rank));
    view.dims.insert(view.dims.begin() + axis, SmallVector<CacheView::Factor, 2>());
    return done(view);
  }
  std::optional<SmallVector<Length>> shape =
      pointers.size() > 1 && pointers[1] ? pointers[1]->lengths() : std::nullopt;
  if (op == "Reshape" && shape) {
    for (auto [i, length] : llvm::enumerate(*shape))
      if (length.is(0) && i < view.dims.size())
        length = view.lengths()[i];
    if (std::optional<CacheView> result = view.reshaped(*shape))
      return done(*result);
    return step.fail("regroups " + describe(view.lengths()) + " as " + describe(*shape) +
                     ", which is more than to repeat heads");
  }
  if (op == "Expand" && shape) {
    auto to = broadcastLengths({view.lengths(), *shape});
    if (!to || int64_t(to->size()) != rank)
      return step.fail("expands keys or values in another way than to repeat heads");
    for (auto [i, length] : llvm::enumerate(view.lengths())) {
      if (length == (*to)[i])
        continue;
      if (!(*to)[i].isKnown() || view.repeats != 1 || !view.dims[i].empty())
        return step.fail("expands keys or values in another way than to repeat heads");
      view.repeats = (*to)[i].constant;
      view.dims[i] = {CacheView::Repeat};
    }
    return done(view);
  }
  std::optional<Scalar> factor =
      pointers.size() == 2 && pointers[1] && pointers[1]->element == DataType::Float
          ? pointers[1]->constant()
          : std::nullopt;
  if ((op == "Mul" || op == "Div") && factor && pointers[1]->rank() <= rank) {
    view.scale = op == "Mul" ? view.scale * factor->d : view.scale / factor->d;
    return done(view);
  }
  return step.fail("uses keys or values of all tokens in another way than attention does");
}

static bool isOnly(ArrayRef<CacheView::Factor> factors, CacheView::Factor factor) {
  return factors.size() == 1 && factors[0] == factor;
}

/// Whether heads are those of the cache, each as often as its queries.
static bool matchHeads(const CacheView &view, int64_t heads, ArrayRef<CacheView::Factor> factors) {
  SmallVector<CacheView::Factor, 2> wanted;
  for (CacheView::Factor factor : {CacheView::Head, CacheView::Repeat})
    if (!view.lengthOf(factor).is(1))
      wanted.push_back(factor);
  SmallVector<CacheView::Factor, 2> got;
  for (CacheView::Factor factor : factors)
    if (!view.lengthOf(factor).is(1))
      got.push_back(factor);
  // One head is read by all queries.
  return wanted == got && (view.heads * view.repeats == heads || wanted.empty());
}

bool PastImporter::multiply(Step &step) {
  Operand *query = step.operand(0);
  if (!query || !step.past(1) || !step.past(1)->cache)
    return step.fail("expected a product of queries with keys of a cache");
  const CacheView &keys = *step.past(1)->cache;
  // With or without the dimension of the batch.
  int64_t rank = keys.dims.size(), lead = rank - 3;
  SmallVector<int64_t> wanted{1, keys.heads * keys.repeats, entry.tokens, keys.elements};
  bool isQuery = query->element == DataType::Float && query->rank() == rank && lead >= 0 &&
                 lead <= 1 && query->size() == query->shape[lead] * entry.tokens * keys.elements &&
                 query->shape[lead + 1] == entry.tokens && query->shape[lead + 2] == keys.elements;
  if (!isQuery)
    return step.fail("expected queries of float in " + describe(ArrayRef<int64_t>(wanted)) +
                     ", got " + describe(*query));
  int64_t heads = query->shape[lead];
  if (!keys.isWhole || (lead == 1 && !keys.dims[0].empty()) ||
      !isOnly(keys.dims[lead + 1], CacheView::Element) ||
      !isOnly(keys.dims[lead + 2], CacheView::Token) || !matchHeads(keys, heads, keys.dims[lead]))
    return step.fail("expected keys in [batch, heads, size, tokens], each head repeated for the "
                     "queries that follow one another, got " +
                     describe(keys.lengths()));
  Scores scores;
  scores.query = step.tensors.reshape(*query, {1, heads, entry.tokens, keys.elements});
  scores.dims = {{1, 0}, {heads, 0}, {entry.tokens, 0}, keys.tokens};
  scores.keys = keys.cache;
  scores.scale = keys.scale;
  scores.mask = Piecewise::splat(DataType::Float, {}, lastPosition, Scalar{0});
  SmallVector<Length> dims(ArrayRef<Length>(scores.dims).take_back(rank));
  set(step.node, {DataType::Float, dims, {}, {}, std::make_shared<Scores>(std::move(scores)), {}});
  return true;
}

bool PastImporter::addToMask(Step &step, Scores scores, const Piecewise &addend) {
  auto dims = broadcastLengths({scores.mask.dims, addend.dims});
  if (!dims || addend.element != DataType::Float)
    return step.fail("the mask does not broadcast to the scores");
  Piecewise left = *scores.mask.broadcast(*dims), right = *addend.broadcast(*dims);
  const Piecewise *both[] = {&left, &right};
  auto sum = combine(both, DataType::Float,
                     [&](ArrayRef<const Piecewise::Piece *> x, SmallVectorImpl<Case> &cases) {
                       cases.push_back({{}, {}, left.zero(), x[0]->real + x[1]->real});
                       return true;
                     });
  if (!sum)
    return step.fail("the mask has too many parts");
  scores.mask = std::move(*sum);
  SmallVector<Length> to = step.past(0)->dims;
  auto all = broadcastLengths({to, scores.mask.dims});
  if (!all || !(*all == to))
    return step.fail("expected a mask that broadcasts to scores in " + describe(to) + ", got " +
                     describe(addend.dims));
  set(step.node, {DataType::Float, to, {}, {}, std::make_shared<Scores>(std::move(scores)), {}});
  return true;
}

/// Where: scores, or a number where a mask hides them; `at` is where the scores stand.
bool PastImporter::hideScores(Step &step, unsigned at) {
  std::optional<Piecewise> condition = at == 0 ? std::nullopt : functionOf(step, 0);
  std::optional<Piecewise> other = at == 0 ? std::nullopt : functionOf(step, 3 - at);
  std::optional<Scalar> value = other ? other->constant() : std::nullopt;
  if (!condition || !isBool(condition->element) || !value || other->element != DataType::Float)
    return step.fail("expected scores, or a number where a mask hides them");
  std::swap(step.inputs[0], step.inputs[at]);
  Scores scores = *step.past(0)->scores;
  std::optional<Scalar> all = condition->constant();
  if (all && (all->i != 0) == (at == 1)) {
    PastTensor same = *step.past(0);
    set(step.node, same);
    return true;
  }
  if (scores.isSoftmax || !(value->d <= kHidden))
    return step.fail("expected hidden scores to become less than -1e30");
  const Piecewise *one[] = {&*condition};
  auto addend = combine(
      one, DataType::Float,
      [&](ArrayRef<const Piecewise::Piece *> x, SmallVectorImpl<Case> &cases) {
        if (!x[0]->isConstant())
          return false;
        bool isKept = (x[0]->constant() != 0) == (at == 1);
        cases.push_back(
            {{}, {}, condition->zero(), isKept ? 0 : -std::numeric_limits<double>::infinity()});
        return true;
      });
  return addend ? addToMask(step, scores, *addend) : step.fail("the mask is not known");
}

/// With or without the dimension of the batch.
bool PastImporter::reshapeScores(Step &step) {
  const PastTensor &tensor = *step.past(0);
  Scores scores = *tensor.scores;
  std::optional<Piecewise> list = functionOf(step, 1);
  std::optional<SmallVector<Length>> shape = list ? list->lengths() : std::nullopt;
  if (!shape || shape->size() < 3 || shape->size() > 4)
    return step.fail("expected scores in [batch, heads, rows, keys]");
  SmallVector<Length> to(ArrayRef<Length>(scores.dims).take_back(shape->size()));
  for (auto [got, wanted] : llvm::zip(*shape, to))
    if (!(got == wanted) && !got.is(-1))
      return step.fail("regroups scores as " + describe(*shape));
  if (llvm::count_if(*shape, [](const Length &length) { return length.is(-1); }) > 1)
    return step.fail("regroups scores as " + describe(*shape));
  if (scores.mask.dims.size() > to.size()) {
    SmallVector<Linear> at{Linear(to.size() + 2, 0)};
    for (size_t i = 0; i < to.size(); ++i) {
      at.push_back(Linear(to.size() + 2, 0));
      at.back()[i] = 1;
    }
    SmallVector<Length> dims(ArrayRef<Length>(scores.mask.dims).drop_front());
    scores.mask = scores.mask.substitute(dims, at);
  }
  set(step.node, {DataType::Float, to, {}, {}, std::make_shared<Scores>(std::move(scores)), {}});
  return true;
}

bool PastImporter::importScores(Step &step) {
  StringRef op = step.node.op;
  // Scores stand first from here on.
  unsigned at = 0;
  while (!step.past(at) || !step.past(at)->scores)
    ++at;
  if (op == "MatMul")
    return attend(step);
  if (op == "Where")
    return hideScores(step, at);
  if (at != 0 && op != "Add" && op != "Mul" && op != "Max")
    return step.fail("uses scores of attention in another way than attention does");
  std::swap(step.inputs[0], step.inputs[at]);
  const PastTensor &tensor = *step.past(0);
  Scores scores = *tensor.scores;
  auto done = [&] {
    set(step.node,
        {DataType::Float, tensor.dims, {}, {}, std::make_shared<Scores>(std::move(scores)), {}});
    return true;
  };
  Evaluator evaluator(step.node, step.opset, entry.tokens, lastPosition, limit);
  bool isCast = op == "Cast" && evaluator.number("to", 0) == static_cast<int64_t>(DataType::Float);
  if (isPassedOn(op) || isCast)
    return done();
  if (op == "Reshape" && at == 0)
    return reshapeScores(step);
  if (op == "IsNaN" && scores.isSoftmax) {
    // Each row has a key that it sees, its own; of finite scores no weight is NaN.
    setFunction(step.node, 0,
                Piecewise::splat(DataType::Bool, tensor.dims, lastPosition, Scalar{0}));
    return true;
  }
  if (scores.isSoftmax)
    return step.fail("uses weights of attention in another way than attention does");
  if (op == "Softmax") {
    int64_t axis = evaluator.number("axis", step.opset >= 13 ? -1 : 1);
    if (axis != -1 && axis + 1 != int64_t(tensor.dims.size()))
      return step.fail("expected a softmax over the keys, the last dimension");
    std::optional<int64_t> window;
    if (!checkMask(step, scores, window))
      return false;
    scores.isSoftmax = true;
    scores.window = window;
    return done();
  }
  std::optional<Piecewise> other =
      step.inputs.size() == 2 ? functionOf(step, 1) : std::optional<Piecewise>();
  if (op == "Add" && other)
    return addToMask(step, scores, *other);
  std::optional<Scalar> factor =
      other && other->element == DataType::Float ? other->constant() : std::nullopt;
  // What is hidden stays so, and nothing else is as low.
  if (op == "Max" && factor && factor->d <= kHidden)
    return done();
  if ((op == "Mul" || op == "Div") && factor && other->rank() <= 4) {
    std::optional<Scalar> none = scores.mask.constant();
    if (!none || none->d != 0)
      return step.fail("scales scores after the mask");
    scores.scale = op == "Mul" ? scores.scale * factor->d : scores.scale / factor->d;
    return done();
  }
  return step.fail(op == "Add" ? "expected a mask that is known but for the position"
                               : "uses scores of attention in another way than attention does");
}

/// Each row sees the keys up to its own, or of these a window.
bool PastImporter::checkMask(Step &step, const Scores &scores, std::optional<int64_t> &window) {
  using mlir::presburger::BoundType;
  using mlir::presburger::PresburgerSet;
  std::optional<Piecewise> mask = scores.mask.broadcast(scores.dims);
  if (!mask)
    return step.fail("the mask does not broadcast to the scores");
  // What a table of the model has no room for is no position of the program.
  Linear last = mask->zero();
  last[mask->positionColumn()] = -1;
  last.back() = std::min(lastPosition, limit - entry.tokens);
  // How many tokens a key is before a row's own: position + row - key.
  Linear before = mask->zero();
  before[2] = before[mask->positionColumn()] = 1;
  before[3] = -1;
  auto within = [&](const Piecewise::Region &region, int64_t low, std::optional<int64_t> high) {
    Piecewise::Region result = region;
    Linear form = before;
    form.back() -= low;
    result.addInequality(form);
    if (high) {
      for (int64_t &coefficient : form)
        coefficient = -coefficient;
      form.back() = *high;
      result.addInequality(form);
    }
    return result;
  };
  for (Piecewise::Piece &piece : mask->pieces) {
    piece.region.addInequality(last);
    bool isHidden = piece.real <= kHidden;
    if (!isHidden && piece.real != 0)
      return step.fail("expected a mask that adds 0 or less than -1e30, got " +
                       std::to_string(piece.real));
    Piecewise::Region later = within(piece.region, std::numeric_limits<int32_t>::min(), -1);
    if (!isHidden && !later.isIntegerEmpty())
      return step.fail("expected a mask that hides keys after a row's own; a model that is not "
                       "causal has no states");
    Piecewise::Region seen = within(piece.region, 0, std::nullopt);
    if (!isHidden || seen.isIntegerEmpty())
      continue;
    // Hidden from some distance on, which is a window.
    unsigned column = seen.appendVar(mlir::presburger::VarKind::SetDim);
    Linear distance = before;
    distance.insert(distance.end() - 1, -1);
    seen.addEquality(distance);
    std::optional<int64_t> least = seen.getConstantBound64(BoundType::LB, column);
    if (!least || *least < 1)
      return step.fail("expected a mask by which each row sees its own key");
    window = std::min(window.value_or(*least), *least);
  }
  Piecewise::Region possible = mask->domain();
  possible.addInequality(last);
  PresburgerSet uncovered(possible);
  for (const Piecewise::Piece &piece : mask->pieces)
    uncovered = uncovered.subtract(PresburgerSet(piece.region));
  if (!uncovered.isIntegerEmpty())
    return step.fail("the mask is not known for every key");
  for (const Piecewise::Piece &piece : mask->pieces)
    if (window && piece.real == 0 && !within(piece.region, *window, std::nullopt).isIntegerEmpty())
      return step.fail("expected a mask that hides all keys from a distance on, or none");
  return true;
}

bool PastImporter::attend(Step &step) {
  const PastTensor *weights = step.past(0), *read = step.past(1);
  if (!weights || !weights->scores || !weights->scores->isSoftmax || !read || !read->cache)
    return step.fail("expected a product of the weights of attention with values of a cache");
  const Scores &scores = *weights->scores;
  const CacheView &view = *read->cache;
  int64_t rank = view.dims.size(), lead = rank - 3;
  if (!view.isWhole || weights->dims.size() != view.dims.size() ||
      (lead == 1 && !view.dims[0].empty()) || !isOnly(view.dims[lead + 1], CacheView::Token) ||
      !isOnly(view.dims[lead + 2], CacheView::Element) ||
      !matchHeads(view, scores.query.shape[1], view.dims[lead]))
    return step.fail("expected values in [batch, heads, tokens, size], each head repeated for the "
                     "queries that follow one another, got " +
                     describe(view.lengths()));
  if (view.scale != 1)
    return step.fail("expected values as the cache has them, got multiples");
  Operand query = scores.query, turned = step.tensors.transpose(query, {0, 2, 1, 3});
  int64_t heads = query.shape[1];
  Value init = step.tensors.empty(DataType::Float, {1, entry.tokens, heads, view.elements});
  IntegerAttr seen;
  if (scores.window && *scores.window < entry.context)
    seen = b.getI64IntegerAttr(*scores.window);
  Value result =
      nn::CachedAttentionOp::create(
          b, step.tensors.loc, init.getType(), entry.format, step.tensors.materialize(turned),
          entry.caches[caches[scores.keys]], entry.caches[caches[view.cache]], Value(),
          entry.position, init, b.getF64FloatAttr(scores.scale), seen)
          .getResult();
  Operand rows = step.tensors.ofValue(result, DataType::Float);
  Operand byHead = step.tensors.transpose(rows, {0, 2, 1, 3});
  values[step.node.outputs[0]] =
      lead == 1 ? byHead : step.tensors.reshape(byHead, {heads, entry.tokens, view.elements});
  layers.push_back({scores.keys, view.cache});
  return true;
}
