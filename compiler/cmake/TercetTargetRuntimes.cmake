# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The runtime and the runner for every triple that this machine can compile C
# for, in lib/tercet/TRIPLE of the build tree and of the install tree: what
# tercet-run, --emit shared|exe and the SDK link programs with. Compiled with
# clang --target, one rule a file, so that no second CMake run is needed.

find_program(TERCET_CLANG NAMES clang-22 clang HINTS "${LLVM_TOOLS_BINARY_DIR}")
find_program(TERCET_LLVM_AR NAMES llvm-ar-22 llvm-ar HINTS "${LLVM_TOOLS_BINARY_DIR}")

# Whether clang finds a C library for the triple; cached.
function(tercet_check_triple triple result)
  string(MAKE_C_IDENTIFIER "TERCET_HAVE_LIBC_${triple}" variable)
  if(NOT ${variable})
    file(WRITE "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_libc_check.c"
      "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n")
    execute_process(
      COMMAND "${TERCET_CLANG}" --target=${triple} -static "--ld-path=${TERCET_LLD}"
              "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_libc_check.c"
              -o "${CMAKE_BINARY_DIR}/CMakeFiles/tercet_libc_check"
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(${variable} ON CACHE INTERNAL "clang finds a C library for ${triple}")
    else()
      message(STATUS "No C library for ${triple}: programs for it are compiled, not linked or run")
    endif()
  endif()
  set(${result} "${${variable}}" PARENT_SCOPE)
endfunction()

# Adds the rules for lib/tercet/TRIPLE/NAME.a from sources; paths of objects go
# by the source's path below the repository.
function(tercet_add_target_archive triple name outputs)
  set(objects)
  foreach(source ${ARGN})
    file(RELATIVE_PATH relative "${PROJECT_SOURCE_DIR}" "${source}")
    set(object "${CMAKE_BINARY_DIR}/target-runtimes/${triple}/${relative}.o")
    get_filename_component(folder "${object}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    set(flags --target=${triple} -std=c11 -O2 -fPIC -ffunction-sections -fdata-sections
      "-I${PROJECT_SOURCE_DIR}/runtime/include")
    if(triple MATCHES "aarch64")
      list(APPEND flags -mno-outline-atomics)
    endif()
    if(relative MATCHES "runtime/(core|queues|drivers|session)/[^/]*$")
      list(APPEND flags -ffreestanding)
    elseif(relative MATCHES "/runner/")
      list(APPEND flags -D_GNU_SOURCE -Wall -Wextra)
    endif()
    add_custom_command(
      OUTPUT "${object}"
      COMMAND "${TERCET_CLANG}" ${flags} -MD -MF "${object}.d" -c "${source}" -o "${object}"
      DEPENDS "${source}"
      DEPFILE "${object}.d"
      COMMENT "Compiling ${relative} for ${triple}")
    list(APPEND objects "${object}")
  endforeach()
  set(archive "${CMAKE_BINARY_DIR}/lib/tercet/${triple}/${name}.a")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib/tercet/${triple}")
  add_custom_command(
    OUTPUT "${archive}"
    COMMAND "${CMAKE_COMMAND}" -E rm -f "${archive}"
    COMMAND "${TERCET_LLVM_AR}" rcsD "${archive}" ${objects}
    DEPENDS ${objects}
    COMMENT "Archiving ${name} for ${triple}")
  set(${outputs} ${${outputs}} "${archive}" PARENT_SCOPE)
  install(FILES "${archive}" DESTINATION "lib/tercet/${triple}" COMPONENT sdk)
endfunction()

# Everything for all triples; target tercet-target-runtimes.
function(tercet_add_target_runtimes)
  file(GLOB runtime_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/runtime/core/*.c" "${PROJECT_SOURCE_DIR}/runtime/queues/*.c"
    "${PROJECT_SOURCE_DIR}/runtime/drivers/*.c" "${PROJECT_SOURCE_DIR}/runtime/drivers/hexagon/*.c"
    "${PROJECT_SOURCE_DIR}/runtime/drivers/vulkan/*.c" "${PROJECT_SOURCE_DIR}/runtime/drivers/cuda/*.c"
    "${PROJECT_SOURCE_DIR}/runtime/session/*.c" "${PROJECT_SOURCE_DIR}/runtime/port/posix/*.c")
  # The weak defaults would stand in the way of nothing, but are dead weight.
  list(FILTER runtime_sources EXCLUDE REGEX "port_default\\.c$")
  file(GLOB runner_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/compiler/emit/runner/*.c")
  set(archives)
  set(triples)
  foreach(arch x86_64 aarch64 riscv64)
    set(triple ${arch}-linux-gnu)
    tercet_check_triple(${triple} found)
    if(found)
      tercet_add_target_archive(${triple} libtercet_runtime archives ${runtime_sources})
      tercet_add_target_archive(${triple} libtercet_runner archives ${runner_sources})
      list(APPEND triples ${triple})
    endif()
  endforeach()
  add_custom_target(tercet-target-runtimes ALL DEPENDS ${archives})
  set_property(GLOBAL PROPERTY TERCET_TARGET_TRIPLES ${triples})
endfunction()
