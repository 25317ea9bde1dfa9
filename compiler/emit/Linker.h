// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links objects with the runtime. The runtime of each triple lies in
// lib/tercet/TRIPLE beside the bin folder of the tool that runs, in the build
// tree as in the install tree.

#ifndef TERCET_COMPILER_EMIT_LINKER_H
#define TERCET_COMPILER_EMIT_LINKER_H

#include "compiler/emit/Emit.h"
#include "compiler/emit/OutputFiles.h"
#include "compiler/emit/Program.h"

#include "llvm/TargetParser/Triple.h"

namespace tercet::emit {

/// The folder's name for a triple: ARCH-linux-gnu and the like, without vendor.
std::string getRuntimeFolderName(const llvm::Triple &triple);

/// Folder with libtercet_runtime.a and libtercet_runner.a for the triple.
llvm::Expected<std::string> findRuntimeFolder(const llvm::Triple &triple);

struct LinkJob {
  llvm::Triple triple;
  ArtifactKind kind;
  /// The program's name, and its object.
  std::string name, program;
  std::string output;
  /// As EmitOptions::linker.
  std::string linker;
  /// An executable that qemu-user will run, without a system root.
  bool emulated = false;
};

/// Writes job.output. A missing linker or runtime is an error that says what to
/// install; the linker's own words are part of an error of its.
llvm::Error link(const LinkJob &job);

/// Links an engine's image with ld.lld, and with the archive of Tercet's that it
/// names; gives the bytes of the file. `linker` as EmitOptions::linker.
llvm::Expected<std::string> linkImage(const ImageLink &job, llvm::StringRef linker);

/// Makes what options.kind asks for beside NAME.o, which is in `files` already.
llvm::Error linkArtifact(const Program &program, const EmitOptions &options, OutputFiles &files);

} // namespace tercet::emit

#endif // TERCET_COMPILER_EMIT_LINKER_H
