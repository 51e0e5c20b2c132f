package tandem

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// heap is the allocations and bytes per call of f in a steady state.
func heap(n int, f func()) (allocs, bytes float64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 3 {
		f()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
}

// requireNoHeap allows for what the runtime itself allocates now and then, less than one object in ten calls.
func requireNoHeap(t *testing.T, n int, f func()) {
	t.Helper()
	allocs, bytes := heap(n, f)
	require.Less(t, allocs, 0.1, "allocations per call; %v bytes", bytes)
	require.Less(t, bytes, 8.0, "bytes per call; %v allocations", allocs)
}

// smallCases is one small case of each op in the vocabulary, from the suite that holds every backend to the oracle.
func smallCases() map[string]parity.Case {
	small := map[string]parity.Case{}
	size := func(c *parity.Case) (n int) {
		for i := range c.In {
			n += c.In[i].Bytes()
		}
		return n
	}
	for _, c := range parity.Cases() {
		n := size(&c)
		if old, ok := small[c.Op.Name()]; n > 0 && (!ok || n < size(&old)) || len(c.In) == 0 && !ok {
			small[c.Op.Name()] = c
		}
	}
	return small
}

// upload makes contiguous tensors of a case's inputs.
func upload(t *testing.T, d *Device, c parity.Case) (in []Tensor) {
	for _, a := range c.Inputs() {
		x, err := Empty(d, a.DType, a.Shape()...)
		require.NoError(t, err)
		copy(x.slot.view.Block.Bytes, a.Encode(nil))
		in = append(in, x)
	}
	return in
}

// Every op in the vocabulary runs in a steady loop without touching the Go heap, by the path that emit takes; so does
// its replay in a Program.
func TestNoOpTouchesTheHeap(t *testing.T) {
	d := openTest(t, Threads(1))
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	cases := smallCases()
	for _, o := range op.All() {
		if _, view := o.(op.Window); view {
			continue // no kernel; see TestNoMethodTouchesTheHeap
		}
		if o.Kind() == op.KindPack {
			continue // once for each weight, not in a loop
		}
		t.Run(o.Name(), func(t *testing.T) {
			c, ok := cases[o.Name()]
			if !ok {
				t.Skip("parity has no case of it")
			}
			in := upload(t, d, c)
			defer func() {
				for _, x := range in {
					require.NoError(t, x.Close())
				}
			}()
			types := make([]op.Type, len(in))
			for i, x := range in {
				types[i] = x.Type()
			}
			inferred, err := c.Op.Infer(nil, types)
			require.NoError(t, err)
			out := make([]Tensor, len(inferred))
			body := func(s *Scope) error {
				s.run(s.next(), c.Op, in, out)
				for _, x := range out {
					s.Release(x)
				}
				return s.Err()
			}
			err = d.Run(ctx, body)
			if errors.Is(err, ErrUnsupported) {
				t.Skip(err)
			}
			require.NoError(t, err)
			require.NoError(t, d.Run(ctx, func(s *Scope) error {
				requireNoHeap(t, 50, func() { _ = body(s) })
				require.Empty(t, s.stack)
				return s.Err()
			}))
			p, err := d.Compile(body)
			require.NoError(t, err)
			requireNoHeap(t, 50, func() { _ = p.Run(ctx) })
			require.NoError(t, p.Run(ctx))
			require.NoError(t, p.Close())
		})
	}
}

// The methods themselves: parameters built on the stack, variadic dimensions, Nest's closure, Into, Read.
func TestNoMethodTouchesTheHeap(t *testing.T) {
	d, r := openTest(t), rng(12)
	x, w, m, dst := normal(t, d, r, 2, 8), normal(t, d, r, 8), normal(t, d, r, 8, 8), normal(t, d, r, 2, 8)
	lr, wide := tensor(t, d, []float32{0.5}, 1), tensor(t, d, make([]float32, 32), 4, 8)
	half, err := Zeros(d, BF16, 2, 8)
	require.NoError(t, err)
	defer func() { require.NoError(t, half.Close()) }()
	key := tensor(t, d, []int64{1, 2, 3}, 3)
	out := make([]float32, 16)
	layer := func(s *Scope) error {
		y := x
		for range 5 {
			y = s.Nest(func(s *Scope) Tensor {
				h := s.RMSNorm(y, w, 1e-6)
				g := s.SwiGLU(s.MatMul(h, m), h)
				s.Release(h)
				return s.Add(y, g)
			})
		}
		s.Into(dst).Add(y, x)
		s.Into(s.SliceStep(wide, 0, 0, 4, 2)).SubScaled(y, x, lr)
		s.Softmax(s.Transpose(s.Reshape(y, 4, 4), 0, 1)) // copies its operand
		s.Into(s.Transpose(s.Slice(wide, 1, 0, 2), 0, 1)).Softmax(s.Slice(y, 1, 3, 7))
		s.Sum(s.Permute(s.Expand(y, 3, 2, 8), 2, 0, 1), 0, -1)
		s.MatMulWith(y, m, Gemm{Bias: w, Act: ActSiLU})
		s.Where(s.Gt(y, s.Fill(F32, 0)), y, s.Uniform(key, 0, 1, 2, 8))
		return Read(s, s.Cast(y, F32), out)
	}
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	requireNoHeap(t, 200, func() { require.NoError(t, d.Run(bg, layer)) })
	requireNoHeap(t, 200, func() { _ = d.Run(ctx, layer) })
	p, err := d.Compile(layer)
	require.NoError(t, err)
	requireNoHeap(t, 200, func() { _ = p.Run(ctx) })
	require.NoError(t, p.Run(ctx))
	require.NoError(t, p.Close())
	requireNoHeap(t, 200, func() { _ = Write(lr, out[:1]) })

	// One scope that never ends, as a server's decode loop might have.
	require.NoError(t, d.Run(ctx, func(s *Scope) error {
		keep := s.Add(x, x)
		y := s.Add(x, x)
		stack := 0
		requireNoHeap(t, 2000, func() {
			next := s.Nest(func(n *Scope) Tensor { // y is let go from inside
				z := n.RMSNorm(n.Add(y, x), w, 1e-6)
				n.Release(y)
				return z
			})
			y = next
			s.Release(s.Nest(func(n *Scope) Tensor { return n.Softmax(n.Transpose(n.Reshape(keep, 4, 4), 0, 1)) }))
			view := s.Transpose(dst, 0, 1)
			s.Release(s.Softmax(view)) // copies its operand
			s.Into(view).Transpose(y, 0, 1)
			s.Release(view)
			_ = Read(s, half, out)
			_ = Read(s, y, out)
			stack = max(stack, len(s.stack))
		})
		require.Less(t, stack, 8, "the arena's stack does not grow")
		return s.Err()
	}))
}

// Parameters live in the words of a node: without pointers, which the collector would not see there, and small enough.
func TestParametersFitANode(t *testing.T) {
	seen := map[op.Kind]bool{}
	for _, o := range op.All() {
		p := reflect.TypeOf(o).Elem()
		require.False(t, hasPointers(p), "%s has pointers", o.Name())
		require.LessOrEqual(t, int(p.Size()), 8*op.ParamWords, o.Name())
		seen[o.Kind()] = true
	}
	for k := op.KindCustom + 1; k < op.NumKinds; k++ {
		require.True(t, seen[k], "op.All lacks kind %d", k)
	}
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Array:
		return hasPointers(t.Elem())
	}
	return t.Kind() > reflect.Complex128
}
