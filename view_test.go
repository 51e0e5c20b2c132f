package tandem

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// array is the oracle of views: elements in row-major order, moved one by one.
type array struct {
	dims []int
	v    []int32
}

func newArray(dims []int) array {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return array{append([]int{}, dims...), make([]int32, n)}
}

// gather is an array of shape dims whose element at index i is a's element at from(i).
func (a array) gather(dims []int, from func(i []int) []int) array {
	out := newArray(dims)
	for n := range out.v {
		out.v[n] = a.v[ravel(a.dims, from(unravel(out.dims, n)))]
	}
	return out
}

func unravel(dims []int, n int) []int {
	i := make([]int, len(dims))
	for k := len(dims) - 1; k >= 0; k-- {
		i[k] = n % dims[k]
		n /= dims[k]
	}
	return i
}

func ravel(dims, i []int) (n int) {
	for k := range dims {
		n = n*dims[k] + i[k]
	}
	return n
}

// factors splits n into up to six random dimensions.
func factors(r *rand.Rand, n int) []int {
	dims := []int{}
	if n == 1 && r.IntN(3) == 0 {
		return dims
	}
	for len(dims) < 5 {
		if n == 0 {
			dims = append(dims, r.IntN(3))
			continue
		}
		var divisors []int
		for d := 1; d <= n; d++ {
			if n%d == 0 {
				divisors = append(divisors, d)
			}
		}
		d := divisors[r.IntN(len(divisors))]
		dims = append(dims, d)
		if n /= d; n == 1 && r.IntN(2) == 0 {
			return dims
		}
	}
	if n == 0 {
		dims[r.IntN(5)] = 0
		return dims
	}
	return append(dims, n)
}

// randomView applies one random view op to x and to its oracle.
func randomView(s *Scope, r *rand.Rand, x Tensor, a array) (Tensor, array, string) {
	rank := len(a.dims)
	switch k := r.IntN(5); {
	case k == 0 && len(a.v) <= 512:
		dims := factors(r, len(a.v))
		want := array{dims, a.v}
		given := append([]int(nil), dims...)
		if len(a.v) > 0 && len(given) > 0 && r.IntN(2) == 0 {
			given[r.IntN(len(given))] = -1
		}
		return s.Reshape(x, given...), want, fmt.Sprintf("reshape %v", given)
	case k == 1:
		axes := r.Perm(rank)
		dims := make([]int, rank)
		for i, p := range axes {
			dims[i] = a.dims[p]
		}
		return s.Permute(x, axes...), a.gather(dims, func(i []int) []int {
			from := make([]int, rank)
			for k, p := range axes {
				from[p] = i[k]
			}
			return from
		}), fmt.Sprintf("permute %v", axes)
	case k == 2 && rank > 0:
		axis, step := r.IntN(rank), 1+r.IntN(3)
		start := r.IntN(a.dims[axis] + 1)
		stop := start + r.IntN(a.dims[axis]-start+1)
		dims := append([]int(nil), a.dims...)
		dims[axis] = (stop - start + step - 1) / step
		return s.SliceStep(x, axis-rank*r.IntN(2), start, stop, step), a.gather(dims, func(i []int) []int {
			i[axis] = start + i[axis]*step
			return i
		}), fmt.Sprintf("slice %d %d:%d:%d", axis, start, stop, step)
	case k == 3 && len(a.v) <= 256:
		lead := 0
		if rank < 6 {
			lead = r.IntN(2)
		}
		dims := append(make([]int, 0, 6), []int{2}[:lead]...)
		dims = append(dims, a.dims...)
		for i := lead; i < len(dims); i++ {
			if dims[i] == 1 && r.IntN(2) == 0 {
				dims[i] = r.IntN(4)
			}
		}
		return s.Expand(x, dims...), a.gather(dims, func(i []int) []int {
			from := i[lead:]
			for k := range from {
				if a.dims[k] == 1 {
					from[k] = 0
				}
			}
			return from
		}), fmt.Sprintf("expand %v", dims)
	}
	return x, a, "none"
}

func TestViewsAgreeWithTheOracle(t *testing.T) {
	d, r := openTest(t), rng(11)
	ranks, empty, copied := map[int]int{}, 0, 0
	for trial := range 2000 {
		a := newArray(factors(r, []int{0, 1, 2, 6, 12, 24, 60, 64, 120}[r.IntN(9)]))
		for i := range a.v {
			a.v[i] = int32(i + 1)
		}
		x, err := FromSlice(d, a.v, a.dims...)
		require.NoError(t, err)
		history := fmt.Sprint(a.dims)
		require.NoError(t, d.Run(bg, func(s *Scope) error {
			y, want, what := x, a, ""
			for range 1 + r.IntN(5) {
				block := y.slot.view.Block
				y, want, what = randomView(s, r, y, want)
				history += " " + what
				require.NoError(t, s.Err(), "trial %d: %s", trial, history)
				require.Equal(t, want.dims, append([]int{}, y.Shape()...), "trial %d: %s", trial, history)
				if y.slot.view.Block != block {
					copied++
				}
			}
			require.Equal(t, want.v, read[int32](t, s, y), "trial %d: %s", trial, history)
			require.Equal(t, want.v, read[int32](t, s, s.Copy(y)), "trial %d: %s", trial, history)
			ranks[y.Rank()]++
			if y.Elems() == 0 {
				empty++
			}
			return nil
		}))
		require.NoError(t, x.Close())
	}
	t.Logf("results by rank %v, %d empty, %d reshapes copied", ranks, empty, copied)
	for k := range 7 {
		require.NotZero(t, ranks[k], "rank %d was never met", k)
	}
	require.NotZero(t, empty)
	require.NotZero(t, copied, "no reshape of strides that do not allow a view was met")
}

// Views share memory: a write through one is seen through the others, and memory lives as long as any of them.
func TestViewsShareMemory(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Into(s.Slice(s.Transpose(x, 0, 1), 0, 1, 2)).Fill(F32, 9, 1, 2)
		v := s.Nest(func(s *Scope) Tensor { return s.Slice(s.Transpose(s.Add(x, x), 0, 1), 0, 0, 2) })
		y := s.Neg(x)
		w := s.Slice(y, 0, 1, 2)
		s.Release(y)
		for range 4 {
			s.Exp(x) // would take the memory, were it free
		}
		require.Equal(t, []float32{2, 8, 18, 18}, read[float32](t, s, v))
		require.Equal(t, []float32{-4, -9, -6}, read[float32](t, s, w))
		return nil
	}))
	require.Equal(t, []float32{1, 9, 3, 4, 9, 6}, all[float32](t, x))
}

func TestBadShapes(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, make([]float32, 6), 2, 3)
	huge := math.MaxInt
	for name, f := range map[string]func(s *Scope) Tensor{
		"negative fill":     func(s *Scope) Tensor { return s.Fill(F32, 0, 2, -1) },
		"overflowing fill":  func(s *Scope) Tensor { return s.Fill(F32, 0, huge, huge) },
		"product overflows": func(s *Scope) Tensor { return s.Fill(F32, 0, 1<<32, 1<<32) },
		"seven dimensions":  func(s *Scope) Tensor { return s.Fill(F32, 0, 1, 1, 1, 1, 1, 1, 1) },
		"iota":              func(s *Scope) Tensor { return s.Iota(F32, -1, 0, 1) },
		"iota of all":       func(s *Scope) Tensor { return s.Iota(F32, huge, 0, 1) },
		"two free":          func(s *Scope) Tensor { return s.Reshape(x, -1, -1) },
		"reshape negative":  func(s *Scope) Tensor { return s.Reshape(x, -2, -3) },
		"reshape overflow":  func(s *Scope) Tensor { return s.Reshape(x, huge, huge) },
		"reshape wraps":     func(s *Scope) Tensor { return s.Reshape(x, 1<<32, 1<<32, 6) },
		"reshape many":      func(s *Scope) Tensor { return s.Reshape(x, make([]int, 300)...) },
		"permute short":     func(s *Scope) Tensor { return s.Permute(x, 0) },
		"permute twice":     func(s *Scope) Tensor { return s.Permute(x, 1, 1) },
		"permute outside":   func(s *Scope) Tensor { return s.Permute(x, 0, 256) },
		"permute many":      func(s *Scope) Tensor { return s.Permute(x, make([]int, 300)...) },
		"transpose":         func(s *Scope) Tensor { return s.Transpose(x, 0, 2) },
		"slice axis":        func(s *Scope) Tensor { return s.Slice(x, 2, 0, 1) },
		"slice past":        func(s *Scope) Tensor { return s.Slice(x, 0, 0, 3) },
		"slice backwards":   func(s *Scope) Tensor { return s.Slice(x, 0, 2, 1) },
		"slice negative":    func(s *Scope) Tensor { return s.Slice(x, 0, -1, 1) },
		"slice step":        func(s *Scope) Tensor { return s.SliceStep(x, 0, 0, 2, 0) },
		"expand":            func(s *Scope) Tensor { return s.Expand(x, 4, 3) },
		"expand overflows":  func(s *Scope) Tensor { return s.Expand(x, huge, 2, 3) },
		"expand to fewer":   func(s *Scope) Tensor { return s.Expand(x, 3) },
		"sum axis":          func(s *Scope) Tensor { return s.Sum(x, 5) },
		"random":            func(s *Scope) Tensor { return s.Uniform(s.Fill(I64, 1, 3), 0, 1, huge, 2) },
	} {
		err := d.Run(bg, func(s *Scope) error { require.NotZero(t, f(s).Dim(0)); return nil })
		require.ErrorIs(t, err, ErrShape, name)
	}
	for _, dims := range [][]int{{-1}, {huge, huge}, {1 << 46, 2}, {1, 1, 1, 1, 1, 1, 1}, {0, huge, huge}} {
		_, err := Empty(d, F32, dims...)
		require.ErrorIs(t, err, ErrShape, "%v", dims)
		_, err = FromSlice(d, []float32{1}, dims...)
		require.ErrorIs(t, err, ErrShape, "%v", dims)
	}
	for _, dt := range []DType{0, 10, 16, 255} {
		_, err := Empty(d, dt, 1)
		require.ErrorIs(t, err, ErrDType, "%v", dt)
	}
}
