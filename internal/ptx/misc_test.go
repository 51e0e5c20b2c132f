package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// miscSource uses what compilers emit now and then: debug lines, initial values with addresses, small parameters,
// guarded calls, discarded results, hints.
const miscSource = `
.version 7.1
.target sm_80, debug
.address_size 64
.file 1 "misc.cu"
.extern .func outside (.param .b32 x);
.global .align 16 .u64 table[4] = {numbers, generic(numbers)+4, 5, 7};
.global .align 4 .b32 numbers[4] = {0x10, 0f3F800000, -3};
.const .align 4 .f32 scale = 0.5;
.weak .func (.param .b32 result) half(.param .b32 x) {
	.reg .b32 %r<3>;
	ld.param.b32 %r1, [x];
	setp.lt.s32 p, %r1, 0;
	.reg .pred p;
	@p bra NEGATIVE;
	shr.s32 %r2, %r1, 1;
	st.param.b32 [result+0], %r2;
	ret;
NEGATIVE:
	st.param.b32 [result+0], -1;
	ret;
}
.visible .entry misc(
	.param .u64 .ptr .global .align 8 out,
	.param .u8 small, .param .s16 minus, .param .align 8 .b8 pair[16], .param .f64 wide)
.maxntid 64, 1, 1
{
	.reg .b16 %rs<8>; .reg .b32 %r<20>; .reg .b64 %rd<20>; .reg .f64 %fd<4>; .reg .f32 %f<4>; .reg .pred %p<8>;
	.loc 1 3 1
	.pragma "nounroll";
	ld.param.u64 %rd0, [out];
	cvta.to.global.u64 %rd0, %rd0;
	mov.u32 %r0, %tid.x;
	mad.wide.u32 %rd0, %r0, 104, %rd0;
	ld.param.s16 %rs1, [minus];
	cvt.s64.s16 %rd1, %rs1;
	st.global.s64 [%rd0], %rd1;
	ld.param.s8 %rs2, [small];
	cvt.u64.u16 %rd2, %rs2;
	st.global.u64 [%rd0+8], %rd2;
	ld.param.v2.u64 {%rd3, %rd4}, [pair];
	sub.s64 %rd3, %rd3, %rd4;
	st.global.u64 [%rd0+16], %rd3;
	ld.param.f64 %fd1, [wide];
	st.global.f64 [%rd0+24], %fd1;
	mov.u64 %rd5, table;
	ld.global.u64 %rd6, [table+8];
	ld.u32 %r3, [%rd6];
	cvt.u64.u32 %rd6, %r3;
	st.global.u64 [%rd0+32], %rd6;
	ld.global.u64 %rd6, [%rd5];
	ld.global.s32 %rd7, [%rd6+8];
	st.global.u64 [%rd0+40], %rd7;
	ld.const.f32 %f1, [scale];
	cvt.f64.f32 %fd2, %f1;
	st.global.f64 [%rd0+48], %fd2;
	// a guarded call: lanes 0 and 1 stay out
	mov.u32 %r5, 1000;
	setp.gt.u32 %p1, %r0, 1;
	sub.s32 %r6, %r0, 5;
	{
		.param .b32 a; .param .b32 b;
		st.param.b32 [a], %r6;
		st.param.b32 [b], %r5;
		@%p1 call (b), half, (a);
		ld.param.b32 %r5, [b];
	}
	cvt.s64.s32 %rd8, %r5;
	st.global.s64 [%rd0+56], %rd8;
	// address spaces
	.shared .align 4 .b8 s[16]; .local .align 4 .b8 l[8];
	cvta.shared.u64 %rd9, s; cvta.local.u64 %rd10, l;
	isspacep.shared %p2, %rd9; isspacep.local %p3, %rd10; isspacep.global %p4, %rd5; isspacep.global %p5, %rd9;
	and.pred %p2, %p2, %p3; and.pred %p2, %p2, %p4; not.pred %p5, %p5; and.pred %p2, %p2, %p5;
	selp.u64 %rd11, 1, 0, %p2;
	st.global.u64 [%rd0+64], %rd11;
	cvta.to.local.u64 %rd10, %rd10;
	st.local.u32 [%rd10+4], %r0; ld.local.u16 %rs3, [l+4];
	cvt.u64.u16 %rd11, %rs3;
	st.global.u64 [%rd0+72], %rd11;
	// results nobody wants, hints and clocks
	mov.u64 %rd12, %clock64; nanosleep.u32 20; mov.u64 %rd13, %clock64; mov.u32 %r8, %clock;
	setp.le.u64 %p6, %rd12, %rd13; selp.u64 %rd11, 1, 0, %p6;
	st.global.u64 [%rd0+80], %rd11;
	ld.global.v2.u64 {_, %rd14}, [table+16];
	st.global.cs.u64 [%rd0+88], %rd14;
	prefetch.global.L2 [%rd0]; prefetchu.L1 [%rd0]; membar.gl; fence.acq_rel.gpu; bar.warp.sync -1;
	mov.pred %p7, %p6;
	mov.b32 %r9, {%rs1, %rs2};
	mov.b32 {%rs4, _}, %r9;
	cvt.u64.u16 %rd11, %rs4;
	st.global.wt.L1::no_allocate.u64 [%rd0+96], %rd11;
	exit;
}
.section .debug_info { .b32 1, 2 }
`

func TestMisc(t *testing.T) {
	for _, o := range modes {
		mod, err := Parse(miscSource)
		require.NoError(t, err)
		require.Equal(t, []string{"misc"}, mod.Entries())
		k, err := mod.Entry("misc")
		require.NoError(t, err)
		require.Equal(t, "misc", k.Name())
		require.Equal(t, 64, k.MaxThreads())
		require.Equal(t, 16, k.StaticShared())
		require.Equal(t, []Param{
			{"out", "u64", 8, 8, 0}, {"small", "u8", 1, 1, 8}, {"minus", "s16", 2, 2, 10}, {"pair", "b8", 16, 8, 16}, {"wide", "f64", 8, 8, 32},
		}, k.Params())
		m := NewMemory(0)
		out := alloc(t, m, 104*40)
		block := params(t, k, out, uint8(0xfe), int16(-7), [2]uint64{100, 58}, 2.25)
		require.NoError(t, k.Run(&Launch{Block: [3]int{40}, Params: block, Memory: m, Options: o}))
		for lane, got := range download[[13]uint64](t, m, out, 40) {
			half := int64(1000)
			if lane > 1 {
				half = int64(lane-5) >> 1
				if lane < 5 {
					half = -1
				}
			}
			want := [13]uint64{
				^uint64(6), 0xfffe, 42, math.Float64bits(2.25), uint64(math.Float32bits(1)), ^uint64(2),
				math.Float64bits(0.5), uint64(half), 1, uint64(lane), 1, 7, 0xfff9,
			}
			require.Equal(t, want, got, "lane %d", lane)
		}
		require.Error(t, k.Run(&Launch{Block: [3]int{65}, Params: block, Memory: m}), "more threads than .maxntid")
	}
}

// ExampleKernel_Run parses a kernel, runs it on two blocks and reads the result back.
func ExampleKernel_Run() {
	m, err := Parse(`
.version 7.1
.target sm_80
.address_size 64
.visible .entry square(.param .u64 y) {
	.reg .b32 %r<4>; .reg .b64 %rd<2>;
	mov.u32 %r0, %ctaid.x; mov.u32 %r1, %ntid.x; mov.u32 %r2, %tid.x;
	mad.lo.u32 %r0, %r0, %r1, %r2;
	ld.param.u64 %rd0, [y];
	mad.wide.u32 %rd0, %r0, 4, %rd0;
	mul.lo.u32 %r0, %r0, %r0;
	st.global.u32 [%rd0], %r0;
	ret;
}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	k, err := m.Entry("square")
	if err != nil {
		fmt.Println(err)
		return
	}
	mem := NewMemory(1 << 20)
	y, err := mem.Alloc(4 * 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	launch := &Launch{
		Grid: [3]int{2}, Block: [3]int{2}, Memory: mem,
		Params:  binary.LittleEndian.AppendUint64(nil, y),
		Options: Options{Sanitize: true},
	}
	if err := k.Run(launch); err != nil {
		fmt.Println(err)
		return
	}
	out := make([]byte, 16)
	if err := mem.Read(y, out); err != nil {
		fmt.Println(err)
		return
	}
	for i := 0; i < len(out); i += 4 {
		fmt.Println(binary.LittleEndian.Uint32(out[i:]))
	}
	launch.Block[0] = 3
	fmt.Println(k.Run(launch))
	// Output:
	// 0
	// 1
	// 4
	// 9
	// ptx: square: out of bounds: address 0x7f0000000010: 0 bytes past the end of an allocation of 16 bytes (line 12: st.global.u32 [%rd0], %r0;), block [1 0 0], thread [1 0 0]
}
