// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of 16-bit floats on tensor cores, with sums in f32. A workgroup has a
// block of the tile, each of its warps a part of that in registers. Both operands
// go through workgroup memory in stages of 64 or 32 terms: while warps multiply
// what is in one, the copies of those behind it are under way, and fragments of
// the next step are loaded while the one before is multiplied. Complete sums go
// through workgroup memory once more, so that what follows from them is computed
// and stored four neighbours at a time.
//
// Products of f32 are not taken: tensor cores would round their operands.

#include "passes/codegen/gpu/Emitters.h"

#include "passes/codegen/LoopBuilder.h"
#include "passes/codegen/gpu/ProductEpilogue.h"
#include "passes/codegen/gpu/TensorOperand.h"
#include "passes/codegen/gpu/VectorAccess.h"
#include "passes/codegen/gpu/WorkgroupReduce.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tercet::codegen;

namespace {

constexpr int64_t kWarpThreads = 32;
/// Rows and columns of a block at most, and sums that a thread has.
constexpr int64_t kMaxSide = 256, kMaxSums = 128;
/// Rows of one multiplication, and columns of two, whose fragments one load
/// brings.
constexpr int64_t kPart = 16;
constexpr int64_t kColumns = 8;
constexpr int64_t kMaxStages = 4, kMinStages = 2;
/// Terms of a stage. The more, the fewer barriers; taken if there is room for
/// three such stages.
constexpr int64_t kManyTerms = 64, kTerms = 32;

/// What a block is, and how the warps share it.
struct BlockShape {
  int64_t rows, columns;
  int64_t warpRows = 1, warpColumns = 1; // numbers of warps
  int64_t terms = kTerms, stages = 0;

  int64_t rowsOfWarp() const { return rows / warpRows; }
  int64_t columnsOfWarp() const { return columns / warpColumns; }
  int64_t stageElements() const { return (rows + columns) * terms; }
  /// Sums of kPart rows of a warp: neighbouring rows begin eight banks apart.
  int64_t slabLine() const { return columnsOfWarp() + 8; }
  int64_t slabElements() const { return kPart * slabLine(); }
  int64_t bytes() const {
    return std::max(stages * stageElements() * 2, warpRows * warpColumns * slabElements() * 4);
  }

  void shareOut(int64_t warps) {
    warpRows = warpColumns = 1;
    // As square as can be: then fragments are loaded least often.
    while (warpRows * warpColumns < warps) {
      bool canRows = rowsOfWarp() > kPart, canColumns = columnsOfWarp() > kPart;
      if (!canRows && !canColumns)
        return;
      (canRows && (rowsOfWarp() >= columnsOfWarp() || !canColumns) ? warpRows : warpColumns) *= 2;
    }
  }

  /// Nothing if there is no room for even the smallest.
  static std::optional<BlockShape> of(int64_t mostRows, int64_t mostColumns, int64_t threads,
                                      int64_t bytes) {
    auto side = [](int64_t most) {
      return std::clamp<int64_t>(llvm::PowerOf2Ceil(most), kPart, kMaxSide);
    };
    BlockShape shape{side(mostRows), side(mostColumns)};
    for (;;) {
      shape.shareOut(threads / kWarpThreads);
      shape.terms = kManyTerms;
      if (bytes / (shape.stageElements() * 2) < 3)
        shape.terms = kTerms;
      shape.stages = std::min(kMaxStages, bytes / (shape.stageElements() * 2));
      if (shape.rows * shape.columns <= kMaxSums * threads && shape.stages >= kMinStages &&
          shape.bytes() <= bytes)
        return shape;
      int64_t &larger = shape.rows > shape.columns ? shape.rows : shape.columns;
      if (larger == kPart)
        return std::nullopt;
      larger /= 2;
    }
  }
};

class TensorEmission {
public:
  TensorEmission(TileBuilder &b, const Contraction &product, const ProductEpilogue &epilogue,
                 const BlockShape &shape, TensorOperand left, TensorOperand right, Value unused)
      : b(b), product(product), epilogue(epilogue), shape(shape), left(std::move(left)),
        right(std::move(right)), element(product.leftAccess().element),
        ivs(product.nest.loops.size()), unused(unused) {
    lanes = isMultipleOf(size(*product.columns), kLanes);
  }

  /// False if there is no workgroup memory left.
  bool run() {
    std::optional<Value> bytes = allocateShared(b, b.getI8Type(), shape.bytes(), unused);
    if (!bytes)
      return false;
    shared = viewOf(*bytes, element);
    slabs = viewOf(*bytes, b.getF32Type());
    warp = arith::DivUIOp::create(b, b.thread(), b.index(kWarpThreads));
    lane = arith::RemUIOp::create(b, b.thread(), b.index(kWarpThreads));
    // Warps that have no part do what others do, and store nothing.
    Value inTile = arith::RemUIOp::create(b, warp, b.index(shape.warpRows * shape.warpColumns));
    Value perRow = b.index(shape.warpColumns);
    warpRow = arith::MulIOp::create(b, arith::DivUIOp::create(b, inTile, perRow),
                                    b.index(shape.rowsOfWarp()));
    warpColumn = arith::MulIOp::create(b, arith::RemUIOp::create(b, inTile, perRow),
                                       b.index(shape.columnsOfWarp()));
    left.setWarp(warpRow);
    right.setWarp(warpColumn);
    overBatch(product.batch);
    return true;
  }

private:
  OpFoldResult size(unsigned loop) const { return product.nest.loops[loop].size; }
  Value sizeValue(unsigned loop) { return indexValue(b, b.getLoc(), size(loop)); }
  Value add(Value left, int64_t right) {
    return right == 0 ? left : arith::AddIOp::create(b, left, b.index(right)).getResult();
  }

  Value viewOf(Value bytes, Type type) {
    auto view = bytes.getDefiningOp<memref::ViewOp>();
    auto whole = cast<MemRefType>(view.getType());
    int64_t count = shape.bytes() / (type.getIntOrFloatBitWidth() / 8);
    return memref::ViewOp::create(
        b, MemRefType::get({count}, type, MemRefLayoutAttrInterface(), whole.getMemorySpace()),
        view.getSource(), view.getByteShift(), ValueRange{});
  }

  /// All threads go through it alike; workgroup memory is used again.
  void loop(OpFoldResult count, int64_t step, function_ref<void(Value)> body) {
    std::optional<int64_t> most = upperBound(count);
    if (most && *most <= step)
      return body(b.index(0));
    auto loop = scf::ForOp::create(b, b.index(0), indexValue(b, b.getLoc(), count), b.index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    b.barrier();
    body(loop.getInductionVar());
  }

  void overBatch(ArrayRef<unsigned> loops) {
    if (loops.empty())
      return loop(size(*product.rows), shape.rows, [&](Value row) {
        ivs[*product.rows] = row;
        loop(size(*product.columns), shape.columns, [&](Value column) {
          ivs[*product.columns] = column;
          overTerms();
        });
      });
    loop(size(loops[0]), 1, [&](Value value) {
      ivs[loops[0]] = value;
      overBatch(loops.drop_front());
    });
  }

  void onlyIf(Value condition, function_ref<void()> body) {
    OpBuilder::InsertionGuard guard(b);
    auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    body();
  }

  // ---- Stages ---------------------------------------------------------------

  Value stageAt(Value number) {
    return arith::MulIOp::create(b, number, b.index(shape.stageElements()));
  }
  Value rightOf(Value stage) { return add(stage, left.elements()); }
  Value nextOf(Value stage) {
    Value next = add(stage, 1);
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next, b.index(shape.stages));
    return arith::SelectOp::create(b, isLast, b.index(0), next);
  }

  /// The copies of a stage, if it has terms, as a group of their own.
  void startCopies(Value stage, Value number, Value count) {
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number, count);
    onlyIf(inside, [&] {
      Value term = arith::MulIOp::create(b, number, b.index(shape.terms)), at = stageAt(stage);
      left.copy(shared, at, term);
      right.copy(shared, rightOf(at), term);
    });
    NVVM::CpAsyncCommitGroupOp::create(b);
  }

  /// Until the oldest group is complete, for all threads.
  void awaitStage() {
    NVVM::CpAsyncWaitGroupOp::create(b, static_cast<uint32_t>(shape.stages - 2));
    b.barrier();
  }

  struct Fragments {
    SmallVector<SmallVector<Value>> left, right;
  };

  Fragments load(Value stage, int64_t step) {
    Value at = stageAt(stage), rightAt = rightOf(at);
    Fragments fragments;
    for (int64_t part = 0; part < shape.rowsOfWarp() / kPart; ++part)
      fragments.left.push_back(left.load(shared, at, part, step));
    for (int64_t part = 0; part < shape.columnsOfWarp() / kPart; ++part)
      fragments.right.push_back(right.load(shared, rightAt, part, step));
    return fragments;
  }

  static SmallVector<Value> flatten(const Fragments &fragments) {
    SmallVector<Value> values;
    for (const auto *side : {&fragments.left, &fragments.right})
      for (ArrayRef<Value> pairs : *side)
        llvm::append_range(values, pairs);
    return values;
  }

  Fragments unflatten(ValueRange values) const {
    Fragments fragments;
    for (int64_t part = 0; part < shape.rowsOfWarp() / kPart; ++part, values = values.drop_front(4))
      fragments.left.emplace_back(values.take_front(4));
    for (int64_t part = 0; part < shape.columnsOfWarp() / kPart;
         ++part, values = values.drop_front(4))
      fragments.right.emplace_back(values.take_front(4));
    return fragments;
  }

  // ---- Multiplication -------------------------------------------------------

  int64_t columnParts() const { return shape.columnsOfWarp() / kColumns; }
  /// The first of the four sums that a lane has of each 16 rows and 8 columns.
  int64_t sumsAt(int64_t rowPart, int64_t columnPart) const {
    return 4 * (rowPart * columnParts() + columnPart);
  }

  SmallVector<Value> asOperands(ArrayRef<Value> pairs) {
    if (element.isF16())
      return SmallVector<Value>(pairs);
    return llvm::map_to_vector(pairs, [&](Value pair) -> Value {
      return LLVM::BitcastOp::create(b, b.getI32Type(), pair);
    });
  }

  void multiply(const Fragments &fragments, SmallVectorImpl<Value> &sums) {
    Type f32 = b.getF32Type();
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, f32));
    NVVM::MMATypes kind = element.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
    int64_t rowParts = fragments.left.size();
    for (int64_t column = 0; column < columnParts(); ++column)
      for (int64_t i = 0; i < rowParts; ++i) {
        // To and fro, so that one operand is the same as before.
        int64_t row = column % 2 ? rowParts - 1 - i : i;
        ArrayRef<Value> pairs = fragments.right[column / 2];
        auto here = MutableArrayRef<Value>(sums).slice(sumsAt(row, column), 4);
        Value result = NVVM::MmaOp::create(
            b, type, asOperands(fragments.left[row]), asOperands(pairs.slice(column % 2 * 2, 2)),
            ValueRange(here), ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
            std::array<NVVM::MMATypes, 2>{kind, kind},
            std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
        for (int64_t number = 0; number < 4; ++number)
          here[number] = LLVM::ExtractValueOp::create(b, result, number);
      }
  }

  void overTerms() {
    left.setBlock(ivs);
    right.setBlock(ivs);
    unsigned sum = product.sums[0];
    Value count = arith::CeilDivUIOp::create(b, sizeValue(sum), b.index(shape.terms));
    for (int64_t stage = 0; stage + 1 < shape.stages; ++stage)
      startCopies(b.index(stage), b.index(stage), count);
    awaitStage();

    // The sums, the fragments of the next step, the stages that are read and
    // copied to.
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(b.getF32Type()));
    int64_t sumCount = sumsAt(shape.rowsOfWarp() / kPart, 0);
    SmallVector<Value> carried(sumCount, zero);
    llvm::append_range(carried, flatten(load(b.index(0), 0)));
    carried.push_back(b.index(0));
    carried.push_back(b.index(shape.stages - 1));
    auto loop = scf::ForOp::create(b, b.index(0), count, b.index(1), carried);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      ValueRange arguments = loop.getRegionIterArgs();
      SmallVector<Value> sums(arguments.take_front(sumCount));
      Fragments fragments = unflatten(arguments.drop_front(sumCount).drop_back(2));
      Value stage = arguments.drop_back().back(), copied = arguments.back();
      // What this stage held was read by all before the last barrier.
      startCopies(copied, add(loop.getInductionVar(), shape.stages - 1), count);
      Value next = nextOf(stage);
      int64_t steps = shape.terms / kTermsOfStep;
      for (int64_t step = 0; step < steps; ++step) {
        Fragments following;
        if (step + 1 < steps) {
          following = load(stage, step + 1);
        } else {
          // Behind the last stage is none: what is loaded then is not used.
          awaitStage();
          following = load(next, 0);
        }
        multiply(fragments, sums);
        fragments = std::move(following);
      }
      llvm::append_range(sums, flatten(fragments));
      sums.push_back(next);
      sums.push_back(nextOf(copied));
      scf::YieldOp::create(b, sums);
    }
    b.barrier();
    Value hasPart = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, warp,
                                          b.index(shape.warpRows * shape.warpColumns));
    onlyIf(hasPart, [&] { finish(loop.getResults().take_front(sumCount)); });
  }

  // ---- Results --------------------------------------------------------------

  void syncWarp() {
    NVVM::SyncWarpOp::create(b, arith::ConstantIntOp::create(b, -1, 32).getResult());
  }

  /// kPart rows of the warp after the other through its slab.
  void finish(ValueRange sums) {
    Value slab = arith::MulIOp::create(b, warp, b.index(shape.slabElements()));
    Value row = arith::DivUIOp::create(b, lane, b.index(4));
    Value column =
        arith::MulIOp::create(b, arith::RemUIOp::create(b, lane, b.index(4)), b.index(2));
    Value mine = arith::AddIOp::create(
        b, slab,
        arith::AddIOp::create(b, arith::MulIOp::create(b, row, b.index(shape.slabLine())), column)
            .getResult());
    auto pair = VectorType::get({2}, b.getF32Type());
    for (int64_t part = 0; part < shape.rowsOfWarp() / kPart; ++part) {
      if (part != 0)
        syncWarp();
      for (int64_t columns = 0; columns < columnParts(); ++columns)
        for (int64_t half = 0; half < 2; ++half) {
          Value two = vector::FromElementsOp::create(
              b, pair, sums.slice(sumsAt(part, columns) + 2 * half, 2));
          Value at = add(mine, half * 8 * shape.slabLine() + columns * kColumns);
          vector::StoreOp::create(b, two, slabs, ValueRange{at}, /*nontemporal=*/false,
                                  llvm::MaybeAlign(8));
        }
      syncWarp();
      storeRows(slab, part);
    }
  }

  /// Of kPart rows, four columns a lane at a time.
  void storeRows(Value slab, int64_t part) {
    int64_t perRow = shape.columnsOfWarp() / kLanes;
    auto loop = scf::ForOp::create(b, lane, b.index(kPart * perRow), b.index(kWarpThreads));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value row = arith::DivUIOp::create(b, loop.getInductionVar(), b.index(perRow));
    Value column = arith::MulIOp::create(
        b, arith::RemUIOp::create(b, loop.getInductionVar(), b.index(perRow)), b.index(kLanes));
    Value at = arith::AddIOp::create(
        b, slab,
        arith::AddIOp::create(b, arith::MulIOp::create(b, row, b.index(shape.slabLine())), column)
            .getResult());
    Value sum = vector::LoadOp::create(b, VectorType::get({kLanes}, b.getF32Type()), slabs,
                                       ValueRange{at}, /*nontemporal=*/false, llvm::MaybeAlign(16));
    SmallVector<Value> there(ivs);
    there[*product.rows] = arith::AddIOp::create(
        b, ivs[*product.rows], add(arith::AddIOp::create(b, warpRow, row), part * kPart));
    there[*product.columns] = arith::AddIOp::create(
        b, ivs[*product.columns], arith::AddIOp::create(b, warpColumn, column).getResult());
    auto isInside = [&](unsigned loop) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, there[loop], sizeValue(loop));
    };
    Value inside = arith::AndIOp::create(b, isInside(*product.rows), isInside(*product.columns));
    onlyIf(inside, [&] {
      if (lanes)
        return store(sum, there, /*lanes=*/true);
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        SmallVector<Value> one(there);
        one[*product.columns] = add(there[*product.columns], lane);
        Value inRow = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, one[*product.columns],
                                            sizeValue(*product.columns));
        onlyIf(inRow, [&] { store(vector::ExtractOp::create(b, sum, lane), one, false); });
      }
    });
  }

  void store(Value sum, ValueRange at, bool lanes) {
    Value before = epilogue.initial(b, at, lanes);
    if (!matchPattern(before, m_AnyZeroFloat()))
      sum = arith::AddFOp::create(b, before, sum);
    epilogue.finish(b, sum, at, lanes);
  }

  TileBuilder &b;
  const Contraction &product;
  const ProductEpilogue &epilogue;
  BlockShape shape;
  TensorOperand left, right;
  Type element;
  SmallVector<Value> ivs;
  Value unused;
  bool lanes;
  Value shared, slabs; // the same memory
  Value warp, lane, warpRow, warpColumn;
};

} // namespace

bool tercet::codegen::emitTensorProduct(TileBuilder &b, const ProductChain &chain) {
  if (!b.profile.mma || b.threads < kWarpThreads)
    return false;
  std::optional<Contraction> product = Contraction::of(b, cast<linalg::LinalgOp>(chain.product));
  if (!product || !product->rows || product->sums.size() != 1 || !product->sumElement().isF32())
    return false;
  Type element = product->leftAccess().element;
  if (!(element.isF16() || element.isBF16()) || product->rightAccess().element != element)
    return false;
  std::optional<int64_t> rows = upperBound(product->nest.loops[*product->rows].size),
                         columns = upperBound(product->nest.loops[*product->columns].size);
  std::optional<ProductEpilogue> epilogue = ProductEpilogue::of(b, chain, *product);
  if (!rows || !columns || !epilogue)
    return false;
  // What is kept between the product and what follows from it is not: there is no
  // more of it than sums in registers.
  linalg::GenericOp following = chain.epilogue;
  Value result = chain.getResult(), unused;
  if (following && !llvm::is_contained(following.getDpsInits(), result))
    unused = result;
  std::optional<BlockShape> shape =
      BlockShape::of(*rows, *columns, b.threads, freeSharedBytes(b, unused));
  if (!shape)
    return false;
  auto left = TensorOperand::of(b, *product, TensorOperand::kLeft, shape->rows, shape->terms);
  auto right = TensorOperand::of(b, *product, TensorOperand::kRight, shape->columns, shape->terms);
  return left && right &&
         TensorEmission(b, *product, *epilogue, *shape, *left, *right, unused).run();
}
