package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows without elements are rows: ops over the last dimension and their gradients take them.
func TestRowsOfNothing(t *testing.T) {
	d := openTest(t)
	for _, dt := range []DType{F32, F64, F16, BF16} {
		x, err := Zeros(d, dt, 4, 0)
		require.NoError(t, err)
		w, err := Zeros(d, dt, 0)
		require.NoError(t, err)
		for name, f := range map[string]func(s *Scope) Tensor{
			"softmax":      func(s *Scope) Tensor { return s.Softmax(x) },
			"logsoftmax":   func(s *Scope) Tensor { return s.LogSoftmax(x) },
			"entropy":      func(s *Scope) Tensor { return s.Entropy(x) },
			"kl":           func(s *Scope) Tensor { return s.KL(x, x) },
			"crossentropy": func(s *Scope) Tensor { return s.CrossEntropy(x, s.Fill(I32, 0, 4)) },
			"rmsnorm":      func(s *Scope) Tensor { return s.RMSNorm(x, w, 1e-6) },
			"layernorm":    func(s *Scope) Tensor { return s.LayerNorm(x, Tensor{}, Tensor{}, 1e-6) },
			"dot":          func(s *Scope) Tensor { return s.Dot(x, x) },
		} {
			t.Run(dt.String()+"/"+name, func(t *testing.T) {
				err := d.Run(bg, func(s *Scope) error {
					s.Record(x)
					s.BackwardFrom(f(s), Tensor{}, func(p, g Tensor) { require.Equal(t, p.Shape(), g.Shape()) })
					return nil
				})
				check(t, err) // some have no kernel for a dtype
				if err != nil {
					require.ErrorIs(t, err, ErrUnsupported)
				}
			})
		}
		require.NoError(t, x.Close())
		require.NoError(t, w.Close())
	}
}

// Attention has no heads of nothing.
func TestHeadsOfNothing(t *testing.T) {
	d := openTest(t)
	err := d.Run(bg, func(s *Scope) error {
		q := s.Fill(F32, 0, 1, 1, 2, 0)
		s.Attention(q, q, q, AttentionOptions{})
		return nil
	})
	require.ErrorIs(t, err, ErrShape)
}
