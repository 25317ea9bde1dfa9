# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cross-compiles for aarch64 Linux with clang and lld. Programs are linked
# statically so that qemu-user can run them without a system root.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
find_program(TERCET_CLANG NAMES clang-22 clang REQUIRED)
find_program(TERCET_CLANGXX NAMES clang++-22 clang++ REQUIRED)
set(CMAKE_C_COMPILER ${TERCET_CLANG})
set(CMAKE_CXX_COMPILER ${TERCET_CLANGXX})
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -static")
find_program(TERCET_AR NAMES llvm-ar-22 llvm-ar)
find_program(TERCET_RANLIB NAMES llvm-ranlib-22 llvm-ranlib)
if(TERCET_AR)
  set(CMAKE_AR ${TERCET_AR})
  set(CMAKE_RANLIB ${TERCET_RANLIB})
endif()
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-cpu;max)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
