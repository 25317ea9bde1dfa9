// Every operation, as its description shows it.
// RUN: tercet-opt %s | tercet-opt | FileCheck %s

// CHECK-LABEL: func.func @instructions(
func.func @instructions(%v: vector<32xi32>, %p: vector<64xi32>, %q: vector<128xi1>, %i: i32) {
  // CHECK: hvx.lvsplatw %{{.*}}
  %lvsplatw = hvx.lvsplatw %i
  // CHECK: hvx.lvsplath %{{.*}}
  %lvsplath = hvx.lvsplath %i
  // CHECK: hvx.lvsplatb %{{.*}}
  %lvsplatb = hvx.lvsplatb %i
  // CHECK: hvx.vrmpybus_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vrmpybus_acc = hvx.vrmpybus_acc %v, %v, %i
  // CHECK: hvx.vrmpyub_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vrmpyub_acc = hvx.vrmpyub_acc %v, %v, %i
  // CHECK: hvx.vrmpybv_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vrmpybv_acc = hvx.vrmpybv_acc %v, %v, %v
  // CHECK: hvx.vrmpyubv_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vrmpyubv_acc = hvx.vrmpyubv_acc %v, %v, %v
  // CHECK: hvx.vrmpybusv_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vrmpybusv_acc = hvx.vrmpybusv_acc %v, %v, %v
  // CHECK: hvx.vmpyewuh %{{.*}}, %{{.*}}
  %vmpyewuh = hvx.vmpyewuh %v, %v
  // CHECK: hvx.vmpyowh_rnd_sacc %{{.*}}, %{{.*}}, %{{.*}}
  %vmpyowh_rnd_sacc = hvx.vmpyowh_rnd_sacc %v, %v, %v
  // CHECK: hvx.vmpyewuh_64 %{{.*}}, %{{.*}}
  %vmpyewuh_64 = hvx.vmpyewuh_64 %v, %v
  // CHECK: hvx.vmpyowh_64_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vmpyowh_64_acc = hvx.vmpyowh_64_acc %p, %v, %v
  // CHECK: hvx.vmpyh %{{.*}}, %{{.*}}
  %vmpyh = hvx.vmpyh %v, %i
  // CHECK: hvx.vmpyhsat_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vmpyhsat_acc = hvx.vmpyhsat_acc %p, %v, %i
  // CHECK: hvx.vmpyhv %{{.*}}, %{{.*}}
  %vmpyhv = hvx.vmpyhv %v, %v
  // CHECK: hvx.vmpyhv_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vmpyhv_acc = hvx.vmpyhv_acc %p, %v, %v
  // CHECK: hvx.vdmpyhvsat_acc %{{.*}}, %{{.*}}, %{{.*}}
  %vdmpyhvsat_acc = hvx.vdmpyhvsat_acc %v, %v, %v
  // CHECK: hvx.vasrw %{{.*}}, %{{.*}}
  %vasrw = hvx.vasrw %v, %i
  // CHECK: hvx.vasrwv %{{.*}}, %{{.*}}
  %vasrwv = hvx.vasrwv %v, %v
  // CHECK: hvx.vlsrw %{{.*}}, %{{.*}}
  %vlsrw = hvx.vlsrw %v, %i
  // CHECK: hvx.vaslw %{{.*}}, %{{.*}}
  %vaslw = hvx.vaslw %v, %i
  // CHECK: hvx.vasrwhrndsat %{{.*}}, %{{.*}}, %{{.*}}
  %vasrwhrndsat = hvx.vasrwhrndsat %v, %v, %i
  // CHECK: hvx.vasrwh %{{.*}}, %{{.*}}, %{{.*}}
  %vasrwh = hvx.vasrwh %v, %v, %i
  // CHECK: hvx.vaddhsat %{{.*}}, %{{.*}}
  %vaddhsat = hvx.vaddhsat %v, %v
  // CHECK: hvx.vsubhsat %{{.*}}, %{{.*}}
  %vsubhsat = hvx.vsubhsat %v, %v
  // CHECK: hvx.vmaxh %{{.*}}, %{{.*}}
  %vmaxh = hvx.vmaxh %v, %v
  // CHECK: hvx.vavgh %{{.*}}, %{{.*}}
  %vavgh = hvx.vavgh %v, %v
  // CHECK: hvx.vaddwsat %{{.*}}, %{{.*}}
  %vaddwsat = hvx.vaddwsat %v, %v
  // CHECK: hvx.vminub %{{.*}}, %{{.*}}
  %vminub = hvx.vminub %v, %v
  // CHECK: hvx.vlsrhv %{{.*}}, %{{.*}}
  %vlsrhv = hvx.vlsrhv %v, %v
  // CHECK: hvx.vpackhb_sat %{{.*}}, %{{.*}}
  %vpackhb_sat = hvx.vpackhb_sat %v, %v
  // CHECK: hvx.vpackhub_sat %{{.*}}, %{{.*}}
  %vpackhub_sat = hvx.vpackhub_sat %v, %v
  // CHECK: hvx.vpackwh_sat %{{.*}}, %{{.*}}
  %vpackwh_sat = hvx.vpackwh_sat %v, %v
  // CHECK: hvx.vpackeb %{{.*}}, %{{.*}}
  %vpackeb = hvx.vpackeb %v, %v
  // CHECK: hvx.vpackob %{{.*}}, %{{.*}}
  %vpackob = hvx.vpackob %v, %v
  // CHECK: hvx.vpackeh %{{.*}}, %{{.*}}
  %vpackeh = hvx.vpackeh %v, %v
  // CHECK: hvx.vpackoh %{{.*}}, %{{.*}}
  %vpackoh = hvx.vpackoh %v, %v
  // CHECK: hvx.vunpackb %{{.*}}
  %vunpackb = hvx.vunpackb %v
  // CHECK: hvx.vunpackub %{{.*}}
  %vunpackub = hvx.vunpackub %v
  // CHECK: hvx.vunpackh %{{.*}}
  %vunpackh = hvx.vunpackh %v
  // CHECK: hvx.vdealb %{{.*}}
  %vdealb = hvx.vdealb %v
  // CHECK: hvx.vdealh %{{.*}}
  %vdealh = hvx.vdealh %v
  // CHECK: hvx.vshuffb %{{.*}}
  %vshuffb = hvx.vshuffb %v
  // CHECK: hvx.vshuffh %{{.*}}
  %vshuffh = hvx.vshuffh %v
  // CHECK: hvx.vshuffvdd %{{.*}}, %{{.*}}, %{{.*}}
  %vshuffvdd = hvx.vshuffvdd %v, %v, %i
  // CHECK: hvx.vdealvdd %{{.*}}, %{{.*}}, %{{.*}}
  %vdealvdd = hvx.vdealvdd %v, %v, %i
  // CHECK: hvx.vror %{{.*}}, %{{.*}}
  %vror = hvx.vror %v, %i
  // CHECK: hvx.valignb %{{.*}}, %{{.*}}, %{{.*}}
  %valignb = hvx.valignb %v, %v, %i
  // CHECK: hvx.vlalignb %{{.*}}, %{{.*}}, %{{.*}}
  %vlalignb = hvx.vlalignb %v, %v, %i
  // CHECK: hvx.vcombine %{{.*}}, %{{.*}}
  %vcombine = hvx.vcombine %v, %v
  // CHECK: hvx.hi %{{.*}}
  %hi = hvx.hi %p
  // CHECK: hvx.lo %{{.*}}
  %lo = hvx.lo %p
  // CHECK: hvx.extractw %{{.*}}, %{{.*}}
  %extractw = hvx.extractw %v, %i
  // CHECK: hvx.vlutvvb %{{.*}}, %{{.*}}, %{{.*}}
  %vlutvvb = hvx.vlutvvb %v, %v, %i
  // CHECK: hvx.vlutvvb_oracc %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}
  %vlutvvb_oracc = hvx.vlutvvb_oracc %v, %v, %v, %i
  // CHECK: hvx.vlutvwh %{{.*}}, %{{.*}}, %{{.*}}
  %vlutvwh = hvx.vlutvwh %v, %v, %i
  // CHECK: hvx.vlutvwh_oracc %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}
  %vlutvwh_oracc = hvx.vlutvwh_oracc %p, %v, %v, %i
  // CHECK: hvx.vnormamtw %{{.*}}
  %vnormamtw = hvx.vnormamtw %v
  // CHECK: hvx.vcl0w %{{.*}}
  %vcl0w = hvx.vcl0w %v
  // CHECK: hvx.pred_scalar2 %{{.*}}
  %pred_scalar2 = hvx.pred_scalar2 %i
  // CHECK: hvx.pred_scalar2v2 %{{.*}}
  %pred_scalar2v2 = hvx.pred_scalar2v2 %i
  // CHECK: hvx.pred_and_n %{{.*}}, %{{.*}}
  %pred_and_n = hvx.pred_and_n %q, %q
  // CHECK: hvx.vgtw %{{.*}}, %{{.*}}
  %vgtw = hvx.vgtw %v, %v
  // CHECK: hvx.vmux %{{.*}}, %{{.*}}, %{{.*}}
  %vmux = hvx.vmux %q, %v, %v
  return
}

// CHECK-LABEL: func.func @memory(
func.func @memory(%m: memref<4x8xi8, strided<[64, 1], offset: ?>>, %b: !llvm.ptr, %i: i32) {
  // CHECK: %[[A:.*]] = hvx.address %{{.*}} : memref<4x8xi8, strided<[64, 1], offset: ?>>
  %a = hvx.address %m : memref<4x8xi8, strided<[64, 1], offset: ?>>
  // CHECK: %[[V:.*]] = hvx.load %[[A]] aligned
  %v = hvx.load %a aligned
  // CHECK: hvx.load %[[A]]{{$}}
  %u = hvx.load %a
  // CHECK: hvx.store %[[V]], %[[A]] aligned
  hvx.store %v, %a aligned
  // CHECK: hvx.load_part %[[A]], %{{.*}}
  %w = hvx.load_part %a, %i
  // CHECK: hvx.store_part %{{.*}}, %[[A]], %{{.*}}
  hvx.store_part %w, %a, %i
  // CHECK: %[[T:.*]] = hvx.dma_start %[[A]], %{{.*}} row_bytes %{{.*}} rows %{{.*}} strides %{{.*}}, %{{.*}}
  %t = hvx.dma_start %a, %b row_bytes %i rows %i strides %i, %i
  // CHECK: hvx.dma_wait %[[T]]
  hvx.dma_wait %t
  return
}
