# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How lit runs the tests below this folder: the tools of the build and those of
# LLVM are on the path, and each folder mirrors the sources that it tests.

import os
import shutil
import sys

import lit.formats

config.name = "Tercet"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
# Without the CPU target there is nothing that a model could be compiled for.
if "Cpu" not in config.tercet_targets:
    config.excludes += ["cpu", "partition", "schedule", "tile", "plan", "emit", "machine", "pipeline", "tools"]
if "Hexagon" not in config.tercet_targets:
    config.excludes += ["hexagon"]
if "Vulkan" not in config.tercet_targets:
    config.excludes += ["vulkan"]
else:
    config.available_features.add("vulkan")
if "Cuda" not in config.tercet_targets:
    config.excludes += ["cuda"]
if shutil.which("spirv-val"):
    config.available_features.add("spirv-val")
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.tercet_obj_root
config.environment["PATH"] = os.pathsep.join(
    [config.tercet_tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)

# Text to ONNX: protoc with the schema of Debian's libonnx-dev.
onnx_schema = next(
    (d for d in ("/usr/include", "/usr/local/include") if os.path.exists(os.path.join(d, "onnx", "onnx.proto"))),
    None,
)
protoc = shutil.which("protoc")
if onnx_schema and protoc:
    config.available_features.add("protoc")
    schema_dir = os.path.join(onnx_schema, "onnx")
    config.substitutions.append(
        ("%protoc-onnx", f"{protoc} --encode=onnx.ModelProto --proto_path={schema_dir} {schema_dir}/onnx.proto")
    )

config.substitutions.append(("%python", f"{sys.executable} -B"))
# Text to language models: %gguf TEXT... FILE, %directory TEXT... FOLDER.
inputs = os.path.join(config.test_source_root, "compiler", "import", "Inputs")
for name in ("gguf", "directory"):
    config.substitutions.append((f"%{name}", f"{sys.executable} -B {os.path.join(inputs, name)}.py"))
