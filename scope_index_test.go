package tandem

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIndexGradients compares the rules with differences, on the oracle and on the CPU.
func TestIndexGradients(t *testing.T) {
	oracle := openRef()
	t.Cleanup(func() { closeTest(t, oracle) })
	for _, d := range []*Device{oracle, openTest(t)} {
		x, wide, tall := normal64(t, d, 31, 5, 3), normal64(t, d, 32, 3, 6), normal64(t, d, 33, 6, 3)
		cube, line := normal64(t, d, 34, 2, 3, 5), normal64(t, d, 35, 5)
		six := tensor(t, d, []int32{4, 0, 4, 2, -1, 5}, 6)
		grid := tensor(t, d, []int32{0, 1, 2, 2, 0, 5, -1, 3, 4}, 3, 3)
		keep := tensor(t, d, []bool{false, true, false, true, true}, 5)
		for _, c := range []struct {
			name   string
			params []Tensor
			f      func(s *Scope) Tensor
		}{
			{"take", []Tensor{x}, func(s *Scope) Tensor { return s.Embedding(x, s.Reshape(six, 2, 3)) }},
			{"take last", []Tensor{wide}, func(s *Scope) Tensor { return s.Take(wide, -1, six) }},
			{"takealong", []Tensor{x}, func(s *Scope) Tensor { return s.TakeAlong(x, 0, grid) }},
			{"takealong last", []Tensor{wide}, func(s *Scope) Tensor { return s.TakeAlong(wide, -1, grid) }},
			{"scatteradd", []Tensor{x, tall}, func(s *Scope) Tensor { return s.ScatterAdd(x, six, tall) }},
			{"putrows", []Tensor{x, tall}, func(s *Scope) Tensor { return s.PutRows(x, six, tall) }},
			{"concat", []Tensor{x, tall}, func(s *Scope) Tensor { return s.Concat(0, x, tall, x) }},
			{"split", []Tensor{wide}, func(s *Scope) Tensor {
				parts := s.Split(wide, 1, 1, 2, 3)
				return s.Concat(1, parts[2], parts[0])
			}},
			{"compact", []Tensor{x}, func(s *Scope) Tensor {
				y, _ := s.Compact(x, keep)
				return s.Full(y)
			}},
			{"sort", []Tensor{wide}, func(s *Scope) Tensor { v, _ := s.Sort(wide); return v }},
			{"sort descending", []Tensor{cube}, func(s *Scope) Tensor { v, _ := s.SortDescending(cube); return v }},
			{"topk", []Tensor{cube}, func(s *Scope) Tensor { v, _ := s.TopK(cube, 2); return v }},
			{"bottomk", []Tensor{line}, func(s *Scope) Tensor { v, _ := s.BottomK(line, 3); return v }},
			{"kthvalue", []Tensor{cube}, func(s *Scope) Tensor { return s.KthValue(cube, 4) }},
			{"quantile", []Tensor{wide}, func(s *Scope) Tensor { return s.Quantile(wide, 0.3) }},
			{"median", []Tensor{cube}, func(s *Scope) Tensor { return s.Quantile(cube, 0.5) }},
			{"maximum", []Tensor{cube}, func(s *Scope) Tensor { return s.Quantile(cube, 1) }},
			{"indices are constants", []Tensor{wide}, func(s *Scope) Tensor {
				_, idx := s.TopK(wide, 2)
				even := s.Eq(s.And(idx, s.Fill(I32, 1)), s.Fill(I32, 0))
				return s.Where(even, s.TakeAlong(wide, 1, idx), s.Fill(F64, 0))
			}},
		} {
			t.Run(d.Name()+"/"+c.name, func(t *testing.T) {
				requireGradients(t, d, func(s *Scope) Tensor { // a loss that tells elements apart
					y := s.Flatten(c.f(s))
					return s.Sum(s.Mul(y, s.Sin(s.Iota(F64, y.Elems(), 1, 1))))
				}, c.params...)
			})
		}
	}
}

func TestConcatOfMany(t *testing.T) {
	d := openTest(t)
	dst := tensor(t, d, make([]float32, 40), 1, 40)
	var xs []Tensor
	var want []float32
	for i := range 40 {
		want = append(want, float32(i))
		xs = append(xs, tensor(t, d, []float32{float32(i)}, 1, 1))
	}
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		require.Equal(t, want, read[float32](t, s, s.Concat(1, xs...)))
		s.Into(dst).Concat(1, xs...)
		require.Equal(t, want, read[float32](t, s, dst))
		for i, part := range s.Split(dst, 1, 30, 10) {
			require.Equal(t, want[30*i:30+10*i], read[float32](t, s, part))
		}
		return nil
	}))
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error {
		s.Split(dst, 1, 30, 11)
		return nil
	}), ErrShape)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error {
		s.Concat(0)
		return nil
	}), ErrShape)
}

// TestPutRowsInPlace writes a cache whose rows do not lie next to each other, as one head's part of it does not.
func TestPutRowsInPlace(t *testing.T) {
	d := openTest(t)
	cache := tensor(t, d, make([]float32, 24), 4, 3, 2)
	rows, at := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 3, 2), tensor(t, d, []int32{2, 0, 2}, 3)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		part := s.Reshape(s.Slice(cache, 1, 1, 2), 4, 2)
		s.Into(part).PutRows(part, at, rows)
		return nil
	}))
	got, err := ReadAll[float32](cache)
	require.NoError(t, err)
	want := make([]float32, 24)
	copy(want[2:], []float32{3, 4})
	copy(want[2*6+2:], []float32{5, 6})
	require.Equal(t, want, got)
}

// TestScatterAddInPlace replays a Program, which adds again.
func TestScatterAddInPlace(t *testing.T) {
	d := openTest(t)
	sum, idx := tensor(t, d, []float32{1, 1, 1}, 3), tensor(t, d, []int32{2, 0, 2, 7}, 4)
	src := tensor(t, d, []float32{1, 2, 3, 4}, 4)
	p := compile(t, d, func(s *Scope) error { s.Into(sum).ScatterAdd(sum, idx, src); return s.Err() })
	for range 2 {
		require.NoError(t, p.Run(bg))
	}
	require.Equal(t, []float32{5, 1, 9}, all[float32](t, sum))
}

func TestDeviceCounts(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{3, 1, 2, 9, 7, 8, 5, 6, 4}, 3, 3)
	keep := tensor(t, d, []bool{true, false, true}, 3)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		y, count := s.Compact(x, keep)
		require.Equal(t, []int32{2}, read[int32](t, s, count))
		v, i := s.Sort(y)
		require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, read[float32](t, s, s.Full(v))[:6])
		require.Equal(t, []int32{1, 2, 0, 2, 0, 1}, read[int32](t, s, s.Full(i))[:6])
		require.Equal(t, []float32{2, 5}, read[float32](t, s, s.Full(s.KthValue(y, 2)))[:2])
		require.Equal(t, []float32{3, 1, 2, 5, 6, 4, 0, 0, 0}, read[float32](t, s, s.Full(y)))
		idx, n := s.Nonzero(s.Gt(x, s.Fill(F32, 6.5)))
		require.Equal(t, []int32{3, 4, 5, 0, 0, 0, 0, 0, 0}, read[int32](t, s, s.Full(idx)))
		require.Equal(t, []int32{3}, read[int32](t, s, n))
		return nil
	}))
	err := d.Run(bg, func(s *Scope) error {
		y, _ := s.Compact(x, keep)
		s.Concat(0, y, x)
		return nil
	})
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "Scope.Full")
}

// TestQuantileConvention holds the oracle and the device to the values that NumPy's documentation shows for
// numpy.quantile([[10, 7, 4], [3, 2, 1]], 0.5, axis=1), and to interpolation at q (n-1) counted by hand.
func TestQuantileConvention(t *testing.T) {
	for _, d := range []*Device{openRef(), openTest(t)} {
		x := tensor(t, d, []float64{10, 7, 4, 3, 2, 1}, 2, 3)
		y := tensor(t, d, []float64{1, math.NaN(), 4, 10}, 4)
		require.NoError(t, d.Run(bg, func(s *Scope) error {
			require.Equal(t, []float64{7, 2}, read[float64](t, s, s.Quantile(x, 0.5)))
			require.Equal(t, []float64{5.5, 1.5}, read[float64](t, s, s.Quantile(x, 0.25)))
			require.True(t, math.IsNaN(read[float64](t, s, s.Quantile(y, 0.5))[0]))
			return nil
		}))
	}
}
