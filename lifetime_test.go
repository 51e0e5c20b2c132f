package tandem

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every way to use a handle after its time, in the wrong place or on the wrong device is a typed error with a text
// that says what is wrong, and the shapes of what follows are still those of the first operand or better.
func TestMisusedHandles(t *testing.T) {
	d, other, r := openTest(t), openTest(t), rng(3)
	a, b, foreign := normal(t, d, r, 4, 8), normal(t, d, r, 8, 3), normal(t, other, r, 8, 3)
	closed, err := FromSlice(d, make([]float32, 24), 8, 3)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, closed.Close(), ErrClosed)
	require.ErrorIs(t, Tensor{}.Close(), ErrClosed)
	var escaped Tensor
	require.NoError(t, d.Run(bg, func(s *Scope) error { escaped = s.MatMul(a, b); return nil }))
	require.False(t, escaped.Valid())
	require.ErrorIs(t, escaped.Close(), ErrClosed)

	for _, c := range []struct {
		name string
		kind error
		text string
		f    func(s *Scope) Tensor
	}{
		{"closed", ErrClosed, "tandem: matmul: a is f32[4,8], b is gone: operand 1: it is closed (cpu)",
			func(s *Scope) Tensor { return s.MatMul(a, closed) }},
		{"zero", ErrClosed, "tandem: matmul: a is f32[4,8], b is gone: operand 1: the zero Tensor (cpu)",
			func(s *Scope) Tensor { return s.MatMul(a, Tensor{}) }},
		{"first", ErrClosed, "tandem: matmul: a is gone: operand 0: the zero Tensor (cpu)",
			func(s *Scope) Tensor { return s.MatMul(Tensor{}, b) }},
		{"device", ErrDevice, "tandem: matmul: a is f32[4,8], b is f32[8,3]: operand 1: it is on cpu; see Scope.From (cpu)",
			func(s *Scope) Tensor { return s.MatMul(a, foreign) }},
		{"escaped", ErrScope, "tandem: add: a is gone: operand 0: it was released or its scope is over (cpu)",
			func(s *Scope) Tensor { return s.Add(escaped, escaped) }},
		{"released", ErrScope, "tandem: add: a is gone: operand 0: it was released or its scope is over (cpu)",
			func(s *Scope) Tensor { x := s.MatMul(a, b); s.Release(x); return s.Add(x, x) }},
		{"nested", ErrScope, "tandem: add: a is gone: operand 0: it was released or its scope is over (cpu)",
			func(s *Scope) Tensor {
				var in Tensor
				s.Nest(func(s *Scope) Tensor { in = s.MatMul(a, b); return Tensor{} })
				return s.Add(in, in)
			}},
		{"outer scope", ErrScope, "tandem: matmul: this scope is over, or one nested in it is running (cpu)",
			func(s *Scope) Tensor { return s.Nest(func(*Scope) Tensor { return s.MatMul(a, b) }) }},
		{"outer release", ErrScope, "tandem: release: this scope is over, or one nested in it is running (cpu)",
			func(s *Scope) Tensor {
				return s.Nest(func(n *Scope) Tensor { x := n.Add(a, a); s.Release(x); return x })
			}},
		{"keep closed", ErrClosed, "tandem: keep: it is closed (cpu)", func(s *Scope) Tensor { return s.Keep(closed) }},
		{"stop closed", ErrClosed, "tandem: stopgradient: it is closed (cpu)", func(s *Scope) Tensor { return s.StopGradient(closed) }},
		{"record closed", ErrClosed, "tandem: record: it is closed (cpu)", func(s *Scope) Tensor { s.Record(closed); return a }},
		{"into closed", ErrClosed, "tandem: into: it is closed (cpu)", func(s *Scope) Tensor { return s.Into(closed).Add(b, b) }},
		{"into foreign", ErrDevice, "tandem: into: it is on cpu; see Scope.From (cpu)", func(s *Scope) Tensor { return s.Into(foreign).Add(b, b) }},
		{"shape", ErrShape, "tandem: matmul: a is f32[8,3], b is f32[4,8]: inner dimensions 3 and 4 differ (cpu)",
			func(s *Scope) Tensor { return s.MatMul(b, a) }},
		{"dtype", ErrDType, "tandem: add: a is f32[4,8], b is i32[4,8]: dtypes f32 and i32 differ; see Cast (cpu)",
			func(s *Scope) Tensor { return s.Add(a, s.Cast(a, I32)) }},
		{"other scope", ErrScope, "tandem: add: a is f32[4,3], b is f32[4,3]: operand 0: it lives in another scope (cpu)",
			func(s *Scope) Tensor {
				x := s.MatMul(a, b)
				s.err = d.Run(bg, func(s *Scope) error { s.Add(x, x); return nil })
				return x
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			live := d.Stats().Live
			err := d.Run(bg, func(s *Scope) error {
				y := c.f(s)
				for range 3 {
					y = s.Add(y, y)
				}
				require.NotZero(t, y.Dim(0)*y.Dim(1)*y.Dim(5)*y.Elems())
				require.Equal(t, s.Err(), Read(s, a, make([]float32, 32)), "Read reports the sticky error")
				return errors.New("the scope's own error comes first")
			})
			var oe *OpError
			require.ErrorIs(t, err, c.kind)
			require.ErrorAs(t, err, &oe)
			require.Equal(t, d.Name(), oe.Device)
			if c.name != "other scope" {
				require.EqualError(t, err, c.text)
			}
			requireIdle(t, d)
			require.Equal(t, live, d.Stats().Live)
		})
	}
}

func TestClosedHandlesAnswer(t *testing.T) {
	d := openTest(t)
	x, err := Zeros(d, F32, 2, 3)
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, x.Shape())
	require.Equal(t, "f32[2,3] on cpu", x.String())
	require.NoError(t, x.Close())
	for _, x := range []Tensor{x, {}} {
		require.False(t, x.Valid())
		require.Equal(t, Type{}, x.Type())
		require.Zero(t, x.DType())
		require.Zero(t, x.Rank())
		require.Equal(t, 1, x.Dim(-1))
		require.Equal(t, 1, x.Elems())
		require.Equal(t, "closed tensor", x.String())
		require.ErrorIs(t, Write(x, []float32{1}), ErrClosed)
		_, err := ReadAll[float32](x)
		require.ErrorIs(t, err, ErrClosed)
		_, err = Bytes[float32](x)
		require.ErrorIs(t, err, ErrClosed)
	}
	require.Equal(t, d, x.Device())
	require.Nil(t, Tensor{}.Device())
}

// After an error every op still knows its shape, each result of an op with several its own.
func TestShapesGoOnAfterAnError(t *testing.T) {
	d, r := openTest(t), rng(4)
	a, b, g := normal(t, d, r, 4, 8), normal(t, d, r, 8, 3), normal(t, d, r, 8)
	pair := &CustomOp{Name: "pair", Shape: func(in []Type) ([]Type, error) {
		return []Type{in[0], in[0].With(I32)}, nil
	}}
	err := d.Run(bg, func(s *Scope) error {
		s.MatMul(b, b)
		require.Equal(t, []int{4, 3}, s.MatMul(a, b).Shape())
		require.Equal(t, []int{8, 4}, s.Transpose(a, 0, 1).Shape())
		require.Equal(t, []int{2, 16}, s.Reshape(s.RMSNorm(a, g, 1e-6), 2, -1).Shape())
		require.Equal(t, []int{4, 2}, s.Slice(s.Nest(func(s *Scope) Tensor { return s.Exp(a) }), 1, 0, 2).Shape())
		require.Equal(t, I32, s.Cast(a, I32).DType())
		require.Equal(t, []int{5}, s.Fill(F32, 0, 5).Shape())
		two := s.DoAll(pair, 2, a)
		require.Equal(t, F32, two[0].DType())
		require.Equal(t, I32, two[1].DType())
		require.Equal(t, []int{8, 3}, s.Gradients(a, b)[0].Shape())
		require.Equal(t, a.Shape(), s.Keep(a).Shape())
		return nil
	})
	require.ErrorIs(t, err, ErrShape)
}

func TestScopesEnd(t *testing.T) {
	d, r := openTest(t), rng(5)
	a, b := normal(t, d, r, 2, 2), normal(t, d, r, 2, 2)
	var gone *Scope
	for name, f := range map[string]func(s *Scope) error{
		"into unused":     func(s *Scope) error { s.Into(a); return nil },
		"into used twice": func(s *Scope) error { i := s.Into(b); i.Add(a, a); i.Add(a, a); return nil },
		"nest over": func(s *Scope) error {
			s.Nest(func(n *Scope) Tensor { gone = n; return a })
			gone.Add(a, a)
			return nil
		},
		"nest in outer": func(s *Scope) error {
			s.Nest(func(*Scope) Tensor { return s.Nest(func(n *Scope) Tensor { return n.Add(a, a) }) })
			return nil
		},
		"keep in outer":   func(s *Scope) error { s.Nest(func(*Scope) Tensor { return s.Keep(a) }); return nil },
		"read in outer":   func(s *Scope) error { s.Nest(func(*Scope) Tensor { read4(s, a); return a }); return nil },
		"record in outer": func(s *Scope) error { s.Nest(func(*Scope) Tensor { s.Record(a); return a }); return nil },
	} {
		require.ErrorIs(t, d.Run(bg, f), ErrScope, name)
		requireIdle(t, d)
	}
	require.NoError(t, d.Run(bg, func(s *Scope) error { gone = s; return nil }))
	gone.Add(a, a)
	require.ErrorIs(t, gone.Err(), ErrScope)
	require.ErrorIs(t, read4(gone, a), ErrScope)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Add(a, a); return nil }), "an arena forgets its errors")
}

func read4(s *Scope, x Tensor) error { return Read(s, x, make([]float32, 4)) }

// A panic in the user's function gives everything back.
func TestPanicInARun(t *testing.T) {
	d, r := openTest(t), rng(6)
	a := normal(t, d, r, 2, 2)
	live := d.Stats().Live
	blow := func(s *Scope) error {
		s.Record(a)
		s.Nest(func(s *Scope) Tensor { s.Into(s.Add(a, a)); s.Keep(a); panic("boom") })
		return nil
	}
	require.PanicsWithValue(t, "boom", func() { _ = d.Run(bg, blow) })
	require.PanicsWithValue(t, "boom", func() { _, _ = d.Compile(blow) })
	requireIdle(t, d)
	require.Equal(t, live, d.Stats().Live)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Into(a).Add(a, a); return nil }))
}

func TestContexts(t *testing.T) {
	d, r := openTest(t), rng(7)
	x := normal(t, d, r, 16, 16)
	ctx, cancel := context.WithCancel(bg)
	ops := 0
	err := d.Run(ctx, func(s *Scope) error {
		require.Equal(t, ctx, s.Context())
		for y := x; s.Err() == nil && ops < 1e6; ops++ {
			y = s.Nest(func(s *Scope) Tensor { return s.MatMul(y, x) })
			if ops == 10 {
				cancel()
			}
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 12, ops)
	require.ErrorContains(t, err, "tandem: matmul")
	requireIdle(t, d)

	late, stop := context.WithTimeout(bg, time.Millisecond)
	defer stop()
	<-late.Done()
	require.ErrorIs(t, d.Run(late, func(s *Scope) error { s.Add(x, x); return nil }), context.DeadlineExceeded)
	require.NoError(t, d.Run(late, func(*Scope) error { return nil }), "nothing was left undone")
	//lint:ignore SA1012 the nil context is what is tested
	require.ErrorIs(t, d.Run(nil, func(*Scope) error { return nil }), ErrScope)
	require.NoError(t, d.Run(bg, func(s *Scope) error { s.Add(x, x); return nil }))
}

func TestDeviceClose(t *testing.T) {
	before := runtime.NumGoroutine()
	d, err := Open(OnDevice("cpu"), Threads(4))
	require.NoError(t, err)
	x, err := FromSlice(d, make([]float32, 300*300), 300, 300)
	require.NoError(t, err)
	p, err := d.Compile(func(s *Scope) error { s.Keep(s.MatMul(s.MatMul(x, x), x)); return nil })
	require.NoError(t, err)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		s.MatMul(x, x)
		require.ErrorContains(t, d.Close(), "1 runs are still in progress")
		return nil
	}))
	require.NoError(t, p.Run(bg))
	require.NoError(t, d.Close())
	require.Zero(t, d.Stats().Reserved, "programs and tensors give their memory back")
	require.Zero(t, d.Stats().Live)
	require.ErrorIs(t, d.Close(), ErrClosed)
	require.ErrorIs(t, d.Run(bg, func(*Scope) error { return nil }), ErrClosed)
	require.ErrorIs(t, p.Run(bg), ErrClosed)
	require.ErrorIs(t, x.Close(), ErrClosed)
	require.ErrorIs(t, Write(x, make([]float32, 300*300)), ErrClosed)
	require.NoError(t, p.Close())
	_, err = Zeros(d, F32, 1)
	require.ErrorIs(t, err, ErrClosed)
	_, err = d.Compile(func(*Scope) error { return nil })
	require.ErrorIs(t, err, ErrClosed)
	for range 1000 { // an ended goroutine is counted for a moment
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before, "goroutines outlive their device")
}
