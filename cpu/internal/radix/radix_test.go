package radix

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// special are the values that orders get wrong.
var special = []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0xFFF8000000000001),
	math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64}

func numbers[T Number](n int, of func(r *rand.Rand) T) []T {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	x := make([]T, n)
	for i := range x {
		x[i] = of(r)
	}
	return x
}

// order is the indices of x in the order that the package promises.
func order[T Number](x []T, descending bool) []int32 {
	idx := make([]int32, len(x))
	for i := range idx {
		idx[i] = int32(i)
	}
	slices.SortStableFunc(idx, func(i, j int32) int {
		a, b := x[i], x[j]
		switch {
		case a != a || b != b:
			return cmp.Compare(btoi(a != a), btoi(b != b))
		case descending:
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	})
	return idx
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func indices[K Key](items []Item[K]) []int32 {
	idx := make([]int32, len(items))
	for i := range items {
		idx[i] = items[i].Index
	}
	return idx
}

func check[T Number, K Key](t *testing.T, of func(r *rand.Rand) T) {
	for _, n := range []int{1, 2, few, few + 1, 300, 5000} {
		x := numbers(n, of)
		for _, descending := range []bool{false, true} {
			want := order(x, descending)
			items, tmp := make([]Item[K], n), make([]Item[K], n)
			Items(items, x, 0, descending)
			require.Equal(t, want, indices(Sort(items, tmp)), "n=%d descending=%v", n, descending)
			for _, k := range []int{0, 1, n / 3, n - 1, n} {
				Items(items, x, 0, descending)
				require.Equal(t, want[:k], indices(Select(items, tmp, k)), "n=%d k=%d descending=%v", n, k, descending)
			}
			for _, r := range []int{0, n / 2, n - 1} {
				Items(items, x, 0, descending)
				key, less := Rank(items, tmp, r)
				at := slices.IndexFunc(items, func(it Item[K]) bool { return it.Index == want[r] })
				require.Equal(t, items[at].Key, key)
				require.Equal(t, count(items, key), less)
			}
		}
	}
}

// count is how many keys are below k.
func count[K Key](items []Item[K], k K) (n int) {
	for _, it := range items {
		if it.Key < k {
			n++
		}
	}
	return n
}

func TestOrder(t *testing.T) {
	wild := func(r *rand.Rand) float64 {
		if r.IntN(3) == 0 {
			return special[r.IntN(len(special))]
		}
		return r.NormFloat64() * math.Exp2(float64(r.IntN(400)-200))
	}
	t.Run("f64", func(t *testing.T) { check[float64, uint64](t, wild) })
	t.Run("f32", func(t *testing.T) { check[float32, uint32](t, func(r *rand.Rand) float32 { return float32(wild(r)) }) })
	t.Run("ties", func(t *testing.T) {
		check[float32, uint32](t, func(r *rand.Rand) float32 { return float32(r.IntN(5) - 2) })
	})
	t.Run("i64", func(t *testing.T) { check[int64, uint64](t, func(r *rand.Rand) int64 { return int64(r.Uint64()) }) })
	t.Run("i32", func(t *testing.T) { check[int32, uint32](t, func(r *rand.Rand) int32 { return int32(r.Uint32()) }) })
	t.Run("i8", func(t *testing.T) { check[int8, uint32](t, func(r *rand.Rand) int8 { return int8(r.Uint32()) }) })
	t.Run("u8", func(t *testing.T) { check[uint8, uint32](t, func(r *rand.Rand) uint8 { return uint8(r.Uint32()) }) })
}

// TestBlocks sorts in blocks, as several threads do.
func TestBlocks(t *testing.T) {
	const n, step = 1000, 130
	x := numbers(n, func(r *rand.Rand) int32 { return int32(r.Uint32()) })
	items, tmp := make([]Item[uint32], n), make([]Item[uint32], n)
	Items(items, x, 0, false)
	blocks := make([]Counts, (n+step-1)/step)
	for d := range Passes[uint32]() {
		for b := range blocks {
			Count(items[b*step:min(n, (b+1)*step)], d, &blocks[b])
		}
		require.False(t, Starts(blocks))
		for b := range blocks {
			Scatter(tmp, items[b*step:min(n, (b+1)*step)], d, &blocks[b])
		}
		items, tmp = tmp, items
	}
	require.Equal(t, order(x, false), indices(items))
}

func BenchmarkSort(b *testing.B) {
	x := numbers(1<<20, func(r *rand.Rand) float32 { return float32(r.NormFloat64()) })
	items, tmp := make([]Item[uint32], len(x)), make([]Item[uint32], len(x))
	for b.Loop() {
		Items(items, x, 0, false)
		Sort(items, tmp)
	}
}

func BenchmarkRank(b *testing.B) {
	x := numbers(1<<20, func(r *rand.Rand) float32 { return float32(r.NormFloat64()) })
	items, tmp := make([]Item[uint32], len(x)), make([]Item[uint32], len(x))
	for b.Loop() {
		Items(items, x, 0, false)
		Rank(items, tmp, len(x)/2)
	}
}
