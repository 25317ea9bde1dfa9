// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a folder of targets/, or a plug-in, implements: a name that machine
// files use, the engines that it makes of descriptions in them, how groups are
// priced for those engines, and how their kernels become code. Targets are
// stateless; one object of each serves every context.

#ifndef TERCET_TARGETS_TARGET_H
#define TERCET_TARGETS_TARGET_H

#include "dialects/soc/EngineModel.h"
#include "targets/EngineDescription.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace tercet {

/// What an object file is made of.
struct ObjectJob {
  /// Operations of the LLVM dialect at its top level; all others are ignored.
  mlir::ModuleOp module;
  /// Triple and CPU of everything that `functionCpus` does not name.
  soc::CpuAttr cpu;
  /// The CPU of a function by its symbol; of the same triple.
  llvm::StringMap<soc::CpuAttr> functionCpus;
};

class Target {
public:
  virtual ~Target();

  /// What `target:` in a machine file says: a word in lower case.
  virtual llvm::StringRef getName() const = 0;

  /// Adds interfaces and dialects of the target's own.
  virtual void registerDialects(mlir::DialectRegistry &registry) const {}

  /// Makes passes and pipelines known to tools that read them as text.
  virtual void registerPasses() const {}

  /// What answers for #soc.engine of this target; null if it has an attribute
  /// of its own instead.
  virtual std::unique_ptr<soc::EngineModel> createModel() const { return nullptr; }

  /// The engine of a description: an attribute with EngineAttrInterface, or
  /// null after at least one complaint. Without an override it is #soc.engine.
  virtual mlir::Attribute buildEngine(mlir::MLIRContext *context,
                                      const EngineDescription &description,
                                      Complain complain) const;

  /// Whether emitObject works; one target of a build has to.
  virtual bool emitsObjects() const { return false; }

  /// Writes an ELF object, and tells the worst-case stack of its functions by
  /// symbol in bytes. Same job, same bytes.
  virtual llvm::Error emitObject(const ObjectJob &job, llvm::raw_pwrite_stream &out,
                                 llvm::StringMap<uint64_t> &stackBytes) const;
};

/// Makes #soc.engine of a description; null after a complaint. The CPU of a
/// description that has one becomes the property `cpu`. `model` checks the
/// properties; null leaves that out.
soc::EngineAttr buildDescribedEngine(mlir::MLIRContext *context,
                                     const EngineDescription &description,
                                     const soc::EngineModel *model, Complain complain);

} // namespace tercet

#endif // TERCET_TARGETS_TARGET_H
