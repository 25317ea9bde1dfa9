# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Compiler flags that hold for everything in the repository: language levels,
# where tools land, ccache and lld when present, sanitizers, assertions.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(TERCET_CCACHE ccache)
if(TERCET_CCACHE)
  # Precompiled headers need these settings; see ccache's manual.
  set(TERCET_CCACHE_LAUNCHER
      "${CMAKE_COMMAND}" -E env
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_NOHASHDIR=1" "CCACHE_PCH_EXTSUM=1" "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}"
      "${TERCET_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${TERCET_CCACHE_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TERCET_CCACHE_LAUNCHER})
endif()

find_program(TERCET_LLD NAMES ld.lld-22 ld.lld
             HINTS /usr/lib/llvm-22/bin)
if(TERCET_LLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options("--ld-path=${TERCET_LLD}")
endif()

if(TERCET_ENABLE_ASSERTIONS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
endif()
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

if(TERCET_SANITIZE)
  add_compile_options("-fsanitize=${TERCET_SANITIZE}" -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${TERCET_SANITIZE}")
endif()
