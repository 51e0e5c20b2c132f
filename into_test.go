package tandem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// In s.Into(dst).Op(args) Go evaluates Into first; the ops among the arguments must not write dst.
func TestIntoIsNotStolenByArguments(t *testing.T) {
	d := openTest(t)
	a := tensor(t, d, []float32{1, 2}, 2)
	b, c := tensor(t, d, []float32{0, 0}, 2), tensor(t, d, []float32{0, 0}, 2)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		y := s.Into(b).Add(s.Mul(a, a), s.Into(c).Add(a, a))
		require.Equal(t, b, y, "the result is the destination")
		return nil
	}))
	require.Equal(t, []float32{3, 8}, all[float32](t, b))
	require.Equal(t, []float32{2, 4}, all[float32](t, c))
}

func all[T Elem](t testing.TB, x Tensor) []T {
	v, err := ReadAll[T](x)
	require.NoError(t, err)
	return v
}

func TestIntoAliases(t *testing.T) {
	d := openTest(t)
	m := tensor(t, d, []float32{1, 2, 3, 4}, 2, 2)
	v := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 6)
	for _, c := range []struct {
		name, text string
		f          func(s *Scope)
	}{
		{"product over its operand", "the destination overlaps operand 0", func(s *Scope) { s.Into(m).MatMul(m, m) }},
		{"softmax is row by row, copy is not", "the destination overlaps operand 0", func(s *Scope) { s.Into(m).Copy(s.Transpose(m, 0, 1)) }},
		{"shifted", "the destination overlaps operand 0", func(s *Scope) { s.Into(s.Slice(v, 0, 1, 6)).Neg(s.Slice(v, 0, 0, 5)) }},
		{"transposed in place", "the destination overlaps operand 1", func(s *Scope) { s.Into(m).Add(m, s.Transpose(m, 0, 1)) }},
		{"broadcast operand", "the destination overlaps operand 1", func(s *Scope) { s.Into(m).Add(m, s.Slice(m, 0, 0, 1)) }},
		{"itself", "the destination overlaps itself", func(s *Scope) { s.Into(s.Expand(s.Slice(v, 0, 0, 1), 6)).Neg(v) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := d.Run(bg, func(s *Scope) error { c.f(s); return nil })
			require.ErrorIs(t, err, ErrAlias)
			require.ErrorContains(t, err, c.text)
			require.Equal(t, []float32{1, 2, 3, 4}, all[float32](t, m), "nothing was written")
			require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, all[float32](t, v))
		})
	}
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Into(m).Add(m, m)                                                       // the very same view
		s.Into(s.Slice(v, 0, 0, 3)).Add(s.Slice(v, 0, 3, 6), s.Slice(v, 0, 0, 3)) // apart, and the same view made twice
		return nil
	}))
	require.Equal(t, []float32{2, 4, 6, 8}, all[float32](t, m))
	require.Equal(t, []float32{5, 7, 9, 4, 5, 6}, all[float32](t, v))
}

// A destination with strides is written directly where the device can, else through a copy that no user sees.
func TestIntoStrided(t *testing.T) {
	d, r := openTest(t), rng(8)
	a, b := normal(t, d, r, 3, 4), normal(t, d, r, 4, 5)
	for name, f := range map[string]func(s *Scope, last func() *Scope) Tensor{
		"matmul":  func(_ *Scope, last func() *Scope) Tensor { return last().MatMul(a, b) },
		"softmax": func(s *Scope, last func() *Scope) Tensor { y := s.MatMul(a, b); return last().Softmax(y) },
		"add":     func(s *Scope, last func() *Scope) Tensor { y := s.MatMul(a, b); return last().Add(y, y) },
		"reshape": func(s *Scope, last func() *Scope) Tensor { y := s.MatMul(a, b); return last().Reshape(y, 3, 5) },
		"permute": func(s *Scope, last func() *Scope) Tensor { y := s.MatMulTT(b, a); return last().Transpose(y, 0, 1) },
		"fill":    func(_ *Scope, last func() *Scope) Tensor { return last().Fill(F32, 3, 3, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			dst := tensor(t, d, make([]float32, 7*12), 7, 12)
			require.NoError(t, d.Run(bg, func(s *Scope) error {
				want := read[float32](t, s, f(s, func() *Scope { return s }))
				// every second column of a transposed corner
				view := s.Transpose(s.SliceStep(s.Slice(dst, 0, 1, 6), 1, 2, 8, 2), 0, 1)
				stack := len(s.stack)
				y := f(s, func() *Scope { return s.Into(view) })
				require.Equal(t, view, y, "the result is the destination")
				require.LessOrEqual(t, len(s.stack), stack+1, "the copy is gone")
				require.Equal(t, want, read[float32](t, s, view))
				return nil
			}))
			zeros := 0
			for _, x := range all[float32](t, dst) {
				if x == 0 {
					zeros++
				}
			}
			require.Equal(t, 7*12-15, zeros, "what lies between the strides is left alone")
		})
	}
}

func TestIntoRefusesOtherTypes(t *testing.T) {
	d, r := openTest(t), rng(10)
	a, i := normal(t, d, r, 2, 3), tensor(t, d, make([]int32, 6), 2, 3)
	for name, f := range map[string]func(s *Scope){
		"shape":    func(s *Scope) { s.Into(a).Transpose(a, 0, 1) },
		"dtype":    func(s *Scope) { s.Into(i).Add(a, a) },
		"rank":     func(s *Scope) { s.Into(a).Reshape(s.Neg(a), 1, 2, 3) },
		"reduced":  func(s *Scope) { s.Into(a).Sum(a) },
		"expanded": func(s *Scope) { s.Into(a).Expand(s.Slice(s.Neg(a), 0, 0, 1), 4, 3) },
	} {
		err := d.Run(bg, func(s *Scope) error { f(s); return nil })
		require.ErrorIs(t, err, ErrShape, name)
		require.ErrorContains(t, err, "the destination is", name)
	}
	err := d.Run(bg, func(s *Scope) error {
		tmp := s.Neg(a)
		into := s.Into(tmp)
		s.Release(tmp)
		s.Exp(a) // takes the slot that tmp had
		into.Add(a, a)
		return nil
	})
	require.ErrorIs(t, err, ErrScope)
	require.ErrorContains(t, err, "the destination: it was released")
}
