# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Part of the installed package, see TercetConfig.cmake.
#
#   tercet_add_model(NAME name MODEL file
#                    [SOC machine | [TARGET triple] [CPU cpu]]
#                    [DIMS batch=1 sequence=128 ...]
#                    [WEIGHTS embed|file]
#                    [OPTIONS option ...]
#                    [OUTPUT_DIRECTORY folder])
#
# Compiles the model when it, a file that holds its weights, or the compiler
# has changed. Makes the library target `name`: link it, and <name.h> is found
# and the program and Tercet::runtime are linked. `name` is a C identifier.
# Without SOC and TARGET the program is for the triple that the project is
# built for; its CPU is then the one that you sit at (native build), or the
# least of the kind (cross build), until CPU says more.
#
# With WEIGHTS file the weights are in name.weights, which the application maps
# (tercet_weights_map) and you deploy beside it; WEIGHTS embed keeps them in
# the library. Without WEIGHTS large ones go to the file. The target's property
# TERCET_WEIGHTS_FILE is its path. The folder is OUTPUT_DIRECTORY, or
# tercet/name in the current binary directory.
function(tercet_add_model)
  cmake_parse_arguments(PARSE_ARGV 0 ARG ""
    "NAME;MODEL;SOC;TARGET;CPU;WEIGHTS;OUTPUT_DIRECTORY" "DIMS;OPTIONS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tercet_add_model: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_NAME MATCHES "^[A-Za-z][A-Za-z0-9_]*$")
    message(FATAL_ERROR "tercet_add_model: NAME must be a C identifier, got '${ARG_NAME}'")
  endif()
  if(NOT ARG_MODEL)
    message(FATAL_ERROR "tercet_add_model(${ARG_NAME}): MODEL is missing")
  endif()
  if(ARG_SOC AND (ARG_TARGET OR ARG_CPU))
    message(FATAL_ERROR "tercet_add_model(${ARG_NAME}): give SOC, or TARGET and CPU, not both")
  endif()
  get_filename_component(model "${ARG_MODEL}" ABSOLUTE)
  if(ARG_OUTPUT_DIRECTORY)
    get_filename_component(folder "${ARG_OUTPUT_DIRECTORY}" ABSOLUTE
      BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  else()
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/tercet/${ARG_NAME}")
  endif()

  set(flags --name=${ARG_NAME} -o "${folder}" --quiet)
  if(ARG_SOC)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SOC}")
      set(ARG_SOC "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SOC}")
    endif()
    list(APPEND flags "--soc=${ARG_SOC}")
  else()
    if(NOT ARG_TARGET AND CMAKE_CROSSCOMPILING)
      set(ARG_TARGET "${Tercet_TARGET_TRIPLE}")
    endif()
    if(ARG_TARGET)
      list(APPEND flags "--target=${ARG_TARGET}")
    endif()
    if(ARG_CPU)
      list(APPEND flags "--cpu=${ARG_CPU}")
    endif()
  endif()
  foreach(dim ${ARG_DIMS})
    list(APPEND flags "--dim=${dim}")
  endforeach()
  set(outputs "${folder}/${ARG_NAME}.o" "${folder}/${ARG_NAME}.h")
  if(ARG_WEIGHTS)
    list(APPEND flags "--weights=${ARG_WEIGHTS}")
    if(ARG_WEIGHTS STREQUAL "file")
      list(APPEND outputs "${folder}/${ARG_NAME}.weights")
    endif()
  endif()

  set(dependencies "${model}" "${Tercet_COMPILE}")
  if(ARG_SOC AND EXISTS "${ARG_SOC}")
    list(APPEND dependencies "${ARG_SOC}")
  endif()
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "${Tercet_COMPILE}" "${model}" ${flags} "--depfile=${folder}/${ARG_NAME}.d"
            ${ARG_OPTIONS}
    DEPENDS ${dependencies}
    DEPFILE "${folder}/${ARG_NAME}.d"
    COMMENT "Compiling model ${ARG_NAME}"
    VERBATIM)
  set_source_files_properties("${folder}/${ARG_NAME}.o" PROPERTIES
    EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(${ARG_NAME} STATIC "${folder}/${ARG_NAME}.o" "${folder}/${ARG_NAME}.h")
  # No source of its own says which linker its users need.
  set_target_properties(${ARG_NAME} PROPERTIES
    LINKER_LANGUAGE C
    TERCET_WEIGHTS_FILE "${folder}/${ARG_NAME}.weights")
  target_include_directories(${ARG_NAME} PUBLIC "${folder}")
  target_link_libraries(${ARG_NAME} PUBLIC Tercet::runtime)
endfunction()
