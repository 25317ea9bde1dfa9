// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what the soc dialect consists of.

#include "dialects/soc/EngineModel.h"
#include "dialects/soc/Soc.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet::soc;

#include "dialects/soc/SocDialect.cpp.inc"

EngineModel::~EngineModel() = default;

void SocDialect::registerEngineModel(StringRef target, std::unique_ptr<EngineModel> model) {
  engineModels[target] = std::move(model);
}

const EngineModel *SocDialect::lookupEngineModel(StringRef target) const {
  auto found = engineModels.find(target);
  return found == engineModels.end() ? nullptr : found->second.get();
}

/// `, resident_bytes = N, granularity = N`, each only where it is not 0. Two
/// optional groups of the declarative format would both begin with a comma.
static ParseResult parseBytesAndShares(AsmParser &parser, uint64_t &residentBytes,
                                       uint64_t &granularity) {
  residentBytes = granularity = 0;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc where = parser.getCurrentLocation();
    StringRef name;
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return failure();
    if (name != "resident_bytes" && name != "granularity")
      return parser.emitError(where, "expected resident_bytes or granularity, got ") << name;
    if (parser.parseInteger(name == "granularity" ? granularity : residentBytes))
      return failure();
  }
  return success();
}

static void printBytesAndShares(AsmPrinter &printer, uint64_t residentBytes, uint64_t granularity) {
  if (residentBytes)
    printer << ", resident_bytes = " << residentBytes;
  if (granularity)
    printer << ", granularity = " << granularity;
}

#define GET_ATTRDEF_CLASSES
#include "dialects/soc/SocAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/soc/SocTypes.cpp.inc"

#include "dialects/soc/SocAttrInterfaces.cpp.inc"

namespace {

/// #soc.engine asks the model of its target.
struct DescribedEngine : EngineAttrInterface::ExternalModel<DescribedEngine, EngineAttr> {
  static EngineAttr of(Attribute attr) { return cast<EngineAttr>(attr); }
  static const EngineModel *modelOf(Attribute attr) {
    auto *dialect = attr.getContext()->getLoadedDialect<SocDialect>();
    return dialect->lookupEngineModel(of(attr).getTarget().getValue());
  }

  StringRef getEngineName(Attribute attr) const { return of(attr).getName(); }
  StringRef getEngineKind(Attribute attr) const { return of(attr).getKind(); }
  StringRef getEngineMemory(Attribute attr) const {
    return cast<StringAttr>(of(attr).getMemories()[0]).getValue();
  }
  SmallVector<StringRef> getEngineMemories(Attribute attr) const {
    return llvm::map_to_vector(of(attr).getMemories().getAsRange<StringAttr>(),
                               [](StringAttr name) { return name.getValue(); });
  }
  uint32_t getEngineCores(Attribute attr) const {
    const EngineModel *model = modelOf(attr);
    return model ? model->getCores(of(attr)) : 1;
  }
  PerformanceAttr getEnginePerformance(Attribute attr) const { return of(attr).getPerformance(); }
  CpuAttr getObjectCpu(Attribute attr) const {
    const EngineModel *model = modelOf(attr);
    return model ? model->getObjectCpu(of(attr)) : CpuAttr();
  }
  bool isPresent(Attribute attr, std::string &reason) const {
    if (modelOf(attr))
      return true;
    reason = "its target '" + of(attr).getTarget().str() + "' is not part of this build of Tercet";
    return false;
  }
  bool supports(Attribute attr, GroupOp group, std::string &reason) const {
    return isPresent(attr, reason) && modelOf(attr)->supports(of(attr), group, reason);
  }
  SmallVector<VariantAttr> variants(Attribute attr, GroupOp group, int64_t rows) const {
    return modelOf(attr)->variants(of(attr), group, rows);
  }
  bool takesWhole(Attribute attr, Operation *op) const {
    // The CPU target lowers the kernels of engines that have an object CPU.
    if (CpuAttr cpu = getObjectCpu(attr))
      return cast<EngineAttrInterface>(cpu).takesWhole(op);
    const EngineModel *model = modelOf(attr);
    return model && model->takesWhole(of(attr), op);
  }
  uint64_t stagingBytes(Attribute attr, KernelOp kernel) const {
    const EngineModel *model = modelOf(attr);
    return model ? model->stagingBytes(of(attr), kernel) : 0;
  }
  bool keepsScratch(Attribute attr) const {
    const EngineModel *model = modelOf(attr);
    return model && model->keepsScratch(of(attr));
  }
  void buildCodegenPipeline(Attribute attr, OpPassManager &pm) const {
    if (const EngineModel *model = modelOf(attr))
      model->buildCodegenPipeline(of(attr), pm);
  }
};

} // namespace

void SocDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/soc/SocAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/soc/SocTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/soc/SocOps.cpp.inc"
      >();
  EngineAttr::attachInterface<DescribedEngine>(*getContext());
}
