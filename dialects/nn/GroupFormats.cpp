// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats are parsed from their text when they are asked for: contexts keep
// attributes, and the table stays readable.

#include "dialects/nn/GroupFormats.h"

#include "mlir/AsmParser/AsmParser.h"

using namespace mlir;
using namespace tercet;

namespace {
struct NamedFormat {
  StringRef name, text;
};
} // namespace

static const NamedFormat kFormats[] = {
#define TERCET_GROUP_FORMAT(name, text) {#name, text},
#include "dialects/nn/GroupFormats.def"
#undef TERCET_GROUP_FORMAT
};

static nn::GroupsAttr parse(MLIRContext *context, const NamedFormat &format) {
  context->getOrLoadDialect<nn::NNDialect>();
  return cast<nn::GroupsAttr>(parseAttribute(("#nn.groups" + format.text).str(), context));
}

nn::GroupsAttr nn::groupFormat(MLIRContext *context, StringRef name) {
  for (const NamedFormat &format : kFormats)
    if (format.name == name)
      return parse(context, format);
  return {};
}

StringRef nn::nameOfGroupFormat(GroupsAttr wanted) {
  for (const NamedFormat &format : kFormats)
    if (parse(wanted.getContext(), format) == wanted)
      return format.name;
  return {};
}

nn::GroupsAttr nn::leftFormatFor(GroupsAttr weights) {
  return groupFormat(weights.getContext(), weights.getGroup() < 32 ? "i8g16" : "i8g32");
}

bool nn::isEncodable(GroupsAttr format) {
  int64_t bits = format.getBits();
  if (format.getPlanes().size() != 1 || 8 % bits != 0 || format.getCodebook() ||
      format.getSubscale() != SubscaleKind::None || format.getShift() != GroupShiftKind::None ||
      (format.getScale() != ScaleKind::F16 && format.getScale() != ScaleKind::F32))
    return false;
  if (format.getCodes() == CodeKind::Signed)
    return bits == 8 && format.getZero() == 0;
  return format.getZero() == int64_t(1) << (bits - 1) && format.getSumAt() < 0;
}

int64_t nn::bytesOf(ScaleKind kind) {
  switch (kind) {
  case ScaleKind::None:
    return 0;
  case ScaleKind::F16:
  case ScaleKind::BF16:
    return 2;
  case ScaleKind::F32:
    return 4;
  case ScaleKind::E8M0:
  case ScaleKind::HalfE8M0:
  case ScaleKind::UE4M3:
  case ScaleKind::HalfUE4M3:
    return 1;
  }
  llvm_unreachable("a kind of scale without a size");
}
