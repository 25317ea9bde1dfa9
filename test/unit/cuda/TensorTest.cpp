// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products on tensor cores, from kernels as the tile stage leaves them to PTX that
// the machine of test/runtime/ptx runs: every layout of the operands, both kinds
// of 16-bit floats, blocks that are whole, cut and padded, and operands that begin
// at odd addresses. Elements are small whole numbers, so that sums are exact
// whatever their order.

#include "compiler/support/RegisterAll.h"
#include "targets/cuda/EmitPtx.h"
#include "targets/cuda/Passes.h"
#include "test/runtime/ptx/machine.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace tercet;
namespace ptx = tercet_test::ptx;

namespace {

struct Shape {
  int64_t rows, columns, terms;
  int64_t tileRows, tileColumns;
  bool leftTransposed = false, rightTransposed = false;
  std::string element = "f16", result = "f16";
  bool residual = false;
  /// Elements of the operands' lines beyond those that are multiplied.
  int64_t padding = 0;
  std::string profile = "threads=128+workgroup_bytes=49152+mma+float16+storage16";
};

std::string text(int64_t value) { return std::to_string(value); }

std::string memory(int64_t rows, int64_t line, const std::string &element) {
  return "memref<" + text(rows) + "x" + text(line) + "x" + element + ">";
}
std::string view(const std::string &rows, const std::string &columns, int64_t line,
                 const std::string &element) {
  return "memref<" + rows + "x" + columns + "x" + element + ", strided<[" + text(line) +
         ", 1], offset: ?>>";
}

class Product {
public:
  explicit Product(const Shape &shape) : s(shape) {
    leftLine = (s.leftTransposed ? s.rows : s.terms) + s.padding;
    rightLine = (s.rightTransposed ? s.terms : s.columns) + s.padding;
  }

  std::string module() const {
    std::string left = memory(s.leftTransposed ? s.terms : s.rows, leftLine, s.element);
    std::string right = memory(s.rightTransposed ? s.columns : s.terms, rightLine, s.element);
    std::string all = memory(s.rows, s.columns, s.result);
    std::string grid = text((s.columns + s.tileColumns - 1) / s.tileColumns) + ", " +
                       text((s.rows + s.tileRows - 1) / s.tileRows) + ", 1";
    bool cutRows = s.rows % s.tileRows, cutColumns = s.columns % s.tileColumns;
    std::string m = cutRows ? "%m" : text(s.tileRows), n = cutColumns ? "%n" : text(s.tileColumns);
    std::string mt = cutRows ? "?" : m, nt = cutColumns ? "?" : n;
    std::string k = text(s.terms);
    std::string leftView =
        s.leftTransposed ? view(k, mt, leftLine, s.element) : view(mt, k, leftLine, s.element);
    std::string rightView =
        s.rightTransposed ? view(nt, k, rightLine, s.element) : view(k, nt, rightLine, s.element);
    std::string tile = view(mt, nt, s.columns, s.result);
    std::string sums = s.residual ? "memref<" + mt + "x" + nt + "x" + s.result + ">" : tile;
    std::string scratch;
    std::string out =
        R"(
#v = #soc.variant<"tensor-product", precision = f16, tiles = [1, 1], panels = [0, 0, 0], time_ps = 1, scratch_bytes = 64>
soc.kernel @k(%a: )" +
        left + ", %b: " + right + ", %d: " + all + ", %c: " + all +
        R"() attributes {engine = "gpu", num_inputs = 3 : i64, variant = #v, scratch_bytes = )" +
        text(s.residual ? s.tileRows * s.tileColumns * (s.result == "f32" ? 4 : 2) : 0) +
        " : i64, alignments = array<i64: 16, 16, 16, 16>, grid = array<i64: " + grid +
        R"(>} {
  %zero = arith.constant 0.0 : )" +
        s.result + "\n  scf.forall (%i, %j) = (0, 0) to (" + text(s.rows) + ", " + text(s.columns) +
        ") step (" + text(s.tileRows) + ", " + text(s.tileColumns) + ") {\n";
    if (cutRows)
      out += "%m = affine.min affine_map<(d0) -> (" + text(s.rows) + " - d0, " + text(s.tileRows) +
             ")>(%i)\n";
    if (cutColumns)
      out += "%n = affine.min affine_map<(d0) -> (" + text(s.columns) + " - d0, " +
             text(s.tileColumns) + ")>(%j)\n";
    auto part = [&](const std::string &name, const std::string &of, const std::string &offsets,
                    const std::string &sizes, const std::string &from, const std::string &to) {
      out += name + " = memref.subview " + of + "[" + offsets + "] [" + sizes +
             "] [1, 1] : " + from + " to " + to + "\n";
    };
    part("%x", "%a", s.leftTransposed ? "0, %i" : "%i, 0",
         s.leftTransposed ? k + ", " + m : m + ", " + k, left, leftView);
    part("%w", "%b", s.rightTransposed ? "%j, 0" : "0, %j",
         s.rightTransposed ? n + ", " + k : k + ", " + n, right, rightView);
    part("%y", "%c", "%i, %j", m + ", " + n, all, tile);
    std::string to = "%y";
    if (s.residual) {
      // A tile that is whole has room for all that a cut one needs.
      std::string whole =
          "memref<" + text(s.tileRows) + "x" + text(s.tileColumns) + "x" + s.result + ">";
      sums = "memref<" + mt + "x" + nt + "x" + s.result + ", strided<[" + text(s.tileColumns) +
             ", 1]>>";
      out += "%s0 = soc.scratch 0 : " + whole + "\n";
      out += "%s = memref.subview %s0[0, 0] [" + m + ", " + n + "] [1, 1] : " + whole + " to " +
             sums + "\n";
      part("%r", "%d", "%i, %j", m + ", " + n, all, tile);
      to = "%s";
    }
    out += "linalg.fill ins(%zero : " + s.result + ") outs(" + to + " : " + sums + ")\n";
    std::string l = s.leftTransposed ? "(m, n, k) -> (k, m)" : "(m, n, k) -> (m, k)";
    std::string r = s.rightTransposed ? "(m, n, k) -> (n, k)" : "(m, n, k) -> (k, n)";
    out += "linalg.matmul indexing_maps = [affine_map<" + l + ">, affine_map<" + r +
           ">, affine_map<(m, n, k) -> (m, n)>] ins(%x, %w : " + leftView + ", " + rightView +
           ") outs(" + to + " : " + sums + ")\n";
    if (s.residual)
      out += "linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> "
             "(m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = [\"parallel\", "
             "\"parallel\"]} ins(%s, %r : " +
             sums + ", " + tile + ") outs(%y : " + tile + ") {\n^bb0(%p: " + s.result +
             ", %q: " + s.result + ", %o: " + s.result +
             "):\n%z = arith.addf %p, %q : " + s.result + "\nlinalg.yield %z : " + s.result +
             "\n}\n";
    return out + "}\nsoc.return\n}\n";
  }

  Shape s;
  int64_t leftLine, rightLine;
};

const llvm::fltSemantics &semanticsOf(const std::string &element) {
  return element == "f16"    ? llvm::APFloat::IEEEhalf()
         : element == "bf16" ? llvm::APFloat::BFloat()
                             : llvm::APFloat::IEEEsingle();
}

/// An array of floats of one kind, as bytes.
struct Floats {
  Floats(const std::string &element, size_t count)
      : element(element), width(element == "f32" ? 4 : 2), bytes(count * width + 16, 0xFF) {
    // Aligned to 16 bytes and to no more.
    start = (16 - reinterpret_cast<uintptr_t>(bytes.data()) % 16) % 16;
  }
  unsigned char *at(size_t i) { return bytes.data() + start + i * width; }
  void set(size_t i, double value) {
    llvm::APFloat number(value);
    bool inexact = false;
    number.convert(semanticsOf(element), llvm::APFloat::rmNearestTiesToEven, &inexact);
    ASSERT_FALSE(inexact);
    uint64_t bits = number.bitcastToAPInt().getZExtValue();
    memcpy(at(i), &bits, width);
  }
  double get(size_t i) {
    uint64_t bits = 0;
    memcpy(&bits, at(i), width);
    llvm::APFloat number(semanticsOf(element), llvm::APInt(8 * width, bits));
    bool inexact = false;
    number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    return number.convertToDouble();
  }
  bool holds(uint64_t address, uint64_t count) {
    uint64_t begin = reinterpret_cast<uint64_t>(bytes.data() + start);
    return address >= begin && address + count <= begin + bytes.size() - 16;
  }

  std::string element;
  size_t width, start;
  std::vector<unsigned char> bytes;
};

class Tensor : public testing::Test {
protected:
  void compile(const Product &product) {
    const Shape &s = product.s;
    DialectRegistry registry;
    registerAllDialects(registry);
    MLIRContext context(registry);
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(product.module(), &context);
    ASSERT_TRUE(module) << product.module();
    PassManager pm(&context);
    cuda::buildCodegenPipeline(pm, s.profile);
    ASSERT_TRUE(succeeded(pm.run(*module))) << product.module();
    auto function = *module->getOps<LLVM::LLVMFuncOp>().begin();
    auto dynamic = function->getAttrOfType<IntegerAttr>(cuda::kDynamicSharedAttr);
    shared = dynamic ? dynamic.getInt() : 0;
    threads = function->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid")[0];
    llvm::Expected<std::string> result = cuda::emitPtx(*module, 87);
    ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
    source = *result;
  }

  void run(const Shape &shape) {
    compile(Product(shape));
    if (!HasFatalFailure())
      EXPECT_EQ(mismatch(shape), "") << source;
  }

  /// Runs what has been compiled; which result is wrong, or what stopped it.
  std::string mismatch(const Shape &shape) {
    Product product(shape);
    const Shape &s = product.s;
    Floats a(s.element, (s.leftTransposed ? s.terms : s.rows) * product.leftLine);
    Floats b(s.element, (s.rightTransposed ? s.columns : s.terms) * product.rightLine);
    Floats d(s.result, s.rows * s.columns), c(s.result, s.rows * s.columns);
    std::mt19937 random(7);
    auto number = [&] { return double(int(random() % 5)) - 2; };
    std::vector<double> left(s.rows * s.terms), right(s.terms * s.columns);
    for (int64_t i = 0; i < s.rows; ++i)
      for (int64_t k = 0; k < s.terms; ++k)
        a.set(s.leftTransposed ? k * product.leftLine + i : i * product.leftLine + k,
              left[i * s.terms + k] = number());
    for (int64_t k = 0; k < s.terms; ++k)
      for (int64_t j = 0; j < s.columns; ++j)
        b.set(s.rightTransposed ? j * product.rightLine + k : k * product.rightLine + j,
              right[k * s.columns + j] = number());
    for (int64_t i = 0; i < s.rows * s.columns; ++i)
      d.set(i, number());

    int32_t control[4] = {};
    uint64_t parameters[5] = {uint64_t(a.at(0)), uint64_t(b.at(0)), uint64_t(d.at(0)),
                              uint64_t(c.at(0)), uint64_t(control)};
    ptx::Launch launch;
    launch.grid = {uint32_t((s.columns + s.tileColumns - 1) / s.tileColumns),
                   uint32_t((s.rows + s.tileRows - 1) / s.tileRows), 1};
    launch.block = {uint32_t(threads), 1, 1};
    launch.dynamicShared = shared;
    launch.parameters = reinterpret_cast<unsigned char *>(parameters);
    launch.locate = [&](uint64_t at, uint64_t bytes) -> unsigned char * {
      bool found =
          a.holds(at, bytes) || b.holds(at, bytes) || c.holds(at, bytes) || d.holds(at, bytes);
      return found ? reinterpret_cast<unsigned char *>(at) : nullptr;
    };
    try {
      ptx::Program program(source);
      ptx::run(*program.find("k"), launch);
    } catch (const std::runtime_error &error) {
      return error.what();
    }
    for (int64_t i = 0; i < s.rows; ++i)
      for (int64_t j = 0; j < s.columns; ++j) {
        double sum = s.residual ? d.get(i * s.columns + j) : 0;
        for (int64_t k = 0; k < s.terms; ++k)
          sum += left[i * s.terms + k] * right[k * s.columns + j];
        if (c.get(i * s.columns + j) != sum)
          return "row " + text(i) + ", column " + text(j) + ": " +
                 std::to_string(c.get(i * s.columns + j)) + ", expected " + std::to_string(sum);
      }
    return "";
  }

  /// What ptxas says of registers.
  std::string assemble() {
    llvm::SmallString<128> folder;
    if (llvm::sys::fs::createUniqueDirectory("tensor", folder))
      return "no folder";
    std::string in = (folder + "/k.ptx").str(), out = (folder + "/k.cubin").str(),
                log = (folder + "/log").str(), message;
    std::error_code error;
    llvm::raw_fd_ostream(in, error) << source;
    std::optional<StringRef> redirects[] = {std::nullopt, log, log};
    int status = llvm::sys::ExecuteAndWait(PTXAS, {"ptxas", "-v", "-arch=sm_87", in, "-o", out},
                                           std::nullopt, redirects, 60, 0, &message);
    auto text = llvm::MemoryBuffer::getFile(log);
    if (text)
      message += (*text)->getBuffer();
    llvm::sys::fs::remove_directories(folder);
    EXPECT_EQ(status, 0) << message;
    return message;
  }

  bool hasProducts() const { return source.find("mma.sync.aligned.m16n8k16") != std::string::npos; }

  std::string source;
  int64_t shared = 0, threads = 0;
};

TEST_F(Tensor, Layouts) {
  for (const char *element : {"f16", "bf16"})
    for (int layout = 0; layout < 4; ++layout) {
      SCOPED_TRACE(std::string(element) + ", layout " + std::to_string(layout));
      Shape shape{128, 128, 96, 64, 64, bool(layout & 1), bool(layout & 2), element, "f32"};
      run(shape);
      EXPECT_TRUE(hasProducts());
      EXPECT_NE(source.find("ldmatrix.sync.aligned.m8n8.x4"), std::string::npos);
      EXPECT_NE(source.find("cp.async.cg.shared.global"), std::string::npos);
      if (HasFailure())
        return;
    }
}

// Around the edges of tiles, of stages and of what a warp multiplies at once.
TEST_F(Tensor, Borders) {
  const int64_t shapes[][3] = {{64, 64, 32},   {65, 72, 40},   {63, 56, 24}, {9, 8, 8},
                               {130, 136, 64}, {72, 200, 104}, {16, 16, 16}};
  for (auto [rows, columns, terms] : shapes)
    for (int layout = 0; layout < 4; ++layout) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns) + "x" +
                   std::to_string(terms) + ", layout " + std::to_string(layout));
      Shape shape{rows,
                  columns,
                  terms,
                  std::min<int64_t>(64, rows),
                  std::min<int64_t>(64, columns),
                  bool(layout & 1),
                  bool(layout & 2)};
      shape.residual = layout == 1 || layout == 2;
      // Four stages of 32 terms; with more memory they have 64.
      shape.profile = "threads=128+workgroup_bytes=32768+mma+float16+storage16";
      run(shape);
      EXPECT_TRUE(hasProducts());
      if (HasFailure())
        return;
    }
}

// Copies are as wide as what the lines begin at a multiple of.
TEST_F(Tensor, Alignments) {
  const std::pair<int64_t, const char *> widths[] = {
      {0, "], 16"}, {4, "], 8"}, {2, "], 4"}, {1, "st.shared.b16"}};
  for (auto [padding, expected] : widths)
    for (int layout = 0; layout < 4; ++layout) {
      SCOPED_TRACE("padding " + std::to_string(padding) + ", layout " + std::to_string(layout));
      Shape shape{48, 40, 72, 32, 32, bool(layout & 1), bool(layout & 2)};
      shape.padding = padding;
      run(shape);
      EXPECT_TRUE(hasProducts());
      EXPECT_EQ(source.find(".shared.global") == std::string::npos, padding == 1) << source;
      EXPECT_NE(source.find(expected), std::string::npos) << source;
      if (HasFailure())
        return;
    }
}

// Odd sizes are odd lines: element by element, also of the results.
TEST_F(Tensor, Odd) {
  for (int layout = 0; layout < 4; ++layout) {
    Shape shape{33, 35, 37, 32, 32, bool(layout & 1), bool(layout & 2)};
    shape.residual = true;
    run(shape);
    EXPECT_TRUE(hasProducts());
    if (HasFailure())
      return;
  }
}

// The largest block of 256 threads: two stages in static memory, four, or three of
// twice as many terms, in dynamic memory.
TEST_F(Tensor, Large) {
  for (int64_t bytes : {49152, 98304, 163840}) {
    Shape shape{128, 512, 200, 128, 256};
    shape.profile = "threads=256+mma+float16+storage16+workgroup_bytes=" + std::to_string(bytes);
    run(shape);
    EXPECT_TRUE(hasProducts());
    EXPECT_EQ(shared, bytes == 163840 ? 147456 : bytes == 98304 ? 98304 : 0);
    EXPECT_EQ(threads, 256);
    if (HasFailure())
      return;
  }
}

// Without what makes threads wait for copies and for each other, the machine does
// not compute the product: what passes above would not pass by chance.
TEST_F(Tensor, Waits) {
  Shape shape{64, 64, 256, 64, 64};
  shape.profile = "threads=128+workgroup_bytes=32768+mma+float16+storage16";
  compile(Product(shape));
  ASSERT_FALSE(HasFatalFailure());
  const std::string whole = source;
  ASSERT_EQ(mismatch(shape), "");
  for (const char *waits : {"cp.async.wait_group", "bar.sync", "cp.async.commit_group"}) {
    source = whole;
    size_t found = 0;
    for (size_t at = 0; (at = source.find(waits, at)) != std::string::npos; ++found)
      source.erase(at, source.find('\n', at) - at);
    EXPECT_NE(found, 0u) << waits;
    EXPECT_NE(mismatch(shape), "") << "without " << waits;
  }
}

// NVIDIA's assembler keeps all sums and fragments in registers, where it is there.
TEST_F(Tensor, Registers) {
  if (std::string(PTXAS).empty())
    GTEST_SKIP() << "no ptxas";
  struct {
    int64_t rows, columns, size;
    const char *threads, *bytes;
  } tiles[] = {{128, 256, 1024, "256", "163840"},
               {128, 256, 1024, "256", "98304"},
               {256, 128, 1000, "256", "98304"},
               {128, 128, 1024, "128", "49152"},
               {64, 64, 1000, "256", "49152"}};
  for (auto [rows, columns, size, threads, bytes] : tiles)
    for (bool transposed : {false, true}) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns));
      Shape shape{size, size, size, rows, columns, false, transposed};
      shape.residual = true;
      shape.profile =
          std::string("mma+float16+storage16+threads=") + threads + "+workgroup_bytes=" + bytes;
      compile(Product(shape));
      if (HasFatalFailure())
        return;
      std::string report = assemble();
      EXPECT_NE(report.find(" 0 bytes spill stores, 0 bytes spill loads"), std::string::npos)
          << report;
    }
}

// Tensor cores would round f32 to fewer bits.
TEST_F(Tensor, Singles) {
  Shape shape{64, 64, 64, 64, 64};
  shape.element = shape.result = "f32";
  run(shape);
  EXPECT_FALSE(hasProducts());
}

} // namespace
