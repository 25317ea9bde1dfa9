// Nothing but the LLVM dialect is left, dynamic views and masks included.
// RUN: tercet-opt %s --tercet-cpu-codegen | FileCheck %s

#machine = #soc.machine<"one-core", workers = 1,
  engines = [#soc.cpu<"cpu", memory = "dram", triple = "x86_64-linux-gnu", cpu = "x86-64-v4", features = "",
             cores = 1, vector_bits = 512, vector_registers = 32, megahertz = 3000, l1_bytes = 32768, l2_bytes = 1048576, l3_bytes = 0>],
  memories = [#soc.memory<"dram", bytes = 0, alignment = 64, bandwidth_bytes_per_second = 10000000000>]>
#v = #soc.variant<"v", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

module attributes {soc.machine = #machine} {

// CHECK-LABEL: llvm.func hidden @k
// CHECK-NOT: {{memref|vector|arith|scf|affine}}.
// CHECK-NOT: unrealized
// CHECK: llvm.intr.masked.load
// CHECK-NOT: unrealized
// CHECK: llvm.return
soc.kernel @k(%a: memref<29x37xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  scf.forall (%i) = (0) to (29) step (12) {
    %m = affine.min affine_map<(d0) -> (-d0 + 29, 12)>(%i)
    %s = memref.subview %a[%i, 0] [%m, 37] [1, 1] : memref<29x37xf32> to memref<?x37xf32, strided<[37, 1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%s : memref<?x37xf32, strided<[37, 1], offset: ?>>) {
    ^bb0(%e: f32):
      %r = math.tanh %e : f32
      linalg.yield %r : f32
    }
  }
  soc.return
}

// A bfloat16 is its bits in memory.
// CHECK-LABEL: llvm.func hidden @brains
// CHECK: llvm.intr.masked.load {{.*}} -> vector<{{[0-9]+}}xi16>
// CHECK-NOT: masked.{{.*}}bf16
// CHECK: llvm.return
soc.kernel @brains(%a: memref<3x1xbf16>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #v} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%a : memref<3x1xbf16>) {
  ^bb0(%e: bf16):
    %r = arith.negf %e : bf16
    linalg.yield %r : bf16
  }
  soc.return
}

}
