// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of dialects and passes, by name and in one list each.

#include "compiler/support/RegisterAll.h"

#include "dialects/cmd/Cmd.h"
#include "dialects/hvx/HVX.h"
#include "dialects/nn/NN.h"
#include "dialects/soc/Soc.h"
#include "targets/Targets.h"

#include "passes/codegen/gpu/Passes.h"
#include "passes/graph/Passes.h"
#include "passes/partition/Passes.h"
#include "passes/plan/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/tile/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/TilingInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Vector/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void tercet::registerAllDialects(DialectRegistry &registry) {
  registry.insert<cmd::CmdDialect, hvx::HVXDialect, nn::NNDialect, soc::SocDialect>();
  registry
      .insert<affine::AffineDialect, arith::ArithDialect, bufferization::BufferizationDialect,
              cf::ControlFlowDialect, func::FuncDialect, gpu::GPUDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
              math::MathDialect, memref::MemRefDialect, quant::QuantDialect, scf::SCFDialect,
              tensor::TensorDialect, tosa::TosaDialect, vector::VectorDialect>();

  affine::registerValueBoundsOpInterfaceExternalModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  arith::registerValueBoundsOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  cf::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  linalg::registerTilingInterfaceExternalModels(registry);
  memref::registerValueBoundsOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerValueBoundsOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  tensor::registerTilingInterfaceExternalModels(registry);
  tensor::registerValueBoundsOpInterfaceExternalModels(registry);
  vector::registerBufferizableOpInterfaceExternalModels(registry);
  nn::registerBufferizationModels(registry);
  registerTargetDialects(registry);
}

void tercet::registerAllPasses() {
  graph::registerTercetGraphPasses();
  partition::registerTercetPartitionPasses();
  schedule::registerTercetSchedulePasses();
  tile::registerTercetTilePasses();
  plan::registerTercetPlanPasses();
  codegen::registerTercetGpuPasses();
  codegen::registerGpuPipelines();
  PassPipelineRegistration<>("tercet-graph", "The graph stage: operations become groups",
                             [](OpPassManager &pm) { graph::buildGraphPipeline(pm); });
  PassPipelineRegistration<>("tercet-partition", "The partition stage: groups become tasks",
                             [](OpPassManager &pm) { partition::buildPartitionPipeline(pm); });
  PassPipelineRegistration<>("tercet-schedule", "The schedule stage: tasks get an order",
                             schedule::buildSchedulePipeline);
  PassPipelineRegistration<>("tercet-tile", "The tile stage: tasks become kernels on memory",
                             tile::buildTilePipeline);
  PassPipelineRegistration<>("tercet-plan", "The plan stage: functions become command streams",
                             plan::buildPlanPipeline);
  registerCanonicalizerPass();
  registerCSEPass();
  registerTargetPasses();
}
