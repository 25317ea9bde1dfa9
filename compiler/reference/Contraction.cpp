// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of two operands, whatever their dimensions are called: the
// loops become batch, M, N and K, the operands are gathered into blocks of
// f64, and a small register-tiled product runs over those. A product of two
// f32 (or of two integers of up to 16 bits) is exact in f64, so results are
// the same with and without fused multiply-add.

#include "compiler/reference/LinalgLoops.h"

#include "compiler/weights/StridedCopy.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"

using namespace mlir;
using namespace tercet;

namespace {

constexpr int kRows = 4, kColumns = 8;
constexpr int64_t kRowBlock = 256;
typedef double Vector __attribute__((vector_size(32)));

/// acc[kRows][kColumns] += a[k][kRows] * b[k][kColumns], k in order.
inline __attribute__((always_inline)) void productLoop(const double *a, const double *b,
                                                       int64_t depth, double *acc) {
  Vector sums[kRows][2];
  std::memcpy(sums, acc, sizeof(sums));
  for (int64_t k = 0; k < depth; ++k) {
    Vector low, high;
    std::memcpy(&low, b + k * kColumns, sizeof(low));
    std::memcpy(&high, b + k * kColumns + 4, sizeof(high));
    for (int row = 0; row < kRows; ++row) {
      double x = a[k * kRows + row];
      sums[row][0] += low * x;
      sums[row][1] += high * x;
    }
  }
  std::memcpy(acc, sums, sizeof(sums));
}

void productPlain(const double *a, const double *b, int64_t depth, double *acc) {
  productLoop(a, b, depth, acc);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void productAvx2(const double *a, const double *b,
                                                     int64_t depth, double *acc) {
  productLoop(a, b, depth, acc);
}
bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
void productAvx2(const double *a, const double *b, int64_t depth, double *acc) {
  productLoop(a, b, depth, acc);
}
bool hasAvx2() { return false; }
#endif

/// An operand of the product: a block argument behind at most one widening cast.
struct Factor {
  unsigned argument;
  bool isUnsigned = false;
};

std::optional<Factor> matchFactor(Value value, Block &body) {
  Factor factor;
  if (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp>(op))
      return std::nullopt;
    factor.isUnsigned = isa<arith::ExtUIOp>(op);
    value = op->getOperand(0);
  }
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &body || argument.getArgNumber() > 1)
    return std::nullopt;
  factor.argument = argument.getArgNumber();
  return factor;
}

/// The body yields accumulator + x * y and does nothing else.
bool matchBody(Block &body, Factor factors[2]) {
  auto yield = body.getTerminator();
  if (yield->getNumOperands() != 1 || body.getNumArguments() != 3)
    return false;
  Operation *add = yield->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add))
    return false;
  Value accumulator = body.getArgument(2);
  int side = add->getOperand(0) == accumulator ? 1 : 0;
  if (add->getOperand(1 - side) != accumulator || !accumulator.hasOneUse())
    return false;
  Operation *product = add->getOperand(side).getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product))
    return false;
  std::optional<Factor> lhs = matchFactor(product->getOperand(0), body);
  std::optional<Factor> rhs = matchFactor(product->getOperand(1), body);
  if (!lhs || !rhs || lhs->argument == rhs->argument)
    return false;
  // Without side effects (an assertion) beside the product.
  if (llvm::any_of(body, [](Operation &op) {
        return !isPure(&op) && !op.hasTrait<OpTrait::IsTerminator>();
      }))
    return false;
  factors[lhs->argument] = *lhs;
  factors[rhs->argument] = *rhs;
  return true;
}

/// Offsets of all index tuples of some loops, outermost first.
std::vector<int64_t> offsetsOf(ArrayRef<unsigned> loops, ArrayRef<int64_t> sizes,
                               ArrayRef<int64_t> strides) {
  std::vector<int64_t> offsets{0};
  for (unsigned loop : loops) {
    std::vector<int64_t> next;
    next.reserve(offsets.size() * sizes[loop]);
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < sizes[loop]; ++i)
        next.push_back(offset + i * strides[loop]);
    offsets = std::move(next);
  }
  return offsets;
}

/// One element, converted to T, whose kind is `to`.
template <class T> T convert(ElementKind from, const char *element, ElementKind to) {
  if (from == ElementKind::F32 && to == ElementKind::F64) {
    float value;
    std::memcpy(&value, element, 4);
    return T(value);
  }
  T value;
  convertElements(from, element, to, reinterpret_cast<char *>(&value), 1);
  return value;
}

/// Reads elements as f64.
class Reader {
public:
  Reader(const Tensor &tensor, bool isUnsigned) : data(tensor.data()), kind(tensor.getKind()) {
    if (isUnsigned && kind == ElementKind::I8)
      kind = ElementKind::U8;
    else if (isUnsigned && kind == ElementKind::I16)
      kind = ElementKind::U16;
    bytes = getElementBytes(kind);
  }
  double operator[](int64_t index) const {
    return convert<double>(kind, data + index * bytes, ElementKind::F64);
  }

private:
  const char *data;
  ElementKind kind;
  int64_t bytes;
};

/// The strides of an operand in the loops, if its map is a projected permutation.
std::optional<SmallVector<int64_t>> stridesOf(AffineMap map, const Tensor &tensor) {
  if (!map.isProjectedPermutation())
    return std::nullopt;
  SmallVector<int64_t> strides(map.getNumDims(), 0);
  for (auto [expr, stride] :
       llvm::zip_equal(map.getResults(), getRowMajorStrides(tensor.getShape())))
    strides[cast<AffineDimExpr>(expr).getPosition()] += stride;
  return strides;
}

bool isNarrowInt(ElementKind kind) { return kind == ElementKind::I8 || kind == ElementKind::I16; }

} // namespace

std::optional<Tensor> tercet::evaluateContraction(linalg::LinalgOp op,
                                                  MutableArrayRef<Tensor> operands) {
  if (operands.size() != 3 || op.getNumDpsInputs() != 2)
    return std::nullopt;
  ElementKind kinds[3] = {operands[0].getKind(), operands[1].getKind(), operands[2].getKind()};
  bool isFloat = isFloatKind(kinds[2]) && isFloatKind(kinds[0]) && isFloatKind(kinds[1]);
  // Wide integers are not exact in f64.
  bool isInt = isNarrowInt(kinds[0]) && isNarrowInt(kinds[1]) &&
               (kinds[2] == ElementKind::I32 || kinds[2] == ElementKind::I64);
  Factor factors[2];
  if ((!isFloat && !isInt) || !matchBody(op->getRegion(0).front(), factors))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto lhsStrides = stridesOf(maps[0], operands[0]), rhsStrides = stridesOf(maps[1], operands[1]),
       outStrides = stridesOf(maps[2], operands[2]);
  if (!lhsStrides || !rhsStrides || !outStrides)
    return std::nullopt;

  // Each loop by the operands that it moves through.
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<unsigned> batch, rows, columns, depth;
  int64_t terms = 1;
  for (unsigned loop = 0; loop < sizes.size(); ++loop) {
    bool inLhs = maps[0].isFunctionOfDim(loop), inRhs = maps[1].isFunctionOfDim(loop),
         inOut = maps[2].isFunctionOfDim(loop);
    if (inLhs && inRhs && inOut)
      batch.push_back(loop);
    else if (inLhs && inOut)
      rows.push_back(loop);
    else if (inRhs && inOut)
      columns.push_back(loop);
    else if (inLhs && inRhs && !inOut)
      depth.push_back(loop), terms *= sizes[loop];
    else
      return std::nullopt;
  }
  if (depth.empty() || llvm::is_contained(sizes, 0) || (isInt && terms > (int64_t(1) << 20)))
    return std::nullopt;

  Tensor result = std::move(operands[2]);
  char *out = result.mutableData();
  Reader lhs(operands[0], factors[0].isUnsigned), rhs(operands[1], factors[1].isUnsigned);
  auto batchLhs = offsetsOf(batch, sizes, *lhsStrides),
       batchRhs = offsetsOf(batch, sizes, *rhsStrides),
       batchOut = offsetsOf(batch, sizes, *outStrides);
  auto rowLhs = offsetsOf(rows, sizes, *lhsStrides), rowOut = offsetsOf(rows, sizes, *outStrides);
  auto columnRhs = offsetsOf(columns, sizes, *rhsStrides),
       columnOut = offsetsOf(columns, sizes, *outStrides);
  auto depthLhs = offsetsOf(depth, sizes, *lhsStrides),
       depthRhs = offsetsOf(depth, sizes, *rhsStrides);
  int64_t m = rowLhs.size(), n = columnRhs.size(), k = depthLhs.size();
  int64_t outBytes = result.getElementBytes();
  ElementKind outKind = result.getKind();
  // Only products of two f64 are inexact, where fusing would show.
  bool isExact = kinds[0] != ElementKind::F64 && kinds[1] != ElementKind::F64;
  auto product = isExact && hasAvx2() ? productAvx2 : productPlain;

  std::vector<double> panel(k * kColumns), block(llvm::alignTo(std::min(m, kRowBlock), kRows) * k);
  for (size_t at = 0; at < batchOut.size(); ++at) {
    for (int64_t m0 = 0; m0 < m; m0 += kRowBlock) {
      int64_t m1 = std::min(m, m0 + kRowBlock), padded = llvm::alignTo(m1, kRows);
      for (int64_t i = m0; i < padded; ++i)
        for (int64_t p = 0; p < k; ++p)
          block[(i - m0) / kRows * kRows * k + p * kRows + (i - m0) % kRows] =
              i < m1 ? lhs[batchLhs[at] + rowLhs[i] + depthLhs[p]] : 0.0;
      for (int64_t n0 = 0; n0 < n; n0 += kColumns) {
        int64_t width = std::min<int64_t>(kColumns, n - n0);
        for (int64_t p = 0; p < k; ++p)
          for (int64_t j = 0; j < kColumns; ++j)
            panel[p * kColumns + j] =
                j < width ? rhs[batchRhs[at] + columnRhs[n0 + j] + depthRhs[p]] : 0.0;
        for (int64_t i0 = m0; i0 < m1; i0 += kRows) {
          double acc[kRows][kColumns] = {};
          int64_t height = std::min<int64_t>(kRows, m1 - i0);
          auto element = [&](int64_t i, int64_t j) {
            return out + (batchOut[at] + rowOut[i0 + i] + columnOut[n0 + j]) * outBytes;
          };
          // Integers start from zero, so that only what is exact is in f64.
          if (isFloat)
            for (int64_t i = 0; i < height; ++i)
              for (int64_t j = 0; j < width; ++j)
                acc[i][j] = convert<double>(outKind, element(i, j), ElementKind::F64);
          product(block.data() + (i0 - m0) * k, panel.data(), k, &acc[0][0]);
          for (int64_t i = 0; i < height; ++i)
            for (int64_t j = 0; j < width; ++j) {
              char *to = element(i, j);
              if (outKind == ElementKind::F32) {
                float rounded = float(acc[i][j]);
                std::memcpy(to, &rounded, 4);
              } else if (isFloat) {
                convertElements(ElementKind::F64, reinterpret_cast<char *>(&acc[i][j]), outKind, to,
                                1);
              } else {
                int64_t sum = convert<int64_t>(outKind, to, ElementKind::I64);
                sum = int64_t(uint64_t(sum) + uint64_t(int64_t(acc[i][j])));
                convertElements(ElementKind::I64, reinterpret_cast<char *>(&sum), outKind, to, 1);
              }
            }
        }
      }
    }
  }
  return result;
}
