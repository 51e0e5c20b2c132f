package ceiling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPartsCoverMemoryOnce(t *testing.T) {
	x := make([]uint64, 103)
	for _, n := range []int{1, 2, 7} {
		for i := range n {
			p := part(x, i, n)
			for j := range p {
				p[j]++
			}
		}
	}
	for i, v := range x {
		require.Equal(t, uint64(3), v, "word %d", i)
	}
}

func TestEveryThreadRuns(t *testing.T) {
	var ran [3]int
	require.Positive(t, together(len(ran), func(i int) { ran[i]++ }))
	require.Equal(t, [3]int{1, 1, 1}, ran)
}

func TestFastestIsTheBestOfMany(t *testing.T) {
	const disturbed, delay = 5, 20 * time.Millisecond
	calls := 0
	least := fastest(1, func(int) {
		if calls++; calls <= disturbed {
			time.Sleep(delay)
		}
	})
	require.Greater(t, calls, disturbed)
	require.Less(t, least, delay)
}

func TestReadTakesOddLengths(t *testing.T) {
	for n := range 3 * 16 {
		best.read(make([]uint64, n))
		generic.read(make([]uint64, n))
	}
}

// Each loop is run for the instructions it uses: one that this machine lacks, or a register left dirty, would not
// come back.
func TestLoopsReturn(t *testing.T) {
	for _, l := range []loops{generic, best} {
		l.f32(8)
		l.f64(8)
		require.Positive(t, l.f32PerRound)
		require.Equal(t, l.variant == Generic, l.f32PerRound == l.f64PerRound)
	}
}
