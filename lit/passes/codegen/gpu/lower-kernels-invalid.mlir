// RUN: tercet-opt %s --gpu-lower-kernels=profile=workgroup_bytes=16384 --split-input-file --verify-diagnostics
// RUN: not tercet-opt %s --gpu-lower-kernels=profile=fast --split-input-file 2>&1 | FileCheck %s

// CHECK: profile: expected threads=N, {{.*}}, got 'fast'

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>
// expected-error @below {{expected scratch of at most 16384 bytes, which a workgroup shares, got 20000; try smaller tiles}}
soc.kernel @large(%a: memref<4xf32>) attributes {engine = "gpu", num_inputs = 0 : i64, variant = #rows,
    scratch_bytes = 20000 : i64, grid = array<i64: 1, 1, 1>} {
  soc.return
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 64>
// expected-error @below {{expected a body of one block}}
soc.kernel @blocks(%a: memref<4xf32>) attributes {engine = "gpu", num_inputs = 0 : i64, variant = #rows,
    scratch_bytes = 0 : i64, grid = array<i64: 1, 1, 1>} {
  cf.br ^bb1
^bb1:
  soc.return
}
