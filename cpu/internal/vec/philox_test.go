package vec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPhiloxKnownAnswers has the vectors that Random123 publishes for philox4x32-10.
func TestPhiloxKnownAnswers(t *testing.T) {
	const ones = math.MaxUint32
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		require.Equal(t, c.want, Philox(c.counter, c.key))
	}
}

// TestRandomIsAddressed: any stretch of a sequence, at any level, is what Word gives one by one, over the carry of the counter too.
func TestRandomIsAddressed(t *testing.T) {
	at := Address{Seed: 0x0123456789abcdef, Stream: 7, Step: 1 << 31}
	for variant, f := range variants() {
		for _, start := range []uint64{0, 1, 2, 3, 5, 64, 1<<34 - 70, 1<<34 - 3, math.MaxUint64 - 2000} {
			for _, n := range []int{0, 1, 3, 4, 31, 32, 33, 100, 513, 1100} {
				words, units, normals := make([]uint32, n), make([]float32, n), make([]float32, n)
				f.Random(words, at, start)
				f.Uniform(units, at, start)
				f.Normal(normals, at, start)
				mask, dropped, x := make([]bool, n), make([]float32, n), make([]float32, n)
				for i := range x {
					x[i] = float32(i + 1)
				}
				f.Bernoulli(mask, at, start, 0.3)
				f.Dropout(dropped, x, at, start, 0.3, 1.5)
				for i := range words {
					index := start + uint64(i)
					w := at.Word(index)
					require.Equal(t, w, words[i], "%s, word %d", variant, index)
					require.Equal(t, Unit(w), units[i], "%s, word %d", variant, index)
					z0, z1 := boxMuller(at.Word(index&^1), at.Word(index|1))
					z := [2]float32{z0, z1}[index&1]
					require.Equal(t, z, normals[i], "%s, number %d", variant, index)
					require.Equal(t, Unit(w) < 0.3, mask[i])
					want := x[i] * 1.5
					if mask[i] {
						want = 0
					}
					require.Equal(t, want, dropped[i])
				}
			}
		}
	}
}

// TestDistributions looks at the moments of a million numbers; the bounds are five standard errors.
func TestDistributions(t *testing.T) {
	const n = 1 << 20
	for variant, f := range variants() {
		x := make([]float32, n)
		f.Uniform(x, Address{Seed: 42}, 0)
		mean, square := moments(x)
		require.InDelta(t, 0.5, mean, 5/math.Sqrt(12*n), variant)
		require.InDelta(t, 1.0/3, square, 5*math.Sqrt(4.0/45/n), variant)
		f.Normal(x, Address{Seed: 42, Step: 1}, 0)
		mean, square = moments(x)
		require.InDelta(t, 0, mean, 5/math.Sqrt(n), variant)
		require.InDelta(t, 1, square, 5*math.Sqrt(2.0/n), variant)
	}
}

func moments(x []float32) (mean, square float64) {
	for _, v := range x {
		mean += float64(v)
		square += float64(v) * float64(v)
	}
	return mean / float64(len(x)), square / float64(len(x))
}
