// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last stage: writes the artifact of a planned and lowered program. All
// files appear together under their names or none does.

#ifndef TERCET_COMPILER_EMIT_EMIT_H
#define TERCET_COMPILER_EMIT_EMIT_H

#include "compiler/emit/WeightsWriter.h"
#include "targets/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tercet::emit {

/// Writes an object, and tells the worst-case stack of its functions by symbol;
/// see Target::emitObject.
using ObjectEmitter = std::function<llvm::Error(const ObjectJob &, llvm::raw_pwrite_stream &,
                                                llvm::StringMap<uint64_t> &stackBytes)>;

/// Writes the image of an engine; see Target::emitImage. The job's `link` is
/// filled in already.
using ImageEmitter = std::function<llvm::Expected<EngineImage>(const ImageJob &)>;

/// What is made: NAME.o always, and NAME.so (the program and the runtime) or
/// NAME (a program that runs the model) beside it.
enum class ArtifactKind { Object, Shared, Executable };

struct EmitOptions {
  /// Created where it does not exist.
  std::string outputDirectory;
  /// A C identifier, see makeModelName; names files and symbols.
  std::string name;
  /// For the report: the model as the user named it.
  std::string modelPath;
  ArtifactKind kind = ArtifactKind::Object;
  /// Absent: a file above kEmbedLimitBytes of weights.
  std::optional<WeightsPlace> weights;
  /// ld.lld, or a clang or gcc to link with; empty: found. For Object only
  /// where an engine has an image.
  std::string linker;
  ObjectEmitter emitObject;
  /// May be absent where all engines run code of the object.
  ImageEmitter emitImage;
  /// Told of every image that was made, if there.
  std::function<void(llvm::StringRef engine, uint64_t bytes, size_t kernels)> onImage;
  WeightStream readWeight;
  /// Counters of earlier stages for the report, in this order. To keep the
  /// artifact the same on every machine: no times.
  std::vector<std::pair<std::string, uint64_t>> statistics;
};

inline constexpr uint64_t kEmbedLimitBytes = 16u << 20;

/// Turns the stem of a file's name into a C identifier that a program can have.
std::string makeModelName(llvm::StringRef stem);

/// Writes NAME.o, NAME.h, NAME.report.json, NAME.report.html and, unless the
/// weights are embedded, NAME.weights. `planned` holds soc.machine, nn.weight, soc.kernel,
/// cmd.pool and cmd.entry; `lowered` the kernels as llvm.func under the symbols
/// of their soc.kernel, those of an engine with an image in a nested module of
/// the engine's name, and is changed. The two may not be the same module.
/// Fails with a plain error where the user can help, with an InternalFault
/// (Faults.h) where an earlier stage has broken a promise.
llvm::Error emitArtifact(mlir::ModuleOp planned, mlir::ModuleOp lowered,
                         const EmitOptions &options);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_EMIT_H
