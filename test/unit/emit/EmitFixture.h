// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small planned program and its lowered kernel as text, a plain object
// emitter, and a folder that vanishes: what the tests of emit share.

#ifndef TERCET_TEST_UNIT_EMIT_EMITFIXTURE_H
#define TERCET_TEST_UNIT_EMIT_EMITFIXTURE_H

#include "compiler/emit/Emit.h"
#include "compiler/emit/Program.h"

#include "gtest/gtest.h"

#include <string>

namespace tercet::emit {

/// y = x + w with w = [1, 2, 3, 4], through the arena and a copy. Workers: 2.
std::string getPlannedText(llvm::StringRef triple = "x86_64-linux-gnu",
                           llvm::StringRef cpu = "x86-64-v3");
/// The kernel @add of that program; `body` is put before its return.
std::string getLoweredText(llvm::StringRef body = "");

class EmitFixture : public testing::Test {
protected:
  EmitFixture();
  ~EmitFixture() override;

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text);
  /// Options for a program `name` in the folder.
  EmitOptions getOptions(llvm::StringRef name);
  /// Emits the small program.
  llvm::Error emitSmall(const EmitOptions &options, llvm::StringRef body = "");
  std::string readFile(llvm::StringRef name);
  /// Names of all files in the folder.
  std::vector<std::string> listFiles();
  /// Whether the shell command succeeds.
  static bool shell(const std::string &command);

  mlir::MLIRContext context;
  std::string folder;
};

} // namespace tercet::emit

#endif // TERCET_TEST_UNIT_EMIT_EMITFIXTURE_H
