// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers what the soc dialect consists of.

#include "dialects/soc/Soc.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tercet::soc;

#include "dialects/soc/SocDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/soc/SocAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/soc/SocTypes.cpp.inc"

#include "dialects/soc/SocAttrInterfaces.cpp.inc"

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
}
