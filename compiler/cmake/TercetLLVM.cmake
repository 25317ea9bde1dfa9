# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Finds LLVM and MLIR 22.1 and loads their CMake modules. Anything but 22.1 is
# refused here, in one line, rather than by a page of compile errors later.

find_package(MLIR 22.1 CONFIG QUIET)
if(NOT MLIR_FOUND OR NOT LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 22.1
   OR LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 22.2)
  message(FATAL_ERROR
    "Tercet needs LLVM/MLIR 22.1 (found: '${LLVM_PACKAGE_VERSION}'); run ./dev setup, or pass -DCMAKE_PREFIX_PATH=/usr/lib/llvm-22")
endif()

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")

# Installed tools find LLVM's libraries beside themselves (an SDK that brings
# them along), or where they were when Tercet was built.
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib" "${LLVM_LIBRARY_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# Debian's package has the script under another name than LLVMConfig.cmake says.
set(LLVM_EXTERNAL_LIT "${LLVM_TOOLS_BINARY_DIR}/lit" CACHE FILEPATH "lit" FORCE)

include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
include_directories("${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")

# Flags of tools come from llvm-tblgen, which the packages do not announce.
find_program(LLVM_TABLEGEN_EXE llvm-tblgen HINTS "${LLVM_TOOLS_BINARY_DIR}" NO_DEFAULT_PATH)
