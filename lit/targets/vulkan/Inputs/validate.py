# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Serialises each spirv.module of a module's text and has spirv-val check it for Vulkan 1.1: validate.py < text. Prints a
# line for each module; the status is 1 if one is not valid, or if there is none.

import re
import subprocess
import sys
import tempfile


def modules(text):
    """Top-level spirv.module operations: they begin and end at the same indentation."""
    for match in re.finditer(r"^( *)spirv\.module.*?^\1\}", text, re.MULTILINE | re.DOTALL):
        yield match.group(0)


def main():
    text = sys.stdin.read()
    found, failed = 0, False
    # Attribute aliases stand before the module.
    aliases = "\n".join(re.findall(r"^#\w+ = .*$", text, re.MULTILINE))
    for module in modules(text):
        name = re.search(r"spirv\.module @(\S+)", module).group(1)
        found += 1
        with tempfile.NamedTemporaryFile(suffix=".spv") as binary:
            subprocess.run(
                ["mlir-translate", "--no-implicit-module", "--serialize-spirv", "-o", binary.name],
                input=f"{aliases}\n{module}", text=True, check=True)
            checked = subprocess.run(["spirv-val", "--target-env", "vulkan1.1", binary.name], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print(f"{name}: {'valid' if checked.returncode == 0 else checked.stdout}")
        failed |= checked.returncode != 0
    sys.exit(1 if failed or not found else 0)


main()
