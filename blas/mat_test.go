package blas

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
)

// A slice of a larger matrix becomes a tensor in place: what the device writes is in the matrix, and its frame stays.
func TestDenseInPlace(t *testing.T) {
	im := open(t)
	whole := mat.NewDense(5, 7, random[float64](11, 35))
	before := mat.DenseCopyOf(whole)
	part := whole.Slice(1, 4, 2, 6).(*mat.Dense)
	x, err := FromDense(im.f64.dev, part)
	require.NoError(t, err)
	require.Equal(t, "f64[3,4] on cpu", x.String())
	require.Zero(t, im.f64.dev.Stats().Live, "no memory of the device")
	require.NoError(t, im.f64.dev.Run(t.Context(), func(s *tandem.Scope) error {
		s.Into(x).AddScalar(x, 10)
		return nil
	}))
	for i := range 5 {
		for j := range 7 {
			want := before.At(i, j)
			if i >= 1 && i < 4 && j >= 2 && j < 6 {
				want += 10
			}
			require.Equal(t, want, whole.At(i, j), "element %d, %d", i, j)
		}
	}
	back, err := ToDense(x)
	require.NoError(t, err)
	require.True(t, mat.Equal(part, back))
	back.Set(0, 0, 5)
	require.Equal(t, 5.0, whole.At(1, 2), "the same memory")
	require.NoError(t, x.Close())
	require.Equal(t, 5.0, whole.At(1, 2), "which is still the caller's")
}

func TestVectorsAndSingles(t *testing.T) {
	dev := open(t).f64.dev
	column := mat.NewDense(4, 3, random[float64](12, 12)).ColView(1).(*mat.VecDense)
	v, err := FromVec(dev, column)
	require.NoError(t, err)
	require.NoError(t, dev.Run(t.Context(), func(s *tandem.Scope) error { s.Into(v).MulScalar(v, 2); return nil }))
	w, err := ToVec(v)
	require.NoError(t, err)
	require.True(t, mat.Equal(column, w))

	g := blas32.General{Rows: 2, Cols: 3, Stride: 4, Data: random[float32](13, 8)}
	m, err := FromGeneral(dev, g)
	require.NoError(t, err)
	h, err := ToGeneral(m)
	require.NoError(t, err)
	require.Equal(t, g.Data[:7], h.Data)
	require.Equal(t, 4, h.Stride)

	own, err := tandem.FromSlice(dev, []float64{1, 2, 3, 4, 5, 6}, 2, 3)
	require.NoError(t, err)
	d, err := ToDense(own)
	require.NoError(t, err)
	require.Equal(t, mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6}), d)

	turned, err := tandem.WrapStrided(dev, []float64{1, 2, 3, 4, 5, 6}, []int{3, 2}, []int{1, 3})
	require.NoError(t, err)
	d, err = ToDense(turned)
	require.NoError(t, err)
	require.Equal(t, mat.NewDense(3, 2, []float64{1, 4, 2, 5, 3, 6}), d, "columns apart are copied")

	for _, x := range []tandem.Tensor{v, m, own, turned} {
		require.NoError(t, x.Close())
	}
}

func TestConversionErrors(t *testing.T) {
	dev := open(t).f64.dev
	x, err := tandem.FromSlice(dev, []float64{1, 2, 3, 4}, 4)
	require.NoError(t, err)
	_, err = ToDense(x)
	require.ErrorIs(t, err, tandem.ErrShape)
	y, err := tandem.FromSlice(dev, []float32{1, 2, 3, 4}, 2, 2)
	require.NoError(t, err)
	_, err = ToDense(y)
	require.ErrorIs(t, err, tandem.ErrDType)
	_, err = ToVec(y)
	require.ErrorIs(t, err, tandem.ErrShape)
	require.NoError(t, x.Close())
	require.NoError(t, y.Close())
	_, err = ToVec(x)
	require.ErrorIs(t, err, tandem.ErrClosed)
	_, err = FromGeneral(dev, blas32.General{Rows: 3, Cols: 3, Stride: 3, Data: make([]float32, 8)})
	require.ErrorIs(t, err, tandem.ErrShape)
	_, err = New(nil)
	require.ErrorIs(t, err, tandem.ErrDevice)

	empty, err := FromDense(dev, &mat.Dense{})
	require.NoError(t, err)
	d, err := ToDense(empty)
	require.NoError(t, err)
	require.True(t, d.IsEmpty())
	require.NoError(t, empty.Close())
}
