package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A wrapped slice is used where it lies, both ways, and stays the caller's.
func TestWrapUsesTheCallersMemory(t *testing.T) {
	d := openTest(t)
	require.True(t, d.Host())
	data := []float32{1, 2, 3, 4, 5, 6}
	x, err := Wrap(d, data, 2, 3)
	require.NoError(t, err)
	require.Equal(t, Stats{Tensors: 1}, d.Stats(), "memory of the caller is none of the device's")
	data[0] = 10
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Into(x).MulScalar(x, 2)
		return nil
	}))
	require.Equal(t, []float32{20, 4, 6, 8, 10, 12}, data)
	b, err := Bytes[float32](x)
	require.NoError(t, err)
	require.Same(t, &data[0], &b[0])
	require.NoError(t, Write(x, []float32{6, 5, 4, 3, 2, 1}))
	require.Equal(t, []float32{6, 5, 4, 3, 2, 1}, data)

	require.NoError(t, x.Close())
	require.ErrorIs(t, x.Close(), ErrClosed)
	require.Equal(t, []float32{6, 5, 4, 3, 2, 1}, data)
	y, err := Empty(d, F32, 2, 3)
	require.NoError(t, err)
	own, err := Bytes[float32](y)
	require.NoError(t, err)
	require.NotSame(t, &data[0], &own[0], "the caller's memory never gets into the pool")
	require.NoError(t, y.Close())
}

func TestWrapStrided(t *testing.T) {
	d := openTest(t)
	data := []float64{0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8}
	x, err := WrapStrided(d, data, []int{3, 3}, []int{4, 1})
	require.NoError(t, err)
	got, err := ReadAll[float64](x)
	require.NoError(t, err)
	require.Equal(t, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8}, got)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Into(x).MatMul(s.Add(x, x), s.Fill(F64, 1, 3, 3))
		return nil
	}))
	require.Equal(t, []float64{6, 6, 6, -1, 24, 24, 24, -1, 42, 42, 42}, data, "gaps are left alone")
	b, err := Bytes[float64](x)
	require.NoError(t, err)
	require.Len(t, b, 11)
	require.ErrorIs(t, Write(x, make([]float64, 9)), ErrUnsupported)

	other := openTest(t)
	_, err = x.To(bg, other)
	require.ErrorIs(t, err, ErrUnsupported)
	require.NoError(t, x.Close())
}

// A run that began before Close keeps computing in the memory; what it kept of it is a copy.
func TestWrappedMemoryOutlivesItsHandle(t *testing.T) {
	d := openTest(t)
	data := []float32{1, 2, 3, 4}
	x, err := Wrap(d, data, 4)
	require.NoError(t, err)
	var kept Tensor
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		v := s.Slice(x, 0, 1, 3)
		require.NoError(t, x.Close())
		data[1] = 7
		kept = s.Keep(v)
		out := make([]float32, 2)
		require.NoError(t, Read(s, v, out))
		require.Equal(t, []float32{7, 3}, out)
		return nil
	}))
	data[1] = 0
	got, err := ReadAll[float32](kept)
	require.NoError(t, err)
	require.Equal(t, []float32{7, 3}, got)
	require.NoError(t, kept.Close())

	z, err := Wrap(d, data, 4)
	require.NoError(t, err)
	p, err := d.Compile(func(s *Scope) error { s.Into(z).AddScalar(z, 1); return nil })
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{2, 1, 4, 5}, data)
	require.NoError(t, z.Close())
	require.ErrorIs(t, p.Run(bg), ErrClosed)
	require.NoError(t, p.Close())
}

func TestDeviceCloseLeavesWrappedMemory(t *testing.T) {
	d, err := Open(OnDevice("cpu"))
	require.NoError(t, err)
	data := []int32{1, 2}
	x, err := Wrap(d, data, 2)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.False(t, x.Valid())
	require.Zero(t, d.Stats().Live)
	require.Equal(t, []int32{1, 2}, data)
	_, err = Wrap(d, data, 2)
	require.ErrorIs(t, err, ErrClosed)
}

func TestBorrow(t *testing.T) {
	d := openTest(t)
	a, c := []float32{1, 2, 9, 3, 4}, make([]float32, 4)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		x := Borrow(s, a, []int{2, 2}, []int{3, 1})
		y := Borrow(s, c, []int{2, 2}, nil)
		s.Into(y).MatMul(x, x)
		s.Release(x)
		return nil
	}))
	require.Equal(t, []float32{7, 10, 15, 22}, c)
	require.Zero(t, d.Stats().Live)
	require.Zero(t, d.Stats().Tensors)
	_, err := d.Compile(func(s *Scope) error { s.Neg(Borrow(s, c, []int{4}, nil)); return nil })
	require.ErrorIs(t, err, ErrScope)
}

func TestWrapErrors(t *testing.T) {
	d := openTest(t)
	data := make([]float32, 6)
	for _, c := range []struct {
		name          string
		dims, strides []int
		kind          error
	}{
		{"too many elements", []int{2, 4}, nil, ErrShape},
		{"too few elements", []int{2, 2}, nil, ErrShape},
		{"beyond the slice", []int{2, 3}, []int{4, 1}, ErrShape},
		{"far beyond the slice", []int{2, 3}, []int{1 << 62, 1}, ErrShape},
		{"negative stride", []int{2, 3}, []int{-1, 1}, ErrShape},
		{"negative dimension", []int{-2, 3}, nil, ErrShape},
		{"missing stride", []int{2, 3}, []int{3}, ErrShape},
	} {
		_, err := d.wrap(asBytes(data), F32, c.dims, c.strides)
		require.ErrorIs(t, err, c.kind, c.name)
		err = d.Run(bg, func(s *Scope) error { Borrow(s, data, c.dims, c.strides); return nil })
		require.ErrorIs(t, err, c.kind, c.name)
	}
	_, err := WrapStrided(d, data, []int{2}, nil)
	require.ErrorIs(t, err, ErrShape)
	_, err = Wrap(d, make([]uint16, 2), 2)
	require.ErrorIs(t, err, ErrDType)

	x, err := Wrap(d, []float32(nil), 0, 3)
	require.NoError(t, err)
	got, err := ReadAll[float32](x)
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, x.Close())
	one, err := WrapStrided(d, data, []int{1, 6}, []int{100, 1})
	require.NoError(t, err, "the distance of a single row leads nowhere")
	require.NoError(t, one.Close())
}
