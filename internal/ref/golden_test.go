package ref

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref/golden"
)

// TestGoldens holds the oracle to PyTorch and NumPy: to 1e-12 of the largest element, exactly for integers and casts.
func TestGoldens(t *testing.T) {
	cases, err := golden.Load()
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			o, err := c.Op()
			require.NoError(t, err)
			in := make([]Array, len(c.In))
			for i := range in {
				in[i] = goldenArray(t, &c.In[i])
			}
			got, err := Eval(o, in)
			require.NoError(t, err)
			require.Len(t, got, len(c.Out))
			for i := range c.Out {
				want := goldenArray(t, &c.Out[i])
				require.Equal(t, want.Type, got[i].Type, "output %d", i)
				requireClose(t, &want, &got[i])
			}
		})
	}
}

func goldenArray(t *testing.T, x *golden.Tensor) Array {
	typ, err := x.Type()
	require.NoError(t, err)
	a := NewArray(typ)
	for i, v := range x.Data {
		if a.F != nil {
			a.F[i] = float64(v)
		} else {
			a.I[i] = int64(v)
		}
	}
	return a
}

// requireClose compares f64 to 1e-12 of the largest finite element, and all else exactly, after one rounding.
func requireClose(t *testing.T, want, got *Array) {
	t.Helper()
	require.Equal(t, want.I, got.I)
	tolerance, rounded := 0.0, got.Round()
	if want.DType == op.F64 {
		for _, v := range want.F {
			if v-v == 0 {
				tolerance = max(tolerance, 1e-12*math.Abs(v))
			}
		}
	}
	for i, w := range want.F {
		g := rounded.F[i]
		same := g == w || g != g && w != w || math.Abs(g-w) <= tolerance
		require.True(t, same, "element %d is %v, not %v", i, g, w)
	}
}

// TestPhilox holds the generator to the known answers that Salmon and others publish with Random123: counters and keys
// of zeros, of ones, and of the digits of pi.
func TestPhilox(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}, [2]uint32{^uint32(0), ^uint32(0)},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		require.Equal(t, c.want, philox(c.counter, c.key))
	}
	key := NewArray(op.Make(op.I64, 3)) // seed, stream and step of zeros: the first of the answers
	out, err := Eval(&op.Random{Dims: op.DimsOf(4), Dist: op.Bits, DType: op.I32}, []Array{key})
	require.NoError(t, err)
	require.Equal(t, []int64{0x6627e8d5, 0xe169c58d - 1<<32, 0xbc57ac4c - 1<<32, 0x9b00dbd8 - 1<<32}, out[0].I)
}
