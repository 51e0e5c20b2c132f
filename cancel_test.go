package tandem

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// patient is a context that ends when it has been asked a number of times.
type patient struct {
	context.Context
	left atomic.Int64
}

func (c *patient) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A long op looks at its context more than once, with one thread too: what it had not begun is left as it was.
func TestLongOpsStop(t *testing.T) {
	const n = 1024
	for _, threads := range []int{1, 2} {
		d, r := openTest(t, Threads(threads)), rng(42)
		x, dst := normal(t, d, r, n, n), tensor(t, d, make([]float32, n*n), n, n)
		for name, f := range map[string]func(s *Scope){
			"exp":     func(s *Scope) { s.Exp(x) },
			"softmax": func(s *Scope) { s.Softmax(x) },
			"matmul":  func(s *Scope) { s.MatMul(x, x) },
			"cumsum":  func(s *Scope) { s.CumSum(x, 0) },
		} {
			require.NoError(t, Write(dst, make([]float32, n*n)))
			ctx := &patient{Context: bg}
			ctx.left.Store(4)
			err := d.Run(ctx, func(s *Scope) error { f(s.Into(dst)); return nil })
			require.ErrorIs(t, err, context.Canceled, name)
			unwritten := 0
			for _, v := range all[float32](t, dst) {
				if v == 0 {
					unwritten++
				}
			}
			require.NotZero(t, unwritten, "%s, %d threads", name, threads)
			requireIdle(t, d)
			require.NoError(t, d.Run(bg, func(s *Scope) error { f(s.Into(dst)); return nil }), "and the device goes on")
		}
	}
}

// An op on one line that no thread can share looks at its context on the way, too.
func TestOpsOnOneLineStop(t *testing.T) {
	const n = 1 << 19
	d, r := openTest(t, Threads(2)), rng(43)
	x, flat := normal(t, d, r, 1, n), normal(t, d, r, n/4, 4)
	whole := tensor(t, d, make([]int64, n), 1, n)
	ends := tensor(t, d, []int32{0, n / 4}, 2)
	for name, f := range map[string]func(s *Scope){
		"cumsum":          func(s *Scope) { s.CumSum(x, 1) },
		"cumsum.i64":      func(s *Scope) { s.CumSum(whole, 1) },
		"segment.softmax": func(s *Scope) { s.SegmentSoftmax(flat, ends) },
	} {
		ctx := &patient{Context: bg}
		ctx.left.Store(1 << 30)
		require.NoError(t, d.Run(ctx, func(s *Scope) error { f(s); return nil }))
		asked := 1<<30 - ctx.left.Load()
		require.Greater(t, asked, int64(6), "%s asked its context %d times", name, asked)
		ctx.left.Store(asked - 2)
		require.ErrorIs(t, d.Run(ctx, func(s *Scope) error { f(s); return nil }), context.Canceled, name)
		requireIdle(t, d)
	}
}
