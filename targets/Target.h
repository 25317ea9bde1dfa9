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

#include <functional>
#include <memory>
#include <string>
#include <vector>

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

/// An object to be linked with what Tercet's build has compiled for an engine.
struct ImageLink {
  llvm::StringRef object;
  /// An archive below lib/tercet of the build or install tree; all of it
  /// becomes part of the image.
  std::string runtime;
  /// For the linker, beside these two.
  std::vector<std::string> arguments;
};

/// What the image of an engine without an object CPU is made of.
struct ImageJob {
  soc::EngineAttr engine;
  /// What the engine's code-generation pipeline has made of its kernels, for
  /// this engine alone: operations of the LLVM dialect, or whatever else its
  /// target writes images from. May be changed.
  mlir::ModuleOp module;
  /// Symbols of its kernels, by their numbers in the image.
  std::vector<std::string> kernels;
  /// The same kernels as the plan has them, for what they say of their operands.
  std::vector<soc::KernelOp> planned;
  /// Links with ld.lld; gives the bytes of the ELF file.
  std::function<llvm::Expected<std::string>(const ImageLink &)> link;
};

/// Code of an engine as the program carries it. Numbers are those of abi.h.
struct EngineImage {
  std::string bytes;
  uint32_t isa = 0, format = 0;
  /// By the kernel's number, as far as they are known.
  std::vector<uint64_t> stackBytes;
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

  /// Makes the image of one engine of this target. Same job, same bytes.
  virtual llvm::Expected<EngineImage> emitImage(const ImageJob &job) const;
};

/// Makes #soc.engine of a description; null after a complaint. The CPU of a
/// description that has one becomes the property `cpu`. `model` checks the
/// properties; null leaves that out.
soc::EngineAttr buildDescribedEngine(mlir::MLIRContext *context,
                                     const EngineDescription &description,
                                     const soc::EngineModel *model, Complain complain);

} // namespace tercet

#endif // TERCET_TARGETS_TARGET_H
