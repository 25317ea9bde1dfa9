// RUN: tercet-opt %s -split-input-file --verify-diagnostics

func.func @part_of_nothing(%a: !llvm.ptr) {
  %n = arith.constant 0 : i32
  // expected-error @below {{expected 1 to 128 bytes, got 0}}
  %v = hvx.load_part %a, %n
  return
}

// -----

func.func @more_than_a_register(%a: !llvm.ptr, %v: vector<32xi32>) {
  %n = arith.constant 129 : i32
  // expected-error @below {{expected 1 to 128 bytes, got 129}}
  hvx.store_part %v, %a, %n
  return
}

// -----

// expected-note @below {{prior use here}}
func.func @other_vector(%v: vector<16xi32>) {
  // expected-error @below {{use of value '%v' expects different type than prior uses: 'vector<32xi32>' vs 'vector<16xi32>'}}
  %0 = hvx.vdealb %v
  return
}

// -----

// A type that no operation prints: only generic text can get it wrong.
func.func @wrong_result(%v: !llvm.ptr) {
  // expected-error @below {{must be a vector register (vector<32xi32>)}}
  %0 = "hvx.load"(%v) : (!llvm.ptr) -> vector<16xi32>
  return
}
