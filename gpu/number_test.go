//go:build cuda && cgo && linux

package gpu

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
)

// Every half comes back, what lies between two goes to the nearer one, and half-way to the even one.
func TestNarrow(t *testing.T) {
	for h := uint16(0); h < 0x7C00; h++ {
		v, next := float64(widen(h)), float64(widen(h+1))
		if h == 0x7BFF {
			next = 65536 // where infinity begins
		}
		require.Equal(t, h, narrow(v, 10, 5))
		require.Equal(t, h|0x8000, narrow(-v, 10, 5))
		middle := (v + next) / 2
		require.Equal(t, h+h&1, narrow(middle, 10, 5), "between %v and %v", v, next)
		require.Equal(t, h, narrow(math.Nextafter(middle, 0), 10, 5))
		require.Equal(t, h+1, narrow(math.Nextafter(middle, 1e9), 10, 5))
	}
	for _, v := range []float64{0, 1, -2.5, 3e38, 1e-40, 0x1p-133, 0x1p-134, 1e300} {
		single := math.Float32bits(float32(v))
		want := uint16((uint64(single) + 0x7FFF + uint64(single>>16&1)) >> 16)
		require.Equal(t, want, narrow(v, 7, 8), "%v", v)
	}
	require.True(t, math.IsNaN(float64(widen(narrow(math.NaN(), 10, 5)))))
	require.EqualValues(t, 0x7C00, narrow(math.Inf(1), 10, 5))
}

func TestIntegers(t *testing.T) {
	require.EqualValues(t, math.MaxInt64, integer(1e30, op.I64))
	require.EqualValues(t, math.MinInt32, integer(-1e30, op.I32))
	require.EqualValues(t, 0, integer(math.NaN(), op.I8))
	require.EqualValues(t, -2, integer(-2.9, op.I8))
	require.EqualValues(t, 255, integer(300, op.U8))
	require.EqualValues(t, 0, integer(-3, op.U8))
}
