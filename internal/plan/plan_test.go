package plan

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireValid checks that items live together do not overlap, that offsets are aligned, and that the peak is theirs.
func requireValid(t *testing.T, items []Item, offsets []int, peak int) {
	t.Helper()
	require.Len(t, offsets, len(items))
	top := 0
	for i, a := range items {
		require.GreaterOrEqual(t, offsets[i], 0)
		require.Zero(t, offsets[i]%Align)
		top = max(top, align(offsets[i]+a.Size))
		for j, b := range items[:i] {
			together := a.First <= b.Last && b.First <= a.Last
			apart := offsets[i]+a.Size <= offsets[j] || offsets[j]+b.Size <= offsets[i]
			require.True(t, !together || apart, "items %d %+v at %d and %d %+v at %d overlap", j, b, offsets[j], i, a, offsets[i])
		}
	}
	require.Equal(t, top, peak)
	require.GreaterOrEqual(t, peak, Bound(items))
}

func TestOffsetsByHand(t *testing.T) {
	for name, c := range map[string]struct {
		items   []Item
		offsets []int // nil where several are as good
		peak    int
	}{
		"nothing":             {nil, nil, 0},
		"one":                 {[]Item{{100, 0, 3}}, []int{0}, 128},
		"an empty one":        {[]Item{{0, 0, 3}, {64, 0, 3}}, nil, 64},
		"one after another":   {[]Item{{64, 0, 1}, {64, 2, 3}, {64, 4, 4}}, []int{0, 0, 0}, 64},
		"the last step joins": {[]Item{{64, 0, 1}, {64, 1, 2}}, nil, 128},
		"a chain":             {[]Item{{64, 0, 1}, {64, 1, 2}, {64, 2, 3}, {64, 3, 4}}, nil, 128},
		"a gap that fits":     {[]Item{{256, 0, 1}, {64, 0, 5}, {128, 2, 5}, {128, 2, 5}}, nil, 320},
		"all together":        {[]Item{{1, 0, 9}, {2, 3, 5}, {3, 4, 4}}, nil, 192},
		"a long one below":    {[]Item{{64, 0, 9}, {640, 0, 0}, {640, 1, 1}, {640, 2, 2}}, nil, 704},
	} {
		t.Run(name, func(t *testing.T) {
			offsets, peak := Offsets(c.items)
			requireValid(t, c.items, offsets, peak)
			require.Equal(t, c.peak, peak)
			require.Equal(t, c.peak, Bound(c.items), "these can be planned without loss")
			if c.offsets != nil {
				require.Equal(t, c.offsets, offsets)
			}
		})
	}
}

// randomItems is a program of the given kind: straight lines, where most values die young, and training, where the
// values of the forward pass live until the backward pass comes back to them.
func randomItems(r *rand.Rand, n int, training bool) []Item {
	items := make([]Item, n)
	for i := range items {
		last := i + 1 + r.IntN(4)
		if training && i < n/2 && r.IntN(2) == 0 {
			last = n - i
		}
		items[i] = Item{Size: r.IntN(1 << r.IntN(16)), First: i, Last: last}
	}
	return items
}

func TestOffsetsAtRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		items := randomItems(r, 1+r.IntN(60), seed%2 == 1)
		offsets, peak := Offsets(items)
		requireValid(t, items, offsets, peak)
		require.LessOrEqual(t, peak, 2*Bound(items), "seed %d wastes more than half", seed)
		again, same := Offsets(items)
		require.Equal(t, offsets, again, "seed %d", seed)
		require.Equal(t, peak, same)
	}
}

// TestBoundAtRandom counts what is live step by step.
func TestBoundAtRandom(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		items := randomItems(r, 1+r.IntN(40), true)
		want := 0
		for step := range 100 {
			live := 0
			for _, it := range items {
				if it.First <= step && step <= it.Last {
					live += align(it.Size)
				}
			}
			want = max(want, live)
		}
		require.Equal(t, want, Bound(items), "seed %d", seed)
	}
}
