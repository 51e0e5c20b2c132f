package ptx

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mmaCase is a shape with the element types' widths; the layouts below are those of the PTX manual, written out.
type mmaCase struct {
	op         string
	m, k, bits int
	value      func(u uint32) float64 // of an element
	random     func(rng *rand.Rand) uint32
}

func smallInt(bits int, signed bool) func(u uint32) float64 {
	return func(u uint32) float64 {
		if signed {
			return float64(int32(u<<(32-bits)) >> (32 - bits))
		}
		return float64(u)
	}
}

func TestMMA(t *testing.T) {
	bf16 := func(u uint32) float64 { return slowHalf(uint16(u), 7) }
	f16 := func(u uint32) float64 { return slowHalf(uint16(u), 10) }
	tf32 := func(u uint32) float64 { return float64(math.Float32frombits(u &^ 0x1fff)) }
	half := func(fraction int) func(*rand.Rand) uint32 {
		return func(r *rand.Rand) uint32 { return uint32(nearestHalf(float64(r.IntN(17)-8)/4, fraction)) }
	}
	f32s := func(r *rand.Rand) uint32 { return math.Float32bits(float32(r.IntN(2001)-1000) / 8) }
	ints := func(n int) func(*rand.Rand) uint32 {
		return func(r *rand.Rand) uint32 { return r.Uint32() & (1<<n - 1) }
	}
	for _, c := range []mmaCase{
		{"m16n8k16.row.col.f32.bf16.bf16.f32", 16, 16, 16, bf16, half(7)},
		{"m16n8k8.row.col.f32.bf16.bf16.f32", 16, 8, 16, bf16, half(7)},
		{"m16n8k16.row.col.f32.f16.f16.f32", 16, 16, 16, f16, half(10)},
		{"m16n8k8.row.col.f32.f16.f16.f32", 16, 8, 16, f16, half(10)},
		{"m16n8k8.row.col.f32.tf32.tf32.f32", 16, 8, 32, tf32, f32s},
		{"m16n8k4.row.col.f32.tf32.tf32.f32", 16, 4, 32, tf32, f32s},
		{"m16n8k32.row.col.s32.s8.s8.s32", 16, 32, 8, smallInt(8, true), ints(8)},
		{"m16n8k32.row.col.s32.u8.u8.s32", 16, 32, 8, smallInt(8, false), ints(8)},
		{"m16n8k16.row.col.s32.s8.s8.s32", 16, 16, 8, smallInt(8, true), ints(8)},
		{"m8n8k16.row.col.s32.u8.u8.s32", 8, 16, 8, smallInt(8, false), ints(8)},
		{"m16n8k64.row.col.s32.s4.s4.s32", 16, 64, 4, smallInt(4, true), ints(4)},
	} {
		t.Run(c.op, func(t *testing.T) { eachRowSet(t, func(t *testing.T) { checkMMA(t, c) }) })
	}
}

func checkMMA(t *testing.T, c mmaCase) {
	rng := rand.New(rand.NewPCG(31, uint64(c.k)))
	per := 32 / c.bits
	a, b := make([][]uint32, c.m), make([][]uint32, c.k) // a[row][k], b[k][col]
	for i := range a {
		for range c.k {
			a[i] = append(a[i], c.random(rng))
		}
	}
	for i := range b {
		for range 8 {
			b[i] = append(b[i], c.random(rng))
		}
	}
	na, nb, nc := c.m/8*c.k/(4*per), c.k/(4*per), c.m/4
	isFloat := strings.Contains(c.op, "f32")
	var regs [32][]uint32 // per lane: the registers of A, B and C
	var acc [16][8]float64
	for r := range c.m {
		for j := range 8 {
			acc[r][j] = float64(rng.IntN(100) - 50)
		}
	}
	for lane := range 32 {
		group, thread := lane/4, lane%4
		for i := range na * per {
			row, col := group, thread*per+i%per
			if c.m == 16 && i/per%2 == 1 {
				row += 8
			}
			if step := i / per / (c.m / 8); step > 0 {
				col += 4 * per
			}
			pack(&regs[lane], i, c.bits, a[row][col])
		}
		base := len(regs[lane])
		for i := range nb * per {
			k := thread*per + i%per + i/per*4*per
			packAt(&regs[lane], base, i, c.bits, b[k][group])
		}
		for i := range nc {
			v := acc[group+i/2*8][thread*2+i%2]
			if isFloat {
				regs[lane] = append(regs[lane], math.Float32bits(float32(v)))
			} else {
				regs[lane] = append(regs[lane], uint32(int32(v)))
			}
		}
	}
	out := runMMAKernel(t, c.op, na, nb, nc, regs)
	for lane := range 32 {
		for i := range nc {
			row, col := lane/4+i/2*8, lane%4*2+i%2
			want := acc[row][col]
			for k := range c.k {
				want += c.value(a[row][k]) * c.value(b[k][col])
			}
			got := float64(int32(out[lane][i]))
			if isFloat {
				want = float64(float32(want))
				got = float64(math.Float32frombits(out[lane][i]))
			}
			require.Equal(t, want, got, "row %d column %d", row, col)
		}
	}
}

// pack puts element i of width bits behind the others; packAt counts from a register on.
func pack(regs *[]uint32, i, width int, v uint32) { packAt(regs, 0, i, width, v) }

func packAt(regs *[]uint32, base, i, width int, v uint32) {
	per := 32 / width
	for len(*regs) <= base+i/per {
		*regs = append(*regs, 0)
	}
	(*regs)[base+i/per] |= v << (i % per * width)
}

// runMMAKernel loads each lane's registers, multiplies, and returns D.
func runMMAKernel(t *testing.T, op string, na, nb, nc int, regs [32][]uint32) [][]uint32 {
	t.Helper()
	n := na + nb + nc
	var load, store strings.Builder
	list := func(prefix string, from, count int) string {
		var names []string
		for i := range count {
			names = append(names, fmt.Sprintf("%s%d", prefix, from+i))
		}
		return "{" + strings.Join(names, ",") + "}"
	}
	for i := range n {
		fmt.Fprintf(&load, "ld.global.u32 %%r%d, [%%rd0+%d];\n", i, 4*i)
	}
	for i := range nc {
		fmt.Fprintf(&store, "st.global.u32 [%%rd1+%d], %%q%d;\n", 4*i, i)
	}
	src := fmt.Sprintf(`.version 7.1
.target sm_80
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out) {
	.reg .b32 %%r<20>, %%q<20>, t; .reg .b64 %%rd<4>;
	mov.u32 t, %%tid.x; ld.param.u64 %%rd0, [in]; mad.wide.u32 %%rd0, t, %d, %%rd0; ld.param.u64 %%rd1, [out]; mad.wide.u32 %%rd1, t, %d, %%rd1;
	%s mma.sync.aligned.%s %s, %s, %s, %s;
	%s }`, 4*n, 4*nc, load.String(), op, list("%q", 0, nc), list("%r", 0, na), list("%r", na, nb), list("%r", na+nb, nc), store.String())
	mod, err := Parse(src)
	require.NoError(t, err)
	k, err := mod.Entry("k")
	require.NoError(t, err)
	m := NewMemory(0)
	var flat []uint32
	for _, r := range regs {
		require.Len(t, r, n)
		flat = append(flat, r...)
	}
	out := alloc(t, m, 4*nc*32)
	require.NoError(t, launch1(t, k, m, 32, Options{Sanitize: true}, upload(t, m, flat), out))
	var d [][]uint32
	all := download[uint32](t, m, out, nc*32)
	for i := range 32 {
		d = append(d, all[i*nc:(i+1)*nc])
	}
	return d
}

func TestMMABits(t *testing.T) {
	rng := rand.New(rand.NewPCG(32, 0))
	for _, c := range []struct {
		shape string
		m     int
		steps int
	}{{"m16n8k256", 16, 2}, {"m16n8k128", 16, 1}, {"m8n8k128", 8, 1}} {
		for _, op := range []string{"and", "xor"} {
			na, nb, nc := c.m/8*c.steps, c.steps, c.m/4
			var regs [32][]uint32
			for lane := range regs {
				for range na + nb {
					regs[lane] = append(regs[lane], rng.Uint32())
				}
				for range nc {
					regs[lane] = append(regs[lane], uint32(rng.IntN(100)))
				}
			}
			out := runMMAKernel(t, c.shape+".row.col."+map[string]string{"and": "s32.b1.b1.s32.and.popc", "xor": "s32.b1.b1.s32.xor.popc"}[op], na, nb, nc, regs)
			for lane := range 32 {
				for i := range nc {
					row, col := lane/4+i/2*8, lane%4*2+i%2
					want := regs[lane][na+nb+i]
					for step := range c.steps {
						for th := range 4 {
							x := regs[row%8*4+th][step*(c.m/8)+row/8]
							y := regs[col*4+th][na+step]
							if op == "and" {
								x &= y
							} else {
								x ^= y
							}
							want += uint32(bits.OnesCount32(x))
						}
					}
					require.Equal(t, want, out[lane][i])
				}
			}
		}
	}
}

// TestMMAModels: truncating sums lose what the exact one keeps, and all agree on small integers.
func TestMMAModels(t *testing.T) {
	p := []float64{1, 0x1p-24, 0x1p-24, 0x1p-24, 0x1p-24}
	require.Equal(t, float32(1), truncatedSum(p, 0))
	require.Equal(t, float32(1+0x1p-22), truncatedSum(p, 1)) // one bit more keeps them
	require.Equal(t, float32(-1), truncatedSum([]float64{-1, -0x1p-24}, 2))
	require.Equal(t, float32(6), truncatedSum([]float64{1, 2, 3}, 1))
	require.True(t, math.IsNaN(float64(truncatedSum([]float64{math.Inf(1), math.Inf(-1)}, 1))))
}

// TestMMAHalf has an f16 accumulator: two columns per register.
func TestMMAHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 0))
	var regs [32][]uint32
	value := func(u uint32, i int) float64 { return slowHalf(uint16(u>>(16*i)), 10) }
	for lane := range regs {
		for range 4 + 2 + 2 {
			u := nearestHalf(float64(rng.IntN(9)-4), 10) | nearestHalf(float64(rng.IntN(9)-4), 10)<<16
			regs[lane] = append(regs[lane], uint32(u))
		}
	}
	out := runMMAKernel(t, "m16n8k16.row.col.f16.f16.f16.f16", 4, 2, 2, regs)
	for lane := range 32 {
		for i := range 4 {
			row, col := lane/4+i/2*8, lane%4*2+i%2
			want := value(regs[lane][6+i/2], i%2)
			for k := range 16 {
				a := value(regs[row%8*4+k%8/2][row/8+k/8*2], k%2)
				b := value(regs[col*4+k%8/2][4+k/8], k%2)
				want += a * b
			}
			require.Equal(t, want, value(out[lane][i/2], i%2))
		}
	}
}

func TestMMADouble(t *testing.T) {
	src := `.version 7.1
.target sm_80
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out) {
	.reg .b32 t; .reg .f64 %f<8>; .reg .b64 %rd<4>;
	mov.u32 t, %tid.x; ld.param.u64 %rd0, [in]; mad.wide.u32 %rd0, t, 32, %rd0; ld.param.u64 %rd1, [out]; mad.wide.u32 %rd1, t, 16, %rd1;
	ld.global.v2.f64 {%f0, %f1}, [%rd0]; ld.global.v2.f64 {%f2, %f3}, [%rd0+16];
	mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%f4, %f5}, {%f0}, {%f1}, {%f2, %f3};
	st.global.v2.f64 [%rd1], {%f4, %f5}; }`
	mod, err := Parse(src)
	require.NoError(t, err)
	k, err := mod.Entry("k")
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(34, 0))
	in := make([][4]float64, 32)
	for i := range in {
		for j := range in[i] {
			in[i][j] = float64(rng.IntN(100) - 50)
		}
	}
	m := NewMemory(0)
	out := alloc(t, m, 16*32)
	require.NoError(t, launch1(t, k, m, 32, Options{Sanitize: true}, upload(t, m, in), out))
	for lane, got := range download[[2]float64](t, m, out, 32) {
		for i := range 2 {
			want := in[lane][2+i]
			for kk := range 4 {
				want += in[lane/4*4+kk][0] * in[(lane%4*2+i)*4+kk][1]
			}
			require.Equal(t, want, got[i])
		}
	}
}

// TestLdmatrix: lane l receives row l/4, columns 2(l%4) and the next, of each matrix; transposed, rows for columns.
func TestLdmatrix(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		for _, trans := range []string{"", ".trans"} {
			list := []string{"{%r10}", "{%r10, %r11}", "", "{%r10, %r11, %r12, %r13}"}[n-1]
			body := `mov.u32 %r2, s; shl.b32 %r3, %r1, 4; add.u32 %r2, %r2, %r3;
				mul.lo.u32 %r4, %r1, 0x00080008; add.u32 %r4, %r4, 0x00010000;
				st.shared.u32 [%r2], %r4; add.u32 %r4, %r4, 0x00020002; st.shared.u32 [%r2+4], %r4;
				add.u32 %r4, %r4, 0x00020002; st.shared.u32 [%r2+8], %r4; add.u32 %r4, %r4, 0x00020002; st.shared.u32 [%r2+12], %r4;
				bar.sync 0; ldmatrix.sync.aligned.m8n8.x` + fmt.Sprint(n) + trans + ".shared.b16 " + list + ", [%r2]; mov.u32 %r0, %r" + fmt.Sprint(10+n-1) + ";"
			got, err := runBlock(t, 32, body, Options{Sanitize: true, Meter: &Meter{}})
			require.NoError(t, err)
			for l, u := range got { // element (row, column) of matrix q is 64q + 8 row + column
				row, col := l/4, l%4*2
				want := uint32(64*(n-1)+8*row+col) | uint32(64*(n-1)+8*row+col+1)<<16
				if trans != "" {
					want = uint32(64*(n-1)+8*col+row) | uint32(64*(n-1)+8*(col+1)+row)<<16
				}
				require.Equal(t, want, u, "x%d%s lane %d", n, trans, l)
			}
		}
	}
}
