// An error of the run names the source node; a missing input names itself.
// RUN: not tercet-reference %s --entry division 2>&1 | FileCheck %s --check-prefix=DIVISION
// RUN: not tercet-reference %s --entry named 2>&1 | FileCheck %s --check-prefix=INPUT
// RUN: not tercet-reference %s --entry absent 2>&1 | FileCheck %s --check-prefix=ENTRY

// DIVISION: error: {{.*}}errors.mlir: node 'model/Div_3' (arith.divsi): integer division by zero
func.func @division() -> i32 {
  %one = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  %0 = arith.divsi %one, %zero : i32 loc("model/Div_3")
  return %0 : i32
}

// INPUT: error: {{.*}}errors.mlir: no value for input 'input_ids'; give --input input_ids=FILE.npy
func.func @named(%x: tensor<2xi64> {nn.name = "input_ids"}) {
  return
}

// ENTRY: error: {{.*}}errors.mlir: no function 'absent'; name one with --entry
