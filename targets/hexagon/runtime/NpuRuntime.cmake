# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Rules that compile for Hexagon with clang --target, one a file, so that no
# second CMake run and no other toolchain is needed. Used by the build of the
# compiler, which ships an archive for every architecture, and by the tests of
# the runtime, which build without the compiler.

set(TERCET_NPU_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}")
set(TERCET_NPU_ARCHITECTURES 66 67 68 73 75)
find_program(TERCET_NPU_CLANG NAMES clang-22 clang HINTS "${LLVM_TOOLS_BINARY_DIR}")
find_program(TERCET_NPU_AR NAMES llvm-ar-22 llvm-ar HINTS "${LLVM_TOOLS_BINARY_DIR}")
find_program(TERCET_NPU_LLD NAMES ld.lld-22 ld.lld HINTS "${LLVM_TOOLS_BINARY_DIR}")

# Flags of all code for that architecture. Without small data: no register
# points to it.
function(tercet_npu_flags architecture flags)
  set(${flags} --target=hexagon-unknown-linux-musl -mcpu=hexagonv${architecture} -mhvx=v${architecture}
    -mhvx-length=128b -std=c11 -O2 -ffreestanding -nostdlib -ffunction-sections -fdata-sections
    -fno-ident -mllvm -hexagon-small-data-threshold=0
    -DTERCET_NPU_ARCHITECTURE=${architecture}
    -I${TERCET_NPU_SOURCE_DIR}/../../../runtime/include PARENT_SCOPE)
endfunction()

# Whether there is a clang that knows Hexagon, an archiver and a linker; says
# what is missing. Cached.
function(tercet_npu_check result)
  if(NOT DEFINED TERCET_HAVE_NPU_TOOLS)
    tercet_npu_flags(67 flags)
    file(WRITE "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_npu_check.c" "void _start(void) {}\n")
    set(status 1)
    if(TERCET_NPU_CLANG AND TERCET_NPU_AR AND TERCET_NPU_LLD)
      execute_process(COMMAND "${TERCET_NPU_CLANG}" ${flags} -c
        "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_npu_check.c"
        -o "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_npu_check.o"
        RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    endif()
    if(NOT status EQUAL 0)
      message(WARNING "No runtime for Hexagon NPUs: expected a clang with the Hexagon target, llvm-ar and ld.lld, "
        "got '${TERCET_NPU_CLANG}', '${TERCET_NPU_AR}', '${TERCET_NPU_LLD}'. Programs for an NPU will not link; install "
        "the packages clang-22, llvm-22 and lld-22, or leave targets/hexagon out (TERCET_TARGETS).")
      set(TERCET_HAVE_NPU_TOOLS OFF CACHE INTERNAL "clang compiles for Hexagon")
    else()
      set(TERCET_HAVE_NPU_TOOLS ON CACHE INTERNAL "clang compiles for Hexagon")
    endif()
  endif()
  set(${result} "${TERCET_HAVE_NPU_TOOLS}" PARENT_SCOPE)
endfunction()

# tercet_npu_object(ARCHITECTURE SOURCE OBJECT flags...): a rule for one object.
function(tercet_npu_object architecture source object)
  tercet_npu_flags(${architecture} flags)
  get_filename_component(folder "${object}" DIRECTORY)
  get_filename_component(name "${source}" NAME)
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${object}"
    COMMAND "${TERCET_NPU_CLANG}" ${flags} ${ARGN} -MD -MF "${object}.d" -c "${source}" -o "${object}"
    DEPENDS "${source}"
    DEPFILE "${object}.d"
    COMMENT "Compiling ${name} for Hexagon v${architecture}")
endfunction()

# A rule for FOLDER/libtercet_npu.a of that architecture.
function(tercet_npu_archive architecture folder)
  set(objects)
  foreach(name builtins dma server start workers)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/v${architecture}/${name}.o")
    tercet_npu_object(${architecture} "${TERCET_NPU_SOURCE_DIR}/${name}.c" "${object}"
      -fno-builtin -Wall -Wextra)
    list(APPEND objects "${object}")
  endforeach()
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${folder}/libtercet_npu.a"
    COMMAND "${CMAKE_COMMAND}" -E rm -f "${folder}/libtercet_npu.a"
    COMMAND "${TERCET_NPU_AR}" rcsD "${folder}/libtercet_npu.a" ${objects}
    DEPENDS ${objects}
    COMMENT "Archiving the NPU's runtime for Hexagon v${architecture}")
endfunction()
