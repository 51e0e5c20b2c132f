package tandem

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu"
)

// A row's bits must be the same alone, as row 3 of 8 and in a batch of 512, for any number of threads.
func TestRowsDoNotDependOnTheirBatch(t *testing.T) {
	const rows, k, n = 512, 200, 77
	x := randn[float32](rng(3), rows*k)
	weight, w, b := randn[float32](rng(4), k*n), randn[float32](rng(5), k), randn[float32](rng(6), k)
	for _, variant := range cpu.Variants() {
		for _, dtype := range []DType{F32, F16, BF16} {
			for name, f := range rowOps(dtype) {
				t.Run(fmt.Sprintf("%s/%v/%s", variant, dtype, name), func(t *testing.T) {
					var want [][]byte
					for _, threads := range []int{1, 2, 3} {
						d := openTest(t, Variant(variant), Threads(threads))
						params := []Tensor{tensor(t, d, weight, k, n), tensor(t, d, w, k), tensor(t, d, b, k)}
						for _, batch := range [][2]int{{0, rows}, {37, 1}, {34, 8}, {30, 50}} { // all hold row 37
							got := rowBits(t, d, f, dtype, x[batch[0]*k:(batch[0]+batch[1])*k], k, 37-batch[0], params)
							want = append(want, got)
							require.Equal(t, want[0], got, "%d threads, %d rows", threads, batch[1])
						}
					}
				})
			}
		}
	}
}

type rowOp func(s *Scope, x, weight, w, b Tensor) Tensor

func rowOps(d DType) map[string]rowOp {
	cast := func(s *Scope, x Tensor) Tensor { return s.Cast(x, d) }
	return map[string]rowOp{
		"packed": func(s *Scope, x, weight, _, _ Tensor) Tensor { return s.MatMul(x, s.Pack(cast(s, weight))) },
		"packed/bias-act": func(s *Scope, x, weight, _, b Tensor) Tensor {
			return s.MatMulWith(x, s.Pack(cast(s, weight)), Gemm{Bias: s.Slice(cast(s, b), 0, 0, weight.Dim(1)), Act: ActGELU})
		},
		"rmsnorm":    func(s *Scope, x, _, w, _ Tensor) Tensor { return s.RMSNorm(x, cast(s, w), 1e-6) },
		"layernorm":  func(s *Scope, x, _, w, b Tensor) Tensor { return s.LayerNorm(x, cast(s, w), cast(s, b), 1e-6) },
		"softmax":    func(s *Scope, x, _, _, _ Tensor) Tensor { return s.Softmax(x) },
		"logsoftmax": func(s *Scope, x, _, _, _ Tensor) Tensor { return s.LogSoftmax(x) },
	}
}

// rowBits is the bits of one row of f over a batch.
func rowBits(t *testing.T, d *Device, f rowOp, dtype DType, x []float32, k, row int, params []Tensor) []byte {
	xs := tensor(t, d, x, len(x)/k, k)
	var out []byte
	require.NoError(t, d.Run(context.Background(), func(s *Scope) error {
		y := f(s, s.Cast(xs, dtype), params[0], params[1], params[2])
		line := s.Flatten(s.Slice(y, 0, row, row+1))
		if dtype == F32 {
			out = asBytes(read[float32](t, s, line))
		} else {
			out = asBytes(read[uint16](t, s, line))
		}
		return s.Err()
	}))
	require.NotEmpty(t, out)
	return out
}
