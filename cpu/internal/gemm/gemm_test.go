package gemm

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// emulated returns the engine of a level that this machine may lack, interpreted; nil where there is none.
var emulated func(t *testing.T, features isa.Features) *Engine

// forEachLevel runs a test with the engine of every level of this machine, and with the emulated one.
func forEachLevel(t *testing.T, test func(t *testing.T, e *Engine)) {
	_, features := isa.Detect()
	for _, l := range isa.Available() {
		t.Run(l.String(), func(t *testing.T) { test(t, New(l, features)) })
	}
	if emulated != nil {
		t.Run("avx512 emulated", func(t *testing.T) { test(t, emulated(t, isa.Features{BF16: true})) })
	}
}

func TestOffsets(t *testing.T) {
	var ti tile
	var pk packing
	var st streaming
	var do dotting
	var ou outering
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96}, []uintptr{unsafe.Offsetof(ti.a), unsafe.Offsetof(ti.lda),
		unsafe.Offsetof(ti.b), unsafe.Offsetof(ti.ldb), unsafe.Offsetof(ti.c), unsafe.Offsetof(ti.ldc), unsafe.Offsetof(ti.k),
		unsafe.Offsetof(ti.panels), unsafe.Offsetof(ti.cols), unsafe.Offsetof(ti.load), unsafe.Offsetof(ti.beta), unsafe.Offsetof(ti.next), unsafe.Offsetof(ti.strip)})
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48}, []uintptr{unsafe.Offsetof(pk.src), unsafe.Offsetof(pk.ld), unsafe.Offsetof(pk.dst),
		unsafe.Offsetof(pk.stride), unsafe.Offsetof(pk.k), unsafe.Offsetof(pk.n), unsafe.Offsetof(pk.alpha)})
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40}, []uintptr{unsafe.Offsetof(st.a), unsafe.Offsetof(st.b), unsafe.Offsetof(st.ldb),
		unsafe.Offsetof(st.c), unsafe.Offsetof(st.ldc), unsafe.Offsetof(st.n)})
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48, 56}, []uintptr{unsafe.Offsetof(do.a), unsafe.Offsetof(do.lda), unsafe.Offsetof(do.b),
		unsafe.Offsetof(do.ldb), unsafe.Offsetof(do.k), unsafe.Offsetof(do.n), unsafe.Offsetof(do.sums), unsafe.Offsetof(do.groups)})
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48, 56, 64, 72}, []uintptr{unsafe.Offsetof(ou.a), unsafe.Offsetof(ou.aRow), unsafe.Offsetof(ou.aCol),
		unsafe.Offsetof(ou.b), unsafe.Offsetof(ou.ldb), unsafe.Offsetof(ou.c), unsafe.Offsetof(ou.ldc), unsafe.Offsetof(ou.rows), unsafe.Offsetof(ou.cols), unsafe.Offsetof(ou.load)})
}

var layouts = []layout{{}, {transposed: true}, {gap: 3}, {transposed: true, gap: 5}}

// Every m, n, k from 1 to 20, both layouts of both operands, with sums that are exact.
func TestSmallShapesExact(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for m := 1; m <= 20; m++ {
			for n := 1; n <= 20; n++ {
				for k := 1; k <= 20; k++ {
					if testing.Short() && (m*7+n*3+k)%23 != 0 {
						continue
					}
					l := layouts[(m+n+k)%4]
					ty := [...]Type{F32, F64}[(m+n)%2]
					problemCase{m: m, n: n, k: k, at: ty, bt: ty, ct: ty, al: l, bl: layouts[(m+n/2+k)%4], cgap: k % 3, alpha: float64(1 + (m/2+k)%2), beta: float64(m % 3), integers: true,
						threads: 1}.check(t, e, p, &ws)
				}
			}
		}
	})
}

// shapes meet every path and the seams between blocks, strips and panels.
var shapes = [][3]int{{1, 1, 1}, {1, 1000, 300}, {1, 257, 1001}, {2, 520, 300}, {3, 300, 515}, {4, 129, 70}, {5, 700, 211}, {8, 1025, 131}, {7, 33, 129}, {300, 3, 90}, {333, 8, 65}, {64, 64, 64},
	{97, 31, 45}, {100, 100, 100}, {130, 47, 400}, {257, 50, 33}, {301, 70, 391}, {270, 2100, 9}, {12, 1, 77}, {1, 12, 0}, {40, 30, 0}, {19, 37, 780},
	{1, 1, 805}, {1, 150, 34}, {3, 75, 9}, {11, 40, 50}, {200, 130, 7}, {90, 1, 5}, {130, 2, 30}}

func TestShapesTypesLayouts(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		n := 0
		for _, s := range shapes {
			for _, al := range layouts[:3] {
				for _, bl := range layouts[:3] {
					n++
					if testing.Short() && n%6 != 0 {
						continue
					}
					c := problemCase{m: s[0], n: s[1], k: s[2], al: al, bl: bl, cgap: n % 3, alpha: 1, threads: 1 + n%3}
					if n%3 == 1 {
						c.alpha, c.beta = 0.75, -1.5
					}
					types := [...][3]Type{{F32, F32, F32}, {F64, F64, F64}, {BF16, BF16, BF16}, {F16, F16, F32}, {F32, BF16, F32}, {F16, F32, F16}}
					for _, ty := range [][3]Type{types[n%2], types[2+n%4]} {
						c.at, c.bt, c.ct = ty[0], ty[1], ty[2]
						c.check(t, e, p, &ws)
					}
				}
			}
		}
	})
}

func TestEpilogue(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for act := range numActivations {
			for i, s := range [][3]int{{1, 300, 500}, {4, 70, 100}, {30, 50, 60}, {300, 40, 20}, {100, 5, 70}} {
				for _, ty := range [][3]Type{{F32, F32, F32}, {F64, F64, F64}, {BF16, BF16, BF16}} {
					problemCase{m: s[0], n: s[1], k: s[2], at: ty[0], bt: ty[1], ct: ty[2], alpha: 0.25, beta: float64(i % 2), act: act, bias: i%3 != 1, residual: i%2 == 0, scale: []float64{0, -0.3, 1}[i%3],
						threads: 2}.check(t, e, p, &ws)
				}
			}
		}
	})
}

// A result has the same bits for any number of threads.
func TestThreadsDoNotChangeBits(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for _, s := range [][3]int{{1, 3000, 300}, {3, 2000, 100}, {8, 1500, 100}, {8, 1400, 1600}, {100, 120, 300}, {300, 130, 520}, {500, 6, 300}} {
			for _, bl := range layouts[:2] {
				var one string
				for threads := 1; threads <= 3; threads++ {
					c := problemCase{m: s[0], n: s[1], k: s[2], bl: bl, alpha: 1, threads: threads}
					got := c.check(t, e, p, &ws).contents()
					if threads == 1 {
						one = got
					}
					require.True(t, one == got, "%v", c)
				}
			}
		}
	})
}

// A row of a product with packed weights has the same bits alone, among 8, among 512, at any number of threads.
func TestPackedRowsAreInvariant(t *testing.T) {
	const k, n, most = 600, 50, 512
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for _, ty := range []Type{F32, F64, F16, BF16} {
			r := rand.New(rand.NewPCG(7, uint64(ty)))
			value := func(_, _ int) float64 { return r.Float64()*2 - 1 }
			a, b := newStored(ty, most, k, layout{gap: 1}, value), newStored(ty, k, n, layout{transposed: true}, value)
			w, err := e.Pack(make([]byte, e.PackedSize(ty, k, n)), b.Matrix, k, n)
			require.NoError(t, err)
			all := newStored(ty, most, n, layout{}, value)
			e.Multiply(&ws, p, 2, &Call{M: most, N: n, K: k, A: a.Matrix, Packed: w, C: all.Matrix, Alpha: 1})
			for _, m := range []int{1, 2, 3, 6, 7, 8, 13, 100, 300} {
				for _, threads := range []int{1, 3} {
					first := 3
					some := newStored(ty, m, n, layout{}, value)
					e.Multiply(&ws, p, threads, &Call{M: m, N: n, K: k, A: a.Matrix.moved(first * a.Row), Packed: w, C: some.Matrix, Alpha: 1})
					for i := range m {
						for j := range n {
							if all.get(first+i, j) != some.get(i, j) {
								require.Failf(t, "bits differ", "%s m %d threads %d element %d %d", typeNames[ty], m, threads, i, j)
							}
						}
					}
				}
			}
		}
	})
}

func TestPackedShapes(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for n, s := range shapes {
			for _, ty := range [][3]Type{{F32, F32, F32}, {F64, F64, F64}, {BF16, BF16, BF16}, {F32, F16, F32}} {
				problemCase{m: s[0], n: s[1], k: s[2], at: ty[0], bt: ty[1], ct: ty[2], al: layouts[n%4], bl: layouts[n%3], cgap: n % 2, alpha: 1, beta: float64(n % 2), bias: n%2 == 0, packed: true,
					threads: 1 + n%3}.check(t, e, p, &ws)
			}
		}
	})
}

func TestPackRefusesWrongSize(t *testing.T) {
	e := New(isa.Generic, isa.Features{})
	_, err := e.Pack(make([]byte, 3), Of(make([]float32, 6), 3, 1), 2, 3)
	require.ErrorContains(t, err, "[2, 3] takes")
}

// Batches with a shared operand and groups of different shapes equal their products one by one.
func TestBatchAndGroup(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		r := rand.New(rand.NewPCG(3, 4))
		fill := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.Float64()*2 - 1)
			}
			return x
		}
		var ws Workspace
		const m, n, k, count = 30, 40, 50, 9
		a, b, c, want := fill(count*m*k), fill(k*n), fill(count*m*n), fill(count*m*n)
		call := Call{M: m, N: n, K: k, A: Of(a, k, 1), B: Of(b, n, 1), C: Of(c, n, 1), Alpha: 1, Batch: Batch{Count: count, A: m * k, C: m * n}}
		e.Multiply(&ws, p, 3, &call)
		var group []Call
		for i := range count {
			one := call
			one.Batch = Batch{}
			one.A, one.C = Of(a[i*m*k:], k, 1), Of(want[i*m*n:], n, 1)
			e.Multiply(&ws, p, 1, &one)
			one.C = Of(make([]float32, m*n), n, 1)
			one.M = 1 + i*m/count
			group = append(group, one)
		}
		require.Equal(t, want, c)
		big := Call{M: 300, N: 64, K: 30, A: Of(fill(9000), 30, 1), B: Of(fill(30*64), 64, 1), C: Of(make([]float32, 300*64), 64, 1), Alpha: 1}
		group = append(group[:4], append([]Call{big, {}}, group[4:]...)...)
		e.MultiplyGroup(&ws, p, 3, group)
		for i, g := range group {
			if g.M == 0 {
				continue
			}
			if g.M == 0 {
				continue
			}
			alone := g
			alone.C = Of(make([]float32, g.M*g.N), g.N, 1)
			e.Multiply(&ws, p, 1, &alone)
			require.Equal(t, floats[float32](alone.C.Ptr, g.M*g.N), floats[float32](g.C.Ptr, g.M*g.N), "group member %d", i)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	forEachLevel(t, func(t *testing.T, e *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for _, s := range [][3]int{{1, 3000, 50}, {2, 100, 100}, {8, 3000, 50}, {50, 50, 50}, {300, 50, 50}, {50, 4, 50}} {
			for _, bl := range layouts[:2] {
				a, b := newStored(F32, s[0], s[2], layout{}, func(_, _ int) float64 { return 1 }), newStored(F32, s[2], s[1], bl, func(_, _ int) float64 { return 1 })
				c := newStored(BF16, s[0], s[1], layout{}, func(_, _ int) float64 { return 1 })
				call := &Call{M: s[0], N: s[1], K: s[2], A: a.Matrix, B: b.Matrix, C: c.Matrix, Alpha: 1, Beta: 1, Epilogue: Epilogue{Act: Relu}}
				require.Zero(t, testing.AllocsPerRun(5, func() { e.Multiply(&ws, p, 2, call) }), "%v", s)
			}
		}
	})
}
