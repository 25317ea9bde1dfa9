// RUN: not tercet-opt %s --vulkan-lower-alternatives=profiles=fast 2>&1 | FileCheck %s

// CHECK: profile: expected threads=N, {{.*}}, got 'fast'
module {
}
