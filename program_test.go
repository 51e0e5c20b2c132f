package tandem

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func compile(t testing.TB, d *Device, f func(s *Scope) error) *Program {
	p, err := d.Compile(f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// Random programs give the same bits eager and replayed: no two live temporaries overlap, end to end.
func TestRandomProgramsAgreeWithEager(t *testing.T) {
	d, r := openTest(t), rng(15)
	x, w := normal(t, d, r, 6, 8), normal(t, d, r, 8)
	for trial := range 60 {
		seed := r.Uint64()
		f := func(out []float32) func(s *Scope) error {
			return func(s *Scope) error {
				r := rand.New(rand.NewPCG(seed, 7))
				ts := []Tensor{x}
				for range 40 {
					i, j := r.IntN(len(ts)), r.IntN(len(ts))
					a, b := ts[i], ts[j]
					var y Tensor
					switch r.IntN(8) {
					case 0:
						y = s.Add(a, b)
					case 1:
						y = s.RMSNorm(a, w, 1e-6)
					case 2:
						y = s.SwiGLU(a, b)
					case 3:
						y = s.Reshape(s.Transpose(s.Softmax(a), 0, 1), 6, 8)
					case 4:
						y = s.Nest(func(s *Scope) Tensor { return s.Add(s.Softmax(a), s.RMSNorm(b, w, 1e-6)) })
					case 5:
						y = s.Copy(a)
						s.Into(s.Slice(y, 1, 2, 5)).Neg(s.Slice(b, 1, 0, 3))
					case 6:
						y = s.Cast(s.Cast(a, F16), F32)
					case 7:
						y = s.Softmax(s.SliceStep(s.Expand(s.Reshape(a, 6, 1, 8), 6, 2, 8), 1, 0, 2, 2))
						y = s.Reshape(y, 6, 8)
					}
					if i > 0 && r.IntN(3) == 0 {
						s.Release(a)
						ts[i] = y
					} else {
						ts = append(ts, y)
					}
				}
				return Read(s, s.Add(ts[len(ts)-1], ts[len(ts)/2]), out)
			}
		}
		eager, replayed := make([]float32, 48), make([]float32, 48)
		require.NoError(t, d.Run(bg, f(eager)), "seed %d", seed)
		p, err := d.Compile(f(replayed))
		require.NoError(t, err)
		require.LessOrEqual(t, p.Price().Bound, p.Price().Peak)
		for range 2 {
			clear(replayed)
			require.NoError(t, p.Run(bg))
			require.Equal(t, eager, replayed, "trial %d, seed %d", trial, seed)
		}
		require.NoError(t, p.Close())
	}
}

// A cache and a position live on the device: each replay appends, and the host may move the position between two runs.
func TestStateLivesOnTheDevice(t *testing.T) {
	d := openTest(t)
	state := tensor(t, d, []float32{0, 0}, 2)
	step, lr := tensor(t, d, []int32{0}, 1), tensor(t, d, []float32{1}, 1)
	one := tensor(t, d, []int32{1}, 1)
	out, at := make([]float32, 2), make([]int32, 1)
	p := compile(t, d, func(s *Scope) error {
		ones := s.Fill(F32, 1, 2)
		s.Into(state).AddScaled(state, ones, lr)
		s.Into(step).Add(step, one)
		if err := Read(s, state, out); err != nil {
			return err
		}
		s.Into(state).MulScalar(state, 2) // after the read
		return Read(s, step, at)
	})
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{1, 1}, out)
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{3, 3}, out)
	require.NoError(t, Write(lr, []float32{0.5}))
	require.NoError(t, Write(step, []int32{7}))
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{6.5, 6.5}, out)
	require.Equal(t, []int32{8}, at)
	require.Equal(t, []float32{13, 13}, all[float32](t, state))
}

func TestProgramReads(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2, 3, 4}, 2, 2)
	half := make([]float32, 4)
	turned, none := make([]float32, 4), []float32{}
	p := compile(t, d, func(s *Scope) error {
		require.NoError(t, Read(s, s.Cast(x, F16), half))
		require.NoError(t, Read(s, s.Transpose(x, 0, 1), turned))
		require.NoError(t, Read(s, s.Slice(x, 0, 1, 1), none))
		require.ErrorIs(t, d.Run(bg, func(s *Scope) error { return Read(s, x, half[:3]) }), ErrShape)
		return nil
	})
	require.Equal(t, make([]float32, 4), turned, "nothing runs while it is recorded")
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{1, 2, 3, 4}, half)
	require.Equal(t, []float32{1, 3, 2, 4}, turned)
	_, err := d.Compile(func(s *Scope) error { return Read(s, x, make([]int32, 4)) })
	require.ErrorIs(t, err, ErrDType)
}

func TestProgramEnds(t *testing.T) {
	d := openTest(t)
	x, err := FromSlice(d, []float32{1, 2}, 2)
	require.NoError(t, err)
	p, err := d.Compile(func(s *Scope) error { s.Slice(s.Exp(s.Transpose(s.Reshape(x, 1, 2), 0, 1)), 0, 0, 1); return nil })
	require.NoError(t, err)
	require.NoError(t, p.Run(bg))
	require.NoError(t, x.Close())
	require.ErrorIs(t, p.Run(bg), ErrClosed)
	require.EqualError(t, p.Run(bg), "tandem: program: a tensor it uses is closed: closed")
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Close(), ErrClosed)
	require.ErrorIs(t, p.Run(bg), ErrClosed)

	boom := errors.New("boom")
	for name, c := range map[string]struct {
		kind error
		f    func(s *Scope) error
	}{
		"own error":   {boom, func(*Scope) error { return boom }},
		"misuse":      {ErrClosed, func(s *Scope) error { s.Add(x, x); return nil }},
		"unused into": {ErrScope, func(s *Scope) error { s.Into(s.Fill(F32, 0, 2)); return nil }},
	} {
		_, err := d.Compile(c.f)
		require.ErrorIs(t, err, c.kind, name)
	}
	// Only empty temporaries, and none at all.
	for _, f := range []func(s *Scope) error{
		func(s *Scope) error { s.Neg(s.Fill(F32, 0, 0, 4)); return nil },
		func(*Scope) error { return nil },
	} {
		p := compile(t, d, f)
		require.NoError(t, p.Run(bg))
	}
}

// slow is an op that tells when it runs and waits for leave.
func slow(entered chan<- struct{}, leave <-chan struct{}) *CustomOp {
	return &CustomOp{
		Name:  "slow",
		Shape: func(in []Type) ([]Type, error) { return in[:1:1], nil },
		Run:   func(_, _ []HostView) error { entered <- struct{}{}; <-leave; return nil },
	}
}

// Runs of one Program take turns; one that waits leaves when its context ends, and Close waits for its turn too.
func TestProgramTurns(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2}, 2)
	entered, leave := make(chan struct{}), make(chan struct{})
	op := slow(entered, leave)
	p, err := d.Compile(func(s *Scope) error { s.Do(op, x); return nil })
	require.NoError(t, err)
	errs := make(chan error, 3)
	go func() { errs <- p.Run(bg) }()
	<-entered
	ctx, cancel := context.WithCancel(bg)
	go func() { errs <- p.Run(ctx) }()
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled, "the one that waits, not the one that runs")
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	select {
	case <-closed:
		t.Fatal("closed in mid-run")
	case leave <- struct{}{}:
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-closed)
	require.ErrorIs(t, p.Run(bg), ErrClosed)
}

// A context that ends in mid-run leaves out the nodes that have not begun, and the Program is as good as before.
func TestProgramCancelled(t *testing.T) {
	d := openTest(t)
	x, y := tensor(t, d, []float32{1, 2}, 2), tensor(t, d, []float32{0, 0}, 2)
	entered, leave := make(chan struct{}, 1), make(chan struct{}, 1)
	op := slow(entered, leave)
	p := compile(t, d, func(s *Scope) error { s.Do(op, x); s.Into(y).Add(x, x); return nil })
	ctx, cancel := context.WithCancel(bg)
	errs := make(chan error)
	go func() { errs <- p.Run(ctx) }()
	<-entered
	cancel()
	leave <- struct{}{}
	require.ErrorIs(t, <-errs, context.Canceled)
	require.Equal(t, []float32{0, 0}, all[float32](t, y))
	leave <- struct{}{}
	require.NoError(t, p.Run(bg))
	require.Equal(t, []float32{2, 4}, all[float32](t, y))
	require.ErrorIs(t, p.Run(ctx), context.Canceled)
}

// Several Programs of one device run at the same time, each with its own memory.
func TestProgramsRunBesideEachOther(t *testing.T) {
	d, r := openTest(t), rng(16)
	x := normal(t, d, r, 20, 20)
	var wg sync.WaitGroup
	for g := range 6 {
		out := make([]float32, 400)
		p := compile(t, d, func(s *Scope) error {
			y := s.AddScalar(x, float64(g))
			for range 5 {
				y = s.Softmax(s.MatMul(y, x))
			}
			return Read(s, y, out)
		})
		require.NoError(t, p.Run(bg))
		want := append([]float32(nil), out...)
		wg.Go(func() {
			for range 50 {
				clear(out)
				if err := p.Run(bg); err != nil || fmt.Sprint(out) != fmt.Sprint(want) {
					t.Error("program", g, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
