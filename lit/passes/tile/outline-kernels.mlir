// RUN: tercet-opt %s --tile-outline-kernels -split-input-file | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>

// Two tasks with equal bodies call one kernel; each keeps its own tensors.
// CHECK-LABEL: @twice
// CHECK: soc.task {{.*}}(%arg0)
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4xf32>
// CHECK: %[[C:.*]] = soc.call @elementwise ins(%{{.*}} : tensor<4xf32>) outs(%[[E]] : tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: soc.yield %[[C]]
// CHECK: soc.call @elementwise
// The result is computed in the memory of the output, which may be the input's.
// CHECK: soc.kernel @elementwise(%[[A:.*]]: memref<4xf32>, %[[B:.*]]: memref<4xf32>)
// CHECK-SAME: engine = "cpu", in_place = array<i64: 0>, num_inputs = 1 : i64
// CHECK: %[[X:.*]] = bufferization.to_tensor %[[A]] restrict : memref<4xf32>
// CHECK: %[[O:.*]] = bufferization.to_tensor %[[B]] restrict writable
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[X]] {{.*}} outs(%[[O]]
// CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[B]]
// CHECK-NEXT: soc.return
// CHECK-NOT: soc.kernel
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %2 = math.exp %p : f32
      linalg.yield %2 : f32
    } -> tensor<4xf32>
    soc.yield %1 : tensor<4xf32>
  }
  %1, %u = soc.task on "cpu" variant #rows (%0) after () : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %e = tensor.empty() : tensor<4xf32>
    %1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32):
      %2 = math.exp %p : f32
      linalg.yield %2 : f32
    } -> tensor<4xf32>
    soc.yield %1 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [1], panels = [0], time_ps = 1, scratch_bytes = 0>
#many = #soc.variant<"rows", precision = f32, tiles = [2], panels = [0], time_ps = 1, scratch_bytes = 0>

// Another variant is another kernel. A reader at another index, here a
// transpose, may not be given its input's memory.
// CHECK-LABEL: @different
// CHECK: soc.call @transpose ins
// CHECK: soc.call @[[SECOND:transpose.+]] ins
// CHECK: soc.kernel @transpose(
// CHECK-SAME: in_place = array<i64>,
// CHECK: soc.kernel @[[SECOND]](
func.func @different(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x) after () : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x4xf32>):
    %e = tensor.empty() : tensor<4x4xf32>
    %1 = linalg.transpose ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) permutation = [1, 0]
    soc.yield %1 : tensor<4x4xf32>
  }
  %1, %u = soc.task on "cpu" variant #many (%0) after () : (tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x4xf32>):
    %e = tensor.empty() : tensor<4x4xf32>
    %1 = linalg.transpose ins(%a : tensor<4x4xf32>) outs(%e : tensor<4x4xf32>) permutation = [1, 0]
    soc.yield %1 : tensor<4x4xf32>
  }
  return %1 : tensor<4x4xf32>
}
