// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar body of a linalg operation as a list of register instructions,
// each executed over up to kLanes iterations at once. What the operations
// mean is stated in Program.cpp; a float of 16 bits is computed in f32 and
// rounded after every operation, an integer lies sign-extended in 64 bits.

#ifndef TERCET_COMPILER_REFERENCE_PROGRAM_H
#define TERCET_COMPILER_REFERENCE_PROGRAM_H

#include "compiler/reference/Tensor.h"

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"

namespace tercet {

constexpr int kLanes = 512;

enum class RegisterKind : uint8_t { F32, F64, Int };

struct alignas(64) Lanes {
  union {
    float f32[kLanes];
    double f64[kLanes];
    int64_t i64[kLanes];
  };
};

enum class Opcode : uint8_t {
  Invalid,
  // Floats; kind says which width.
  AddF,
  SubF,
  MulF,
  DivF,
  RemF,
  MaximumF,
  MinimumF,
  MaxNumF,
  MinNumF,
  PowF,
  Atan2,
  CopySign,
  Fma,
  ClampF,
  FPowI,
  NegF,
  AbsF,
  Exp,
  Exp2,
  ExpM1,
  Log,
  Log2,
  Log10,
  Log1p,
  Sqrt,
  Rsqrt,
  Cbrt,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Tanh,
  Asinh,
  Acosh,
  Atanh,
  Erf,
  Erfc,
  Floor,
  Ceil,
  Trunc,
  Round,
  RoundEven,
  IsFinite,
  IsInf,
  IsNaN,
  IsNormal,
  CmpF,
  RoundToHalf,
  RoundToBFloat16,
  // Integers of `bits` bits.
  AddI,
  SubI,
  MulI,
  DivSI,
  DivUI,
  CeilDivSI,
  CeilDivUI,
  FloorDivSI,
  RemSI,
  RemUI,
  AndI,
  OrI,
  XorI,
  ShlI,
  ShrSI,
  ShrUI,
  MaxSI,
  MaxUI,
  MinSI,
  MinUI,
  AbsI,
  CtPop,
  CountLeadingZeros,
  CountTrailingZeros,
  IPowI,
  CmpI,
  Wrap,
  ZeroExtend,
  // Between the two; `kind` is the float's, `bits` the integer's.
  SIToFP,
  UIToFP,
  FPToSI,
  FPToUI,
  BitsOfFloat,
  FloatOfBits,
  F32ToF64,
  F64ToF32,
  F64ToF32Odd,
  Select, // `kind` is that of the operands that are selected from.
  Extract,
  Assert,
};

/// dst = opcode(a, b, c). `aux` is a predicate, or an index into a table.
struct Instruction {
  Opcode opcode = Opcode::Invalid;
  RegisterKind kind = RegisterKind::F32;
  uint8_t bits = 64;
  uint16_t dst = 0, a = 0, b = 0, c = 0;
  uint32_t aux = 0;
};

/// The kind of register that holds scalars of this type.
RegisterKind getRegisterKind(mlir::Type type);

/// Reads n elements, `stride` elements apart, into a register, and back. The
/// register kind is that of the tensor's element type.
void loadLanes(ElementKind kind, const char *base, int64_t stride, int n, Lanes &lanes);
void storeLanes(ElementKind kind, const Lanes &lanes, char *base, int64_t stride, int n);
void splatLanes(ElementKind kind, const char *element, Lanes &lanes);
/// to[lane] = from[0]
void copyLane(ElementKind kind, const Lanes &from, Lanes &to, int lane);

struct Program {
  /// A read of a tensor from outside of the body, at computed indices.
  struct Extraction {
    mlir::Operation *op;
    mlir::Value tensor;
    mlir::SmallVector<uint16_t> indices;
  };
  /// `accumulator = opcode(accumulator, term)` where the body's result is that
  /// and nothing else. Float terms are in F64 registers.
  struct Fold {
    Instruction combine; // dst = a = accumulator, b = term: fields are filled in when run.
    uint16_t term;
  };

  /// Compiles the body. Block argument i is register i. With `foldFrom` the
  /// arguments from that one on are accumulators, and if every result is a fold
  /// of its own, `folds` has one entry for each and `results` is empty.
  static llvm::Expected<Program> compile(mlir::Block &body, std::optional<unsigned> foldFrom = {});
  /// A program of one operation whose operands are the arguments.
  static llvm::Expected<Program> compile(mlir::Operation *op);

  /// Whose body it is: where errors are reported.
  mlir::Operation *owner = nullptr;
  unsigned numRegisters = 0;
  mlir::SmallVector<Instruction> code;
  mlir::SmallVector<uint16_t> results;
  mlir::SmallVector<Fold> folds;
  mlir::SmallVector<std::pair<uint16_t, Tensor>> constants;
  mlir::SmallVector<std::pair<uint16_t, mlir::Value>> captures;
  /// Registers that hold the index of a loop, for linalg.index.
  mlir::SmallVector<std::pair<uint16_t, unsigned>> indices;
  mlir::SmallVector<Extraction> extractions;
  mlir::SmallVector<mlir::Operation *> assertions;
};

using Lookup = llvm::function_ref<const Tensor &(mlir::Value)>;

/// The registers of a program, with constants and captured values filled in.
class Frame {
public:
  Frame(const Program &program, Lookup lookup);

  Lanes &operator[](unsigned index) { return registers[index]; }
  /// Executes the program over n lanes.
  llvm::Error run(int n);
  /// Executes one instruction that is no extraction or assertion; false if an
  /// integer is divided by zero.
  static bool execute(const Instruction &instruction, Lanes &dst, const Lanes &a, const Lanes &b,
                      const Lanes &c, int n);

private:
  llvm::Error extract(const Program::Extraction &extraction, const Tensor &tensor, Lanes &dst,
                      int n);

  const Program &program;
  std::vector<Lanes> registers;
  mlir::SmallVector<Tensor> tensors;
};

} // namespace tercet

#endif // TERCET_COMPILER_REFERENCE_PROGRAM_H
