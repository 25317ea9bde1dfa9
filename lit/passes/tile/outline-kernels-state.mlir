// RUN: tercet-opt %s --tile-outline-kernels -split-input-file | FileCheck %s

#rows = #soc.variant<"rows", precision = f32, tiles = [0, 1, 0, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// The rows are written into the memory of the state, which is the result's:
// nothing of it is copied.
// CHECK-LABEL: @update
// CHECK: soc.call @cache_update ins({{.*}}) outs({{.*}}) scalars(%{{.*}}) -> tensor<1x16x2x8xf16>
// CHECK: soc.kernel @cache_update(%[[X:.*]]: memref<1x4x2x8xf32>, %[[C:.*]]: memref<1x16x2x8xf16>, %[[R:.*]]: memref<1x16x2x8xf16>, %[[P:.*]]: index)
// CHECK-SAME: in_place = array<i64>, num_inputs = 2 : i64, updates = 1 : i64
// CHECK: %[[ROWS:.*]] = bufferization.to_tensor %[[X]] restrict :
// CHECK: %[[MEMORY:.*]] = bufferization.to_tensor %[[R]] restrict writable
// CHECK: %[[U:.*]] = nn.cache_update ins(%[[ROWS]] : {{.*}}) at %[[P]] outs(%[[MEMORY]]
// CHECK: bufferization.materialize_in_destination %[[U]] in restrict writable %[[R]]
func.func @update(%x: tensor<1x4x2x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x16x2x8xf16> {
  %0, %t = soc.task on "cpu" variant #rows (%x, %c) scalars (%p) after () : (tensor<1x4x2x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x16x2x8xf16> {
  ^bb0(%a: tensor<1x4x2x8xf32>, %b: tensor<1x16x2x8xf16>, %q: index):
    %1 = nn.cache_update ins(%a : tensor<1x4x2x8xf32>) at %q outs(%b : tensor<1x16x2x8xf16>)
    soc.yield %1 : tensor<1x16x2x8xf16>
  }
  return %0 : tensor<1x16x2x8xf16>
}

// -----

#rows = #soc.variant<"rows", precision = f32, tiles = [0, 0, 1, 0], panels = [0, 0], time_ps = 1, scratch_bytes = 0>

// Unchanged: an operation that reads a state updates nothing.
// CHECK-LABEL: @read
// CHECK: soc.kernel @cached_attention(
// CHECK-NOT: updates
func.func @read(%x: tensor<1x4x4x8xf32>, %c: tensor<1x16x2x8xf16>, %p: index) -> tensor<1x4x4x8xf32> {
  %0, %t = soc.task on "cpu" variant #rows (%x, %c) scalars (%p) after () : (tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>) -> tensor<1x4x4x8xf32> {
  ^bb0(%a: tensor<1x4x4x8xf32>, %b: tensor<1x16x2x8xf16>, %q: index):
    %e = tensor.empty() : tensor<1x4x4x8xf32>
    %1 = nn.cached_attention ins(%a, %b, %b : tensor<1x4x4x8xf32>, tensor<1x16x2x8xf16>, tensor<1x16x2x8xf16>)
           at %q outs(%e : tensor<1x4x4x8xf32>) scale 1.0
    soc.yield %1 : tensor<1x4x4x8xf32>
  }
  return %0 : tensor<1x4x4x8xf32>
}
