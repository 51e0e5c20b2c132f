package gemm

import (
	"fmt"
	"testing"

	"github.com/tandem-compute/tandem/cpu/internal/isa"
	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// BenchmarkMultiply reports GF/s by type, shape (MxNxK), layout of A and B (T: transposed) and threads.
func BenchmarkMultiply(b *testing.B) {
	for _, c := range []struct {
		t       Type
		m, n, k int
		layout  string
	}{
		{F32, 64, 64, 64, "NN"}, {F32, 128, 128, 128, "NN"}, {F32, 256, 256, 256, "NN"}, {F32, 512, 512, 512, "NN"},
		{F32, 512, 512, 512, "NT"}, {F32, 512, 512, 512, "TN"}, {F32, 512, 512, 512, "TT"}, {F32, 1024, 1024, 1024, "NN"}, {F32, 2048, 2048, 2048, "NN"},
		{F32, 1, 4096, 4096, "NN"}, {F32, 1, 4096, 4096, "NT"}, {F32, 8, 4096, 4096, "NN"}, {F32, 8, 4096, 4096, "NT"},
		{F64, 256, 256, 256, "NN"}, {F64, 1024, 1024, 1024, "NN"},
		{BF16, 512, 512, 512, "NN"}, {BF16, 1024, 1024, 1024, "NN"}, {BF16, 1, 4096, 4096, "NN"}, {BF16, 1, 4096, 4096, "NT"}, {F16, 1, 4096, 4096, "NT"},
	} {
		benchmarkCall(b, c.t, c.m, c.n, c.k, c.layout, false)
	}
}

// BenchmarkPacked is BenchmarkMultiply with packed weights.
func BenchmarkPacked(b *testing.B) {
	for _, t := range []Type{F32, F16, BF16} {
		for _, m := range []int{1, 2, 4, 8, 64, 512} {
			benchmarkCall(b, t, m, 4096, 4096, "NN", true)
		}
	}
}

var typeNames = [...]string{F32: "f32", F64: "f64", F16: "f16", BF16: "bf16"}

func benchmarkCall(b *testing.B, t Type, m, n, k int, order string, packed bool) {
	level, features := isa.Detect()
	e, p := New(level, features), pool.Acquire()
	defer p.Release()
	value := func(i, j int) float64 { return float64((i+3*j)%7) / 8 }
	x := newStored(t, m, k, layout{transposed: order[0] == 'T'}, value)
	y := newStored(t, k, n, layout{transposed: order[1] == 'T'}, value)
	z := newStored(t, m, n, layout{}, value)
	call := &Call{M: m, N: n, K: k, A: x.Matrix, B: y.Matrix, C: z.Matrix, Alpha: 1}
	if packed {
		w, err := e.Pack(make([]byte, e.PackedSize(t, k, n)), y.Matrix, k, n)
		if err != nil {
			b.Fatal(err)
		}
		call.Packed = w
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("%s/%dx%dx%d/%s/%d", typeNames[t], m, n, k, order, threads), func(b *testing.B) {
			var ws Workspace
			for b.Loop() {
				e.Multiply(&ws, p, threads, call)
			}
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(2*float64(m)*float64(n)*float64(k)/seconds/1e9, "GF/s")
			b.ReportMetric(float64(n)*float64(k)*float64(t.Size())/seconds/1e9, "GB/s(B)")
		})
	}
}
