# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Part of the installed package, see TercetConfig.cmake.
#
#   tercet_add_plugin(NAME name SOURCES file ... [TABLEGEN_DEPENDS target ...])
#
# Makes the module `name`.so, to be loaded with --plugin (targets/Plugin.h has
# what it defines). Needs LLVM and MLIR of the version that Tercet was built
# with: find_package(MLIR) is done here. It links nothing: what it uses of
# Tercet and MLIR is in the tool that loads it.
function(tercet_add_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SOURCES;TABLEGEN_DEPENDS")
  if(NOT ARG_NAME OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tercet_add_plugin: expected NAME and SOURCES")
  endif()
  if(NOT IS_DIRECTORY "${Tercet_PREFIX}/include/tercet-compiler")
    message(FATAL_ERROR "tercet_add_plugin: this package has no headers of the compiler")
  endif()
  find_package(MLIR ${Tercet_LLVM_VERSION} EXACT CONFIG REQUIRED HINTS "${Tercet_MLIR_DIR}")
  add_library(${ARG_NAME} MODULE ${ARG_SOURCES})
  set_target_properties(${ARG_NAME} PROPERTIES
    PREFIX "" CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  target_include_directories(${ARG_NAME} PRIVATE "${Tercet_PREFIX}/include/tercet-compiler")
  target_include_directories(${ARG_NAME} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_options(${ARG_NAME} PRIVATE -fno-exceptions)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${ARG_NAME} PRIVATE -fno-rtti)
  endif()
  if(ARG_TABLEGEN_DEPENDS)
    add_dependencies(${ARG_NAME} ${ARG_TABLEGEN_DEPENDS})
  endif()
endfunction()
