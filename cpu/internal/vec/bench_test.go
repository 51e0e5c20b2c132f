package vec

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
)

const benchRows, benchCols = 4096, 4096

// matrix is a large input, far beyond the caches.
func matrix() []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	m := make([]float32, benchRows*benchCols)
	for i := range m {
		m[i] = float32(r.NormFloat64())
	}
	return m
}

// BenchmarkRows runs the memory-bound kernels over [4096, 4096] row by row; bytes are one read and one write per element.
func BenchmarkRows(b *testing.B) {
	best, _ := isa.Detect()
	f, s := &For(best).F32, &Streaming(best).F32
	x, y := matrix(), make([]float32, benchRows*benchCols)
	w, bias := x[:benchCols:benchCols], x[benchCols:2*benchCols]
	for _, k := range []struct {
		name string
		row  func(dst, x []float32)
	}{
		{"copy", func(dst, x []float32) { copy(dst, x) }},
		{"relu", s.Relu}, {"gelu", s.Gelu}, {"geluTanh", s.GeluTanh}, {"silu", s.Silu}, {"exp", s.Exp}, {"sin", s.Sin}, {"tanh", s.Tanh},
		{"gelu cached", f.Gelu},
		{"rmsnorm", func(dst, x []float32) { s.RMSNorm(dst, x, w, 1e-6, 0) }},
		{"rmsnorm cached", func(dst, x []float32) { f.RMSNorm(dst, x, w, 1e-6, 0) }},
		{"layernorm", func(dst, x []float32) { s.LayerNorm(dst, x, w, bias, 1e-6) }},
		{"softmax", func(dst, x []float32) { f.Softmax(dst, x, dst, 1) }},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", k.name, threads), func(b *testing.B) {
				b.SetBytes(8 * int64(len(x)))
				for b.Loop() {
					inHalves(threads, func(from, to int) {
						for i := from; i < to; i += benchCols {
							k.row(y[i:i+benchCols], x[i:i+benchCols])
						}
					})
				}
			})
		}
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("copy whole/%d", threads), func(b *testing.B) {
			b.SetBytes(8 * int64(len(x)))
			for b.Loop() {
				inHalves(threads, func(from, to int) { copy(y[from:to], x[from:to]) })
			}
		})
	}
}

// inHalves splits the matrix among goroutines.
func inHalves(threads int, f func(from, to int)) {
	var wg sync.WaitGroup
	part := benchRows / threads * benchCols
	for i := range threads {
		wg.Go(func() { f(i*part, (i+1)*part) })
	}
	wg.Wait()
}

// BenchmarkCached measures functions on a row that stays in the first cache.
func BenchmarkCached(b *testing.B) {
	for _, level := range isa.Available() {
		f := &For(level).F32
		x, y, z := matrix()[:2048], make([]float32, 2048), make([]float32, 2048)
		for _, k := range []struct {
			name string
			f    func()
		}{
			{"add", func() { f.Add(z, x, y) }}, {"sum", func() { f.Sum(x) }}, {"softmax", func() { f.Softmax(z, x, y, 1) }}, {"dot", func() { f.Dot(x, y) }}, {"max", func() { f.MaxOf(x) }},
			{"argmax", func() { f.ArgMax(x) }}, {"exp", func() { f.Exp(y, x) }}, {"log", func() { f.Log(y, x) }}, {"erf", func() { f.Erf(y, x) }},
			{"gelu", func() { f.Gelu(y, x) }}, {"sin", func() { f.Sin(y, x) }}, {"expsum", func() { f.ExpSum(y, x, 1, 3) }}, {"sqdev", func() { f.SumSqDev(x, 0.1) }},
			{"random", func() { For(level).Uniform(y, Address{Seed: 7}, 0) }},
			{"normal", func() { For(level).Normal(y, Address{Seed: 7}, 0) }},
		} {
			b.Run(level.String()+"/"+k.name, func(b *testing.B) {
				b.SetBytes(4 * int64(len(x)))
				for b.Loop() {
					k.f()
				}
			})
		}
	}
}

// BenchmarkMove measures conversions, masks and the transpose; bytes are those read and written.
func BenchmarkMove(b *testing.B) {
	best, _ := isa.Detect()
	f := For(best)
	const n = 1 << 14
	x, y, half, mask := matrix()[:n], make([]float32, n), make([]uint16, n), make([]bool, n)
	big, out := make([]uint32, 2048*2048), make([]uint32, 2048*2048)
	for _, k := range []struct {
		name  string
		bytes int64
		f     func()
	}{
		{"f16 from f32", 6 * n, func() { f.F16FromF32(half, x) }},
		{"f32 from f16", 6 * n, func() { f.F32FromF16(y, half) }},
		{"bf16 from f32", 6 * n, func() { f.BF16FromF32(half, x) }},
		{"less", 9 * n, func() { f.F32.Lt(mask, x, y) }},
		{"select", 13 * n, func() { f.F32.Select(y, mask, x, x) }},
		{"dropout", 8 * n, func() { f.Dropout(y, x, Address{}, 0, 0.1, 1) }},
		{"transpose", 2 * 4 * 2048 * 2048, func() { f.Transpose32(out, 2048, big, 2048, 2048, 2048) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(k.bytes)
			for b.Loop() {
				k.f()
			}
		})
	}
}
