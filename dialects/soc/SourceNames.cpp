// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a location. A name hides what is below it: that says where in a file
// the node was, not which node.

#include "dialects/soc/SourceNames.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

static void collect(Location location, llvm::SetVector<StringRef> &names) {
  llvm::TypeSwitch<LocationAttr>(location)
      .Case([&](NameLoc named) { names.insert(named.getName().getValue()); })
      .Case([&](FusedLoc fused) {
        for (Location part : fused.getLocations())
          collect(part, names);
      })
      .Case([&](CallSiteLoc call) { collect(call.getCallee(), names); })
      .Case([&](OpaqueLoc opaque) { collect(opaque.getFallbackLocation(), names); });
}

SmallVector<StringRef> tercet::soc::getSourceNames(Location location) {
  llvm::SetVector<StringRef> names;
  collect(location, names);
  return SmallVector<StringRef>(names.begin(), names.end());
}

std::string tercet::soc::joinSourceNames(Location location) {
  return llvm::join(getSourceNames(location), " + ");
}
