package tandem_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem"
)

// Methods are inlined into their callers' packages, so this loop stands outside of Tandem's own: whatever escapes
// there shows here.
func TestEagerLoopOfAUserTouchesNoHeap(t *testing.T) {
	d, err := tandem.Open(tandem.OnDevice("cpu"))
	require.NoError(t, err)
	x, err := tandem.Zeros(d, tandem.F32, 4, 16)
	require.NoError(t, err)
	w, err := tandem.Zeros(d, tandem.F32, 16, 16)
	require.NoError(t, err)
	require.NoError(t, d.Run(context.Background(), func(s *tandem.Scope) error {
		allocs := testing.AllocsPerRun(100, func() {
			y := s.MatMul(x, w)
			r := s.ReLU(y)
			z := s.Add(r, x)
			v, i := s.TopK(z, 3)
			for _, temporary := range []tandem.Tensor{y, r, z, v, i} {
				s.Release(temporary)
			}
		})
		require.Less(t, allocs, 0.1)
		return s.Err()
	}))
	require.NoError(t, x.Close())
	require.NoError(t, w.Close())
	require.NoError(t, d.Close())
}
