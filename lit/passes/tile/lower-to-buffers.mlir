// RUN: tercet-opt %s --tile-lower-to-buffers | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 128>

// The result is computed in the output's memory; nothing is allocated or copied.
// CHECK-LABEL: soc.kernel @direct
// CHECK-SAME: (%[[A:.*]]: memref<4xf32>, %[[B:.*]]: memref<4xf32>)
// CHECK-NOT: memref.alloc
// CHECK: linalg.exp ins(%[[A]] : memref<4xf32>) outs(%[[B]] : memref<4xf32>)
// CHECK-NOT: tensor<
// CHECK: soc.return
soc.kernel @direct(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %2 = linalg.exp ins(%0 : tensor<4xf32>) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}

// What no output is made for becomes an allocation of 64-byte alignment, here
// inside of the tile.
// CHECK-LABEL: soc.kernel @temporary
// CHECK: scf.forall
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<2xf32>
soc.kernel @temporary(%a: memref<4xf32>, %b: memref<4xf32>) attributes {engine = "cpu", num_inputs = 1 : i64, variant = #rows} {
  %0 = bufferization.to_tensor %a restrict : memref<4xf32> to tensor<4xf32>
  %1 = bufferization.to_tensor %b restrict writable : memref<4xf32> to tensor<4xf32>
  %2 = scf.forall (%i) = (0) to (4) step (2) shared_outs(%o = %1) -> (tensor<4xf32>) {
    %3 = tensor.extract_slice %0[%i] [2] [1] : tensor<4xf32> to tensor<2xf32>
    %4 = tensor.extract_slice %o[%i] [2] [1] : tensor<4xf32> to tensor<2xf32>
    %e = tensor.empty() : tensor<2xf32>
    %5 = linalg.exp ins(%3 : tensor<2xf32>) outs(%e : tensor<2xf32>) -> tensor<2xf32>
    %6 = linalg.mul ins(%5, %3 : tensor<2xf32>, tensor<2xf32>) outs(%4 : tensor<2xf32>) -> tensor<2xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %6 into %o[%i] [2] [1] : tensor<2xf32> into tensor<4xf32>
    }
  }
  bufferization.materialize_in_destination %2 in restrict writable %b : (tensor<4xf32>, memref<4xf32>) -> ()
  soc.return
}
