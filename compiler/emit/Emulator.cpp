// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qemu-user is asked for the widest CPU that it knows; programs check what they
// need themselves.

#include "compiler/emit/Emulator.h"

#include "compiler/emit/Faults.h"

#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

using namespace tercet;

llvm::Expected<std::vector<std::string>> emit::findEmulator(const llvm::Triple &triple) {
  llvm::Triple host(llvm::sys::getProcessTriple());
  if (triple.getArch() == host.getArch() && host.isOSLinux())
    return std::vector<std::string>();
  std::string arch = triple.getArchName().str();
  auto qemu = llvm::sys::findProgramByName("qemu-" + arch);
  if (!qemu)
    return failure("the program is for " + arch + " and qemu-" + arch +
                   " was not found: install the package qemu-user");
  // Its RISC-V default has no vectors.
  if (triple.getArch() == llvm::Triple::riscv64)
    return std::vector<std::string>{*qemu, "-cpu", "rv64,v=true,vext_spec=v1.0,vlen=256"};
  return std::vector<std::string>{*qemu, "-cpu", "max"};
}
