// What an application reads in NAME.h: sizes as constants, names of tensors as
// identifiers, the weights' file only where there is one.
// RUN: rm -rf %t && tercet-compile %s --name two_names --workers=2 -o %t --target x86_64-linux-gnu --quiet
// RUN: FileCheck %s --input-file=%t/two_names.h
// RUN: tercet-compile %s --name two_names --workers=2 -o %t --target x86_64-linux-gnu --weights file --quiet
// RUN: FileCheck %s --input-file=%t/two_names.h --check-prefix=FILE
// RUN: ls %t | FileCheck %s --check-prefix=FILES

// CHECK: #ifndef TERCET_TWO_NAMES_H
// CHECK: extern const tercet_program tercet_two_names;
// CHECK: #define TERCET_TWO_NAMES_ARENA_BYTES
// CHECK: #define TERCET_TWO_NAMES_WEIGHTS_BYTES 0
// CHECK-NOT: WEIGHTS_FILE
// CHECK: #define TERCET_TWO_NAMES_IO_BYTES 192
// CHECK: #define TERCET_TWO_NAMES_MAX_WORKERS 2
// CHECK: #define TERCET_TWO_NAMES_ENTRY_MAIN 0
// CHECK: // Input 'a.b': tensor<2x4xf32>.
// CHECK: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B 0
// CHECK-NEXT: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B_BYTES 32
// CHECK-NEXT: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B_ELEMENTS 8
// CHECK-NEXT: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B_RANK 2
// CHECK-NEXT: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B_SHAPE {2, 4}
// CHECK: #define TERCET_TWO_NAMES_MAIN_INPUT_A_B_ 1
// CHECK: #define TERCET_TWO_NAMES_MAIN_OUTPUT_Y 0

// FILE: #define TERCET_TWO_NAMES_WEIGHTS_BYTES 128
// FILE: #define TERCET_TWO_NAMES_WEIGHTS_FILE "two_names.weights"

// FILES: two_names.h
// FILES-NEXT: two_names.o
// FILES-NEXT: two_names.report.html
// FILES-NEXT: two_names.report.json
// FILES-NEXT: two_names.weights

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
nn.weight @w = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
func.func @main(%a: tensor<2x4xf32> {nn.name = "a.b"}, %b: tensor<2x4xf32> {nn.name = "a/b"}) -> (tensor<2x4xf32> {nn.name = "y"}) {
  %w = nn.get_weight @w : tensor<4xf32>
  %e = tensor.empty() : tensor<2x4xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b, %w : tensor<2x4xf32>, tensor<2x4xf32>, tensor<4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32, %o: f32):
    %1 = arith.mulf %x, %y : f32
    %2 = arith.addf %1, %z : f32
    linalg.yield %2 : f32
  } -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
