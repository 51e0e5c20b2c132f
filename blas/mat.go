package blas

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
)

// FromDense is m as a persistent tensor f64[rows, cols], to be closed by the caller. On a host device it is m's own
// memory, strides and all, as with tandem.WrapStrided; elsewhere it is a copy.
func FromDense(dev *tandem.Device, m *mat.Dense) (tandem.Tensor, error) {
	r := m.RawMatrix()
	return from(dev, r.Data, r.Rows, r.Cols, r.Stride)
}

// FromGeneral is FromDense for a matrix in single precision.
func FromGeneral(dev *tandem.Device, m blas32.General) (tandem.Tensor, error) {
	return from(dev, m.Data, m.Rows, m.Cols, m.Stride)
}

// FromVec is v as a persistent tensor f64[n], in place on a host device as FromDense is.
func FromVec(dev *tandem.Device, v *mat.VecDense) (tandem.Tensor, error) {
	r := v.RawVector()
	if dev.Host() {
		return tandem.WrapStrided(dev, r.Data, []int{r.N}, []int{r.Inc})
	}
	x := make([]float64, r.N)
	for i := range x {
		x[i] = r.Data[i*r.Inc]
	}
	return tandem.FromSlice(dev, x, r.N)
}

func from[T float](dev *tandem.Device, data []T, rows, cols, ld int) (tandem.Tensor, error) {
	if dev.Host() {
		return tandem.WrapStrided(dev, data, []int{rows, cols}, []int{ld, 1})
	}
	if rows == 0 || cols == 0 {
		return tandem.FromSlice(dev, []T{}, rows, cols)
	}
	if ld < cols || len(data) < (rows-1)*ld+cols {
		return tandem.Tensor{}, fmt.Errorf("blas: %d elements with stride %d for a matrix of %d by %d: %w", len(data), ld, rows, cols, tandem.ErrShape)
	}
	o := operand[T]{data, rows, cols, ld}
	return o.upload(dev)
}

// ToDense is a persistent tensor f64[rows, cols] as a matrix. On a host device it is the tensor's own memory where its
// rows are contiguous, and then valid until the tensor is closed; elsewhere it is a copy.
func ToDense(t tandem.Tensor) (*mat.Dense, error) {
	data, ld, err := matrix[float64](t)
	if err != nil {
		return nil, err
	}
	m := new(mat.Dense)
	if len(data) > 0 { // gonum's empty matrix is the zero Dense
		m.SetRawMatrix(blas64.General{Rows: t.Dim(0), Cols: t.Dim(1), Stride: ld, Data: data})
	}
	return m, nil
}

// ToGeneral is ToDense for a tensor f32[rows, cols].
func ToGeneral(t tandem.Tensor) (blas32.General, error) {
	data, ld, err := matrix[float32](t)
	if err != nil {
		return blas32.General{}, err
	}
	return blas32.General{Rows: t.Dim(0), Cols: t.Dim(1), Stride: ld, Data: data}, nil
}

// ToVec is a persistent tensor f64[n] as a vector, in place on a host device as ToDense is.
func ToVec(t tandem.Tensor) (*mat.VecDense, error) {
	ty := t.Type()
	if err := ranked(t, 1); err != nil {
		return nil, err
	}
	data, shared, err := elements[float64](t, ty.Strides[0] > 0)
	if err != nil {
		return nil, err
	}
	v, inc := new(mat.VecDense), 1
	if shared {
		inc = ty.Strides[0]
	}
	if len(data) > 0 {
		v.SetRawVector(blas64.Vector{N: ty.Dims[0], Inc: inc, Data: data})
	}
	return v, nil
}

// matrix is the elements of t and the distance between its rows.
func matrix[T float](t tandem.Tensor) (data []T, ld int, err error) {
	if err := ranked(t, 2); err != nil {
		return nil, 0, err
	}
	ty := t.Type()
	rows, cols := ty.Dims[0], ty.Dims[1]
	data, shared, err := elements[T](t, (cols <= 1 || ty.Strides[1] == 1) && (rows <= 1 || ty.Strides[0] >= cols))
	if !shared || rows <= 1 {
		return data, max(1, cols), err
	}
	return data, ty.Strides[0], err
}

func ranked(t tandem.Tensor, rank int) error {
	switch {
	case !t.Valid():
		return fmt.Errorf("blas: the tensor is gone: %w", tandem.ErrClosed)
	case t.Rank() != rank:
		return fmt.Errorf("blas: %v has %d dimensions, not %d: %w", t, t.Rank(), rank, tandem.ErrShape)
	}
	return nil
}

// elements is t's own memory where t is on the host and fitting says that its strides will do, else a copy in
// row-major order.
func elements[T float](t tandem.Tensor, fitting bool) (data []T, shared bool, err error) {
	if fitting && t.Device().Host() {
		data, err = tandem.Bytes[T](t)
		return data, true, err
	}
	data, err = tandem.ReadAll[T](t)
	return data, false, err
}
