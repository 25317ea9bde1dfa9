// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What groups and commands compute in. Most fields of these attributes are
// optional and written as `name = value` in any order; a declarative format
// would read each of them only behind all those before it.

#include "dialects/soc/Soc.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace tercet::soc;

using EmitError = function_ref<InFlightDiagnostic()>;

/// `, name = value` up to the closing bracket; `parse` is given each name and
/// says whether it knows it.
static ParseResult parseFields(AsmParser &parser,
                               function_ref<OptionalParseResult(StringRef)> parse) {
  llvm::StringSet<> seen;
  while (succeeded(parser.parseOptionalComma())) {
    StringRef name;
    SMLoc at = parser.getCurrentLocation();
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return failure();
    if (!seen.insert(name).second)
      return parser.emitError(at) << "'" << name << "' is there twice";
    OptionalParseResult result = parse(name);
    if (!result.has_value())
      return parser.emitError(at) << "expected another field, got '" << name << "'";
    if (*result)
      return failure();
  }
  return parser.parseGreater();
}

Attribute PrecisionAttr::parse(AsmParser &parser, Type) {
  StringAttr scheme, reason;
  ArrayAttr inputs = ArrayAttr::get(parser.getContext(), {}), results = inputs;
  int64_t snrCentibel = 0;
  DenseElementsAttr means;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseAttribute(scheme) ||
      parseFields(parser, [&](StringRef name) -> OptionalParseResult {
        if (name == "inputs")
          return parser.parseAttribute(inputs);
        if (name == "results")
          return parser.parseAttribute(results);
        if (name == "snr_centibel")
          return parser.parseInteger(snrCentibel);
        if (name == "means")
          return parser.parseAttribute(means);
        if (name == "reason")
          return parser.parseAttribute(reason);
        return std::nullopt;
      }))
    return {};
  return parser.getChecked<PrecisionAttr>(at, parser.getContext(), scheme, inputs, results,
                                          snrCentibel, means, reason);
}

void PrecisionAttr::print(AsmPrinter &printer) const {
  printer << "<" << getScheme();
  if (!getInputs().empty())
    printer << ", inputs = " << getInputs();
  if (!getResults().empty())
    printer << ", results = " << getResults();
  if (getSnrCentibel())
    printer << ", snr_centibel = " << getSnrCentibel();
  if (getMeans())
    printer << ", means = " << getMeans();
  if (getReason())
    printer << ", reason = " << getReason();
  printer << ">";
}

Attribute ComputationAttr::parse(AsmParser &parser, Type) {
  StringAttr scheme, reason;
  uint64_t multiplyAdds = 0;
  int64_t snrCentibel = 0;
  if (parser.parseLess() || parser.parseAttribute(scheme) ||
      parseFields(parser, [&](StringRef name) -> OptionalParseResult {
        if (name == "multiply_adds")
          return parser.parseInteger(multiplyAdds);
        if (name == "snr_centibel")
          return parser.parseInteger(snrCentibel);
        if (name == "reason")
          return parser.parseAttribute(reason);
        return std::nullopt;
      }))
    return {};
  return ComputationAttr::get(parser.getContext(), scheme, multiplyAdds, snrCentibel, reason);
}

void ComputationAttr::print(AsmPrinter &printer) const {
  printer << "<" << getScheme() << ", multiply_adds = " << getMultiplyAdds();
  if (getSnrCentibel())
    printer << ", snr_centibel = " << getSnrCentibel();
  if (getReason())
    printer << ", reason = " << getReason();
  printer << ">";
}

LogicalResult PrecisionAttr::verify(EmitError emitError, StringAttr scheme, ArrayAttr inputs,
                                    ArrayAttr results, int64_t snrCentibel, DenseElementsAttr means,
                                    StringAttr reason) {
  if (!llvm::is_contained({"f32", "w8a8", "w8a16"}, scheme.getValue()))
    return emitError() << "expected a precision of f32, w8a8 or w8a16, got '" << scheme.getValue()
                       << "'";
  for (Attribute attr : llvm::concat<const Attribute>(inputs.getValue(), results.getValue())) {
    auto type = dyn_cast<TypeAttr>(attr);
    if (!type || !isa<NoneType, quant::UniformQuantizedType, quant::UniformQuantizedPerAxisType>(
                     type.getValue()))
      return emitError() << "expected a !quant.uniform or none, got " << attr;
  }
  if (means && (means.getType().getRank() != 1 || !means.getElementType().isF32()))
    return emitError() << "expected means of f32 in a vector, got " << means.getType();
  if (scheme == "f32" && !(inputs.empty() && results.empty()))
    return emitError() << "f32 keeps all types: expected no inputs and results";
  if (scheme != "f32" && reason)
    return emitError() << "only f32 has a reason, got " << reason << " on " << scheme;
  return success();
}

PrecisionAttr PrecisionAttr::getApplied() {
  auto none = ArrayAttr::get(getContext(), {});
  return PrecisionAttr::get(getContext(), getScheme(), none, none, getSnrCentibel(),
                            DenseElementsAttr(), getReason());
}

Type PrecisionAttr::getComputeType() {
  if (isFloat())
    return Float32Type::get(getContext());
  return IntegerType::get(getContext(), getScheme() == "w8a8" ? 8 : 16);
}
