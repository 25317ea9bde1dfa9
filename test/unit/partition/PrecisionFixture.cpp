// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses types by the greatest magnitude, applies them and measures.

#include "test/unit/partition/PrecisionFixture.h"

#include "passes/partition/Passes.h"
#include "passes/partition/QuantScales.h"

#include "dialects/nn/NN.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>

using namespace mlir;
using namespace tercet;
using partition::Scales;
using partition::Storage;

Tensor PrecisionTest::uneven(ArrayRef<int64_t> shape, unsigned seed) {
  Tensor even = random(shape, seed);
  std::vector<float> values(even.elements<float>().begin(), even.elements<float>().end());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= 0.05f + static_cast<float>(i % shape.back() % 7) * 0.3f;
  return tensor(shape, values);
}

std::string PrecisionTest::weight(StringRef name, ArrayRef<int64_t> shape, double size,
                                  unsigned seed) {
  Tensor values = random(shape, seed);
  std::vector<float> scaled;
  for (float value : values.elements<float>())
    scaled.push_back(static_cast<float>(value * size / 2));
  std::string text;
  llvm::raw_string_ostream(text) << "  nn.weight @" << name << " = "
                                 << tensor(shape, scaled).toAttribute() << "\n";
  return text;
}

static double greatest(ArrayRef<double> values) {
  double most = 0;
  for (double value : values)
    most = std::max(most, std::fabs(value));
  return most > 0 ? most : 1;
}

static quant::UniformQuantizedType uniform(MLIRContext *context, unsigned bits, double scale,
                                           int64_t zero = 0) {
  int64_t most = (int64_t(1) << (bits - 1)) - 1;
  return quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed,
                                          IntegerType::get(context, bits),
                                          Float32Type::get(context), scale, zero, -most - 1, most);
}

Type PrecisionTest::chooseType(Storage storage, Scales scales, Choice choice,
                               ArrayRef<double> values, int64_t channels) {
  double most = greatest(values);
  if (storage == Storage::Any)
    storage = choice.wide ? Storage::Wide : Storage::Narrow;
  switch (storage) {
  case Storage::None:
    return NoneType::get(&context);
  case Storage::Symmetric:
    return uniform(&context, 8, most / 127);
  case Storage::Wide:
    return uniform(&context, 16, most / 32767);
  case Storage::Score:
    return uniform(&context, 16, std::log(2.0) / 256);
  case Storage::Constant:
    return uniform(&context, 32, std::ldexp(most, -31));
  case Storage::Columns:
    llvm_unreachable("depends on the left-hand side");
  case Storage::Narrow:
    break;
  default:
    llvm_unreachable("replaced above");
  }
  bool whole = scales == Scales::Channels || (scales == Scales::Blocks && channels % 128 == 0);
  if (choice.channels && whole) {
    SmallVector<double> each(channels);
    int64_t block = scales == Scales::Blocks ? 128 : 1;
    for (size_t i = 0; i < values.size(); ++i) {
      double &scale = each[i % channels / block * block];
      scale = std::max(scale, std::fabs(values[i]) / 127);
    }
    for (int64_t channel = 0; channel < channels; ++channel)
      each[channel] = std::max(each[channel / block * block], 1e-6);
    SmallVector<int64_t> zeros(channels, 0);
    return quant::UniformQuantizedPerAxisType::get(
        quant::QuantizationFlags::Signed, IntegerType::get(&context, 8), Float32Type::get(&context),
        each, zeros, 0, -128, 127);
  }
  double low = std::min(0.0, *llvm::min_element(values));
  double high = std::max(0.0, *llvm::max_element(values));
  double scale = std::max((high - low) / 255, 1e-6);
  return uniform(&context, 8, scale, std::llround(-128 - low / scale));
}

DenseElementsAttr PrecisionTest::meansOf(ArrayRef<double> values, int64_t channels) {
  std::vector<float> means(channels);
  for (auto [index, value] : llvm::enumerate(values))
    means[index % channels] += static_cast<float>(value * channels / values.size());
  return tensor({channels}, means).toAttribute();
}

bool PrecisionTest::setPrecision(soc::GroupOp group, Choice choice,
                                 const DenseMap<Value, std::vector<double>> &values) {
  std::string reason;
  auto form = partition::findIntegerForm(group, choice.scheme, reason);
  if (!form) {
    group.setEngine("cpu");
    group.setVariantAttr(soc::VariantAttr::get(
        &context, StringAttr::get(&context, "floats"), TypeAttr::get(Float32Type::get(&context)),
        DenseI64ArrayAttr::get(&context, {}),
        DenseI64ArrayAttr::get(&context, SmallVector<int64_t>(group.getInputs().size(), 0)), 1, 64,
        0, 0));
    if (!choice.some)
      ADD_FAILURE() << reason;
    return choice.some;
  }
  Block &block = group.getBody().front();
  DenseMap<Value, Type> chosen;
  auto choose = [&](Value value, Value source, Storage storage, Scales scales) {
    if (storage == Storage::Columns)
      return;
    auto type = dyn_cast<RankedTensorType>(value.getType());
    int64_t channels = type && type.getRank() ? type.getShape().back() : 1;
    Type stored = storage == Storage::None
                      ? Type(NoneType::get(&context))
                      : chooseType(storage, scales, choice, values.lookup(source), channels);
    // What is stored in 8 bits already is read so.
    Value root = source;
    while (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(root.getDefiningOp()))
      root = root.getDefiningOp()->getOperand(0);
    auto known = resultTypes.find(root);
    if (storage == Storage::Narrow && known != resultTypes.end())
      stored = known->second;
    if (auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(stored))
      stored = partition::forRank(axis, type.getRank());
    chosen[value] = stored;
  };
  for (auto [index, argument] : llvm::enumerate(block.getArguments()))
    choose(argument, group.getInputs()[index], form->inputs[index], form->inputScales[index]);
  unsigned number = 0;
  for (Operation &op : block)
    if (op.getNumResults() == 1) {
      choose(op.getResult(0), op.getResult(0), form->results[number], form->resultScales[number]);
      ++number;
    }
  DenseElementsAttr means;
  // Columns of weights, whose rows have taken the scales of their left-hand side.
  block.walk([&](linalg::MatmulOp matmul) {
    Value weight = matmul.getInputs()[1];
    auto left = cast<partition::QuantType>(chosen.lookup(matmul.getInputs()[0]));
    std::vector<double> elements =
        values.lookup(group.getInputs()[cast<BlockArgument>(weight).getArgNumber()]);
    SmallVector<double> rows = partition::getRelativeScales(left);
    int64_t columns = cast<RankedTensorType>(weight.getType()).getDimSize(1);
    for (size_t i = 0; i < elements.size(); ++i)
      elements[i] *= rows.empty() ? 1 : rows[i / columns];
    if (auto left = dyn_cast<BlockArgument>(matmul.getInputs()[0]); left && choice.means)
      means = meansOf(values.lookup(group.getInputs()[left.getArgNumber()]),
                      cast<RankedTensorType>(weight.getType()).getDimSize(0));
    quant::UniformQuantizedType type = uniform(&context, 8, greatest(elements) / 127);
    chosen[weight] = type;
    // A result in 16 bits is no finer than the sums that it comes from.
    for (Operation &op : block) {
      auto result =
          op.getNumResults() == 1
              ? dyn_cast_or_null<quant::UniformQuantizedType>(chosen.lookup(op.getResult(0)))
              : quant::UniformQuantizedType();
      double finest = partition::getScale(left) * type.getScale() * (1 + 0x1p-20);
      if (result && result.getStorageTypeIntegralWidth() == 16 && result.getScale() < finest)
        chosen[op.getResult(0)] = uniform(&context, 16, finest);
    }
  });
  SmallVector<Attribute> inputs, results;
  for (BlockArgument argument : block.getArguments())
    inputs.push_back(TypeAttr::get(chosen.lookup(argument)));
  for (Operation &op : block)
    if (op.getNumResults() == 1)
      results.push_back(TypeAttr::get(chosen.lookup(op.getResult(0))));
  for (auto [result, value] : llvm::zip(group.getOutputs(), block.getTerminator()->getOperands())) {
    auto type = dyn_cast<partition::QuantType>(chosen.lookup(value));
    if (type && type.getStorageTypeIntegralWidth() == 8)
      resultTypes[result] = type;
  }
  Builder b(&context);
  auto precision =
      soc::PrecisionAttr::get(&context, b.getStringAttr(choice.scheme), b.getArrayAttr(inputs),
                              b.getArrayAttr(results), 0, means);
  if (!partition::fitsIntegerForm(group, precision, reason)) {
    ADD_FAILURE() << reason;
    return false;
  }
  group.setPrecisionsAttr(b.getArrayAttr({precision}));
  group.setEngine("npu");
  group.setVariantAttr(soc::VariantAttr::get(
      &context, b.getStringAttr("test"), TypeAttr::get(precision.getComputeType()),
      b.getDenseI64ArrayAttr({}), b.getDenseI64ArrayAttr(SmallVector<int64_t>(inputs.size(), 0)), 1,
      64, 0, 0));
  return true;
}

double PrecisionTest::measure(StringRef text, ArrayRef<Tensor> inputs, Choice choice) {
  DenseMap<Value, std::vector<double>> values;
  Evaluator::Results expected = run(text, inputs, [&](Operation *op, ArrayRef<Tensor> results) {
    for (auto [result, tensor] : llvm::zip(op->getResults(), results))
      values[result] = tensor.toDoubles();
  });
  if (expected.empty())
    return std::nan("");
  auto main = module->lookupSymbol<func::FuncOp>("main");
  for (auto [argument, input] : llvm::zip(main.getArguments(), inputs))
    values[argument] = input.toDoubles();
  bool ok = true;
  resultTypes.clear();
  main.walk([&](soc::GroupOp group) { ok &= setPrecision(group, choice, values); });
  PassManager pm(&context);
  pm.addPass(partition::createApplyPrecisionPass());
  if (!ok || failed(pm.run(*module)) || failed(verify(*module))) {
    ADD_FAILURE() << "the precision cannot be applied";
    return std::nan("");
  }
  Evaluator evaluator(*module, weights);
  llvm::Expected<Evaluator::Results> got =
      evaluator.run(module->lookupSymbol<func::FuncOp>("main"), inputs);
  if (!got) {
    ADD_FAILURE() << llvm::toString(got.takeError());
    return std::nan("");
  }
  double signal = 0, noise = 0; // SCRATCH
  for (auto [a, b] : llvm::zip(expected[0].toDoubles(), (*got)[0].toDoubles())) {
    signal += a * a;
    noise += (a - b) * (a - b);
  }
  return 10 * std::log10(signal / noise);
}

unsigned PrecisionTest::count(StringRef operation) {
  unsigned found = 0;
  module->walk([&](Operation *op) { found += op->getName().getStringRef() == operation; });
  return found;
}
