package tandem

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// double is y = 2 x, with its gradient.
var double = &CustomOp{
	Name:  "double",
	Shape: func(in []Type) ([]Type, error) { return in[:1:1], nil },
	Run: func(in, out []HostView) error {
		x, err := Slice[float32](in[0])
		if err != nil {
			return err
		}
		y, err := Slice[float32](out[0])
		for i := range y {
			y[i] = 2 * x[i]
		}
		return err
	},
	Cost:     func(_, out []Type) (int64, int64) { return int64(out[0].Elems()), int64(2 * out[0].Bytes()) },
	Gradient: func(g *Grad) { g.To(0, g.MulScalar(g.D(0), 2)) },
}

func TestCustomOp(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, -2, 3, 4}, 2, 2)
	dst := tensor(t, d, make([]float32, 8), 2, 4)
	got := make([]float32, 4)
	f := func(s *Scope) error {
		s.Into(s.SliceStep(dst, 1, 0, 4, 2)).Do(double, s.Transpose(x, 0, 1)) // strides on both sides
		return Read(s, s.Do(double, s.Do(double, x)), got)
	}
	require.NoError(t, d.Run(bg, f))
	require.Equal(t, []float32{4, -8, 12, 16}, got)
	require.Equal(t, []float32{2, 0, 6, 0, -4, 0, 8, 0}, all[float32](t, dst))
	clear(got)
	p, err := d.Compile(f)
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{4, -8, 12, 16}, got)
	require.EqualValues(t, 12, p.Price().Flops)
	require.NoError(t, p.Close())

	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Record(x)
		y := s.Do(double, s.Mul(x, x))
		g := s.Gradients(s.Sum(y), x)
		require.Equal(t, []float32{4, -8, 12, 16}, read[float32](t, s, g[0]))
		return nil
	}))
}

func TestCustomOpErrors(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2}, 2)
	boom := errors.New("boom")
	shape := func(ts ...Type) func([]Type) ([]Type, error) {
		return func([]Type) ([]Type, error) { return ts, nil }
	}
	ty := x.Type()
	huge := ty
	huge.Dims[0] = 1 << 60
	for name, c := range map[string]struct {
		kind error
		op   CustomOp
		n    int
	}{
		"no shape":      {ErrUnsupported, CustomOp{Name: "x", Run: double.Run}, 1},
		"no run":        {ErrUnsupported, CustomOp{Name: "x", Shape: double.Shape}, 1},
		"shape fails":   {boom, CustomOp{Name: "x", Run: double.Run, Shape: func([]Type) ([]Type, error) { return nil, boom }}, 1},
		"run fails":     {boom, CustomOp{Name: "x", Shape: double.Shape, Run: func(_, _ []HostView) error { return boom }}, 1},
		"no results":    {ErrUnsupported, *double, 0},
		"many results":  {ErrUnsupported, *double, 200},
		"two for one":   {ErrShape, CustomOp{Name: "x", Run: double.Run, Shape: shape(ty, ty)}, 1},
		"one for two":   {ErrShape, CustomOp{Name: "x", Run: double.Run, Shape: shape(ty)}, 2},
		"rank":          {ErrShape, CustomOp{Name: "x", Run: double.Run, Shape: shape(Type{DType: F32, Rank: 100})}, 1},
		"negative rank": {ErrShape, CustomOp{Name: "x", Run: double.Run, Shape: shape(Type{DType: F32, Rank: -1})}, 1},
		"no dtype":      {ErrDType, CustomOp{Name: "x", Run: double.Run, Shape: shape(Type{})}, 1},
		"too large":     {ErrShape, CustomOp{Name: "x", Run: double.Run, Shape: shape(huge)}, 1},
		"wrong slice": {ErrDType, CustomOp{Name: "x", Shape: double.Shape, Run: func(in, _ []HostView) error {
			_, err := Slice[int64](in[0])
			return err
		}}, 1},
	} {
		live := d.Stats().Live
		err := d.Run(bg, func(s *Scope) error {
			for _, y := range s.DoAll(&c.op, c.n, x) {
				require.NotPanics(t, func() { s.Neg(y) })
			}
			return nil
		})
		require.ErrorIs(t, err, c.kind, name)
		require.ErrorContains(t, err, "(cpu)", name)
		require.Equal(t, live, d.Stats().Live, name)
		_, err = d.Compile(func(s *Scope) error { s.DoAll(&c.op, c.n, x); return nil })
		if name != "run fails" && name != "wrong slice" { // those show when it runs
			require.ErrorIs(t, err, c.kind, name)
		}
	}
	for p := range d.progs {
		require.Error(t, p.Run(bg))
		require.NoError(t, p.Close())
	}
	// A shape function is not asked about operands that are gone.
	picky := *double
	picky.Shape = func(in []Type) ([]Type, error) { return []Type{in[0], in[0]}[in[0].Dims[in[0].Rank-1]-2:][:1], nil }
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Do(&picky, Tensor{}); return nil }), ErrClosed)
}

func TestCustomGradientErrors(t *testing.T) {
	d, other := openTest(t), openTest(t)
	x := tensor(t, d, []float32{1, 2}, 2)
	foreign := tensor(t, other, []float32{1, 2}, 2)
	for name, c := range map[string]struct {
		kind error
		f    func(g *Grad)
	}{
		"none":           {ErrUnsupported, nil},
		"no such input":  {ErrShape, func(g *Grad) { g.To(0, g.In(1)) }},
		"no such output": {ErrShape, func(g *Grad) { g.To(0, g.D(-1)) }},
		"to nowhere":     {ErrShape, func(g *Grad) { g.To(3, g.D(0)) }},
		"no such need":   {ErrShape, func(g *Grad) { g.Needs(9) }},
		"no such type":   {ErrShape, func(g *Grad) { g.InType(9) }},
		"zero":           {ErrClosed, func(g *Grad) { g.To(0, Tensor{}) }},
		"foreign":        {ErrDevice, func(g *Grad) { g.To(0, foreign) }},
		"wrong shape":    {ErrShape, func(g *Grad) { g.To(0, g.Sum(g.D(0))) }},
		"wrong dtype":    {ErrShape, func(g *Grad) { g.To(0, g.Cast(g.D(0), F64)) }},
	} {
		u := *double
		u.Gradient = c.f
		err := d.Run(bg, func(s *Scope) error {
			s.Record(x)
			s.Gradients(s.Sum(s.Do(&u, x)), x)
			return nil
		})
		require.ErrorIs(t, err, c.kind, name)
		require.ErrorContains(t, err, "tandem: double: ", name)
		requireIdle(t, d)
	}
}
