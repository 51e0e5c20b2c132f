//go:build cuda && cgo && linux

package gpu_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem"
)

// rows are logits with the parameters and the key of each row.
type rows struct {
	n      int
	logits []float32
	params []float32
	keys   []int64
}

func (r *rows) add(logits []float32, params [4]float32, seed int64) {
	r.n = len(logits)
	r.logits = append(r.logits, logits...)
	r.params = append(r.params, params[:]...)
	r.keys = append(r.keys, seed, 0, 0)
}

// draw is the tokens and log-probabilities that a device gives for the rows.
func (r *rows) draw(t testing.TB, d *tandem.Device, dtype tandem.DType) (token []int32, logprob []float32) {
	b := len(r.keys) / 3
	x, params, key := tensor(t, d, r.logits, b, r.n), tensor(t, d, r.params, b, 4), tensor(t, d, r.keys, b, 3)
	token, logprob = make([]int32, b), make([]float32, b)
	require.NoError(t, d.Run(context.Background(), func(s *tandem.Scope) error {
		i, p := s.Categorical(s.Cast(x, dtype), params, key)
		return errors.Join(tandem.Read(s, i, token), tandem.Read(s, p, logprob))
	}))
	return token, logprob
}

// agree draws on both devices and requires one answer.
func (r *rows) agree(t testing.TB, host, device *tandem.Device, dtype tandem.DType) []int32 {
	want, wantLog := r.draw(t, host, dtype)
	got, gotLog := r.draw(t, device, dtype)
	require.Equal(t, want, got, "%v tokens", dtype)
	for i, v := range wantLog {
		if math.IsNaN(float64(v)) {
			require.True(t, math.IsNaN(float64(gotLog[i])), "row %d", i)
			continue
		}
		require.InDelta(t, v, gotLog[i], 1e-5, "row %d", i)
	}
	return got
}

// The token is the CPU's, whatever the cuts: among distinct logits and among many equal ones, for 256 and for 512 threads.
func TestTokensAreThoseOfTheCPU(t *testing.T) {
	host, device, r := openCPU(t), openSim(t, checked()), rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{3, 300, 1111, 9000} {
		var all rows
		for i := range 40 {
			x := make([]float32, n)
			for j := range x {
				if x[j] = float32(4 * r.NormFloat64()); i%2 == 1 {
					x[j] = float32(math.Round(float64(x[j])))
				}
				if i%5 == 4 && r.IntN(3) == 0 {
					x[j] = float32(math.Inf(-1))
				}
			}
			p := [4]float32{0.3 + r.Float32(), float32(r.IntN(n)), r.Float32(), 0.3 * r.Float32()}
			for k := 1; k < 4; k++ {
				if r.IntN(3) == 0 {
					p[k] = [...]float32{0, 0, 1, 0}[k]
				}
			}
			if all.add(x, p, r.Int64()); n > 5000 && i > 8 {
				break
			}
		}
		all.agree(t, host, device, tandem.F32)
		if n < 5000 {
			all.agree(t, host, device, tandem.F16)
			all.agree(t, host, device, tandem.F64)
		}
	}
}

// zeroSeed is a key whose first uniform number is 0.
const zeroSeed = 12121362

// Where roundings could decide, the order of the CPU does: a draw at the very beginning behind a weight that vanishes beside
// the rest, a share of the weight that ends where a token ends, with and without a number of tokens before it.
func TestCloseDrawsTakeTheOrderOfTheCPU(t *testing.T) {
	all := [4]float32{1, 0, 1, 0}
	var r rows
	r.add([]float32{-40, 0, 0, 0}, all, zeroSeed)
	r.add([]float32{0, -40, 0, 0}, all, zeroSeed)
	r.add([]float32{-200, -40, 0, 0}, all, zeroSeed)
	r.add([]float32{-40, 0, 0, -50}, [4]float32{1, 0, 0.5, 0}, 5)
	r.add([]float32{-40, 0, 0, -50}, [4]float32{1, 3, 0.5, 0}, 5)
	r.add([]float32{0, -40, -41, -42}, [4]float32{1, 3, 1 - 0x1p-24, 0}, zeroSeed)
	require.Equal(t, []int32{0, 0, 1, 1, 1, 0}, r.agree(t, openCPU(t), openSim(t, checked()), tandem.F32))
}

// Rows without a draw: numbers that are none, and cuts that leave nothing.
func TestRowsWithoutADraw(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	all := [4]float32{1, 0, 1, 0}
	var r rows
	r.add([]float32{0, nan, 1}, all, 1)
	r.add([]float32{-inf, -inf, -inf}, all, 1)
	r.add([]float32{0, inf, 1}, all, 1)
	r.add([]float32{0, 3, 1}, [4]float32{1, 0, 1, 1.5}, 1)
	r.add([]float32{0, -inf, 1}, [4]float32{0, 1, 0.5, 2}, 1)
	require.Equal(t, []int32{-1, -1, -1, -1, 2}, r.agree(t, openCPU(t), openSim(t, checked()), tandem.F32))
}
