// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at types, decorations and capabilities only.

#include "targets/vulkan/VerifyAbi.h"

#include "runtime/include/tercet/vulkan_image.h"
#include "targets/vulkan/Passes.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

namespace tercet::vulkan {
#define GEN_PASS_DEF_VERIFYABIPASS
#include "targets/vulkan/Passes.h.inc"
} // namespace tercet::vulkan

using namespace mlir;
using namespace tercet;
using namespace tercet::vulkan;

/// Bytes of a type of the interface; 0 if it can be none.
static unsigned unitBytes(Type type) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    unsigned element = unitBytes(vector.getElementType());
    bool whole =
        vector.getRank() == 1 && (vector.getNumElements() == 2 || vector.getNumElements() == 4);
    return whole && element == 4 ? 4 * vector.getNumElements() : 0;
  }
  if (!type.isIntOrFloat())
    return 0;
  unsigned bits = type.getIntOrFloatBitWidth();
  return bits == 8 || bits == 16 || bits == 32 ? bits / 8 : 0;
}

/// The one member, at offset 0, of a block; null if it is anything else.
static Type memberOf(spirv::PointerType pointer) {
  auto block = dyn_cast<spirv::StructType>(pointer.getPointeeType());
  if (!block || block.getNumElements() != 1 || !block.hasOffset() || block.getMemberOffset(0) != 0)
    return {};
  return block.getElementType(0);
}

static std::optional<uint32_t> featureOf(spirv::Capability capability) {
  switch (capability) {
  case spirv::Capability::Shader:
  case spirv::Capability::Matrix:
  case spirv::Capability::GroupNonUniform:
    return 0;
  case spirv::Capability::Float16:
    return 1u << TERCET_VULKAN_FLOAT16_BIT;
  case spirv::Capability::Int8:
    return 1u << TERCET_VULKAN_INT8_BIT;
  case spirv::Capability::Int16:
    return 1u << TERCET_VULKAN_INT16_BIT;
  case spirv::Capability::StorageBuffer16BitAccess:
    return 1u << TERCET_VULKAN_STORAGE_16_BIT;
  case spirv::Capability::StorageBuffer8BitAccess:
    return 1u << TERCET_VULKAN_STORAGE_8_BIT;
  case spirv::Capability::DotProduct:
  case spirv::Capability::DotProductInput4x8BitPacked:
    return 1u << TERCET_VULKAN_DOT_BIT;
  case spirv::Capability::GroupNonUniformArithmetic:
    return 1u << TERCET_VULKAN_SUBGROUP_ARITHMETIC_BIT;
  case spirv::Capability::GroupNonUniformShuffle:
    return 1u << TERCET_VULKAN_SUBGROUP_SHUFFLE_BIT;
  default:
    return std::nullopt;
  }
}

namespace {

class AbiCheck {
public:
  AbiCheck(ModuleInterface &interface, std::string &problem)
      : interface(interface), problem(problem) {}

  Operation *run(spirv::ModuleOp module) {
    if (!checkTriple(module))
      return module;
    bool hasEntry = false, hasSize = false;
    Operation *found = nullptr;
    module.walk([&](Operation *op) {
      bool ok = TypeSwitch<Operation *, bool>(op)
                    .Case<spirv::GlobalVariableOp>([&](auto variable) { return check(variable); })
                    .Case<spirv::EntryPointOp>([&](auto entry) {
                      hasEntry = true;
                      return entry.getFn() == "main" ||
                             fail("expected the entry point 'main', got '" + entry.getFn() + "'");
                    })
                    .Case<spirv::ExecutionModeOp>([&](auto mode) {
                      hasSize = true;
                      return check(mode);
                    })
                    .Case<spirv::BitcastOp>([&](auto cast) {
                      return !isa<spirv::PointerType>(cast.getType()) ||
                             fail("expected no cast of a pointer");
                    })
                    .Default([](auto) { return true; });
      if (!ok)
        found = op;
      return ok ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (found)
      return found;
    if (!hasEntry || !hasSize) {
      fail("expected an entry point with a local size");
      return module;
    }
    return nullptr;
  }

private:
  bool fail(const Twine &text) {
    problem = text.str();
    return false;
  }

  bool checkTriple(spirv::ModuleOp module) {
    std::optional<spirv::VerCapExtAttr> triple = module.getVceTriple();
    if (!triple || triple->getVersion() != spirv::Version::V_1_3)
      return fail("expected version 1.3");
    for (spirv::Capability capability : triple->getCapabilities()) {
      std::optional<uint32_t> feature = featureOf(capability);
      if (!feature)
        return fail("has a capability that no profile gives: " +
                    spirv::stringifyCapability(capability));
      interface.features |= *feature;
    }
    return true;
  }

  bool check(spirv::ExecutionModeOp mode) {
    SmallVector<int64_t> sizes;
    for (Attribute value : mode.getValues())
      sizes.push_back(cast<IntegerAttr>(value).getInt());
    if (mode.getExecutionMode() != spirv::ExecutionMode::LocalSize || sizes.size() != 3)
      return fail("expected a local size as the only execution mode");
    llvm::copy(sizes, interface.localSize.begin());
    return true;
  }

  bool check(spirv::GlobalVariableOp variable) {
    auto pointer = cast<spirv::PointerType>(variable.getType());
    switch (pointer.getStorageClass()) {
    case spirv::StorageClass::Input:
      return true;
    case spirv::StorageClass::StorageBuffer:
      return checkBuffer(variable, memberOf(pointer));
    case spirv::StorageClass::PushConstant:
      return checkPushConstants(memberOf(pointer));
    case spirv::StorageClass::Workgroup: {
      Type whole = pointer.getPointeeType();
      if (auto block = dyn_cast<spirv::StructType>(whole); block && block.getNumElements() == 1)
        whole = block.getElementType(0);
      auto words = dyn_cast<spirv::ArrayType>(whole);
      if (!words || unitBytes(words.getElementType()) == 0)
        return fail("expected workgroup memory of words");
      interface.workgroupBytes +=
          uint64_t(words.getNumElements()) * unitBytes(words.getElementType());
      return true;
    }
    default:
      return fail("is in a storage class that a driver binds nothing to");
    }
  }

  bool checkBuffer(spirv::GlobalVariableOp variable, Type member) {
    auto units = dyn_cast_or_null<spirv::RuntimeArrayType>(member);
    unsigned bytes = units ? unitBytes(units.getElementType()) : 0;
    if (bytes == 0 || units.getArrayStride() != bytes)
      return fail("expected a block of words or vectors of words without end and without gaps");
    if (variable.getDescriptorSet() != 0u || !variable.getBinding() ||
        *variable.getBinding() > TERCET_VULKAN_OPERANDS_MAX)
      return fail("expected a binding of descriptor set 0");
    interface.bindings = std::max(interface.bindings, *variable.getBinding() + 1);
    return true;
  }

  bool checkPushConstants(Type member) {
    auto words = dyn_cast_or_null<spirv::ArrayType>(member);
    if (!words || !words.getElementType().isInteger(32) || words.getArrayStride() != 4 ||
        words.getNumElements() > TERCET_VULKAN_OPERANDS_MAX || interface.pushWords != 0)
      return fail("expected one block of push constants, of at most 32 words");
    interface.pushWords = words.getNumElements();
    return true;
  }

  ModuleInterface &interface;
  std::string &problem;
};

struct VerifyAbiPass : vulkan::impl::VerifyAbiPassBase<VerifyAbiPass> {
  using VerifyAbiPassBase::VerifyAbiPassBase;
  void runOnOperation() override {
    std::string problem;
    ModuleInterface interface;
    if (Operation *op = findAbiProblem(getOperation(), interface, problem)) {
      op->emitOpError() << problem;
      return signalPassFailure();
    }
    if (interface.workgroupBytes > static_cast<uint64_t>(workgroupBytes)) {
      getOperation().emitOpError()
          << "expected at most " << workgroupBytes.getValue() << " bytes of workgroup memory, got "
          << interface.workgroupBytes;
      return signalPassFailure();
    }
  }
};

} // namespace

Operation *vulkan::findAbiProblem(spirv::ModuleOp module, ModuleInterface &interface,
                                  std::string &problem) {
  interface = ModuleInterface();
  return AbiCheck(interface, problem).run(module);
}
