package tandem

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRopeGradients(t *testing.T) {
	oracle := openRef()
	t.Cleanup(func() { closeTest(t, oracle) })
	for _, d := range []*Device{oracle, openTest(t)} {
		x := normal64(t, d, 61, 2, 3, 2, 8)
		positions, own := tensor(t, d, []int32{0, 7, 300}, 3), tensor(t, d, []int32{5, 4, 3, 2, 1, 0}, 2, 3)
		factors := tensor(t, d, []float32{1, 2, 3, 4}, 4)
		for name, f := range map[string]func(s *Scope) Tensor{
			"halves":      func(s *Scope) Tensor { return s.Rope(x, positions, RopeOptions{}) },
			"interleaved": func(s *Scope) Tensor { return s.Rope(x, own, RopeOptions{Interleaved: true, Width: 6, Inverse: true}) },
			"factors":     func(s *Scope) Tensor { return s.Rope(x, own, RopeOptions{Factors: factors, Theta: 5e5}) },
		} {
			t.Run(d.Name()+"/"+name, func(t *testing.T) {
				requireGradients(t, d, func(s *Scope) Tensor { return weighed(s, s.Square(f(s))) }, x)
			})
		}
	}
}

// TestRopeTurns: scores depend on the distance of two tokens alone, a turn back undoes a turn, and the first element
// turns by one radian a position.
func TestRopeTurns(t *testing.T) {
	d := openTest(t)
	x := normal64(t, d, 62, 1, 1, 16)
	y := normal64(t, d, 63, 1, 1, 16)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		at := func(x Tensor, position int32, o RopeOptions) Tensor {
			return s.Rope(x, s.Cast(s.Iota(F32, 1, float64(position), 1), I32), o)
		}
		for _, o := range []RopeOptions{{}, {Interleaved: true}, {Scale: RopeScale{Factor: 8, Low: 1, High: 4, Original: 64}}} {
			score := func(i, j int32) float64 { return read[float64](t, s, s.Sum(s.Mul(at(x, i, o), at(y, j, o))))[0] }
			require.InDelta(t, score(3, 10), score(1003, 1010), 1e-5)
			require.Greater(t, math.Abs(score(3, 10)-score(3, 11)), 1e-3)
			back := o
			back.Inverse = true
			require.InDeltaSlice(t, read[float64](t, s, x), read[float64](t, s, at(at(x, 77, o), 77, back)), 1e-5)
		}
		before, after := read[float64](t, s, x), read[float64](t, s, at(x, 2, RopeOptions{}))
		require.InDelta(t, before[0]*math.Cos(2)-before[8]*math.Sin(2), after[0], 1e-6)
		require.InDelta(t, before[8]*math.Cos(2)+before[0]*math.Sin(2), after[8], 1e-6)
		after = read[float64](t, s, at(x, 2, RopeOptions{Interleaved: true}))
		require.InDelta(t, before[0]*math.Cos(2)-before[1]*math.Sin(2), after[0], 1e-6)
		return nil
	}))
}

// Llama 3.1's frequencies by its own formula, at a high, a middle and a low one.
func TestRopeScale(t *testing.T) {
	d := openTest(t)
	ones := make([]float64, 128)
	for i := range 64 {
		ones[i] = 1
	}
	x := tensor(t, d, ones, 1, 1, 128)
	position := tensor(t, d, []int32{1}, 1)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		y := read[float64](t, s, s.Rope(x, position, RopeOptions{Theta: 500000, Scale: RopeScale{Factor: 8, Low: 1, High: 4, Original: 8192}}))
		f := func(i int) float64 { return math.Pow(500000, -float64(i)/64) }
		require.InDelta(t, f(10), math.Atan2(y[64+10], y[10]), 1e-7)
		require.InDelta(t, f(60)/8, math.Atan2(y[64+60], y[60]), 1e-12)
		smooth := (8192*f(32)/(2*math.Pi) - 1) / 3
		require.True(t, smooth > 0 && smooth < 1)
		require.InDelta(t, (1-smooth)*f(32)/8+smooth*f(32), math.Atan2(y[64+32], y[32]), 1e-10)
		return nil
	}))
}
