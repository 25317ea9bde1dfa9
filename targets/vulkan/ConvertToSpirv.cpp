// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's pattern sets, composed; functions, modules and barriers are ours.
// A barrier also orders what threads exchange through storage buffers.

#include "targets/vulkan/EmptyLoops.h"
#include "targets/vulkan/ExpandOperations.h"
#include "targets/vulkan/Passes.h"

#include "mlir/Conversion/ArithToSPIRV/ArithToSPIRV.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRV.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRV.h"
#include "mlir/Conversion/MemRefToSPIRV/MemRefToSPIRV.h"
#include "mlir/Conversion/SCFToSPIRV/SCFToSPIRV.h"
#include "mlir/Conversion/UBToSPIRV/UBToSPIRV.h"
#include "mlir/Conversion/VectorToSPIRV/VectorToSPIRV.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Dialect/SPIRV/Transforms/SPIRVConversion.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_CONVERTTOSPIRVPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;
using codegen::GpuProfile;

namespace {

spirv::TargetEnvAttr environmentOf(MLIRContext *context, const GpuProfile &profile) {
  SmallVector<spirv::Capability> capabilities{spirv::Capability::Shader};
  SmallVector<spirv::Extension> extensions{spirv::Extension::SPV_KHR_storage_buffer_storage_class};
  if (profile.float16)
    capabilities.push_back(spirv::Capability::Float16);
  if (profile.storage16)
    capabilities.push_back(spirv::Capability::StorageBuffer16BitAccess);
  if (profile.subgroupArithmetic)
    capabilities.append(
        {spirv::Capability::GroupNonUniform, spirv::Capability::GroupNonUniformArithmetic});
  if (profile.subgroupShuffle)
    capabilities.append(
        {spirv::Capability::GroupNonUniform, spirv::Capability::GroupNonUniformShuffle});
  if (profile.dot) {
    capabilities.append(
        {spirv::Capability::DotProduct, spirv::Capability::DotProductInput4x8BitPacked});
    extensions.push_back(spirv::Extension::SPV_KHR_integer_dot_product);
  }
  auto triple = spirv::VerCapExtAttr::get(spirv::Version::V_1_3, capabilities, extensions, context);
  return spirv::TargetEnvAttr::get(triple, spirv::getDefaultResourceLimits(context),
                                   spirv::ClientAPI::Vulkan);
}

/// Arguments stay arguments here: pointers, for which there are no functions in
/// Vulkan, until bindArguments.
struct ConvertFunction : OpConversionPattern<gpu::GPUFuncOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(gpu::GPUFuncOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto function =
        spirv::FuncOp::create(rewriter, op.getLoc(), "main", rewriter.getFunctionType({}, {}));
    rewriter.inlineRegionBefore(op.getBody(), function.getBody(), function.end());
    TypeConverter::SignatureConversion signature(function.front().getNumArguments());
    for (BlockArgument argument : function.front().getArguments()) {
      Type type = getTypeConverter()->convertType(argument.getType());
      if (!type)
        return rewriter.notifyMatchFailure(op, "has an argument of a type that SPIR-V has not");
      signature.addInputs(argument.getArgNumber(), type);
    }
    rewriter.applySignatureConversion(&function.front(), signature, getTypeConverter());
    SmallVector<Type> types(function.front().getArgumentTypes());
    function.setFunctionType(rewriter.getFunctionType(types, {}));
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertBarrier : OpConversionPattern<gpu::BarrierOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(gpu::BarrierOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto semantics = spirv::MemorySemantics::AcquireRelease |
                     spirv::MemorySemantics::WorkgroupMemory |
                     spirv::MemorySemantics::UniformMemory;
    rewriter.replaceOpWithNewOp<spirv::ControlBarrierOp>(op, spirv::Scope::Workgroup,
                                                         spirv::Scope::Workgroup, semantics);
    return success();
  }
};

/// Atomic accesses order nothing but themselves: what threads exchange waits at
/// barriers. More would cost caches on devices, and on lavapipe 22.3 the fences
/// of an access that some threads make count as control barriers of those.
void relaxAtomics(spirv::ModuleOp module) {
  module.walk([](Operation *op) {
    TypeSwitch<Operation *>(op)
        .Case<spirv::AtomicAndOp, spirv::AtomicIAddOp, spirv::AtomicOrOp, spirv::AtomicSMaxOp,
              spirv::AtomicSMinOp, spirv::AtomicUMaxOp, spirv::AtomicUMinOp, spirv::AtomicXorOp>(
            [](auto atomic) { atomic.setSemantics(spirv::MemorySemantics::None); });
  });
}

/// What is known of a function's argument in the interface.
struct Binding {
  std::optional<unsigned> number;
};

SmallVector<Binding> bindingsOf(gpu::GPUFuncOp function) {
  SmallVector<Binding> bindings(function.front().getNumArguments());
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    if (auto abi = function.getArgAttrOfType<spirv::InterfaceVarABIAttr>(
            argument, spirv::getInterfaceVarABIAttrName()))
      bindings[argument].number = abi.getBinding();
  return bindings;
}

/// Whether the variable is read or written through, as access chains tell.
struct Use {
  bool read = false, written = false;
  void add(Value pointer) {
    for (Operation *user : pointer.getUsers()) {
      if (isa<spirv::AccessChainOp>(user)) {
        add(user->getResult(0));
        continue;
      }
      read |= !isa<spirv::StoreOp>(user);
      written |= !isa<spirv::LoadOp>(user);
    }
  }
};

void bindArguments(spirv::ModuleOp module, spirv::FuncOp function, ArrayRef<Binding> bindings) {
  Block &entry = function.front();
  OpBuilder globals = OpBuilder::atBlockBegin(module.getBody());
  OpBuilder inside = OpBuilder::atBlockBegin(&entry);
  Location loc = function.getLoc();
  auto unit = globals.getUnitAttr();
  llvm::SmallDenseMap<unsigned, Use> uses;
  for (auto [argument, binding] : llvm::zip_equal(entry.getArguments(), bindings))
    if (binding.number)
      uses[*binding.number].add(argument);
  for (auto [argument, binding] : llvm::zip_equal(entry.getArguments(), bindings)) {
    auto type = cast<spirv::PointerType>(argument.getType());
    if (argument.use_empty() && type.getStorageClass() != spirv::StorageClass::Workgroup)
      continue;
    std::string name = "argument_" + std::to_string(argument.getArgNumber());
    spirv::GlobalVariableOp variable;
    if (binding.number) {
      variable = spirv::GlobalVariableOp::create(globals, loc, type, name, /*descriptorSet=*/0,
                                                 *binding.number);
      // The planner may give an output the place of an input, and one binding
      // may be seen through several variables.
      variable->setAttr("aliased", unit);
      Use use = uses.lookup(*binding.number);
      if (!use.written)
        variable->setAttr("non_writable", unit);
      // Threads read what others have written.
      else if (use.read)
        variable->setAttr("coherent", unit);
    } else {
      variable = spirv::GlobalVariableOp::create(globals, loc, type, name);
    }
    argument.replaceAllUsesWith(spirv::AddressOfOp::create(inside, loc, variable));
  }
  entry.eraseArguments(0, entry.getNumArguments());
  function.setFunctionType(globals.getFunctionType({}, {}));
}

void addEntryPoint(spirv::ModuleOp module, spirv::FuncOp function, ArrayRef<int32_t> localSize) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  // Of version 1.3: inputs and outputs only.
  SmallVector<Attribute> interface;
  for (auto variable : module.getOps<spirv::GlobalVariableOp>())
    if (variable.storageClass() == spirv::StorageClass::Input)
      interface.push_back(SymbolRefAttr::get(variable));
  Location loc = function.getLoc();
  spirv::EntryPointOp::create(b, loc, spirv::ExecutionModel::GLCompute, function, interface);
  spirv::ExecutionModeOp::create(b, loc, function, spirv::ExecutionMode::LocalSize, localSize);
}

struct ConvertToSpirvPass : vulkan::impl::ConvertToSpirvPassBase<ConvertToSpirvPass> {
  using ConvertToSpirvPassBase::ConvertToSpirvPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    ConvertToSpirvPassBase::getDependentDialects(registry);
    vulkan::registerExpansionDialects(registry);
  }

  void runOnOperation() override {
    llvm::Expected<GpuProfile> parsed = GpuProfile::parse(profile);
    if (!parsed) {
      getOperation().emitError() << llvm::toString(parsed.takeError());
      return signalPassFailure();
    }
    spirv::TargetEnvAttr environment = environmentOf(&getContext(), *parsed);
    SmallVector<gpu::GPUModuleOp> modules(getOperation().getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp module : modules)
      if (failed(convert(module, environment)))
        return signalPassFailure();
  }

private:
  LogicalResult convert(gpu::GPUModuleOp source, spirv::TargetEnvAttr environment) {
    SmallVector<gpu::GPUFuncOp> functions(source.getOps<gpu::GPUFuncOp>());
    if (functions.size() != 1 || !functions[0].getKnownBlockSize())
      return source.emitOpError() << "expected one function, of known_block_size";
    gpu::GPUFuncOp function = functions[0];
    if (failed(vulkan::expandOperations(function)))
      return failure();
    vulkan::selectResultsOfLoops(function);
    SmallVector<int32_t> localSize(*function.getKnownBlockSize());
    SmallVector<Binding> bindings = bindingsOf(function);

    OpBuilder b(source);
    auto module =
        spirv::ModuleOp::create(b, source.getLoc(), spirv::AddressingModel::Logical,
                                spirv::MemoryModel::GLSL450, std::nullopt, source.getName());
    function->moveBefore(module.getBody(), module.getBody()->end());
    source.erase();
    module->setAttr(spirv::getTargetEnvAttrName(), environment);
    if (failed(convertFunction(module, environment)))
      return failure();
    relaxAtomics(module);
    auto converted = *module.getOps<spirv::FuncOp>().begin();
    bindArguments(module, converted, bindings);
    addEntryPoint(module, converted, localSize);
    return finish(module);
  }

  LogicalResult convertFunction(spirv::ModuleOp module, spirv::TargetEnvAttr environment) {
    MLIRContext *context = &getContext();
    SPIRVConversionOptions options;
    // Whoever is not of a form that the device has must not be given another.
    options.emulateLT32BitScalarTypes = false;
    options.emulateUnsupportedFloatTypes = false;
    SPIRVTypeConverter converter(environment, options);
    RewritePatternSet patterns(context);
    patterns.add<ConvertFunction, ConvertBarrier>(converter, context, /*benefit=*/10);
    ScfToSPIRVContext scfContext;
    populateSCFToSPIRVPatterns(converter, scfContext, patterns);
    arith::populateArithToSPIRVPatterns(converter, patterns);
    populateMathToSPIRVPatterns(converter, patterns);
    populateMemRefToSPIRVPatterns(converter, patterns);
    populateVectorToSPIRVPatterns(converter, patterns);
    populateGPUToSPIRVPatterns(converter, patterns);
    ub::populateUBToSPIRVConversionPatterns(converter, patterns);
    populateBuiltinFuncToSPIRVPatterns(converter, patterns);
    std::unique_ptr<SPIRVConversionTarget> target = SPIRVConversionTarget::get(environment);
    target->addLegalOp<spirv::ModuleOp>();
    SmallVector<Operation *> functions;
    for (auto function : module.getOps<gpu::GPUFuncOp>())
      functions.push_back(function);
    return applyFullConversion(functions, *target, std::move(patterns));
  }

  /// Which capabilities it needs, of the version that its interface is of.
  LogicalResult finish(spirv::ModuleOp module) {
    // Upstream knows sums of products of bytes of version 1.6 only; in 1.3 their
    // extension is stated.
    auto environment = spirv::lookupTargetEnv(module).getTripleAttr();
    SmallVector<spirv::Capability> offered(environment.getCapabilities());
    SmallVector<spirv::Extension> known(environment.getExtensions());
    auto latest =
        spirv::VerCapExtAttr::get(spirv::Version::V_1_6, offered, known, module.getContext());
    module->setAttr(spirv::getTargetEnvAttrName(),
                    spirv::TargetEnvAttr::get(latest,
                                              spirv::getDefaultResourceLimits(module.getContext()),
                                              spirv::ClientAPI::Vulkan));
    OpPassManager pm(spirv::ModuleOp::getOperationName());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
    pm.addPass(spirv::createSPIRVUpdateVCEPass());
    if (failed(runPipeline(pm, module)))
      return failure();
    spirv::VerCapExtAttr least = *module.getVceTriple();
    SmallVector<spirv::Capability> capabilities(least.getCapabilities());
    SmallVector<spirv::Extension> extensions(least.getExtensions());
    // Part of the version.
    llvm::erase(extensions, spirv::Extension::SPV_KHR_storage_buffer_storage_class);
    if (llvm::is_contained(capabilities, spirv::Capability::DotProduct) &&
        !llvm::is_contained(extensions, spirv::Extension::SPV_KHR_integer_dot_product))
      extensions.push_back(spirv::Extension::SPV_KHR_integer_dot_product);
    module.setVceTripleAttr(spirv::VerCapExtAttr::get(spirv::Version::V_1_3, capabilities,
                                                      extensions, module.getContext()));
    module->removeAttr(spirv::getTargetEnvAttrName());
    return success();
  }
};

} // namespace
