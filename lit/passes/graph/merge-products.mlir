// Products of one left-hand side become one, in functions that keep state.
// RUN: tercet-opt %s --graph-merge-products | FileCheck %s

#q4_0 = #nn.groups<32 in 18 group 32 planes [<bits = 4, run = 16, at = 2>] zero 8 scale f16 at 0>
#id = affine_map<(i, j) -> (i, j)>
#vector = affine_map<(i, j) -> (j)>

// What is stored is joined: blocks stay blocks, and rows of what is transposed.
// CHECK-DAG: nn.weight @[[FLOATS:a_[0-9]+]] = #nn.concat<[#nn.file<"m", offset = 0, bytes = 1024> : tensor<64x4xf32>, #nn.file<"m", offset = 1024, bytes = 2048> : tensor<64x8xf32>], axis = 1> : tensor<64x12xf32>
// CHECK-DAG: nn.weight @[[BIAS:x_[0-9]+]] = #nn.concat<[#nn.file<"m", offset = 4096, bytes = 16> : tensor<4xf32>, #nn.file<"m", offset = 4112, bytes = 32> : tensor<8xf32>], axis = 0> : tensor<12xf32>
// CHECK-DAG: nn.weight @[[BLOCKS:g_[0-9]+]] = #nn.transpose<#nn.decode<#nn.concat<[{{.*}}], axis = 0> : tensor<12x2x18xi8>, {{.*}} : tensor<12x64xf32>, perm = [1, 0]> : tensor<64x12xf32>
nn.weight @a = #nn.file<"m", offset = 0, bytes = 1024> : tensor<64x4xf32>
nn.weight @b = #nn.file<"m", offset = 1024, bytes = 2048> : tensor<64x8xf32>
nn.weight @x = #nn.file<"m", offset = 4096, bytes = 16> : tensor<4xf32>
nn.weight @y = #nn.file<"m", offset = 4112, bytes = 32> : tensor<8xf32>
nn.weight @g = #nn.transpose<#nn.decode<#nn.file<"m", offset = 5000, bytes = 144> : tensor<4x2x18xi8>, format = #q4_0> : tensor<4x64xf32>, perm = [1, 0]> : tensor<64x4xf32>
nn.weight @h = #nn.transpose<#nn.decode<#nn.file<"m", offset = 6000, bytes = 288> : tensor<8x2x18xi8>, format = #q4_0> : tensor<8x64xf32>, perm = [1, 0]> : tensor<64x8xf32>
nn.weight @tied = #nn.file<"m", offset = 7000, bytes = 1024> : tensor<64x4xf32>

// The vectors that are added are joined as well.
// CHECK-LABEL: @biases
// CHECK: %[[W:.*]] = nn.get_weight @[[FLOATS]] : tensor<64x12xf32>
// CHECK: %[[P:.*]] = linalg.matmul ins(%arg0, %[[W]] : tensor<3x64xf32>, tensor<64x12xf32>)
// CHECK: %[[V:.*]] = nn.get_weight @[[BIAS]] : tensor<12xf32>
// CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%[[P]], %[[V]] : tensor<3x12xf32>, tensor<12xf32>)
// CHECK: %[[A:.*]] = tensor.extract_slice %[[S]][0, 0] [3, 4] [1, 1]
// CHECK: %[[B:.*]] = tensor.extract_slice %[[S]][0, 4] [3, 8] [1, 1]
// CHECK-NOT: linalg.matmul
// CHECK: return %[[A]], %[[B]]
func.func @biases(%l: tensor<3x64xf32>, %s: tensor<4xf32> {nn.state}) -> (tensor<3x4xf32>, tensor<3x8xf32>, tensor<4xf32> {nn.tied = 1 : i64}) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %j = linalg.fill ins(%zero : f32) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  %a = nn.get_weight @a : tensor<64x4xf32>
  %b = nn.get_weight @b : tensor<64x8xf32>
  %x = nn.get_weight @x : tensor<4xf32>
  %y = nn.get_weight @y : tensor<8xf32>
  %0 = linalg.matmul ins(%l, %a : tensor<3x64xf32>, tensor<64x4xf32>) outs(%i : tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = linalg.generic {indexing_maps = [#vector, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %0 : tensor<4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %sum = arith.addf %p, %q : f32
    linalg.yield %sum : f32
  } -> tensor<3x4xf32>
  %2 = linalg.matmul ins(%l, %b : tensor<3x64xf32>, tensor<64x8xf32>) outs(%j : tensor<3x8xf32>) -> tensor<3x8xf32>
  %3 = linalg.generic {indexing_maps = [#vector, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %2 : tensor<8xf32>, tensor<3x8xf32>) outs(%f : tensor<3x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %sum = arith.addf %p, %q : f32
    linalg.yield %sum : f32
  } -> tensor<3x8xf32>
  return %1, %3, %s : tensor<3x4xf32>, tensor<3x8xf32>, tensor<4xf32>
}

// CHECK-LABEL: @blocks
// CHECK: %[[W:.*]] = nn.get_weight @[[BLOCKS]] : tensor<64x12xf32>
// CHECK: linalg.matmul ins(%arg0, %[[W]]
// CHECK-NOT: linalg.matmul
func.func @blocks(%l: tensor<3x64xf32>, %s: tensor<4xf32> {nn.state}) -> (tensor<3x4xf32>, tensor<3x8xf32>, tensor<4xf32> {nn.tied = 1 : i64}) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %j = linalg.fill ins(%zero : f32) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  %a = nn.get_weight @g : tensor<64x4xf32>
  %b = nn.get_weight @h : tensor<64x8xf32>
  %0 = linalg.matmul ins(%l, %a : tensor<3x64xf32>, tensor<64x4xf32>) outs(%i : tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = linalg.matmul ins(%l, %b : tensor<3x64xf32>, tensor<64x8xf32>) outs(%j : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0, %1, %s : tensor<3x4xf32>, tensor<3x8xf32>, tensor<4xf32>
}

// Weights that are stored in different ways, and one that is read elsewhere, stay apart.
// CHECK-LABEL: @unlike
// CHECK-COUNT-3: linalg.matmul
func.func @unlike(%l: tensor<3x64xf32>, %s: tensor<4xf32> {nn.state}) -> (tensor<3x4xf32>, tensor<3x8xf32>, tensor<3x4xf32>, tensor<64x4xf32>, tensor<4xf32> {nn.tied = 1 : i64}) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %j = linalg.fill ins(%zero : f32) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  %a = nn.get_weight @g : tensor<64x4xf32>
  %b = nn.get_weight @b : tensor<64x8xf32>
  %c = nn.get_weight @tied : tensor<64x4xf32>
  %0 = linalg.matmul ins(%l, %a : tensor<3x64xf32>, tensor<64x4xf32>) outs(%i : tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = linalg.matmul ins(%l, %b : tensor<3x64xf32>, tensor<64x8xf32>) outs(%j : tensor<3x8xf32>) -> tensor<3x8xf32>
  %2 = linalg.matmul ins(%l, %c : tensor<3x64xf32>, tensor<64x4xf32>) outs(%i : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0, %1, %2, %c, %s : tensor<3x4xf32>, tensor<3x8xf32>, tensor<3x4xf32>, tensor<64x4xf32>, tensor<4xf32>
}

// Without state a function is no decoder.
// CHECK-LABEL: @stateless
// CHECK-COUNT-2: linalg.matmul
func.func @stateless(%l: tensor<3x64xf32>) -> (tensor<3x4xf32>, tensor<3x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %f = tensor.empty() : tensor<3x8xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %j = linalg.fill ins(%zero : f32) outs(%f : tensor<3x8xf32>) -> tensor<3x8xf32>
  %a = nn.get_weight @a : tensor<64x4xf32>
  %b = nn.get_weight @b : tensor<64x8xf32>
  %0 = linalg.matmul ins(%l, %a : tensor<3x64xf32>, tensor<64x4xf32>) outs(%i : tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = linalg.matmul ins(%l, %b : tensor<3x64xf32>, tensor<64x8xf32>) outs(%j : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<3x8xf32>
}
