// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One loop is chosen to run along the lanes of the body's program; parallel
// loops go around, reduction loops inside, so that accumulators stay in
// registers. Adjacent loops that every access strides through evenly are merged.

#include "compiler/reference/LinalgLoops.h"

#include "compiler/reference/SourceError.h"
#include "compiler/weights/StridedCopy.h"

#include "mlir/IR/AffineMap.h"

using namespace mlir;
using namespace tercet;

std::optional<SmallVector<int64_t>> tercet::getLinearCoefficients(AffineExpr expr,
                                                                  unsigned numDims) {
  SmallVector<int64_t> result(numDims + 1, 0);
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    result[dim.getPosition()] = 1;
    return result;
  }
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    result[numDims] = value.getValue();
    return result;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || (expr.getKind() != AffineExprKind::Add && expr.getKind() != AffineExprKind::Mul))
    return std::nullopt;
  std::optional<SmallVector<int64_t>> lhs = getLinearCoefficients(binary.getLHS(), numDims);
  std::optional<SmallVector<int64_t>> rhs = getLinearCoefficients(binary.getRHS(), numDims);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add) {
    for (unsigned dim = 0; dim <= numDims; ++dim)
      result[dim] = (*lhs)[dim] + (*rhs)[dim];
    return result;
  }
  // A product is linear if one side is constant.
  auto isConstant = [&](ArrayRef<int64_t> side) {
    return llvm::all_of(side.take_front(numDims), [](int64_t c) { return c == 0; });
  };
  if (!isConstant(*rhs))
    std::swap(lhs, rhs);
  if (!isConstant(*rhs))
    return std::nullopt;
  for (unsigned dim = 0; dim <= numDims; ++dim)
    result[dim] = (*lhs)[dim] * (*rhs)[numDims];
  return result;
}

namespace {

/// How an operand is addressed: element offset + sum of index * stride; or, if
/// its map is not linear, through the map.
struct Access {
  ElementKind kind;
  unsigned elementBytes;
  unsigned argument; // The block argument, and so the register, that it feeds.
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  AffineMap map; // Set only if not linear.
  SmallVector<int64_t> tensorStrides, tensorShape;
  const char *data = nullptr;
  char *output = nullptr;

  static Access create(AffineMap map, const Tensor &tensor, unsigned argument) {
    Access access;
    access.kind = tensor.getKind();
    access.elementBytes = tensor.getElementBytes();
    access.argument = argument;
    access.strides.assign(map.getNumDims(), 0);
    access.tensorShape.assign(tensor.getShape().begin(), tensor.getShape().end());
    access.tensorStrides = getRowMajorStrides(tensor.getShape());
    access.data = tensor.data();
    for (auto [expr, stride] : llvm::zip_equal(map.getResults(), access.tensorStrides)) {
      auto linear = getLinearCoefficients(expr, map.getNumDims());
      if (!linear) {
        access.map = map;
        break;
      }
      for (unsigned dim = 0; dim < map.getNumDims(); ++dim)
        access.strides[dim] += (*linear)[dim] * stride;
      access.offset += linear->back() * stride;
    }
    return access;
  }

  int64_t at(ArrayRef<int64_t> index) const {
    int64_t result = offset;
    for (auto [i, stride] : llvm::zip_equal(index, strides))
      result += i * stride;
    return result;
  }
};

int64_t evaluateExpr(AffineExpr expr, ArrayRef<int64_t> dims) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return value.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluateExpr(binary.getLHS(), dims), rhs = evaluateExpr(binary.getRHS(), dims);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(lhs, rhs);
  default:
    return llvm::mod(lhs, rhs);
  }
}

class LoopNest {
public:
  LoopNest(Operation *op, const Program &program, Lookup lookup)
      : op(op), program(program), frame(program, lookup) {}

  SmallVector<int64_t> sizes;
  SmallVector<bool> isReduction;
  SmallVector<Access> inputs, outputs;
  /// Registers to be filled with the index of a loop.
  SmallVector<std::pair<uint16_t, unsigned>> indices;

  llvm::Error run();

private:
  void mergeLoops();
  void chooseLanes();
  llvm::Error load(const Access &access, ArrayRef<int64_t> index, int n);
  llvm::Error runBody(ArrayRef<int64_t> index, int n);
  llvm::Error runReductions(SmallVector<int64_t> &index, int n);
  void foldLanes(int n);
  void loadAccumulators(ArrayRef<int64_t> index, int n);
  void storeResults(ArrayRef<int64_t> index, int n);
  /// The next index over the given loops; false after the last.
  bool advance(SmallVector<int64_t> &index, ArrayRef<unsigned> loops) {
    for (unsigned loop : llvm::reverse(loops)) {
      if (++index[loop] < sizes[loop])
        return true;
      index[loop] = 0;
    }
    return false;
  }
  int64_t laneStride(const Access &access) const { return lane < 0 ? 0 : access.strides[lane]; }

  Operation *op;
  const Program &program;
  Frame frame;
  bool folds() const { return !program.folds.empty(); }
  bool reduces = false;
  int lane = -1; // The loop along the lanes, or none.
  SmallVector<unsigned> parallelLoops, reductionLoops;
  std::vector<Lanes> accumulators;
};

void LoopNest::mergeLoops() {
  if (!indices.empty() || llvm::any_of(inputs, [](const Access &a) { return bool(a.map); }))
    return;
  for (size_t loop = sizes.size(); loop-- > 1;) {
    size_t outer = loop - 1;
    auto isEven = [&](const Access &access) {
      return access.strides[outer] == access.strides[loop] * sizes[loop];
    };
    bool merge = sizes[outer] == 1 ||
                 (sizes[loop] == 1 && isReduction[outer] == isReduction[loop]) ||
                 (isReduction[outer] == isReduction[loop] && llvm::all_of(inputs, isEven) &&
                  llvm::all_of(outputs, isEven));
    if (!merge)
      continue;
    // A loop of one iteration goes; otherwise the inner stride stays.
    size_t gone = sizes[loop] == 1 && sizes[outer] != 1 ? loop : outer;
    sizes[gone == loop ? outer : loop] = sizes[outer] * sizes[loop];
    sizes.erase(sizes.begin() + gone);
    isReduction.erase(isReduction.begin() + gone);
    for (SmallVector<Access> *accesses : {&inputs, &outputs})
      for (Access &access : *accesses)
        access.strides.erase(access.strides.begin() + gone);
  }
}

void LoopNest::chooseLanes() {
  // The estimated cost of an element, for each loop that may run along the lanes.
  int64_t best = 0;
  for (size_t loop = 0; loop < sizes.size(); ++loop) {
    if (isReduction[loop] && !folds())
      continue;
    int64_t lanes = std::min<int64_t>(sizes[loop], kLanes);
    int64_t cost = 100 * (program.code.size() + 1);
    for (const SmallVector<Access> *accesses : {&inputs, &outputs})
      for (const Access &access : *accesses)
        cost += access.strides[loop] == 0 ? 30 : access.strides[loop] == 1 ? 50 : 300;
    // What a chunk costs however short it is.
    cost += (4000 + 1000 * (program.code.size() + inputs.size())) / lanes;
    if (lane < 0 || cost < best) {
      best = cost;
      lane = loop;
    }
  }
  for (size_t loop = 0; loop < sizes.size(); ++loop)
    if (int(loop) != lane)
      (isReduction[loop] ? reductionLoops : parallelLoops).push_back(loop);
}

llvm::Error LoopNest::load(const Access &access, ArrayRef<int64_t> index, int n) {
  Lanes &lanes = frame[access.argument];
  if (!access.map) {
    loadLanes(access.kind, access.data + access.at(index) * int64_t(access.elementBytes),
              laneStride(access), n, lanes);
    return llvm::Error::success();
  }
  SmallVector<int64_t> position(index);
  Lanes one;
  for (int i = 0; i < n; ++i) {
    if (lane >= 0)
      position[lane] = index[lane] + i;
    int64_t offset = 0;
    for (auto [expr, stride, size] :
         llvm::zip_equal(access.map.getResults(), access.tensorStrides, access.tensorShape)) {
      int64_t at = evaluateExpr(expr, position);
      if (at < 0 || at >= size)
        return errorAt(op, "an indexing map leaves operand ", access.argument);
      offset += at * stride;
    }
    loadLanes(access.kind, access.data + offset * int64_t(access.elementBytes), 1, 1, one);
    copyLane(access.kind, one, lanes, i);
  }
  return llvm::Error::success();
}

llvm::Error LoopNest::runBody(ArrayRef<int64_t> index, int n) {
  for (const Access &input : inputs)
    if (llvm::Error error = load(input, index, n))
      return error;
  for (auto [reg, loop] : indices)
    for (int i = 0; i < n; ++i)
      frame[reg].i64[i] = index[loop] + (int(loop) == lane ? i : 0);
  return frame.run(n);
}

void LoopNest::foldLanes(int n) {
  bool alongLanes = lane >= 0 && isReduction[lane];
  for (auto [fold, accumulator] : llvm::zip_equal(program.folds, accumulators)) {
    Lanes &term = frame[fold.term];
    if (!alongLanes) {
      Frame::execute(fold.combine, accumulator, accumulator, term, term, n);
      continue;
    }
    // Halve until one is left: the upper half, copied down, joins the lower.
    Lanes upper;
    int count = n;
    while (count > 1) {
      int half = count / 2, rest = count - half;
      std::memcpy(upper.i64, term.i64 + rest, half * sizeof(int64_t));
      Frame::execute(fold.combine, term, term, upper, upper, half);
      count = rest;
    }
    Frame::execute(fold.combine, accumulator, accumulator, term, term, 1);
  }
}

void LoopNest::loadAccumulators(ArrayRef<int64_t> index, int n) {
  for (auto [output, i] : llvm::zip_equal(outputs, llvm::seq<size_t>(outputs.size()))) {
    const char *data = output.output + output.at(index) * int64_t(output.elementBytes);
    Lanes &lanes = folds() ? accumulators[i] : frame[output.argument];
    loadLanes(output.kind, data, laneStride(output), n, lanes);
    if (folds() && isFloatKind(output.kind) && output.kind != ElementKind::F64) {
      Lanes narrow = lanes;
      for (int j = 0; j < n; ++j)
        lanes.f64[j] = double(narrow.f32[j]);
    }
  }
}

void LoopNest::storeResults(ArrayRef<int64_t> index, int n) {
  for (auto [output, i] : llvm::zip_equal(outputs, llvm::seq<size_t>(outputs.size()))) {
    char *data = output.output + output.at(index) * int64_t(output.elementBytes);
    if (!folds()) {
      Lanes &lanes = reduces ? frame[output.argument] : frame[program.results[i]];
      storeLanes(output.kind, lanes, data, laneStride(output), n);
      continue;
    }
    const Lanes &lanes = accumulators[i];
    bool isSmall = output.kind == ElementKind::F16 || output.kind == ElementKind::BF16;
    if (!isSmall && output.kind != ElementKind::F32) {
      storeLanes(output.kind, lanes, data, laneStride(output), n);
      continue;
    }
    Lanes narrow;
    for (int j = 0; j < n; ++j)
      narrow.f32[j] = isSmall ? toFloatOdd(lanes.f64[j]) : float(lanes.f64[j]);
    storeLanes(output.kind, narrow, data, laneStride(output), n);
  }
}

llvm::Error LoopNest::runReductions(SmallVector<int64_t> &index, int n) {
  bool alongLanes = lane >= 0 && isReduction[lane];
  do {
    int64_t extent = alongLanes ? sizes[lane] : 1;
    for (int64_t start = 0; start < extent; start += kLanes) {
      if (alongLanes) {
        index[lane] = start;
        n = std::min<int64_t>(kLanes, extent - start);
      }
      if (llvm::Error error = runBody(index, n))
        return error;
      if (folds()) {
        foldLanes(n);
        continue;
      }
      // The results are the next iteration's accumulators. One result may be
      // another one's argument, so all are read before any is written.
      std::vector<Lanes> next;
      for (uint16_t result : program.results)
        next.push_back(frame[result]);
      for (auto [output, lanes] : llvm::zip_equal(outputs, next))
        frame[output.argument] = lanes;
    }
    if (alongLanes)
      index[lane] = 0;
  } while (advance(index, reductionLoops));
  return llvm::Error::success();
}

llvm::Error LoopNest::run() {
  if (llvm::is_contained(sizes, 0))
    return llvm::Error::success();
  // Before merging, which may drop a reduction of one iteration.
  reduces = llvm::is_contained(isReduction, true);
  mergeLoops();
  chooseLanes();
  for (const Access &output : outputs) {
    bool isSafe = !output.map;
    for (size_t loop = 0; loop < sizes.size() && isSafe; ++loop)
      isSafe = !isReduction[loop] || sizes[loop] == 1 || output.strides[loop] == 0;
    if (!isSafe)
      return errorAt(op, "expected a result that is indexed by parallel loops alone");
  }
  accumulators.resize(program.folds.size());
  SmallVector<int64_t> index(sizes.size(), 0);
  bool lanesAreParallel = lane >= 0 && !isReduction[lane];
  do {
    int64_t extent = lanesAreParallel ? sizes[lane] : 1;
    for (int64_t start = 0; start < extent; start += kLanes) {
      int n = 1;
      if (lanesAreParallel) {
        index[lane] = start;
        n = std::min<int64_t>(kLanes, extent - start);
      }
      if (reduces)
        loadAccumulators(index, n);
      if (llvm::Error error = reduces ? runReductions(index, n) : runBody(index, n))
        return error;
      storeResults(index, n);
    }
    if (lanesAreParallel)
      index[lane] = 0;
  } while (advance(index, parallelLoops));
  return llvm::Error::success();
}

} // namespace

llvm::Expected<SmallVector<Tensor>>
tercet::evaluateLinalg(linalg::LinalgOp op, MutableArrayRef<Tensor> operands, Lookup lookup) {
  Operation *operation = op.getOperation();
  unsigned numInputs = op.getNumDpsInputs();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Block &body = operation->getRegion(0).front();
  if (op.hasDynamicShape())
    return errorAt(operation, "expected static shapes");
  if (maps.size() != operands.size() || body.getNumArguments() != operands.size())
    return errorAt(operation, "expected an indexing map and a scalar for every operand");
  if (std::optional<Tensor> result = evaluateContraction(op, operands))
    return SmallVector<Tensor>{std::move(*result)};

  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  bool reduces = llvm::is_contained(iterators, utils::IteratorType::reduction);
  llvm::Expected<Program> program =
      Program::compile(body, reduces ? std::optional<unsigned>(numInputs) : std::nullopt);
  if (!program)
    return program.takeError();

  LoopNest nest(operation, *program, lookup);
  nest.sizes = op.getStaticLoopRanges();
  for (utils::IteratorType iterator : iterators)
    nest.isReduction.push_back(iterator == utils::IteratorType::reduction);
  nest.indices = program->indices;
  SmallVector<Tensor> results;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (i < numInputs) {
      if (!body.getArgument(i).use_empty())
        nest.inputs.push_back(Access::create(maps[i], operand, i));
      continue;
    }
    // An elementwise body may read its destination.
    bool reads = !body.getArgument(i).use_empty();
    results.push_back(std::move(operand));
    char *data = results.back().mutableData();
    nest.outputs.push_back(Access::create(maps[i], results.back(), i));
    nest.outputs.back().output = data;
    if (reads && !reduces)
      nest.inputs.push_back(nest.outputs.back());
  }
  if (llvm::Error error = nest.run())
    return error;
  return results;
}

llvm::Expected<SmallVector<Tensor>> tercet::evaluateElementwise(Operation *op,
                                                                ArrayRef<Tensor> operands) {
  llvm::Expected<Program> program = Program::compile(op);
  if (!program)
    return program.takeError();
  SmallVector<Tensor> results;
  for (Type type : op->getResultTypes()) {
    RankedTensorType holder = getHolderType(type);
    if (!holder || !holder.hasStaticShape() || !Tensor::isSupported(holder.getElementType()))
      return errorAt(op, "the reference evaluator cannot hold ", type);
    results.push_back(Tensor::allocate(holder));
  }
  auto none = [](Value) -> const Tensor & { llvm_unreachable("nothing is captured"); };
  LoopNest nest(op, *program, none);
  int64_t count = results.empty() ? 0 : results[0].getNumElements();
  nest.sizes = {count};
  nest.isReduction = {false};
  AffineMap identity = AffineMap::getMultiDimIdentityMap(1, op->getContext());
  auto flat = [](const Tensor &tensor) {
    return tensor.withType(
        RankedTensorType::get(tensor.getNumElements(), tensor.getType().getElementType()));
  };
  for (auto [i, operand] : llvm::enumerate(operands)) {
    AffineMap map = identity;
    if (operand.getNumElements() != count) // The scalar condition of a select.
      map = AffineMap::get(1, 0, getAffineConstantExpr(0, op->getContext()));
    nest.inputs.push_back(Access::create(map, flat(operand), i));
  }
  for (auto [i, result] : llvm::enumerate(results)) {
    char *data = result.mutableData();
    nest.outputs.push_back(Access::create(identity, flat(result), 0));
    nest.outputs.back().output = data;
  }
  if (llvm::Error error = nest.run())
    return error;
  return results;
}

llvm::Expected<Tensor> tercet::evaluateGenerate(Operation *op, Block &body, RankedTensorType type,
                                                Lookup lookup) {
  llvm::Expected<Program> program = Program::compile(body);
  if (!program)
    return program.takeError();
  Tensor result = Tensor::allocate(type);
  char *data = result.mutableData();
  LoopNest nest(op, *program, lookup);
  nest.sizes.assign(type.getShape().begin(), type.getShape().end());
  nest.isReduction.assign(type.getRank(), false);
  for (unsigned dim = 0; dim < type.getRank(); ++dim)
    if (!body.getArgument(dim).use_empty())
      nest.indices.emplace_back(dim, dim);
  AffineMap identity = AffineMap::getMultiDimIdentityMap(type.getRank(), op->getContext());
  nest.outputs.push_back(Access::create(identity, result, 0));
  nest.outputs.back().output = data;
  if (llvm::Error error = nest.run())
    return error;
  return result;
}
