// The report names source nodes, and nothing of the place that it was made at.
// RUN: rm -rf %t && tercet-compile %s --name small --workers=1 -o %t --target x86_64-linux-gnu --quiet
// RUN: FileCheck %s --input-file=%t/small.report.json --implicit-check-not=%t

// CHECK: "format": 1,
// CHECK: "name": "small",
// CHECK: "model": "report.mlir",
// CHECK: "launch_ps": {{[0-9]+}},
// CHECK-NEXT: "present": true,
// CHECK: "pools": [
// CHECK: "name": "io",
// CHECK: "partition": {
// CHECK-NEXT: "value_ps": [[#VALUE:]],
// CHECK-NEXT: "lower_bound_ps": [[#VALUE]],
// CHECK-NEXT: "gap_ps": 0,
// CHECK-NEXT: "optimal": true,
// CHECK: "schedule": {
// CHECK-NEXT: "makespan_ps": [[#END:]],
// CHECK: "commands": [
// CHECK: "engine": "cpu",
// CHECK-NEXT: "nodes": [
// CHECK-NEXT: "layer/Relu"
// CHECK: "start_ps": 0,
// CHECK-NEXT: "end_ps": [[#END]],
// CHECK: "kernels": [
// CHECK: "symbol": "tercet_small_kernel_0",
// CHECK: "uses": 1

#id = affine_map<(i) -> (i)>
func.func @main(%a: tensor<8xf32> {nn.name = "x"}) -> (tensor<8xf32> {nn.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %1 = arith.maximumf %x, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<8xf32> loc("layer/Relu")
  return %0 : tensor<8xf32>
}
