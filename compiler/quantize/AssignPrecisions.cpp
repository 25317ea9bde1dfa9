// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three steps: what the user asks of each group and whether it has a form in
// integers; what numbers its values take, by running the samples; types, and
// how much of the group's result survives them. What does not survive stays in
// float, which changes what is asked of its neighbours' values: the last step
// is repeated until nothing more is taken out.

#include "compiler/quantize/AssignPrecisions.h"

#include "compiler/quantize/CalibrationData.h"
#include "compiler/quantize/CalibrationRun.h"
#include "compiler/quantize/QuantizeSpec.h"
#include "compiler/quantize/SplitOutliers.h"
#include "compiler/quantize/TypeChoice.h"

#include "dialects/nn/NN.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tercet;
using namespace tercet::quantize;

namespace {

/// What the user asks of a group, and what has come of it so far.
struct Wish {
  soc::GroupOp group;
  /// Null where no entry speaks of the group.
  const QuantizeSpec::Entry *entry = nullptr;
  /// Absent where it stays in float, for `reason` where integers were asked for.
  std::optional<partition::IntegerForm> form;
  std::string reason;
  /// With the measured ratio.
  soc::PrecisionAttr precision = {};

  bool isDemand() const { return entry && entry->isDemand(); }
};

class PrecisionAssigner {
public:
  PrecisionAssigner(ModuleOp module, const QuantizeOptions &options, const Progress &progress)
      : module(module), options(options), progress(progress) {}

  LogicalResult run();

private:
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(module.getContext())); }
  LogicalResult fail(llvm::Error problem);
  LogicalResult findFunction();
  LogicalResult findWishes();
  std::vector<IntegerCandidate> getCandidates() const;
  LogicalResult collect(const CalibrationData &data);
  LogicalResult refuse(Wish &wish, const llvm::Twine &reason);
  void dropIsolated(const ValueClasses &classes);
  LogicalResult checkValues(const CalibrationRun &run);
  LogicalResult checkTypes(const TypeChoice &types, bool &hasChanged);
  LogicalResult measure(CalibrationRun &run, bool &hasChanged);
  void write();
  LogicalResult checkEngines();

  ModuleOp module;
  const QuantizeOptions &options;
  const Progress &progress;
  std::optional<QuantizeSpec> spec;
  func::FuncOp function;
  std::vector<Wish> wishes;
  std::optional<CalibrationRun> calibration;
  /// Parts of others that are to stay in float.
  llvm::SmallPtrSet<Operation *, 16> outliers;
};

LogicalResult PrecisionAssigner::fail(llvm::Error problem) {
  llvm::handleAllErrors(std::move(problem),
                        [&](const llvm::ErrorInfoBase &info) { error() << info.message(); });
  return failure();
}

LogicalResult PrecisionAssigner::findFunction() {
  for (auto candidate : module.getOps<func::FuncOp>()) {
    if (candidate.isExternal() || candidate.getBody().front().getOps<soc::GroupOp>().empty())
      continue;
    if (function)
      return error() << "--quantize: expected one entry point, got '" << function.getSymName()
                     << "' and '" << candidate.getSymName() << "'; quantise them one by one";
    function = candidate;
  }
  return success();
}

/// Ends a group's hope for integers: an error where the user demands them.
LogicalResult PrecisionAssigner::refuse(Wish &wish, const llvm::Twine &reason) {
  wish.form.reset();
  wish.reason = (wish.entry->scheme + ": " + reason).str();
  if (!wish.isDemand())
    return success();
  return wish.group.emitError() << "'" << wish.entry->text
                                << "' of --quantize cannot be honoured: " << reason.str()
                                << "; leave the node to a scheme without a pattern, or give it f32";
}

LogicalResult PrecisionAssigner::findWishes() {
  bool ok = true;
  SmallVector<bool> used(spec->getEntries().size());
  for (auto group : function.getBody().front().getOps<soc::GroupOp>()) {
    for (auto [entry, isUsed] : llvm::zip_equal(spec->getEntries(), used))
      isUsed |= entry.matches(group);
    Wish wish{group, spec->lookup(group), std::nullopt, "", {}};
    if (outliers.contains(group))
      wish.reason = "w8a8: channels far wider than all others are kept in float";
    else if (wish.entry && wish.entry->scheme != "f32") {
      std::string reason;
      wish.form = partition::findIntegerForm(group, wish.entry->scheme, reason);
      if (!wish.form)
        ok &= succeeded(refuse(wish, reason));
    }
    wishes.push_back(std::move(wish));
  }
  for (auto [entry, isUsed] : llvm::zip_equal(spec->getEntries(), used))
    if (!isUsed) {
      error() << "'" << entry.text << "' of --quantize matches no node; names are those of the "
              << "model's nodes, and * stands for any part of one";
      ok = false;
    }
  return success(ok);
}

static IntegerCandidate makeCandidate(const Wish &wish) {
  std::string reason;
  std::optional<partition::IntegerBody> body = partition::findIntegerBody(wish.group, reason);
  assert(body && "what has a form has steps");
  return {wish.group, wish.entry->scheme, *wish.form, body->steps};
}

std::vector<IntegerCandidate> PrecisionAssigner::getCandidates() const {
  std::vector<IntegerCandidate> candidates;
  for (const Wish &wish : wishes)
    if (wish.form)
      candidates.push_back(makeCandidate(wish));
  return candidates;
}

/// Takes out sums and tables that no other group in integers is next to: going
/// to integers and back costs more than they do.
void PrecisionAssigner::dropIsolated(const ValueClasses &classes) {
  llvm::DenseMap<unsigned, unsigned> groupsOf;
  auto classesOf = [&](soc::GroupOp group) {
    llvm::SmallSetVector<unsigned, 4> used;
    for (Value input : group.getInputs())
      if (!input.getDefiningOp<nn::GetWeightOp>())
        used.insert(classes.lookup(input));
    for (Value output : group.getOutputs())
      used.insert(classes.lookup(output));
    return used;
  };
  for (const Wish &wish : wishes)
    if (wish.form)
      for (unsigned number : classesOf(wish.group))
        ++groupsOf[number];
  for (Wish &wish : wishes) {
    if (!wish.form || wish.isDemand())
      continue;
    bool isHeavy = llvm::any_of(makeCandidate(wish).steps, [](const partition::IntegerStep &step) {
      return step.kind == partition::IntegerStepKind::Product ||
             step.kind == partition::IntegerStepKind::Attention;
    });
    if (!isHeavy && llvm::all_of(classesOf(wish.group),
                                 [&](unsigned number) { return groupsOf.lookup(number) == 1; }))
      (void)refuse(wish, "no group next to it is in integers");
  }
}

/// Takes out what no integers can hold.
LogicalResult PrecisionAssigner::checkValues(const CalibrationRun &run) {
  bool ok = true;
  for (Wish &wish : wishes) {
    if (!wish.form)
      continue;
    bool isFinite = true;
    forEachStorage(
        wish.group, *wish.form, [&](Value value, partition::Storage storage, partition::Scales) {
          if (storage != partition::Storage::None && storage != partition::Storage::Score)
            isFinite &= run.getStatistics(value).getAll().getNonFiniteCount() == 0;
        });
    if (!isFinite)
      ok &= succeeded(refuse(wish, "some of its values are infinite or no numbers"));
  }
  return success(ok);
}

/// Takes out what has no representation with its types.
LogicalResult PrecisionAssigner::checkTypes(const TypeChoice &types, bool &hasChanged) {
  bool ok = true;
  for (Wish &wish : wishes) {
    if (!wish.form)
      continue;
    wish.precision = types.getPrecision(makeCandidate(wish));
    std::string reason;
    if (partition::fitsIntegerForm(wish.group, wish.precision, reason))
      continue;
    hasChanged = true;
    ok &= succeeded(refuse(wish, reason));
  }
  return success(ok);
}

/// Takes out what is too far from the float model.
LogicalResult PrecisionAssigner::measure(CalibrationRun &run, bool &hasChanged) {
  bool ok = true;
  SmallVector<soc::PrecisionAttr> precisions;
  for (const Wish &wish : wishes)
    if (wish.form)
      precisions.push_back(wish.precision);
  llvm::Expected<SmallVector<int64_t>> ratios = run.measure(getCandidates(), precisions);
  if (!ratios)
    return fail(ratios.takeError());
  const int64_t *ratio = ratios->begin();
  for (Wish &wish : wishes) {
    if (!wish.form)
      continue;
    soc::PrecisionAttr plain = wish.precision;
    int64_t centibel = *ratio++;
    wish.precision =
        soc::PrecisionAttr::get(module.getContext(), plain.getScheme(), plain.getInputs(),
                                plain.getResults(), centibel, run.getMeans(makeCandidate(wish)));
    // A demand is what the user has decided, whatever it costs.
    if (wish.isDemand() || centibel >= options.minimumDecibels * 10)
      continue;
    hasChanged = true;
    ok &= succeeded(refuse(wish, llvm::formatv("its result would keep {0:F1} dB, below the {1:F1} "
                                               "of --min-snr",
                                               centibel / 10.0, options.minimumDecibels)
                                     .str()));
  }
  return success(ok);
}

void PrecisionAssigner::write() {
  MLIRContext *context = module.getContext();
  for (Wish &wish : wishes) {
    if (!wish.entry && !outliers.contains(wish.group))
      continue;
    SmallVector<Attribute> precisions;
    if (wish.form)
      precisions.push_back(wish.precision);
    if (!wish.form || !wish.isDemand()) {
      auto none = ArrayAttr::get(context, {});
      auto reason =
          wish.form || wish.reason.empty() ? StringAttr() : StringAttr::get(context, wish.reason);
      precisions.push_back(soc::PrecisionAttr::get(context, StringAttr::get(context, "f32"), none,
                                                   none, 0, DenseElementsAttr(), reason));
    }
    wish.group.setPrecisionsAttr(ArrayAttr::get(context, precisions));
  }
}

/// Whether each demand for integers has an engine, now that groups say what
/// they may be computed in.
LogicalResult PrecisionAssigner::checkEngines() {
  auto machine = soc::MachineAttr::of(module);
  if (!machine)
    return success();
  bool ok = true;
  for (Wish &wish : wishes) {
    if (!wish.form || !wish.isDemand())
      continue;
    std::string reasons;
    bool isFound = false;
    for (Attribute attr : machine.getEngines()) {
      auto engine = dyn_cast<soc::EngineAttrInterface>(attr);
      if (!engine)
        continue;
      std::string reason;
      bool runs = engine.isPresent(reason) && engine.supports(wish.group, reason);
      isFound |= runs && llvm::any_of(engine.variants(wish.group, 0), [&](auto variant) {
                   return variant.getPrecision().getValue() == wish.precision.getComputeType();
                 });
      reasons += ("; engine '" + engine.getEngineName() +
                  "': " + (runs ? "only in other precisions" : StringRef(reason)))
                     .str();
    }
    if (!isFound)
      ok &= succeeded(refuse(wish, "no engine of machine '" + machine.getName().getValue() +
                                       "' computes it in " + wish.entry->scheme + reasons));
  }
  return success(ok);
}

/// Looks at the numbers that values take; once more where outliers were split
/// off, whose values are others then.
LogicalResult PrecisionAssigner::collect(const CalibrationData &data) {
  calibration.emplace(module, function, data, progress);
  if (llvm::Error problem = calibration->collect(getCandidates()))
    return fail(std::move(problem));
  if (options.outlierRatio <= 0)
    return success();
  for (soc::GroupOp group : splitOutliers(module, getCandidates(), calibration->getClasses(),
                                          calibration->getStatistics(), options.outlierRatio))
    outliers.insert(group);
  if (outliers.empty())
    return success();
  wishes.clear();
  if (failed(findWishes()))
    return failure();
  calibration.emplace(module, function, data, progress);
  if (llvm::Error problem = calibration->collect(getCandidates()))
    return fail(std::move(problem));
  return success();
}

LogicalResult PrecisionAssigner::run() {
  llvm::Expected<QuantizeSpec> parsed = QuantizeSpec::parse(options.spec);
  if (!parsed)
    return error() << "--quantize: " << llvm::toString(parsed.takeError());
  spec = std::move(*parsed);
  if (failed(findFunction()))
    return failure();
  if (!function)
    return error() << "--quantize: the model computes nothing";
  if (failed(findWishes()))
    return failure();
  if (getCandidates().empty()) {
    write();
    return success();
  }
  if (options.data.empty())
    return error() << "--quantize '" << options.spec
                   << "' needs the ranges that values take: give --calibrate DIR with some inputs "
                      "of the model, saved with numpy.save as DIR/SAMPLE/INPUT.npy";
  llvm::Expected<CalibrationData> data = CalibrationData::find(options.data, function);
  if (!data)
    return fail(data.takeError());

  if (failed(collect(*data)))
    return failure();
  TypeChoice types(calibration->getClasses(), calibration->getStatistics(), options.method);
  if (failed(checkValues(*calibration)))
    return failure();
  for (bool hasChanged = true; hasChanged;) {
    hasChanged = false;
    dropIsolated(calibration->getClasses());
    types.merge(getCandidates());
    if (failed(checkTypes(types, hasChanged)))
      return failure();
    if (!hasChanged && failed(measure(*calibration, hasChanged)))
      return failure();
  }
  write();
  return checkEngines();
}

} // namespace

LogicalResult quantize::assignPrecisions(ModuleOp module, const QuantizeOptions &options,
                                         const Progress &progress) {
  return PrecisionAssigner(module, options, progress).run();
}
