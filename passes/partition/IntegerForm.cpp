// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each step of a group asks of the values that it reads and writes, and
// the shapes for which its sums stay within 32 bits.

#include "passes/partition/IntegerForm.h"

#include "dialects/nn/NN.h"
#include "passes/partition/IntegerBody.h"
#include "passes/partition/IntegerParameters.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using namespace tercet::partition;

namespace {

class FormFinder {
public:
  FormFinder(soc::GroupOp group, bool wide, std::string &reason)
      : group(group), wide(wide), reason(reason) {}

  std::optional<IntegerForm> run() {
    std::optional<IntegerBody> body = findIntegerBody(group, reason);
    if (!body)
      return std::nullopt;
    for (const IntegerStep &step : body->steps)
      if (!checkSize(step) || !askStep(step))
        return std::nullopt;
    IntegerForm form;
    Block &block = group.getBody().front();
    for (BlockArgument argument : block.getArguments()) {
      form.inputs.push_back(asked.lookup_or(argument, Storage::None));
      form.inputScales.push_back(scales.lookup_or(argument, Scales::One));
    }
    for (Operation &op : block)
      if (op.getNumResults() == 1) {
        form.results.push_back(asked.lookup_or(op.getResult(0), Storage::None));
        form.resultScales.push_back(scales.lookup_or(op.getResult(0), Scales::One));
      }
    return form;
  }

private:
  bool refuse(const Twine &text) {
    reason = text.str();
    return false;
  }

  static int64_t sizeOf(Value value, unsigned dim) {
    return cast<RankedTensorType>(value.getType()).getDimSize(dim);
  }
  static int64_t lastSizeOf(Value value) {
    return cast<RankedTensorType>(value.getType()).getShape().back();
  }

  /// Whether all accumulators stay within their width.
  bool checkSize(const IntegerStep &step) {
    switch (step.kind) {
    case IntegerStepKind::Product: {
      int64_t depth = sizeOf(step.inputs[0], 1);
      int64_t most = wide ? ((int64_t(1) << 31) - 1) / (127 * 32768) : int64_t(1) << 16;
      if (depth > most)
        return refuse("its product sums over " + Twine(depth) + " elements; sums of i32 hold " +
                      Twine(most) + " of i" + Twine(wide ? 16 : 8));
      return true;
    }
    case IntegerStepKind::LayerNorm:
    case IntegerStepKind::RmsNorm:
      if (int64_t columns = lastSizeOf(step.inputs[0]); columns > kMostNormColumns)
        return refuse("its norm is over " + Twine(columns) + " elements, more than " +
                      Twine(kMostNormColumns));
      return true;
    case IntegerStepKind::Attention: {
      int64_t depth = lastSizeOf(step.inputs[0]), keys = sizeOf(step.inputs[1], 1);
      if (depth > kMostHeadSize || keys > kMostKeys)
        return refuse("its attention has " + Twine(keys) + " keys of " + Twine(depth) +
                      " elements, more than " + Twine(kMostKeys) + " of " + Twine(kMostHeadSize));
      return true;
    }
    case IntegerStepKind::Add:
    case IntegerStepKind::Lookup:
    case IntegerStepKind::Move:
      return true;
    }
    llvm_unreachable("all kinds are listed");
  }

  bool askStep(const IntegerStep &step) {
    Value result = step.getResult();
    auto askInputs = [&](Storage storage, Scales most = Scales::One) {
      return llvm::all_of(step.inputs, [&](Value input) { return ask(input, storage, most); });
    };
    auto askConstants = [&](Storage storage) {
      return ask(step.weight, storage) && (!step.bias || ask(step.bias, Storage::Constant));
    };
    switch (step.kind) {
    case IntegerStepKind::Product:
      return ask(result, Storage::Any, Scales::Channels) && askConstants(Storage::Columns) &&
             (wide ? askInputs(Storage::Wide) : askInputs(Storage::Narrow, Scales::Channels));
    case IntegerStepKind::LayerNorm:
      return ask(result, Storage::Any, Scales::Channels) && askConstants(Storage::Constant) &&
             askInputs(Storage::Any);
    case IntegerStepKind::RmsNorm:
      // It subtracts no zero.
      return ask(result, Storage::Any, Scales::Channels) && askConstants(Storage::Constant) &&
             askInputs(Storage::Wide);
    case IntegerStepKind::Attention:
      for (auto [index, input] : llvm::enumerate(step.inputs))
        if (!ask(input, index < 3 ? Storage::Symmetric : Storage::Score))
          return false;
      return ask(result, Storage::Narrow);
    case IntegerStepKind::Lookup:
      return ask(result, Storage::Any, Scales::Blocks) &&
             askInputs(Storage::Narrow, Scales::Blocks);
    case IntegerStepKind::Add:
    case IntegerStepKind::Move:
      return ask(result, Storage::Any) && askInputs(Storage::Any);
    }
    llvm_unreachable("all kinds are listed");
  }

  /// Adds what a step asks of a value to what others do.
  bool ask(Value value, Storage storage, Scales most = Scales::One) {
    auto [entry, first] = asked.try_emplace(value, storage);
    auto [count, added] = scales.try_emplace(value, most);
    count->second = std::min(count->second, most);
    Storage &known = entry->second;
    auto isOneOf = [&](Storage a, Storage b) {
      return (known == a && storage == b) || (known == b && storage == a);
    };
    if (first || known == storage)
      return true;
    bool flexible = known == Storage::Any || storage == Storage::Any;
    bool constant = llvm::is_contained({known, storage}, Storage::Columns) ||
                    llvm::is_contained({known, storage}, Storage::Constant);
    if (flexible && !constant)
      known = known == Storage::Any ? storage : known;
    else if (isOneOf(Storage::Narrow, Storage::Symmetric))
      known = Storage::Symmetric;
    else
      return refuse("two of its operations ask for different storage of one value");
    return true;
  }

  static constexpr int64_t kMostNormColumns = 16384;
  static constexpr int64_t kMostKeys = 32768;
  static constexpr int64_t kMostHeadSize = 65536;

  soc::GroupOp group;
  bool wide;
  std::string &reason;
  DenseMap<Value, Storage> asked;
  DenseMap<Value, Scales> scales;
};

} // namespace

std::optional<IntegerForm> partition::findIntegerForm(soc::GroupOp group, StringRef scheme,
                                                      std::string &reason) {
  if (scheme != "w8a8" && scheme != "w8a16") {
    reason = ("scheme '" + scheme + "' is not one in integers").str();
    return std::nullopt;
  }
  if (!group.getScalars().empty()) {
    reason = "it works at a position that is known only at run time, which has no integer form";
    return std::nullopt;
  }
  return FormFinder(group, scheme == "w8a16", reason).run();
}

/// Whether a tensor of some shape may have the scales of a type.
static bool hasScales(QuantType type, ArrayRef<int64_t> shape, Scales most) {
  auto channels = dyn_cast<quant::UniformQuantizedPerAxisType>(type);
  if (!channels)
    return true;
  ArrayRef<double> scales = channels.getScales();
  if (most == Scales::One || type.getStorageTypeIntegralWidth() != 8 || shape.empty() ||
      channels.getQuantizedDimension() != static_cast<int32_t>(shape.size()) - 1 ||
      static_cast<int64_t>(scales.size()) != shape.back() ||
      !llvm::all_equal(channels.getZeroPoints()))
    return false;
  if (most == Scales::Channels)
    return true;
  for (auto [channel, scale] : llvm::enumerate(scales))
    if (scale != scales[channel / kTableBlock * kTableBlock])
      return false;
  return shape.back() % kTableBlock == 0;
}

/// Whether a value can be stored so. A bias needs no type: its scale follows.
static bool isStoredAs(QuantType type, Storage storage) {
  if (!type)
    return storage == Storage::None || storage == Storage::Constant;
  if (!type.isSigned() || type.hasStorageTypeBounds() || !type.getExpressedType().isF32())
    return false;
  unsigned bits = type.getStorageTypeIntegralWidth();
  bool centred = getZero(type) == 0;
  switch (storage) {
  case Storage::None:
    return false;
  case Storage::Narrow:
    return bits == 8;
  case Storage::Symmetric:
  case Storage::Columns:
    return bits == 8 && centred;
  case Storage::Wide:
    return bits == 16 && centred;
  case Storage::Any:
    return bits == 8 || (bits == 16 && centred);
  case Storage::Score:
    // As near as seven digits of text say it.
    return bits == 16 && centred &&
           std::abs(getScale(type) - getScoreScale()) < 1e-6 * getScoreScale();
  case Storage::Constant:
    return bits == 32 && centred;
  }
  llvm_unreachable("all kinds are listed");
}

static StringRef describe(Storage storage) {
  switch (storage) {
  case Storage::None:
    return "none";
  case Storage::Narrow:
    return "i8";
  case Storage::Symmetric:
  case Storage::Columns:
    return "i8 with zero 0";
  case Storage::Wide:
    return "i16 with zero 0";
  case Storage::Any:
    return "i8, or i16 with zero 0";
  case Storage::Score:
    return "i16 in units of ln 2 / 256";
  case Storage::Constant:
    return "i32 with zero 0";
  }
  llvm_unreachable("all kinds are listed");
}

static StringRef describe(Scales scales) {
  switch (scales) {
  case Scales::One:
    return " and one scale";
  case Scales::Blocks:
    return " and at most one scale for each block of 128 channels";
  case Scales::Channels:
    return " and at most one scale for each channel";
  }
  llvm_unreachable("all kinds are listed");
}

bool partition::fitsIntegerForm(soc::GroupOp group, soc::PrecisionAttr precision,
                                std::string &reason) {
  std::optional<IntegerForm> form = findIntegerForm(group, precision.getScheme(), reason);
  if (!form)
    return false;
  auto check = [&](ArrayAttr types, ArrayRef<Storage> storages, ArrayRef<Scales> scales,
                   ArrayRef<Type> values, StringRef what) {
    if (types.size() != storages.size()) {
      reason = ("precision " + precision.getScheme().getValue() + " has " + Twine(types.size()) +
                " types of " + what + "s for " + Twine(storages.size()))
                   .str();
      return false;
    }
    for (auto [index, attr] : llvm::enumerate(types.getAsRange<TypeAttr>())) {
      QuantType type = asQuantType(attr.getValue());
      if (isStoredAs(type, storages[index]) &&
          (!type || hasScales(type, cast<ShapedType>(values[index]).getShape(), scales[index])))
        continue;
      reason.clear();
      llvm::raw_string_ostream(reason)
          << what << " " << index << " of precision " << precision.getScheme().getValue()
          << ": expected " << describe(storages[index]) << describe(scales[index]) << ", got "
          << (type ? describeType(type) : "none");
      return false;
    }
    return true;
  };
  SmallVector<Type> results;
  for (Operation &op : group.getBody().front())
    if (op.getNumResults() == 1)
      results.push_back(op.getResult(0).getType());
  if (!check(precision.getInputs(), form->inputs, form->inputScales,
             llvm::to_vector(group.getInputs().getTypes()), "input") ||
      !check(precision.getResults(), form->results, form->resultScales, results, "result"))
    return false;
  StoredTypes types(group, precision);
  DenseElementsAttr means = precision.getMeans();
  return llvm::all_of(findIntegerBody(group, reason)->steps, [&](const IntegerStep &step) {
    if (means && step.kind == IntegerStepKind::Product &&
        cast<RankedTensorType>(step.inputs[0].getType()).getDimSize(1) != means.size()) {
      reason = "its product sums over another number of channels than the " +
               std::to_string(means.size()) + " of which it has means";
      return false;
    }
    return hasParameters(step, types, reason);
  });
}
