# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Helpers that turn a leaf CMakeLists.txt into a list of names. Headers lie
# beside their sources and are included by repository path, generated ones
# likewise ("dialects/nn/NNOps.h.inc"), so source and binary root are both
# include directories of the compiler half. Everything links the shared
# libMLIR and libLLVM and shares one precompiled header.

# Everything that has generated headers adds itself to this target, so that the
# libraries above need no list of table-generation targets.
add_custom_target(tercet-headers)

add_library(tercet_pch STATIC "${PROJECT_SOURCE_DIR}/compiler/cmake/Precompiled.cpp")
target_precompile_headers(tercet_pch PRIVATE "${PROJECT_SOURCE_DIR}/compiler/cmake/Precompiled.h")
if(TERCET_CCACHE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # A precompiled header holds paths of its folder. So that two build folders
  # still share objects, ccache is told by a sum beside it what it stands for, and
  # the header itself, which CMake would name by its full path, is left out of
  # the command line: it is in the precompiled one.
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
  file(SHA256 "${PROJECT_SOURCE_DIR}/compiler/cmake/Precompiled.h" TERCET_PCH_SUM)
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/tercet_pch.dir/cmake_pch.hxx.pch.sum"
       "${TERCET_PCH_SUM} ${CMAKE_CXX_COMPILER_VERSION} ${LLVM_PACKAGE_VERSION}")
endif()

# The options that every C++ library and tool of the compiler shares.
function(tercet_set_compile_options target)
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>" "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>")
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Werror=return-type -Wno-unused-parameter -fno-exceptions)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # ccache can reuse objects only if the precompiled header has no timestamp.
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()
tercet_set_compile_options(tercet_pch)

# tercet_add_library(NAME sources... [LINK libraries...] [EXCEPTIONS])
function(tercet_add_library name)
  cmake_parse_arguments(ARG "EXCEPTIONS" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  tercet_set_compile_options(${name})
  if(ARG_EXCEPTIONS)
    target_compile_options(${name} PRIVATE -fexceptions)
  else()
    target_precompile_headers(${name} REUSE_FROM tercet_pch)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} tercet-headers)
  set_property(GLOBAL APPEND PROPERTY TERCET_LIBRARIES ${name})
endfunction()

# tercet_add_dialect(NN sources... [LINK libraries...]): library TercetNNDialect
# from NNDialect.td, NNAttrs.td, NNTypes.td, NNOps.td, NNInterfaces.td, whichever exist here.
function(tercet_add_dialect prefix)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  string(TOLOWER "${prefix}" dialect)
  set(LLVM_TARGET_DEFINITIONS "${prefix}Ops.td")
  mlir_tablegen(${prefix}Dialect.h.inc -gen-dialect-decls -dialect=${dialect})
  mlir_tablegen(${prefix}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect})
  mlir_tablegen(${prefix}Ops.h.inc -gen-op-decls -dialect=${dialect})
  mlir_tablegen(${prefix}Ops.cpp.inc -gen-op-defs -dialect=${dialect})
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${prefix}Attrs.td")
    set(LLVM_TARGET_DEFINITIONS "${prefix}Attrs.td")
    mlir_tablegen(${prefix}Enums.h.inc -gen-enum-decls)
    mlir_tablegen(${prefix}Enums.cpp.inc -gen-enum-defs)
    mlir_tablegen(${prefix}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect})
    mlir_tablegen(${prefix}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect})
  endif()
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${prefix}Types.td")
    set(LLVM_TARGET_DEFINITIONS "${prefix}Types.td")
    mlir_tablegen(${prefix}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect})
    mlir_tablegen(${prefix}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect})
  endif()
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${prefix}Interfaces.td")
    set(LLVM_TARGET_DEFINITIONS "${prefix}Interfaces.td")
    mlir_tablegen(${prefix}OpInterfaces.h.inc -gen-op-interface-decls)
    mlir_tablegen(${prefix}OpInterfaces.cpp.inc -gen-op-interface-defs)
    mlir_tablegen(${prefix}AttrInterfaces.h.inc -gen-attr-interface-decls)
    mlir_tablegen(${prefix}AttrInterfaces.cpp.inc -gen-attr-interface-defs)
  endif()
  add_public_tablegen_target(Tercet${prefix}DialectIncGen)
  add_dependencies(tercet-headers Tercet${prefix}DialectIncGen)
  tercet_add_library(Tercet${prefix}Dialect ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK})
endfunction()

# tercet_add_pass_library(Graph sources... [LINK libraries...]): library
# TercetGraphPasses from Passes.td of this folder.
function(tercet_add_pass_library stage)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name=Tercet${stage})
  add_public_tablegen_target(Tercet${stage}PassesIncGen)
  add_dependencies(tercet-headers Tercet${stage}PassesIncGen)
  tercet_add_library(Tercet${stage}Passes ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK})
endfunction()

# tercet_add_target(Cpu sources... [LINK libraries...]): library TercetCpuTarget of
# this folder, with the passes of Passes.td where there is one. It defines
# std::unique_ptr<tercet::Target> tercet::createCpuTarget().
function(tercet_add_target name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/Passes.td")
    set(LLVM_TARGET_DEFINITIONS Passes.td)
    mlir_tablegen(Passes.h.inc -gen-pass-decls -name=Tercet${name})
    add_public_tablegen_target(Tercet${name}PassesIncGen)
    add_dependencies(tercet-headers Tercet${name}PassesIncGen)
  endif()
  tercet_add_library(Tercet${name}Target ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK} TercetTarget)
  set_property(GLOBAL APPEND PROPERTY TERCET_TARGET_NAMES ${name})
endfunction()

# tercet_add_tool(tercet-opt sources... [LINK libraries...] [PLUGINS]): a program
# in build/bin; with PLUGINS one that loads plug-ins: it has all of the libraries
# that those may use, and exports its symbols.
function(tercet_add_tool name)
  cmake_parse_arguments(ARG "PLUGINS" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  tercet_set_compile_options(${name})
  # As the precompiled header was compiled: PIC, where CMake would choose PIE.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM tercet_pch)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} tercet-headers)
  if(ARG_PLUGINS)
    set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
    foreach(library TercetCostModel TercetNNDialect TercetSocDialect TercetTarget)
      # Once whole is enough: the linker takes no object of an archive twice.
      target_link_options(${name} PRIVATE
        "LINKER:--whole-archive,$<TARGET_FILE:${library}>,--no-whole-archive")
      add_dependencies(${name} ${library})
    endforeach()
  endif()
  install(TARGETS ${name} COMPONENT tools)
endfunction()
