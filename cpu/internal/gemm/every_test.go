//go:build amd64 && !purego

package gemm

import (
	"fmt"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// Every kernel of the AVX-512 file is executed, with sums of small integers that no rounding touches.
func TestEveryAVX512Kernel(t *testing.T) {
	e := emulatedEngine(t, isa.Features{BF16: true})
	executed.Range(func(_, flag any) bool {
		flag.(*atomic.Bool).Store(false)
		return true
	})
	p := pool.Acquire()
	defer p.Release()
	var ws Workspace
	for m := 1; m <= e.f32.mr; m++ {
		n := e.f32.nr + e.f32.nr/4                 // a whole strip and less than half of one
		for _, n := range []int{n, e.f32.nr - 3} { // and nearly one
			c := problemCase{m: m, n: n, k: 5, cgap: 2, alpha: 2, beta: float64(m % 2), integers: true}
			for _, c.at = range []Type{F32, F64} {
				c.bt, c.ct = c.at, c.at
				testTiles(t, e, p, c)
			}
			c.at, c.bt, c.ct, c.alpha = BF16, BF16, F32, 1
			testTiles(t, e, p, c)
		}
		testInner[float32](t, e, m, n, 5)
		testInner[float64](t, e, m, n, 5)
	}
	for m := 1; m <= weightRows; m++ {
		for _, ty := range [][2]Type{{F32, F32}, {F64, F64}, {F32, F16}, {F32, BF16}, {BF16, BF16}} {
			c := problemCase{m: m, n: 4*e.f32.nr + 3, k: 6, at: ty[0], bt: ty[1], ct: ty[0], alpha: 1, integers: true, packed: true, threads: 1}
			if ty[0] == BF16 {
				c.ct = F32
			}
			for _, c.beta = range []float64{0, 2} {
				c.check(t, e, p, &ws)
			}
		}
	}
	for m := 1; m <= streamRows; m++ {
		for _, n := range []int{1, 16, 37, 63, 64} {
			testStream[float32](t, &e.f32, m, n)
			testStream[float64](t, &e.f64, m, n)
		}
	}
	if other, err := otherProcessor(); other != nil || err != nil {
		require.NoError(t, err)
		return // it does not say what it executed
	}
	functions, err := assemblyFile("avx512_amd64.s")
	require.NoError(t, err)
	for name := range functions {
		flag, ok := executed.Load(name)
		require.True(t, ok && flag.(*atomic.Bool).Load(), "%s was not executed", name)
	}
}

// testTiles multiplies by tiles with both operands packed, whatever path the engine would choose, and compares with plain
// Go.
func testTiles(t *testing.T, e *Engine, p *pool.Pool, c problemCase) {
	got, want := c.operands(), c.operands()
	var ws, plain Workspace
	ws.begin(e, 1)
	ws.add(c.call(t, e, &got))
	pr := &ws.problems[0]
	pr.path, pr.packA, pr.packB = viaStrips, true, true
	ws.workers[0].task(pr, 0)
	generic := New(isa.Generic, isa.Features{})
	generic.Multiply(&plain, p, 1, c.call(t, generic, &want))
	require.True(t, want.c.contents() == got.c.contents(), "%v", c)
}

// testStream holds a stream kernel against loops.
func testStream[T float32 | float64](t *testing.T, ks *kernels, m, n int) {
	const gap = 3
	ld, size := n+gap, ks.size
	fill := func(count int) []T {
		x := make([]T, count)
		for i := range x {
			x[i] = T((7*i+m)%9 - 4)
		}
		return x
	}
	a, b, c := fill(m*streamK), fill(streamK*ld), fill(m*ld)
	want := append([]T{}, c...)
	for i := range m {
		for j := range n {
			for k := range streamK {
				want[i*ld+j] += a[i*streamK+k] * b[k*ld+j]
			}
		}
	}
	s := &streaming{a: unsafe.Pointer(&a[0]), b: unsafe.Pointer(&b[0]), ldb: ld * size, c: unsafe.Pointer(&c[0]), ldc: ld * size, n: n}
	ks.streams[m](s)
	require.Equal(t, want, c, fmt.Sprintf("%d rows, %d columns", m, n))
}
