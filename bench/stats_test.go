package bench

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const testSeed = 7

func TestMedian(t *testing.T) {
	require.Equal(t, 3.0, Median([]float64{9, 1, 3}))
	require.Equal(t, 2.5, Median([]float64{4, 1, 2, 3}))
	x := []float64{3, 1, 2}
	Median(x)
	require.Equal(t, []float64{3, 1, 2}, x, "the samples keep their order")
}

func lognormal(r *rand.Rand, n int, sigma float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Exp(sigma * r.NormFloat64())
	}
	return x
}

func TestEstimateIsDeterministicBySeed(t *testing.T) {
	x := lognormal(rand.New(rand.NewPCG(testSeed, 0)), 25, 0.2)
	e := NewEstimate(x, 1)
	require.Equal(t, e, NewEstimate(x, 1))
	require.Less(t, e.Lo, e.Median)
	require.Greater(t, e.Hi, e.Median)
	same := true
	for seed := uint64(2); seed < 12; seed++ {
		same = same && NewEstimate(x, seed) == e
	}
	require.False(t, same, "the seed takes part")
}

// The interval covers the true median, 1, about as often as it says.
func TestEstimateCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(testSeed, 1))
	const trials = 200
	covered := 0
	for i := range uint64(trials) {
		if e := NewEstimate(lognormal(r, 21, 0.3), i); e.Lo <= 1 && 1 <= e.Hi {
			covered++
		}
	}
	require.GreaterOrEqual(t, covered, trials*90/100, "seed %d", testSeed)
	require.Less(t, covered, trials, "seed %d: an interval that always covers is too wide", testSeed)
}

func TestEstimateHolds(t *testing.T) {
	for _, c := range []struct {
		e     Estimate
		holds bool
	}{
		{Estimate{1.00, 0.98, 1.02}, true},
		{Estimate{0.97, 0.95, 1.00}, true},
		{Estimate{0.969, 0.95, 1.00}, false}, // the median misses 0.97 of the bar
		{Estimate{0.98, 0.96, 0.999}, false}, // the interval does not reach the bar
		{Estimate{1.00, 0.90, 1.10}, false},  // too wide to tell
		{Estimate{2.00, 1.90, 2.15}, true},
	} {
		require.Equal(t, c.holds, c.e.Holds(1), "%+v", c.e)
		double := Estimate{2 * c.e.Median, 2 * c.e.Lo, 2 * c.e.Hi}
		require.Equal(t, c.holds, double.Holds(2), "%+v", double)
	}
}
