package gemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// forPairs runs a test with an engine that multiplies bf16 in pairs, and one of the same level that does not.
func forPairs(t *testing.T, test func(t *testing.T, pairs, plain *Engine)) {
	with := isa.Features{BF16: true}
	if level, features := isa.Detect(); level == isa.AVX512 && features.BF16 {
		t.Run("avx512", func(t *testing.T) { test(t, New(level, with), New(level, isa.Features{})) })
	}
	if emulated == nil {
		t.Skip("no kernels for pairs")
	}
	t.Run("avx512 emulated", func(t *testing.T) { test(t, emulated(t, with), emulated(t, isa.Features{})) })
}

// pairShapes meet strips and blocks, whole and partial ones, several blocks of k, odd k and every tile.
func pairShapes() [][3]int {
	shapes := [][3]int{{1, 1, 1}, {1, 40, 2}, {2, 31, 3}, {3, 33, 64}, {4, 64, 65}, {5, 257, 40}, {31, 17, 9}, {300, 65, 33}, {290, 34, 771}, {40, 70, 1540}, {29, 3, 20}}
	for m := 1; m <= 14; m++ {
		shapes = append(shapes, [3]int{m, 16 + m, 5 + m}, [3]int{m, m, 40 - m})
	}
	return shapes
}

// Products of pairs have the bits of the float32 kernels, as long as nothing is subnormal: the same products, added in
// the same order with one rounding each.
func TestPairsHaveTheBitsOfFloat32(t *testing.T) {
	forPairs(t, func(t *testing.T, pairs, plain *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		n := 0
		for _, s := range pairShapes() {
			for _, al := range layouts {
				for _, bl := range layouts {
					n++
					c := problemCase{m: s[0], n: s[1], k: s[2], at: BF16, bt: BF16, ct: [...]Type{F32, BF16, F16}[n%3], al: al, bl: bl, cgap: n % 4, alpha: 1, beta: []float64{0, 1, -0.5}[n%3],
						bias: n%4 == 0, residual: n%5 == 0, act: Activation(n % 3), packed: n%6 == 1, threads: 1 + n%3}
					got := c.check(t, pairs, p, &ws)
					c.threads = 1
					want := c.check(t, plain, p, &ws)
					require.True(t, want.contents() == got.contents(), "%v", c)
				}
			}
		}
	})
}

// Which products are made of pairs: those of bf16 by bf16 that are not scaled; with packed weights whatever their rows.
func TestPairsAreUsed(t *testing.T) {
	forPairs(t, func(t *testing.T, pairs, plain *Engine) {
		at := func(e *Engine, a, b, c Type, m, k int, alpha float64, packed bool) *problem {
			call := Call{M: m, N: 300, K: k, A: Matrix{Type: a, Row: k, Col: 1}, B: Matrix{Type: b, Row: 300, Col: 1}, C: Matrix{Type: c, Row: 300, Col: 1}, Alpha: alpha}
			if packed {
				call.Packed = &Packed{Type: b, K: k, N: 300, Strip: 32}
			}
			pr := new(problem)
			pr.set(e, &call, 0)
			return pr
		}
		for _, m := range []int{1, 4, 5, 2000} {
			require.True(t, at(pairs, BF16, BF16, BF16, m, 90, 1, false).paired())
			require.True(t, at(pairs, BF16, BF16, F32, m, 90, 1, true).paired())
			require.True(t, at(pairs, BF16, BF16, F32, m, 91, 1, true).paired())
			require.False(t, at(pairs, BF16, BF16, F32, m, 90, 2, true).paired())
			require.False(t, at(pairs, F32, BF16, F32, m, 90, 1, true).paired())
			require.False(t, at(pairs, F16, F16, F16, m, 90, 1, false).paired())
			require.False(t, at(plain, BF16, BF16, F32, m, 90, 1, true).paired())
		}
		require.Equal(t, viaWeights, at(pairs, BF16, BF16, F32, 2, 90, 1, true).path)
		require.Equal(t, viaBlocks, at(pairs, BF16, BF16, F32, 2000, 90, 1, false).path)
	})
}

// A row of packed weights has the same bits among any others, subnormal operands and results included.
func TestPairRowsAreInvariant(t *testing.T) {
	forPairs(t, func(t *testing.T, pairs, _ *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		const n, most = 330, 300
		for _, k := range []int{1, 34, 67} {
			r := rand.New(rand.NewPCG(11, uint64(k)))
			value := func(_, _ int) float64 { return (r.Float64()*2 - 1) * math.Ldexp(1, -r.IntN(140)) }
			a, b := newStored(BF16, most, k, layout{}, value), newStored(BF16, k, n, layout{}, value)
			w, err := pairs.Pack(make([]byte, pairs.PackedSize(BF16, k, n)), b.Matrix, k, n)
			require.NoError(t, err)
			multiply := func(first, m, threads int) *stored {
				c := newStored(F32, m, n, layout{}, value)
				pairs.Multiply(&ws, p, threads, &Call{M: m, N: n, K: k, A: a.Matrix.moved(first * a.Row), Packed: w, C: c.Matrix, Alpha: 1})
				return c
			}
			all := multiply(0, most, 2)
			for _, m := range []int{1, 2, 3, 4, 5, 20} {
				some := multiply(7, m, 1+m%3)
				for i := range m {
					for j := range n {
						if math.Float64bits(all.get(7+i, j)) != math.Float64bits(some.get(i, j)) {
							require.Failf(t, "bits differ", "k %d, element %d, %d of %d rows", k, i, j, m)
						}
					}
				}
			}
		}
	})
}

// Subnormal operands count as 0 and subnormal results become 0; nothing else of an odd k's missing partner shows,
// whatever stands behind the matrix.
func TestPairsOfSpecialValues(t *testing.T) {
	forPairs(t, func(t *testing.T, pairs, _ *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		one := func(a, b []float32, c float32) float32 {
			x := newStored(BF16, 1, len(a), layout{}, func(_, j int) float64 { return float64(a[j]) })
			y := newStored(BF16, len(b), 1, layout{}, func(i, _ int) float64 { return float64(b[i]) })
			z := newStored(F32, 1, 1, layout{}, func(_, _ int) float64 { return float64(c) })
			pairs.Multiply(&ws, p, 1, &Call{M: 1, N: 1, K: len(a), A: x.Matrix, B: y.Matrix, C: z.Matrix, Alpha: 1, Beta: 1})
			return *(*float32)(z.Ptr)
		}
		inf, tiny, zero := float32(math.Inf(1)), float32(0x1p-130), float32(math.Copysign(0, -1))
		for _, c := range []struct {
			a, b []float32
			c    float32
			want float32
		}{
			{[]float32{tiny}, []float32{0x1p100}, 3, 3},
			{[]float32{0x1p-70}, []float32{0x1p-70}, 0, 0},
			{[]float32{0x1p-70}, []float32{0x1p-56}, 0, 0x1p-126},
			{[]float32{0}, []float32{1}, tiny, 0},
			{[]float32{inf}, []float32{2}, 1, inf},
			{[]float32{2, 1, 1}, []float32{1, 1, inf}, 1, inf},
			{[]float32{zero}, []float32{1}, zero, zero},
			{[]float32{0x1p24, 1}, []float32{1, 1}, 1, 0x1p24}, // (1 + 2^24) + 1: the first k comes first
			{[]float32{1, 0x1p24}, []float32{1, 1}, 1, 0x1p24 + 2},
		} {
			got := one(c.a, c.b, c.c)
			require.Equal(t, math.Float32bits(c.want), math.Float32bits(got), "%v·%v + %v: got %v", c.a, c.b, c.c, got)
		}
	})
}
