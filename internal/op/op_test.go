package op

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What no int64 counts is the most that one does, and never less than something smaller.
func TestCostsDoNotOverflow(t *testing.T) {
	require.EqualValues(t, 24, product(2, 3, 4))
	require.EqualValues(t, 0, product(math.MaxInt, math.MaxInt, 0))
	require.EqualValues(t, math.MaxInt64, product(1<<32, 1<<31))
	require.EqualValues(t, math.MaxInt64, product(1<<62, 1<<62, 3))
	require.EqualValues(t, math.MaxInt64, product(math.MaxInt))

	m, offsets := Make(F32, 1<<22, 1<<22), Make(I32, 2)
	for o, in := range map[Op][]Type{&MatMul{Alpha: 1}: {m, m}, &GroupedOuter{}: {m, m, offsets}} {
		out, err := o.Infer(nil, in)
		require.NoError(t, err)
		require.EqualValues(t, math.MaxInt64, o.Cost(in, out).Flops, o.Name())
	}
	most := Cost{math.MaxInt64 - 1, 5}
	require.Equal(t, Cost{math.MaxInt64, 7}, most.Plus(Cost{2, 2}))
}
