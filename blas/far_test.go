package blas

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/testblas"

	"github.com/tandem-compute/tandem"
)

// On a device with its own memory gemm is gonum's, and nothing can be wrapped.
func TestFarDevice(t *testing.T) {
	dev, err := tandem.Open(tandem.OnDevice("sim"))
	if err != nil {
		t.Skipf("needs the tag cuda: %v", err)
	}
	defer func() { require.NoError(t, dev.Close()) }()
	im, err := New(dev)
	require.NoError(t, err)
	require.False(t, im.f64.host)
	im.f32.eager(2)
	im.f64.eager(2)
	testblas.TestDgemm(t, im)
	testblas.TestDgemm(t, &single{t: t, im: im})
	im.reached(t)
	_, err = tandem.Wrap(dev, []float32{1}, 1)
	require.ErrorIs(t, err, tandem.ErrDevice)

	x, err := from(dev, []float64{1, 2, 0, 3, 4}, 2, 2, 3)
	require.NoError(t, err)
	m, err := ToDense(x)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 3, 4}, m.RawMatrix().Data)
	require.NoError(t, x.Close())
}
