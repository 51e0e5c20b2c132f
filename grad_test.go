package tandem

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireGradients compares the gradients of a loss with finite differences in f64, and a compiled Backward with the
// eager one, to the bit.
func requireGradients(t *testing.T, d *Device, loss func(s *Scope) Tensor, params ...Tensor) {
	t.Helper()
	value := func() float64 {
		var l [1]float64
		require.NoError(t, d.Run(bg, func(s *Scope) error { return Read(s, loss(s), l[:]) }))
		return l[0]
	}
	var grads [][]float64
	step := func(s *Scope) error {
		grads = make([][]float64, len(params))
		s.Record(params...)
		for i, g := range s.Gradients(loss(s), params...) {
			require.Equal(t, params[i].Shape(), g.Shape())
			grads[i] = make([]float64, g.Elems())
			if err := Read(s, g, grads[i]); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, d.Run(bg, step))
	eager := grads
	p, err := d.Compile(step)
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.Equal(t, eager, grads, "a compiled Backward differs")
	require.NoError(t, p.Close())
	const h = 1e-5
	for i, p := range params {
		v := all[float64](t, p)
		for j, old := range v {
			v[j] = old + h
			require.NoError(t, Write(p, v))
			up := value()
			v[j] = old - h
			require.NoError(t, Write(p, v))
			down := value()
			v[j] = old
			require.NoError(t, Write(p, v))
			want := (up - down) / (2 * h)
			require.InDelta(t, want, eager[i][j], 1e-6*(1+math.Abs(want)), "parameter %d element %d", i, j)
		}
	}
}

func normal64(t testing.TB, d *Device, seed uint64, dims ...int) Tensor {
	n := 1
	for _, k := range dims {
		n *= k
	}
	return tensor(t, d, randn[float64](rng(seed), n), dims...)
}

func TestGradientsOfViewsAndBroadcasts(t *testing.T) {
	d := openTest(t)
	x, row, col, one := normal64(t, d, 19, 3, 4), normal64(t, d, 20, 4), normal64(t, d, 21, 3, 1), normal64(t, d, 22)
	c := normal64(t, d, 23, 4, 3)
	weigh := func(s *Scope, y Tensor) Tensor { // a loss that tells elements apart
		return s.Sum(s.Mul(y, s.Sin(s.Reshape(s.Iota(F64, y.Elems(), 1, 1), y.Shape()...))))
	}
	for name, f := range map[string]func(s *Scope) Tensor{
		"reshape":             func(s *Scope) Tensor { return s.Square(s.Reshape(x, 2, -1)) },
		"reshape of permuted": func(s *Scope) Tensor { return s.Square(s.Reshape(s.Transpose(x, 0, 1), 6, 2)) },
		"permute":             func(s *Scope) Tensor { return s.Square(s.Permute(s.Reshape(x, 3, 2, 2), 2, 0, 1)) },
		"slice":               func(s *Scope) Tensor { return s.Square(s.Slice(x, 1, 1, 3)) },
		"slice with step":     func(s *Scope) Tensor { return s.Square(s.SliceStep(x, -1, 0, 4, 3)) },
		"slices that overlap": func(s *Scope) Tensor { return s.Mul(s.Slice(x, 0, 0, 2), s.Slice(x, 0, 1, 3)) },
		"expand":              func(s *Scope) Tensor { return s.Exp(s.Expand(row, 3, 4)) },
		"expand a dimension":  func(s *Scope) Tensor { return s.Exp(s.Expand(col, 2, 3, 4)) },
		"broadcast rows":      func(s *Scope) Tensor { return s.Mul(x, row) },
		"broadcast columns":   func(s *Scope) Tensor { return s.Mul(col, x) },
		"broadcast both":      func(s *Scope) Tensor { return s.Mul(col, row) },
		"broadcast scalar":    func(s *Scope) Tensor { return s.Mul(s.Mul(one, x), s.Add(one, row)) },
		"broadcast product":   func(s *Scope) Tensor { return s.MatMul(s.Expand(s.Reshape(x, 1, 3, 4), 2, 3, 4), c) },
		"repeated use":        func(s *Scope) Tensor { y := s.Mul(x, x); return s.Add(s.Mul(y, y), s.MulScalar(x, 3)) },
		"nested":              func(s *Scope) Tensor { return s.Nest(func(s *Scope) Tensor { return s.Mul(s.Exp(x), s.Sin(x)) }) },
		"released":            func(s *Scope) Tensor { y := s.Exp(x); z := s.Square(y); s.Release(y); return z },
		"into a temporary": func(s *Scope) Tensor {
			y := s.Add(x, row)
			s.Into(y).Add(y, x)
			return s.Square(y)
		},
		"cast": func(s *Scope) Tensor { return s.Square(s.Cast(s.Copy(x), F64)) },
	} {
		t.Run(name, func(t *testing.T) {
			params := []Tensor{x}
			for _, p := range []Tensor{row, col, one, c} {
				if depends(d, f, p) {
					params = append(params, p)
				}
			}
			if !depends(d, f, x) {
				params = params[1:]
			}
			requireGradients(t, d, func(s *Scope) Tensor { return weigh(s, f(s)) }, params...)
		})
	}
}

func depends(d *Device, f func(s *Scope) Tensor, p Tensor) bool {
	return d.Run(bg, func(s *Scope) error {
		s.Record(p)
		s.Gradients(s.Sum(f(s)), p)
		return nil
	}) == nil
}

func TestStopGradient(t *testing.T) {
	d := openTest(t)
	x, y := tensor(t, d, []float64{1, 2}, 2), tensor(t, d, []float64{3, 4}, 2)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Record(x, y)
		g := s.Gradients(s.Sum(s.Mul(s.StopGradient(s.Mul(x, x)), s.Add(x, s.StopGradient(y)))), x, y)
		require.Equal(t, []float64{1, 4}, read[float64](t, s, g[0]))
		require.Equal(t, Tensor{}, g[1], "the loss does not depend on it")
		return nil
	}))
}

// Parameters change in the callback as soon as nothing will read them again: also where the tape holds a parameter's
// memory under another name, as StopGradient and views made before Record do.
func TestUpdatesWaitForTheLastReader(t *testing.T) {
	d := openTest(t)
	p, q := tensor(t, d, []float64{2}, 1), tensor(t, d, []float64{5}, 1)
	step := func(s *Scope) error {
		view := s.Reshape(p, 1) // a constant, as far as the tape knows
		s.Record(p, q)
		y := s.Add(s.Mul(s.StopGradient(p), q), s.Mul(view, q)) // dq = 2 p
		loss := s.Sum(s.Add(y, s.MulScalar(p, 10)))             // dp = 10
		order := ""
		s.Backward(loss, func(x, g Tensor) {
			order += map[Tensor]string{p: "p", q: "q"}[x]
			s.Into(x).Sub(x, g)
		})
		require.Len(t, order, 2)
		return nil
	}
	require.NoError(t, d.Run(bg, step))
	require.Equal(t, []float64{-8}, all[float64](t, p))
	require.Equal(t, []float64{1}, all[float64](t, q), "q's gradient used the old p")
	require.NoError(t, Write(p, []float64{2}))
	require.NoError(t, Write(q, []float64{5}))
	require.NoError(t, compile(t, d, step).Run(bg))
	require.Equal(t, []float64{-8}, all[float64](t, p))
	require.Equal(t, []float64{1}, all[float64](t, q))
}

// A gradient is never computed from a value that was overwritten since: that is an error, in the forward pass and in
// the callback of Backward.
func TestTapeGuardsSavedValues(t *testing.T) {
	d, r := openTest(t), rng(24)
	x, w, v, b := normal(t, d, r, 3, 3), normal(t, d, r, 3, 3), normal(t, d, r, 3, 3), normal(t, d, r, 3, 3)
	nothing := func(_, _ Tensor) {}
	for name, c := range map[string]struct {
		kind error
		f    func(s *Scope)
	}{
		"parameter": {ErrAlias, func(s *Scope) { h := s.MatMul(x, w); s.Into(w).Add(w, x); s.Backward(s.Sum(h), nothing) }},
		"input":     {ErrAlias, func(s *Scope) { h := s.MatMul(x, w); s.Into(x).Add(x, x); s.Backward(s.Sum(h), nothing) }},
		"view":      {ErrAlias, func(s *Scope) { s.MatMul(x, w); s.Into(s.Slice(x, 0, 0, 1)).Fill(F32, 0, 1, 3) }},
		"callback": {ErrAlias, func(s *Scope) {
			h := s.MatMul(s.MatMul(x, w), v)
			s.Backward(s.Sum(h), func(p, _ Tensor) {
				if p == v {
					s.Into(x).Add(x, x) // w's gradient needs it
				}
			})
		}},
		"write into a view":            {ErrUnsupported, func(s *Scope) { y := s.Add(w, w); s.Into(s.Slice(y, 0, 0, 1)).Copy(s.Slice(w, 0, 1, 2)) }},
		"constant into a view":         {ErrUnsupported, func(s *Scope) { y := s.Add(w, w); s.Into(s.Slice(y, 0, 0, 1)).Fill(F32, 1, 1, 3) }},
		"write into a persistent view": {ErrUnsupported, func(s *Scope) { s.Into(s.Slice(b, 0, 0, 1)).Copy(s.Slice(s.Add(w, w), 0, 1, 2)) }},
		"two tapes":                    {ErrScope, func(s *Scope) { s.Record(x) }},
		"loss is a parameter":          {ErrScope, func(s *Scope) { s.BackwardFrom(w, Tensor{}, nothing) }},
		"loss depends on nothing":      {ErrScope, func(s *Scope) { s.Backward(s.Sum(x), nothing) }},
		"loss is no scalar":            {ErrShape, func(s *Scope) { s.Backward(s.Add(w, x), nothing) }},
		"gradient of another shape":    {ErrShape, func(s *Scope) { s.BackwardFrom(s.Add(w, x), s.Sum(x), nothing) }},
		"no tape after Backward":       {ErrScope, func(s *Scope) { l := s.Sum(w); s.Backward(l, nothing); s.Backward(l, nothing) }},
		"no gradient":                  {ErrUnsupported, func(s *Scope) { s.Backward(s.Sum(s.MatMulWith(w, v, Gemm{Act: ActReLU})), nothing) }},
		"masks are constants":          {ErrScope, func(s *Scope) { s.Backward(s.Sum(s.Cast(s.Gt(w, x), F32)), nothing) }},
		"loss is a gone temporary":     {ErrScope, func(s *Scope) { l := s.Sum(w); s.Release(l); s.Backward(l, nothing) }},
		"error in the callback":        {ErrShape, func(s *Scope) { s.Backward(s.Sum(s.Mul(w, v)), func(_, g Tensor) { s.MatMul(g, s.Sum(g)) }) }},
		"callback releases what it may": {nil, func(s *Scope) {
			h := s.Mul(w, v)
			s.Backward(s.Sum(h), func(_, g Tensor) { s.Release(h); s.Release(g) })
		}},
	} {
		before := fmt.Sprint(all[float32](t, w), all[float32](t, x))
		err := d.Run(bg, func(s *Scope) error { s.Record(w, v); c.f(s); return nil })
		if c.kind == nil {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, c.kind, name)
		}
		require.Equal(t, before, fmt.Sprint(all[float32](t, w), all[float32](t, x)), name)
		requireIdle(t, d)
	}
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Record(s.Fill(I32, 0, 1)); return nil }), ErrDType)
}

// A temporary of the scope can be a parameter, dy weighs a result of any shape, and gradients outlive the callback
// where Gradients returns them.
func TestBackwardFrom(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float64{1, 2, 3}, 3)
	dy := tensor(t, d, []float64{10, 20, 30}, 3)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		h := s.Exp(x)
		s.Record(h)
		y := s.Square(h)
		s.BackwardFrom(y, dy, func(p, g Tensor) {
			require.Equal(t, h, p)
			want := read[float64](t, s, s.Mul(s.MulScalar(h, 2), dy))
			require.InDeltaSlice(t, want, read[float64](t, s, g), 1e-12)
		})
		s.Record(x, dy)
		g := s.Gradients(s.Sum(s.Mul(x, s.Mul(dy, s.StopGradient(x)))), x, dy, x)
		for range 10 {
			s.Exp(x)
		}
		require.Equal(t, []float64{10, 40, 90}, read[float64](t, s, g[0]))
		require.Equal(t, []float64{1, 4, 9}, read[float64](t, s, g[1]))
		require.Equal(t, g[0], g[2])
		return nil
	}))
}

// Shared parameters, and gradients that are kept past the run.
func TestSharedParametersAndKeptGradients(t *testing.T) {
	d := openTest(t)
	w, x := normal64(t, d, 25, 4, 4), normal64(t, d, 26, 4, 4)
	requireGradients(t, d, func(s *Scope) Tensor {
		y := x
		for range 3 {
			y = s.Tanh(s.MatMul(y, w))
		}
		return s.Sum(s.Mul(y, s.MatMulNT(w, y)))
	}, w)
	var kept Tensor
	calls := 0
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.Record(w)
		s.Backward(s.Sum(s.Add(s.Mul(w, w), s.Mul(w, w))), func(_, g Tensor) { calls++; kept = s.Keep(g) })
		return nil
	}))
	require.Equal(t, 1, calls)
	want := all[float64](t, w)
	for i := range want {
		want[i] *= 4
	}
	require.InDeltaSlice(t, want, all[float64](t, kept), 1e-12)
	require.NoError(t, kept.Close())
}
