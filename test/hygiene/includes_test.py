# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every #include points the right way: dialects <- passes <- targets <- compiler. The runtime includes nothing of them;
# of the runtime they include abi.h only, but for programs that run models themselves, which use its public headers, and
# for an NPU's own code, which shares a window of memory with its driver.

import re

from tree import Report, files, read

INCLUDE = re.compile(r'^\s*#?\s*include\s+"([^"]+)"', re.MULTILINE)
HALF = ["dialects", "passes", "targets", "compiler"]
ABI = "runtime/include/tercet/abi.h"
# Programs: they call the runtime as an application does.
APPLICATIONS = ("compiler/tools/", "compiler/emit/runner/")
# Code that runs on an NPU, and what it shares with the driver beside it.
NPU = ("targets/hexagon/runtime/",)
WINDOW = "tercet/npu_window.h"
# What a target writes its image's records with.
IMAGES = {
    "targets/vulkan/": "runtime/include/tercet/vulkan_image.h",
    "targets/cuda/": "runtime/include/tercet/cuda_image.h",
}


def problem(name, included):
    top, target = name.parts[0], included.split("/")[0]
    if top == "runtime":
        if target in HALF + ["test", "lit"]:
            return "the runtime stands alone"
        return None
    if top not in HALF:
        return None
    public = included.startswith(("tercet/", "runtime/include/tercet/"))
    if public:
        allowed = included in (ABI, "tercet/abi.h") or str(name).startswith(APPLICATIONS)
        allowed = allowed or (included == WINDOW and str(name).startswith(NPU))
        allowed = allowed or any(str(name).startswith(top) and included == image for top, image in IMAGES.items())
        return None if allowed else f"of the runtime only {ABI} may be included here"
    if target in ("runtime", "test", "lit"):
        return f"nothing of {target}/ may be included here"
    if target in HALF and HALF.index(target) > HALF.index(top):
        return f"{top}/ must not depend on {target}/"
    if "/" not in included and not str(name).startswith(APPLICATIONS + NPU) and not included.endswith(".td"):
        return "includes are repository paths"
    return None


def main():
    report = Report()
    for name in files(".h", ".c", ".cpp", ".td", ".inc"):
        for included in INCLUDE.findall(read(name)):
            reason = problem(name, included)
            report.check(reason is None, f'{name}: includes "{included}": {reason}')
    report.check(report.passed > 100, "found hardly any includes; is the pattern still right?")
    # Passes link no target; dialects link no pass.
    for name in files("CMakeLists.txt"):
        text = read(name)
        if name.parts[0] in ("dialects", "passes"):
            report.check("TercetCpu" not in text, f"{name}: links a target")
        if name.parts[0] == "dialects":
            report.check("Passes" not in text, f"{name}: links passes")
    report.finish()


main()
