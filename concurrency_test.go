package tandem

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sixteen goroutines on one device: eager runs, Programs, tensors that come and go, writes and reads.
func TestConcurrentUse(t *testing.T) {
	d, r := openTest(t, Threads(2)), rng(28)
	x, w := normal(t, d, r, 4, 8), normal(t, d, r, 8)
	f := func(x Tensor, out []float32) func(s *Scope) error {
		return func(s *Scope) error {
			y := x
			for range 5 {
				y = s.Nest(func(s *Scope) Tensor { return s.Add(y, s.RMSNorm(s.Add(y, y), w, 1e-6)) })
			}
			return Read(s, y, out)
		}
	}
	want := make([]float32, 32)
	require.NoError(t, d.Run(bg, f(x, want)))
	shared := compile(t, d, f(x, make([]float32, 32)))
	data := all[float32](t, x)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			got := make([]float32, 32)
			fail := func(i int, err error) bool {
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Error("goroutine", g, "round", i, err)
					return true
				}
				return false
			}
			for i := range 40 {
				mine, err := FromSlice(d, make([]float32, 32), 4, 8)
				if err == nil {
					err = Write(mine, data)
				}
				if err != nil {
					t.Error(err)
					return
				}
				err = d.Run(bg, func(s *Scope) error {
					y := s.Reshape(mine, 4, 8)
					if i%2 == 0 {
						if err := mine.Close(); err != nil {
							return err
						}
					}
					return f(y, got)(s) // a view keeps the memory for this run
				})
				if fail(i, err) {
					return
				}
				if i%2 == 1 {
					if err := mine.Close(); err != nil {
						t.Error(err)
					}
				}
				if i%8 == 0 {
					if p, err := d.Compile(f(x, got)); err != nil || fail(i, p.Run(bg)) || p.Close() != nil {
						t.Error(err)
						return
					}
				}
				if err := shared.Run(bg); err != nil {
					t.Error(err)
					return
				}
				d.Stats()
				if i%16 == 0 {
					if err := d.Trim(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	requireIdle(t, d)
}

// Another goroutine closes a tensor in mid-run: an op either fails with ErrClosed or sees the old data, whole; a write
// never lands in memory that somebody else has by then.
func TestCloseWhileRunning(t *testing.T) {
	d := openTest(t)
	ones := make([]float32, 64)
	for i := range ones {
		ones[i] = 1
	}
	for range 300 {
		x, err := FromSlice(d, ones, 8, 8)
		require.NoError(t, err)
		var wg sync.WaitGroup
		var y Tensor
		wg.Go(func() {
			_ = x.Close()
			y, err = Zeros(d, F32, 8, 8) // would take x's block, were it free
		})
		wg.Go(func() {
			if err := Write(x, ones); err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
		out := make([]float32, 64)
		runErr := d.Run(bg, func(s *Scope) error { return Read(s, s.MatMul(x, x), out) })
		wg.Wait()
		require.NoError(t, err)
		if runErr == nil {
			require.Equal(t, float32(8), out[0])
			require.Equal(t, float32(8), out[63])
		} else {
			require.ErrorIs(t, runErr, ErrClosed)
		}
		require.Equal(t, make([]float32, 64), all[float32](t, y))
		require.NoError(t, y.Close())
	}
}

// The same without luck: a run that ends meanwhile must not free what an older one may still read.
func TestClosedMemoryWaitsForTheOldestRun(t *testing.T) {
	d, r := openTest(t), rng(29)
	x, err := FromSlice(d, randn[float32](r, 64), 8, 8)
	require.NoError(t, err)
	block := x.slot.view.Block
	fresh := func() *Tensor {
		y, err := Zeros(d, F32, 8, 8)
		require.NoError(t, err)
		return &y
	}
	require.NoError(t, d.Run(bg, func(*Scope) error {
		require.NoError(t, x.Close())
		require.NoError(t, d.Run(bg, func(*Scope) error { return nil }))
		y := fresh()
		require.NotSame(t, block, y.slot.view.Block, "a running scope's memory was given away")
		return y.Close()
	}))
	y, z := fresh(), fresh()
	require.True(t, y.slot.view.Block == block || z.slot.view.Block == block, "memory of a closed tensor never came back")
	closeAll(t, *y, *z)
}

// Runs that are cancelled from outside, again and again, leave a device that works.
func TestConcurrentCancellation(t *testing.T) {
	d, r := openTest(t), rng(30)
	x := normal(t, d, r, 24, 24)
	p := compile(t, d, func(s *Scope) error {
		y := x
		for range 20 {
			y = s.MatMul(y, x)
		}
		return nil
	})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for range 30 {
				ctx, cancel := context.WithCancel(bg)
				done := make(chan error)
				go func() {
					if g%2 == 0 {
						done <- p.Run(ctx)
						return
					}
					done <- d.Run(ctx, func(s *Scope) error {
						for range 20 {
							s.MatMul(x, x)
						}
						return nil
					})
				}()
				cancel()
				if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	requireIdle(t, d)
	require.NoError(t, p.Run(bg))
}
