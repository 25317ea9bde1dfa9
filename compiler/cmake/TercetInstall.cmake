# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The SDK: what `cmake --install` adds to the tools. A relocatable tree:
#   bin/                      tercet-compile, tercet-run, ...
#   include/tercet/           the runtime's headers
#   include/tercet-compiler/  headers that plug-ins use
#   lib/tercet/TRIPLE/        runtime and runner for each triple
#   lib/cmake/Tercet/         find_package(Tercet), tercet_add_model
#   share/tercet/socs/        machine files, to copy from
#   share/tercet/runtime/     the runtime's sources, for machines without one
# The tools need the shared libraries of LLVM and ICU, from the packages of the system.

include(CMakePackageConfigHelpers)
set(package "${CMAKE_BINARY_DIR}/lib/cmake/Tercet")
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/TercetConfig.cmake.in" "${package}/TercetConfig.cmake"
  INSTALL_DESTINATION lib/cmake/Tercet
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${package}/TercetConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${package}/TercetConfig.cmake" "${package}/TercetConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/TercetAddModel.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/TercetAddPlugin.cmake"
        DESTINATION lib/cmake/Tercet COMPONENT sdk)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/include/tercet" DESTINATION include
        COMPONENT sdk FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime" DESTINATION share/tercet COMPONENT sdk
        FILES_MATCHING PATTERN "*.c" PATTERN "*.h" PATTERN "*.inc" PATTERN "CMakeLists.txt"
        PATTERN "*.cmake")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/tercet COMPONENT sdk)

# Headers that a plug-in may include, with the generated ones of the dialects.
set(plugin_headers include/tercet-compiler)
foreach(root "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
  install(DIRECTORY "${root}/dialects" DESTINATION ${plugin_headers} COMPONENT sdk
          FILES_MATCHING PATTERN "*.h" PATTERN "*.h.inc" PATTERN "CMakeFiles" EXCLUDE)
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/passes/partition/GroupWork.h"
        DESTINATION ${plugin_headers}/passes/partition COMPONENT sdk)
install(FILES "${PROJECT_SOURCE_DIR}/targets/EngineDescription.h"
              "${PROJECT_SOURCE_DIR}/targets/Plugin.h" "${PROJECT_SOURCE_DIR}/targets/Target.h"
              "${PROJECT_BINARY_DIR}/targets/PluginVersion.h"
        DESTINATION ${plugin_headers}/targets COMPONENT sdk)
