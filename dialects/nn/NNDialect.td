// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nn dialect: network operations and weights that upstream has no op for.

#ifndef TERCET_DIALECTS_NN_NNDIALECT_TD
#define TERCET_DIALECTS_NN_NNDIALECT_TD

include "mlir/IR/OpBase.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let summary = "Network operations that upstream lacks, and weights as symbols";
  let description = [{
    An operation is here only where fusion, placement or quantisation must know
    it by name and upstream has none with that meaning. Every compute operation
    is in destination style, can be tiled, and decomposes into linalg; that
    decomposition is its reference semantics, so every engine that runs linalg
    can run it.
  }];
  let cppNamespace = "::tercet::nn";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::quant::QuantDialect", "::mlir::tensor::TensorDialect"];
}

#endif // TERCET_DIALECTS_NN_NNDIALECT_TD
