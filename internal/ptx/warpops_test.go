package ptx

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// laneInputs gives 64 lanes (two warps) of small numbers.
func laneInputs(seed uint64) []triple {
	rng := rand.New(rand.NewPCG(seed, 2))
	in := make([]triple, 64)
	for i := range in {
		in[i] = triple{uint64(rng.IntN(6)), uint64(rng.IntN(32)), uint64(rng.Uint32())}
	}
	return in
}

// checkWarp compares a warp-wide instruction: want sees the lane and its warp's inputs.
func checkWarp(t *testing.T, body string, want func(lane int, w []triple) uint64) {
	t.Helper()
	in := laneInputs(21)
	for i, got := range runLanes(t, body, in) {
		w := in[i/32*32 : i/32*32+32]
		require.Equalf(t, want(i%32, w), got, "%s, lane %d", body, i)
	}
}

func TestShuffle(t *testing.T) {
	for _, width := range []int{32, 16, 4} {
		mask := (32 - width) << 8
		checkWarp(t, fmt.Sprintf("shfl.sync.idx.b32 d|p, c, b, %d, -1; @!p xor.b32 d, d, 1;", mask|31), func(l int, w []triple) uint64 {
			return w[l&^(width-1)|int(w[l][1])&(width-1)][2]
		})
		checkWarp(t, fmt.Sprintf("shfl.sync.up.b32 d|p, c, 3, %d, -1; @!p xor.b32 d, d, 1;", mask), func(l int, w []triple) uint64 {
			if l%width < 3 {
				return w[l][2] ^ 1
			}
			return w[l-3][2]
		})
		checkWarp(t, fmt.Sprintf("shfl.sync.down.b32 d|p, c, 3, %d, -1; @!p xor.b32 d, d, 1;", mask|31), func(l int, w []triple) uint64 {
			if l%width+3 >= width {
				return w[l][2] ^ 1
			}
			return w[l+3][2]
		})
		checkWarp(t, fmt.Sprintf("shfl.sync.bfly.b32 d|p, c, 1, %d, 0xffffffff;", mask|31), func(l int, w []triple) uint64 { return w[l^1][2] })
	}
}

func TestVotes(t *testing.T) {
	ballot := func(w []triple) (m uint64) {
		for i := range w {
			m |= w[i][0] & 1 << i
		}
		return m
	}
	checkWarp(t, "vote.sync.ballot.b32 d, pa, -1;", func(_ int, w []triple) uint64 { return ballot(w) })
	checkWarp(t, "vote.sync.any.pred p, !pa, -1; selp.u32 d, 1, 0, p;", func(int, []triple) uint64 { return 1 })
	checkWarp(t, "vote.sync.all.pred p, pa, -1; selp.u32 d, 1, 0, p;", func(int, []triple) uint64 { return 0 })
	checkWarp(t, "vote.sync.uni.pred p, pa, -1; selp.u32 d, 1, 0, p;", func(int, []triple) uint64 { return 0 })
	checkWarp(t, "activemask.b32 d;", func(int, []triple) uint64 { return 1<<32 - 1 })
	checkWarp(t, "@pa activemask.b32 d;", func(l int, w []triple) uint64 { return ballot(w) * (w[l][0] & 1) })
	checkWarp(t, "match.any.sync.b32 d, a, -1;", func(l int, w []triple) (m uint64) {
		for i := range w {
			m |= uint64(b2n(w[i][0] == w[l][0])) << i
		}
		return m
	})
	checkWarp(t, "match.all.sync.b32 d|p, 7, -1; @!p mov.u32 d, 1;", func(int, []triple) uint64 { return 1<<32 - 1 })
	checkWarp(t, "match.all.sync.b64 d|p, A, -1; @p mov.u32 d, 1;", func(int, []triple) uint64 { return 0 })
	// among the odd lanes only, in divergent code
	checkWarp(t, "vote.sync.ballot.b32 e, pa, -1; @!pa bra OUT; redux.sync.add.u32 d, b, e; OUT:", func(l int, w []triple) (s uint64) {
		for i := range w {
			s += w[i][1] * (w[i][0] & 1)
		}
		return s * (w[l][0] & 1)
	})
}

func TestRedux(t *testing.T) {
	fold := func(f func(a, b uint32) uint32) func(int, []triple) uint64 {
		return func(_ int, w []triple) uint64 {
			acc := uint32(w[0][2])
			for _, x := range w[1:] {
				acc = f(acc, uint32(x[2]))
			}
			return uint64(acc)
		}
	}
	checkWarp(t, "redux.sync.add.s32 d, c, -1;", fold(func(a, b uint32) uint32 { return a + b }))
	checkWarp(t, "redux.sync.min.s32 d, c, -1;", fold(func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) }))
	checkWarp(t, "redux.sync.max.u32 d, c, -1;", fold(func(a, b uint32) uint32 { return max(a, b) }))
	checkWarp(t, "redux.sync.and.b32 d, c, -1;", fold(func(a, b uint32) uint32 { return a & b }))
	checkWarp(t, "redux.sync.or.b32 d, c, -1;", fold(func(a, b uint32) uint32 { return a | b }))
	checkWarp(t, "redux.sync.xor.b32 d, c, -1;", fold(func(a, b uint32) uint32 { return a ^ b }))
}

func TestIndexedBranch(t *testing.T) {
	body := `{ .reg .u32 k; rem.u32 k, a, 3; T: .branchtargets L0, L1, L2; brx.idx k, T;
		L0: mov.u32 d, 100; bra.uni END; L1: add.u32 d, b, 1; bra END; L2: mov.u32 d, 7; END: add.u32 d, d, 1000; }`
	checkWarp(t, body, func(l int, w []triple) uint64 {
		return 1000 + []uint64{100, w[l][1] + 1, 7}[w[l][0]%3]
	})
}

func TestSpecialRegisters(t *testing.T) {
	checkWarp(t, "mov.u32 d, %laneid;", func(l int, _ []triple) uint64 { return uint64(l) })
	checkWarp(t, "mov.u32 d, %lanemask_lt;", func(l int, _ []triple) uint64 { return 1<<l - 1 })
	checkWarp(t, "mov.u32 d, %lanemask_ge;", func(l int, _ []triple) uint64 { return 1<<32 - 1<<l })
	checkWarp(t, "mov.u32 d, %lanemask_gt;", func(l int, _ []triple) uint64 { return 1<<32 - 1<<l<<1 })
	checkWarp(t, "mov.u32 d, WARP_SZ; add.u32 d, d, %nwarpid;", func(int, []triple) uint64 { return 34 })
}

// blockKernel is a kernel with shared memory s (1 KiB) whose body sets %r0 from the thread number %r1; the parameter
// gets the results.
func runBlock(t *testing.T, n int, body string, o Options) ([]uint32, error) {
	t.Helper()
	src := ".version 7.1\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 out) {\n" +
		".reg .b32 %r<40>; .reg .b64 %rd<10>; .reg .pred %p<10>;\n.shared .align 16 .b8 s[1024];\n" +
		"mov.u32 %r1, %tid.x; mov.u32 %r0, 0;\n" + body +
		"\nld.param.u64 %rd0, [out]; mad.wide.u32 %rd0, %r1, 4, %rd0; st.global.u32 [%rd0], %r0; }"
	mod, err := Parse(src)
	require.NoError(t, err)
	k, err := mod.Entry("k")
	require.NoError(t, err)
	m := NewMemory(0)
	out := alloc(t, m, 4*n)
	err = k.Run(&Launch{Block: [3]int{n}, Params: params(t, k, out), Memory: m, Options: o})
	return download[uint32](t, m, out, n), err
}

func TestBarriers(t *testing.T) {
	o := Options{Sanitize: true}
	// bar.red over two and a half warps
	got, err := runBlock(t, 80, "setp.lt.u32 %p1, %r1, 50; bar.red.popc.u32 %r0, 0, %p1;", o)
	require.NoError(t, err)
	for _, x := range got {
		require.Equal(t, uint32(50), x)
	}
	got, err = runBlock(t, 64, "setp.lt.u32 %p1, %r1, 64; barrier.cta.red.and.aligned.pred %p2, 1, %p1; bar.red.or.pred %p3, 2, !%p1; selp.u32 %r0, 1, 0, %p2; @%p3 add.u32 %r0, %r0, 2;", o)
	require.NoError(t, err)
	require.Equal(t, uint32(1), got[63])
	// producer and consumer warps with named barriers: warp 1 hands four values to warp 0
	body := `
	mov.u32 %r5, s; and.b32 %r6, %r1, 31; shl.b32 %r6, %r6, 2; add.u32 %r5, %r5, %r6; mov.u32 %r7, 0;
	setp.ge.u32 %p1, %r1, 32; @%p1 bra PRODUCE;
	CONSUME: bar.sync 1, 64; ld.shared.u32 %r8, [%r5]; add.u32 %r0, %r0, %r8; bar.arrive 2, 64;
	add.u32 %r7, %r7, 1; setp.lt.u32 %p2, %r7, 4; @%p2 bra CONSUME; bra.uni DONE;
	PRODUCE: add.u32 %r8, %r1, %r7; st.shared.u32 [%r5], %r8; bar.arrive 1, 64; bar.sync 2, 64;
	add.u32 %r7, %r7, 1; setp.lt.u32 %p2, %r7, 4; @%p2 bra PRODUCE;
	DONE:`
	got, err = runBlock(t, 64, body, o)
	require.NoError(t, err)
	for i, x := range got[:32] {
		require.Equal(t, uint32(4*(i+32)+6), x)
	}
	var f *Fault
	_, err = runBlock(t, 64, strings.Replace(body, "bar.arrive 1, 64; bar.sync 2, 64;", "bar.sync 2, 64; bar.arrive 1, 64;", 1), o)
	require.ErrorAs(t, err, &f)
	require.Equal(t, Deadlock, f.Kind)
	// threads that have returned do not hold up a barrier
	_, err = runBlock(t, 64, "setp.ge.u32 %p1, %r1, 40; @%p1 exit; bar.sync 0;", Options{})
	require.NoError(t, err)
}

func TestSharedSubword(t *testing.T) {
	// neighbouring bytes written by different warps are no race
	body := "mov.u32 %r2, s; and.b32 %r3, %r1, 31; shl.b32 %r3, %r3, 1; shr.u32 %r4, %r1, 5; add.u32 %r3, %r3, %r4; add.u32 %r2, %r2, %r3; st.shared.u8 [%r2], %r1; bar.sync 0; ld.shared.s8 %r0, [%r2];"
	got, err := runBlock(t, 64, body, Options{Sanitize: true, Meter: &Meter{}})
	require.NoError(t, err)
	require.Equal(t, uint32(63), got[63])
	var f *Fault
	_, err = runBlock(t, 64, strings.Replace(body, "shr.u32 %r4, %r1, 5", "mov.u32 %r4, 0", 1), Options{Sanitize: true})
	require.ErrorAs(t, err, &f)
	require.Equal(t, SharedRace, f.Kind)
}

func TestTrap(t *testing.T) {
	var f *Fault
	_, err := runBlock(t, 40, "setp.eq.u32 %p1, %r1, 35; @%p1 trap;", Options{})
	require.ErrorAs(t, err, &f)
	require.Equal(t, Trap, f.Kind)
	require.Equal(t, 35, f.Thread[0])
}

func TestBadMembers(t *testing.T) {
	for body, kind := range map[string]FaultKind{
		"setp.lt.u32 %p1, %r1, 16; @%p1 shfl.sync.bfly.b32 %r0, %r1, 1, 31, -1;":      DivergentBarrier,
		"shfl.sync.bfly.b32 %r0, %r1, 1, 31, 0xffff;":                                 BadLane,
		"setp.lt.u32 %p1, %r1, 16; @%p1 shfl.sync.bfly.b32 %r0, %r1, 16, 31, 0xffff;": BadLane,
	} {
		var f *Fault
		_, err := runBlock(t, 32, body, Options{})
		require.ErrorAs(t, err, &f, body)
		require.Equal(t, kind, f.Kind, body)
	}
}

func TestAsyncCopy(t *testing.T) {
	src := `.version 7.1
.target sm_80
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out) {
	.reg .b32 %r<10>; .reg .b64 %rd<10>;
	.shared .align 16 .b8 s[2048];
	mov.u32 %r1, %tid.x; shl.b32 %r2, %r1, 4; mov.u32 %r3, s; add.u32 %r3, %r3, %r2;
	ld.param.u64 %rd0, [in]; mad.wide.u32 %rd0, %r1, 16, %rd0;
	mov.u32 %r4, {SIZE};
	cp.async.ca.shared.global [%r3], [%rd0], 16, %r4;
	cp.async.commit_group;
	cp.async.cg.shared.global.L2::128B [%r3+1024], [%rd0+1024], 16;
	cp.async.commit_group;
	{WAIT}
	bar.sync 0;
	xor.b32 %r2, %r2, 1008; mov.u32 %r3, s; add.u32 %r3, %r3, %r2;
	ld.shared.v2.u32 {%r5, %r6}, [%r3+{AT}];
	ld.param.u64 %rd0, [out]; mad.wide.u32 %rd0, %r1, 8, %rd0; st.global.v2.u32 [%rd0], {%r5, %r6};
}`
	run := func(size, wait, at string) ([]uint32, error) {
		text := strings.NewReplacer("{SIZE}", size, "{WAIT}", wait, "{AT}", at).Replace(src)
		mod, err := Parse(text)
		require.NoError(t, err)
		k, err := mod.Entry("k")
		require.NoError(t, err)
		m := NewMemory(0)
		in := make([]uint32, 512)
		for i := range in {
			in[i] = uint32(i + 1)
		}
		out := alloc(t, m, 8*64)
		err = launch1(t, k, m, 64, Options{Sanitize: true, Meter: &Meter{}}, upload(t, m, in), out)
		return download[uint32](t, m, out, 128), err
	}
	got, err := run("16", "cp.async.wait_group 1;", "0")
	require.NoError(t, err)
	for i := range 64 {
		require.Equal(t, uint32((63-i)*4+1), got[2*i])
		require.Equal(t, uint32((63-i)*4+2), got[2*i+1])
	}
	got, err = run("4", "cp.async.wait_all;", "0") // the rest is zero
	require.NoError(t, err)
	require.Equal(t, []uint32{63*4 + 1, 0}, got[:2])
	got, err = run("16", "cp.async.wait_all;", "1024")
	require.NoError(t, err)
	require.Equal(t, uint32(256+63*4+1), got[0])
	var f *Fault
	_, err = run("16", "cp.async.wait_group 1;", "1024") // the second group may still be on its way
	require.ErrorAs(t, err, &f)
	require.Equal(t, Uninitialised, f.Kind)
}

func TestMeter(t *testing.T) {
	run := func(access string) Meter {
		m := &Meter{}
		_, err := runBlock(t, 32, "mov.u32 %r2, s; "+access, Options{Meter: m})
		require.NoError(t, err)
		return *m
	}
	m := run("shl.b32 %r3, %r1, 2; add.u32 %r2, %r2, %r3; ld.shared.u32 %r0, [%r2];")
	require.Equal(t, [3]uint64{1, 1, 1}, [3]uint64{m.SharedRequests, m.SharedPasses, m.SharedIdeal})
	require.Equal(t, [3]uint64{1, 4, 128}, [3]uint64{m.GlobalRequests, m.GlobalSectors, m.GlobalBytes})
	require.Equal(t, uint64(10), m.Instructions)
	require.Equal(t, uint64(320), m.Lanes)
	require.Equal(t, uint64(2), m.Memory)
	m = run("shl.b32 %r3, %r1, 3; add.u32 %r2, %r2, %r3; ld.shared.u32 %r0, [%r2];")
	require.Equal(t, uint64(2), m.SharedPasses) // stride 2: two lanes per bank
	m = run("and.b32 %r3, %r1, 7; shl.b32 %r3, %r3, 7; add.u32 %r2, %r2, %r3; ld.shared.u32 %r0, [%r2];")
	require.Equal(t, uint64(8), m.SharedPasses) // one bank, eight words
	m = run("ld.shared.u32 %r0, [%r2];")
	require.Equal(t, uint64(1), m.SharedPasses) // one word for all
	// four neighbours count as one 16-byte access
	m = run("shl.b32 %r3, %r1, 4; add.u32 %r2, %r2, %r3; ld.shared.u32 %r4, [%r2+8]; ld.shared.u32 %r5, [%r2]; ld.shared.u32 %r6, [%r2+12]; ld.shared.u32 %r7, [%r2+4];")
	require.Equal(t, [3]uint64{1, 4, 4}, [3]uint64{m.SharedRequests, m.SharedPasses, m.SharedIdeal})
}

// What a launch reads or writes again counts once.
func TestDistinctSectors(t *testing.T) {
	body := "ld.param.u64 %rd1, [out]; mad.wide.u32 %rd1, %r1, 4, %rd1; st.global.u32 [%rd1], %r1; ld.global.u32 %r2, [%rd1]; ld.global.u32 %r0, [%rd1];"
	for _, warps := range []int{1, 3} {
		m := &Meter{}
		_, err := runBlock(t, 32*warps, body, Options{Meter: m, Distinct: true})
		require.NoError(t, err)
		require.EqualValues(t, 16*warps, m.GlobalSectors)
		require.EqualValues(t, 8*warps, m.GlobalDistinct, "four sectors a warp read, four written")
	}
}

// TestJoinedLoads: neighbouring shared loads become one, but not past an instruction that could tell.
func TestJoinedLoads(t *testing.T) {
	fill := "mov.u32 %r2, s; shl.b32 %r3, %r1, 4; add.u32 %r2, %r2, %r3; st.shared.v4.u32 [%r2], {%r1, %r3, 7, 9};\n"
	for body, want := range map[string]func(l uint32) uint32{
		"ld.shared.u32 %r4, [%r2]; ld.shared.u32 %r5, [%r2+4]; sub.u32 %r0, %r5, %r4;": func(l uint32) uint32 { return 15 * l },
		// %r5 is read and written between the loads
		"mov.u32 %r5, 100; ld.shared.u32 %r4, [%r2]; add.u32 %r6, %r5, %r4; ld.shared.u32 %r5, [%r2+4]; sub.u32 %r0, %r6, %r5;": func(l uint32) uint32 { return 100 + l - 16*l },
		"ld.shared.u32 %r4, [%r2]; mov.u32 %r5, 1; ld.shared.u32 %r5, [%r2+4]; add.u32 %r0, %r5, %r4;":                          func(l uint32) uint32 { return 17 * l },
		// a store in between
		"ld.shared.u32 %r4, [%r2]; st.shared.u32 [%r2+4], 50; ld.shared.u32 %r5, [%r2+4]; add.u32 %r0, %r4, %r5;": func(l uint32) uint32 { return l + 50 },
		// the base changes
		"ld.shared.u32 %r4, [%r2]; add.u32 %r2, %r2, 8; ld.shared.u32 %r5, [%r2+4]; add.u32 %r0, %r4, %r5;": func(l uint32) uint32 { return l + 9 },
		"ld.shared.u32 %r4, [%r2]; ld.shared.u32 %r2, [%r2+4]; add.u32 %r0, %r4, %r2;":                      func(l uint32) uint32 { return 17 * l },
		// twice into one register
		"ld.shared.u32 %r4, [%r2+8]; ld.shared.u32 %r4, [%r2+12]; mov.u32 %r0, %r4;": func(uint32) uint32 { return 9 },
		// guarded
		"setp.lt.u32 %p1, %r1, 5; mov.u32 %r5, 1; ld.shared.u32 %r4, [%r2+8]; @%p1 ld.shared.u32 %r5, [%r2+12]; add.u32 %r0, %r4, %r5;": func(l uint32) uint32 {
			if l < 5 {
				return 16
			}
			return 8
		},
	} {
		got, err := runBlock(t, 32, fill+body, Options{Sanitize: true, Meter: &Meter{}})
		require.NoError(t, err, body)
		for l, x := range got {
			require.Equal(t, want(uint32(l)), x, body)
		}
	}
	// joined loads are aligned like their parts
	got, err := runBlock(t, 32, fill+"bar.sync 0; mov.u32 %r2, s; ld.shared.u32 %r4, [%r2+8]; add.u32 %r2, %r2, 4; ld.shared.u32 %r5, [%r2]; ld.shared.u32 %r6, [%r2+4]; add.u32 %r0, %r5, %r6;", Options{})
	require.NoError(t, err)
	require.Equal(t, uint32(7), got[0])
}

func BenchmarkLaunch(b *testing.B) {
	k, m := load(b, "rate.ptx", "sum"), NewMemory(0)
	l := &Launch{Grid: [3]int{1}, Block: [3]int{256}, Memory: m, Params: params(b, k, upload(b, m, make([]float32, 256)), alloc(b, m, 4), int32(256))}
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, k.Run(l))
	}
}
