// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, visibility and the five data symbols of abi.h.

#include "compiler/emit/ObjectModule.h"

#include "compiler/emit/Faults.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::emit;

/// Gives the kernels of the object their final names.
static llvm::Error renameKernels(ModuleOp lowered, const Program &program) {
  // Two steps, so that no new name meets an old one.
  SmallVector<std::pair<size_t, LLVM::LLVMFuncOp>> kernels;
  for (auto [index, op] : llvm::enumerate(program.kernelOps)) {
    if (!program.isInObject(index))
      continue;
    soc::KernelOp kernel = op;
    auto function = lowered.lookupSymbol<LLVM::LLVMFuncOp>(kernel.getSymName());
    if (!function || function.isExternal())
      return fault("emit: code generation left no function for kernel '" + kernel.getSymName() +
                   "'");
    kernels.push_back({index, function});
  }
  for (auto [index, function] : kernels) {
    auto name = StringAttr::get(lowered.getContext(), program.getKernelSymbol(index));
    if (function.getSymNameAttr() == name)
      continue;
    if (lowered.lookupSymbol(name))
      return fault("emit: the symbol '" + name.getValue() + "' is taken");
    if (failed(SymbolTable::replaceAllSymbolUses(function, name, lowered)))
      return fault("emit: cannot rename '" + function.getSymName() + "'");
    function.setSymNameAttr(name);
  }
  for (auto [index, function] : kernels) {
    function.setLinkage(LLVM::Linkage::External);
    function.setVisibility_(LLVM::Visibility::Hidden);
    function.setDsoLocal(true);
  }
  return llvm::Error::success();
}

/// Nothing but the program's own names may be seen from outside of the object.
static void internalizeOthers(ModuleOp lowered, const Program &program) {
  llvm::StringSet<> kept;
  for (size_t i = 0; i < program.kernels.size(); ++i)
    kept.insert(program.getKernelSymbol(i));
  for (Operation &op : llvm::make_early_inc_range(*lowered.getBody())) {
    if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op)) {
      if (!function.isExternal() && !kept.contains(function.getSymName()))
        function.setLinkage(LLVM::Linkage::Internal);
    } else if (auto global = dyn_cast<LLVM::GlobalOp>(op)) {
      if (global.getLinkage() == LLVM::Linkage::External &&
          global.getInitializerBlock() == nullptr && !global.getValueOrNull())
        continue; // A declaration: the check of the object names it.
      if (global.getLinkage() != LLVM::Linkage::Private)
        global.setLinkage(LLVM::Linkage::Internal);
    } else if (isa<nn::NNDialect, soc::SocDialect, cmd::CmdDialect>(op.getDialect())) {
      op.erase();
    }
  }
  // Functions that no command uses, and what only they used.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto function : llvm::make_early_inc_range(lowered.getOps<LLVM::LLVMFuncOp>()))
      if (!kept.contains(function.getSymName()) &&
          SymbolTable::symbolKnownUseEmpty(function, lowered)) {
        function.erase();
        changed = true;
      }
  }
}

namespace {
/// Builds data in a module of the LLVM dialect.
class DataBuilder {
public:
  DataBuilder(ModuleOp module, const Program &program)
      : builder(module.getLoc(), module.getBodyRegion()), prefix("tercet_" + program.name),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {
    builder.setInsertionPointToEnd(module.getBody());
  }

  LLVM::GlobalOp addGlobal(Type type, const Twine &suffix, uint64_t alignment, bool isPublic) {
    auto global = LLVM::GlobalOp::create(
        builder, type, /*isConstant=*/true, LLVM::Linkage::External, (prefix + suffix).str(),
        /*value=*/Attribute(), alignment, /*addrSpace=*/0, /*dsoLocal=*/true);
    if (!isPublic)
      global.setVisibility_(LLVM::Visibility::Hidden);
    return global;
  }

  /// Zeros in a section of their own.
  LLVM::GlobalOp addZeros(uint64_t bytes, const Twine &suffix, uint64_t alignment,
                          StringRef section) {
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes);
    LLVM::GlobalOp global = addGlobal(type, suffix, alignment, /*isPublic=*/false);
    global.setSection(section);
    fill(global, [&] { return LLVM::ZeroOp::create(builder, type); });
    return global;
  }

  void fill(LLVM::GlobalOp global, llvm::function_ref<Value()> value) {
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(builder, value());
  }

  Value number(unsigned bits, uint64_t value) {
    return LLVM::ConstantOp::create(builder,
                                    builder.getIntegerAttr(builder.getIntegerType(bits), value));
  }

  Value address(Operation *symbol) {
    if (!symbol)
      return LLVM::ZeroOp::create(builder, pointer);
    return LLVM::AddressOfOp::create(builder, pointer, SymbolTable::getSymbolName(symbol));
  }

  Value aggregate(Type type, ArrayRef<Value> elements) {
    Value result = LLVM::UndefOp::create(builder, type);
    for (auto [i, element] : llvm::enumerate(elements))
      result = LLVM::InsertValueOp::create(builder, result, element, static_cast<int64_t>(i));
    return result;
  }

  ImplicitLocOpBuilder builder;
  std::string prefix;
  Type pointer;
};
} // namespace

static void addData(ModuleOp lowered, const Program &program) {
  DataBuilder data(lowered, program);
  uint64_t tableBytes = serializeTable(program).size();
  LLVM::GlobalOp table = data.addZeros(tableBytes, "_table", 16, kTableSection);

  LLVM::GlobalOp kernels;
  if (size_t count = program.kernels.size()) {
    Type type = LLVM::LLVMArrayType::get(data.pointer, count);
    kernels = data.addGlobal(type, "_kernels", 8, /*isPublic=*/false);
    data.fill(kernels, [&] {
      SmallVector<Value> addresses;
      for (size_t i = 0; i < count; ++i)
        addresses.push_back(data.address(lowered.lookupSymbol(program.getKernelSymbol(i))));
      return data.aggregate(type, addresses);
    });
  }

  LLVM::GlobalOp images;
  if (!program.images.empty()) {
    auto type = LLVM::LLVMArrayType::get(data.builder.getI8Type(), program.images.size());
    images = data.addGlobal(type, "_images", 64, /*isPublic=*/false);
    images.setValueAttr(data.builder.getStringAttr(program.images));
  }

  LLVM::GlobalOp weights;
  bool embedded = !program.weights.empty() &&
                  program.weights.front().place == TERCET_WEIGHTS_EMBEDDED &&
                  program.weightsPayloadBytes != 0;
  if (embedded)
    weights = data.addZeros(program.weightsPayloadBytes, "_weights", program.weightsAlignment,
                            kEmptyWeightsSection);

  // The fields of tercet_program, in order.
  Type i16 = data.builder.getIntegerType(16), i32 = data.builder.getIntegerType(32),
       i64 = data.builder.getIntegerType(64), pointer = data.pointer;
  auto type = LLVM::LLVMStructType::getLiteral(
      lowered.getContext(),
      {i32, i16, i16, i64, pointer, i64, pointer, i32, i32, pointer, i64, pointer, i64});
  LLVM::GlobalOp descriptor = data.addGlobal(type, "", 8, /*isPublic=*/true);
  data.fill(descriptor, [&] {
    return data.aggregate(
        type, {data.number(32, TERCET_MAGIC_PROGRAM), data.number(16, TERCET_ABI_MAJOR),
               data.number(16, TERCET_ABI_MINOR), data.number(64, program.features),
               data.address(table), data.number(64, tableBytes), data.address(kernels),
               data.number(32, program.kernels.size()), data.number(32, 0), data.address(weights),
               data.number(64, embedded ? program.weightsPayloadBytes : 0), data.address(images),
               data.number(64, program.images.size())});
  });
}

llvm::Error emit::prepareObjectModule(ModuleOp lowered, const Program &program) {
  lowered.getContext()->getOrLoadDialect<LLVM::LLVMDialect>();
  if (llvm::Error error = renameKernels(lowered, program))
    return error;
  internalizeOthers(lowered, program);
  for (StringRef suffix : {"", "_table", "_kernels", "_weights", "_images"})
    if (lowered.lookupSymbol(("tercet_" + program.name + suffix).str()))
      return fault("emit: the symbol 'tercet_" + program.name + suffix + "' is taken");
  addData(lowered, program);
  return llvm::Error::success();
}
