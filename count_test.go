package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A device count speaks of the rows of one shape: where a broadcast makes other rows of them, and where all rows would
// leave the scope, it is refused.
func TestCountsAreNotMisread(t *testing.T) {
	d := openTest(t)
	x, big := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 2, 3), tensor(t, d, make([]float32, 24), 4, 2, 3)
	keep := tensor(t, d, []bool{true, false}, 2)
	for name, f := range map[string]func(s *Scope, y Tensor){
		"new dimension":       func(s *Scope, y Tensor) { s.Add(y, big) },
		"the other side":      func(s *Scope, y Tensor) { s.Sub(big, y) },
		"batch of a product":  func(s *Scope, y Tensor) { s.MatMulNT(y, big) },
		"read":                func(s *Scope, y Tensor) { _ = Read(s, y, make([]float32, 6)) },
		"keep":                func(s *Scope, y Tensor) { s.Keep(y) },
		"read after an op":    func(s *Scope, y Tensor) { _ = Read(s, s.Exp(y), make([]float32, 6)) },
		"a stretched row":     func(s *Scope, _ Tensor) { one, _ := s.Compact(s.Fill(F32, 1, 1, 3), s.Fill(Bool, 1, 1)); s.Add(one, x) },
		"indices as a vector": func(s *Scope, _ Tensor) { i, _ := s.Nonzero(keep); s.Add(i, s.Fill(I32, 1, 3, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			err := d.Run(bg, func(s *Scope) error {
				y, _ := s.Compact(x, keep)
				f(s, y)
				return nil
			})
			require.ErrorIs(t, err, ErrUnsupported)
			require.ErrorContains(t, err, "Scope.Full")
		})
	}
	requireIdle(t, d)
}

// A temporary that Into writes has the count of what was written, and lets the one that it had go.
func TestCountsFollowInto(t *testing.T) {
	d := openTest(t)
	x, keep := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 2, 3), tensor(t, d, []bool{true, false}, 2)
	live := d.Stats().Live
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		y, _ := s.Compact(x, keep)
		s.Into(y).Add(y, y)
		s.Into(y).Mul(y, y)
		require.Equal(t, []float32{4, 16, 36}, read[float32](t, s, s.Full(y))[:3])
		z, _ := s.Compact(x, keep)
		s.Into(y).AddScalar(z, 1) // another count
		require.Equal(t, []float32{2, 3, 4}, read[float32](t, s, s.Full(y))[:3])
		s.Into(y).Copy(x) // none
		require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, read[float32](t, s, y))
		s.Into(s.Transpose(y, 0, 1)).MulScalar(s.Transpose(x, 0, 1), 2)
		require.Equal(t, []float32{2, 4, 6, 8, 10, 12}, read[float32](t, s, y))
		return nil
	}))
	require.Equal(t, live, d.Stats().Live)
	p, err := d.Compile(func(s *Scope) error {
		y, n := s.Compact(x, keep)
		s.Into(y).Add(y, y)
		s.Release(n)
		s.Into(x).Add(s.Full(y), x)
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{3, 6, 9, 4, 5, 6}, all[float32](t, x))
	require.NoError(t, p.Close())
	require.Equal(t, live, d.Stats().Live)
}

// The destination is for the last op of a method that is several.
func TestIntoOfSeveralOps(t *testing.T) {
	d, r := openTest(t), rng(41)
	x, q, k := normal(t, d, r, 3, 4), normal(t, d, r, 1, 2, 3, 4), normal(t, d, r, 1, 2, 5, 4)
	w, target := normal(t, d, r, 3), tensor(t, d, []int32{1, 3, 0}, 3)
	whole, offsets := tensor(t, d, []int32{9, 2, 7, 5, 1, 8, 3, 3, 6, 4, 0, 2}, 3, 4), tensor(t, d, []int32{0, 2, 3}, 3)
	for name, f := range map[string]func(s *Scope) Tensor{
		"logprob":       func(s *Scope) Tensor { return s.LogProb(x, target) },
		"weighted sum":  func(s *Scope) Tensor { return s.SegmentWeightedSum(x, w, offsets) },
		"probabilities": func(s *Scope) Tensor { return s.AttentionProbs(q, k, AttentionOptions{}) },
		"argsort":       func(s *Scope) Tensor { return s.ArgSort(whole) }, // of the dtype of its result
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, d.Run(bg, func(s *Scope) error {
				want := f(s)
				dst := s.Fill(want.DType(), 77, want.Shape()...)
				require.Equal(t, dst, f(s.Into(dst)))
				require.Equal(t, read[float64](t, s, s.Cast(want, F64)), read[float64](t, s, s.Cast(dst, F64)))
				return nil
			}))
		})
	}
}
