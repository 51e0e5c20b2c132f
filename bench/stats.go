package bench

import (
	"math/rand/v2"
	"slices"
)

// Estimate is a median with its 95% bootstrap interval.
type Estimate struct{ Median, Lo, Hi float64 }

const (
	resamples = 2000
	tail      = 0.025 // of the resampled medians, cut off on each side

	narrowWidth = 0.15 // of the median: what an interval may span to count as a measurement
	barMargin   = 0.97 // of a bar: what the median must reach
)

// NewEstimate takes the median of the samples and bootstraps its interval: the 2.5th and 97.5th percentiles of the
// medians of resamples drawn with replacement. The same samples and seed give the same interval. There must be at
// least one sample.
func NewEstimate(samples []float64, seed uint64) Estimate {
	r := rand.New(rand.NewPCG(seed, uint64(len(samples))))
	medians, draw := make([]float64, resamples), make([]float64, len(samples))
	for i := range medians {
		for j := range draw {
			draw[j] = samples[r.IntN(len(samples))]
		}
		medians[i] = sortedMedian(draw)
	}
	slices.Sort(medians)
	cut := int(tail * resamples)
	return Estimate{Median: Median(samples), Lo: medians[cut], Hi: medians[resamples-1-cut]}
}

// Narrow tells whether the interval is at most 15% of the median wide.
func (e Estimate) Narrow() bool { return e.Hi-e.Lo <= narrowWidth*e.Median }

// Holds tells whether a ratio reaches a bar: its median is at least 0.97 of the bar, its interval's upper end
// reaches the bar, and the interval is narrow.
func (e Estimate) Holds(bar float64) bool {
	return e.Median >= barMargin*bar && e.Hi >= bar && e.Narrow()
}

// Median of at least one sample; the mean of the middle two when their number is even.
func Median(samples []float64) float64 { return sortedMedian(slices.Clone(samples)) }

// sortedMedian sorts x in place.
func sortedMedian(x []float64) float64 {
	slices.Sort(x)
	mid := len(x) / 2
	if len(x)%2 == 1 {
		return x[mid]
	}
	return (x[mid-1] + x[mid]) / 2
}
