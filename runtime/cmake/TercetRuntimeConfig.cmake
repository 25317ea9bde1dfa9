# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# find_package(TercetRuntime): imports Tercet::core and Tercet::runtime.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/TercetRuntimeTargets.cmake)
