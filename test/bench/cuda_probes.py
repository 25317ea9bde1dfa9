# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# PTX of what cuda_device.py runs beside compiled kernels: probes of the device's rates, contents for buffers, and elements
# that are far from each other brought together. Written by hand for sm_80, which all later devices run.

# Accumulators and operands of a warp in the probe: as independent as those of a large tile.
PROBE_ROWS, PROBE_COLUMNS, PROBE_UNROLL = 4, 4, 4
PROBE_THREADS, PROBE_LOOPS = 256, 4096


HEAD = ".version 7.4\n.target sm_80\n.address_size 64\n"

# Halves between -1 and 1 by a hash of their number; or arbitrary bytes.
FILL = HEAD + r"""
.visible .entry fill(.param .u64 to, .param .u64 count, .param .u32 arbitrary) {
  .reg .pred %p<3>; .reg .b16 %h<2>; .reg .b32 %r<12>; .reg .f32 %f<4>; .reg .b64 %d<8>;
  ld.param.u64 %d1, [to];
  ld.param.u64 %d2, [count];
  ld.param.u32 %r9, [arbitrary];
  cvta.to.global.u64 %d1, %d1;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.wide.u32 %d3, %r1, %r2, 0;
  cvt.u64.u32 %d4, %r3;
  add.u64 %d3, %d3, %d4;
  mov.u32 %r4, %nctaid.x;
  mul.wide.u32 %d5, %r4, %r2;
  setp.ne.u32 %p2, %r9, 0;
LOOP:
  setp.ge.u64 %p1, %d3, %d2;
  @%p1 bra DONE;
  cvt.u32.u64 %r5, %d3;
  mul.lo.u32 %r5, %r5, 2654435761;
  shr.u32 %r6, %r5, 15;
  xor.b32 %r5, %r5, %r6;
  mul.lo.u32 %r5, %r5, 2246822519;
  shr.u32 %r6, %r5, 13;
  xor.b32 %r5, %r5, %r6;
  and.b32 %r7, %r5, 65535;
  cvt.rn.f32.u32 %f1, %r7;
  fma.rn.f32 %f1, %f1, 0f38000000, 0fBF800000;
  cvt.rn.f16.f32 %h1, %f1;
  cvt.u32.u16 %r8, %h1;
  selp.b32 %r8, %r7, %r8, %p2;
  shl.b64 %d6, %d3, 1;
  add.u64 %d6, %d6, %d1;
  st.global.u16 [%d6], %r8;
  add.u64 %d3, %d3, %d5;
  bra LOOP;
DONE:
  ret;
}
"""


def mma_probe():
    """A loop of independent products of matrices in registers. Operands come from memory, so that they are not zeros:
    the power that multiplications take, and with it the clock, depends on their bits."""
    lines = [HEAD, ".visible .entry probe(.param .u64 from, .param .u64 to, .param .u32 loops) {",
             "  .reg .pred %p<3>; .reg .b32 %r<8>; .reg .b64 %d<6>;",
             f"  .reg .b32 %a<{4 * PROBE_ROWS}>; .reg .b32 %b<{2 * PROBE_COLUMNS}>;",
             f"  .reg .f32 %c<{4 * PROBE_ROWS * PROBE_COLUMNS}>; .reg .f32 %s<2>;",
             "  ld.param.u64 %d1, [from];", "  ld.param.u64 %d2, [to];", "  ld.param.u32 %r1, [loops];",
             "  cvta.to.global.u64 %d1, %d1;", "  cvta.to.global.u64 %d2, %d2;", "  mov.u32 %r2, %tid.x;",
             f"  mul.wide.u32 %d3, %r2, {4 * (4 * PROBE_ROWS + 2 * PROBE_COLUMNS)};", "  add.u64 %d3, %d3, %d1;"]
    lines += [f"  ld.global.u32 %a{i}, [%d3+{4 * i}];" for i in range(4 * PROBE_ROWS)]
    lines += [f"  ld.global.u32 %b{i}, [%d3+{4 * (4 * PROBE_ROWS + i)}];" for i in range(2 * PROBE_COLUMNS)]
    lines += [f"  mov.f32 %c{i}, 0f00000000;" for i in range(4 * PROBE_ROWS * PROBE_COLUMNS)]
    lines.append("LOOP:")
    for _ in range(PROBE_UNROLL):
        for row in range(PROBE_ROWS):
            for column in range(PROBE_COLUMNS):
                c = ", ".join(f"%c{4 * (row * PROBE_COLUMNS + column) + i}" for i in range(4))
                a = ", ".join(f"%a{4 * row + i}" for i in range(4))
                b = ", ".join(f"%b{2 * column + i}" for i in range(2))
                lines.append(f"  mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {{{c}}}, {{{a}}}, {{{b}}}, {{{c}}};")
    lines += ["  sub.u32 %r1, %r1, 1;", "  setp.ne.u32 %p1, %r1, 0;", "  @%p1 bra LOOP;", "  mov.f32 %s1, 0f00000000;"]
    lines += [f"  add.f32 %s1, %s1, %c{i};" for i in range(4 * PROBE_ROWS * PROBE_COLUMNS)]
    # Never true; the compiler does not know.
    lines += ["  setp.eq.f32 %p2, %s1, 0f7F123456;", "  @%p2 st.global.f32 [%d2], %s1;", "  ret;", "}"]
    return "\n".join(lines) + "\n"


STREAM = HEAD + r"""
.visible .entry read(.param .u64 from, .param .u64 to, .param .u64 count) {
  .reg .pred %p<3>; .reg .b32 %r<24>; .reg .b64 %d<12>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.u64 %d3, [count];
  cvta.to.global.u64 %d1, %d1;
  cvta.to.global.u64 %d2, %d2;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r1, %r2, %r3;
  cvt.u64.u32 %d4, %r4;
  mov.u32 %r5, %nctaid.x;
  mul.wide.u32 %d5, %r5, %r2;
  shl.b64 %d6, %d5, 4;
  shl.b64 %d7, %d4, 4;
  add.u64 %d7, %d7, %d1;
  mov.u32 %r20, 0;
  shl.b64 %d8, %d5, 2;
LOOP:
  setp.ge.u64 %p1, %d4, %d3;
  @%p1 bra DONE;
  ld.global.nc.v4.u32 {%r6, %r7, %r8, %r9}, [%d7];
  add.u64 %d9, %d7, %d6;
  ld.global.nc.v4.u32 {%r10, %r11, %r12, %r13}, [%d9];
  add.u64 %d9, %d9, %d6;
  ld.global.nc.v4.u32 {%r14, %r15, %r16, %r17}, [%d9];
  add.u64 %d9, %d9, %d6;
  ld.global.nc.v4.u32 {%r18, %r19, %r21, %r22}, [%d9];
  xor.b32 %r20, %r20, %r6;
  xor.b32 %r20, %r20, %r7;
  xor.b32 %r20, %r20, %r8;
  xor.b32 %r20, %r20, %r9;
  xor.b32 %r20, %r20, %r10;
  xor.b32 %r20, %r20, %r11;
  xor.b32 %r20, %r20, %r12;
  xor.b32 %r20, %r20, %r13;
  xor.b32 %r20, %r20, %r14;
  xor.b32 %r20, %r20, %r15;
  xor.b32 %r20, %r20, %r16;
  xor.b32 %r20, %r20, %r17;
  xor.b32 %r20, %r20, %r18;
  xor.b32 %r20, %r20, %r19;
  xor.b32 %r20, %r20, %r21;
  xor.b32 %r20, %r20, %r22;
  add.u64 %d7, %d9, %d6;
  add.u64 %d4, %d4, %d8;
  bra LOOP;
DONE:
  setp.eq.u32 %p2, %r20, 305419896;
  @%p2 st.global.u32 [%d2], %r20;
  ret;
}
.visible .entry copy(.param .u64 from, .param .u64 to, .param .u64 count) {
  .reg .pred %p<2>; .reg .b32 %r<12>; .reg .b64 %d<12>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.u64 %d3, [count];
  cvta.to.global.u64 %d1, %d1;
  cvta.to.global.u64 %d2, %d2;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r1, %r2, %r3;
  cvt.u64.u32 %d4, %r4;
  mov.u32 %r5, %nctaid.x;
  mul.wide.u32 %d5, %r5, %r2;
LOOP:
  setp.ge.u64 %p1, %d4, %d3;
  @%p1 bra DONE;
  shl.b64 %d6, %d4, 4;
  add.u64 %d7, %d6, %d1;
  add.u64 %d8, %d6, %d2;
  ld.global.nc.v4.u32 {%r6, %r7, %r8, %r9}, [%d7];
  st.global.v4.u32 [%d8], {%r6, %r7, %r8, %r9};
  add.u64 %d4, %d4, %d5;
  bra LOOP;
DONE:
  ret;
}
.visible .entry empty() {
  ret;
}
"""

# Halves at equal distances, side by side.
GATHER = HEAD + r"""
.visible .entry gather(.param .u64 from, .param .u64 to, .param .u64 stride, .param .u32 count) {
  .reg .pred %p<2>; .reg .b16 %h<2>; .reg .b32 %r<8>; .reg .b64 %d<8>;
  ld.param.u64 %d1, [from];
  ld.param.u64 %d2, [to];
  ld.param.u64 %d3, [stride];
  ld.param.u32 %r1, [count];
  cvta.to.global.u64 %d1, %d1;
  cvta.to.global.u64 %d2, %d2;
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.u32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra DONE;
  cvt.u64.u32 %d4, %r5;
  mad.lo.u64 %d5, %d4, %d3, %d1;
  ld.global.u16 %h1, [%d5];
  shl.b64 %d6, %d4, 1;
  add.u64 %d6, %d6, %d2;
  st.global.u16 [%d6], %h1;
DONE:
  ret;
}
"""
