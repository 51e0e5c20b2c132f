package tandem

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Values that no caller should pass are errors of a known kind: nothing panics, and nothing is cut to fewer bits.
func TestImpossibleParameters(t *testing.T) {
	d := openTest(t)
	x := tensor(t, d, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	shape := func(in []Type) ([]Type, error) { return in, nil }
	for name, f := range map[string]func(s *Scope){
		"groups": func(s *Scope) {
			w := s.Fill(F32, 1, 4)
			s.GroupNorm(s.Fill(F32, 1, 1, 4, 2, 2), w, w, 1<<32|2, 1e-5)
		},
		"width": func(s *Scope) {
			s.Rope(s.Fill(F32, 1, 1, 2, 2, 4), s.Iota(I32, 2, 0, 1), RopeOptions{Width: 1<<32 | 4})
		},
		"window": func(s *Scope) {
			q := s.Fill(F32, 1, 1, 2, 2, 4)
			s.Attention(q, q, q, AttentionOptions{Causal: true, Window: -1 << 40})
		},
		"act":               func(s *Scope) { s.BiasAct(x, s.Fill(F32, 1, 3), 77) },
		"product's act":     func(s *Scope) { s.MatMulWith(x, s.Fill(F32, 1, 3, 3), Gemm{Act: 77}) },
		"beta without c":    func(s *Scope) { s.MatMulWith(x, s.Fill(F32, 1, 3, 3), Gemm{Beta: 1}) },
		"no custom op":      func(s *Scope) { s.Do(nil, x) },
		"too many results":  func(s *Scope) { s.DoAll(&CustomOp{Name: "many", Shape: shape}, math.MaxInt, x) },
		"results below one": func(s *Scope) { s.DoAll(&CustomOp{Name: "none", Shape: shape}, math.MinInt, x) },
	} {
		t.Run(name, func(t *testing.T) {
			err := d.Run(bg, func(s *Scope) error { f(s); return nil })
			require.Error(t, err)
			check(t, err)
		})
	}
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		require.Equal(t, []float32{1, 4}, read[float32](t, s, s.SliceStep(x, 1, 0, 3, math.MaxInt)))
		return nil
	}))
}

// What is nil is an error of a known kind.
func TestNil(t *testing.T) {
	d := openTest(t)
	_, err := FromSlice(nil, []float32{1}, 1)
	require.ErrorIs(t, err, ErrDevice)
	_, err = Zeros(nil, F32, 1)
	require.ErrorIs(t, err, ErrDevice)
	_, err = Wrap(nil, []float32{1}, 1)
	require.ErrorIs(t, err, ErrDevice)
	require.ErrorIs(t, (*Device)(nil).Run(bg, func(*Scope) error { return nil }), ErrDevice)
	require.ErrorIs(t, d.Run(bg, nil), ErrScope)
	_, err = d.Compile(nil)
	require.ErrorIs(t, err, ErrScope)
	require.ErrorIs(t, d.Run(bg, func(s *Scope) error { s.Nest(nil); return nil }), ErrScope)
	requireIdle(t, d)
}

// A destination in which two elements share a place has no one result.
func TestOverlappingDestination(t *testing.T) {
	d := openTest(t)
	b := tensor(t, d, make([]float32, 6), 2, 3)
	for _, c := range []struct {
		strides []int
		meet    bool
	}{{[]int{3, 1}, false}, {[]int{1, 2}, false}, {[]int{5, 1}, false}, {[]int{1, 1}, true}, {[]int{0, 1}, true}, {[]int{2, 1}, true}, {[]int{1, 0}, true}} {
		a, err := WrapStrided(d, make([]float32, 20), []int{2, 3}, c.strides)
		require.NoError(t, err)
		err = d.Run(bg, func(s *Scope) error { s.Into(a).AddScalar(b, 1); return nil })
		if c.meet {
			require.ErrorIs(t, err, ErrAlias, "%v", c.strides)
		} else {
			require.NoError(t, err, "%v", c.strides)
		}
		require.NoError(t, a.Close())
	}
}

// A custom op's Shape function may do to its argument what it likes.
func TestShapeFunctionsOwnTheirArgument(t *testing.T) {
	d := openTest(t)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		u := &CustomOp{
			Name: "careless",
			Shape: func(in []Type) ([]Type, error) {
				in[0].Pack() // stretched elements would look like ones in memory
				return in, nil
			},
			Run: func(in, out []HostView) error {
				x, err := Slice[float32](in[0])
				require.NoError(t, err)
				y, err := Slice[float32](out[0])
				require.NoError(t, err)
				copy(y, x)
				return nil
			},
		}
		y := s.Do(u, s.Expand(s.Fill(F32, 3, 1), 4))
		require.Equal(t, []float32{3, 3, 3, 3}, read[float32](t, s, y))
		return nil
	}))
}

func TestNilArguments(t *testing.T) {
	_, err := Open(OnDevice("cpu"), Trace(nil))
	require.ErrorContains(t, err, "nil writer")
	_, err = Open(nil)
	require.ErrorContains(t, err, "nil option")

	d := openTest(t)
	x := tensor(t, d, []float32{1, 2}, 2)
	_, err = x.To(bg, nil)
	require.ErrorIs(t, err, ErrDevice)
	var none context.Context
	_, err = x.To(none, d)
	require.ErrorIs(t, err, ErrScope)
	g, err := NewGroup(d)
	require.NoError(t, err)
	require.ErrorIs(t, g.AllReduce(none, SumOfRanks, x), ErrScope)
	rank, err := g.Rank(0)
	require.NoError(t, err)
	require.ErrorIs(t, rank.AllReduce(none, SumOfRanks, x), ErrScope)
	p, err := d.Compile(func(s *Scope) error { s.Into(x).Add(x, x); return nil })
	require.NoError(t, err)
	p.turn <- struct{}{} // as while another run has its turn
	require.ErrorIs(t, p.Run(none), ErrScope)
	<-p.turn
	require.NoError(t, p.Close())
}

// More threads than a pool can have are as many as it can have.
func TestThreadsBeyondReason(t *testing.T) {
	d, err := Open(OnDevice("cpu"), Threads(math.MaxInt))
	require.NoError(t, err)
	require.NoError(t, d.Run(bg, func(s *Scope) error {
		require.Equal(t, []float32{6}, read[float32](t, s, s.Sum(s.Fill(F32, 2, 3))))
		return nil
	}))
	require.NoError(t, d.Close())
}

// A plan that no memory holds is an error, and the device goes on.
func TestPlanBeyondReason(t *testing.T) {
	d, err := OpenNull()
	require.NoError(t, err)
	sum := func(n int) func(*Scope) error {
		return func(s *Scope) error {
			xs := make([]Tensor, n)
			for i := range xs {
				xs[i] = s.Fill(F32, 1, 1<<44) // the largest tensor there is
			}
			y := xs[0]
			for _, x := range xs[1:] {
				y = s.Add(y, x)
			}
			return nil
		}
	}
	p, err := d.Compile(sum(12))
	require.NoError(t, err)
	require.GreaterOrEqual(t, p.Price().Peak, 12<<46)
	require.NoError(t, p.Close())
	_, err = d.Compile(sum(1100))
	require.ErrorIs(t, err, ErrOutOfMemory)
	require.NoError(t, d.Close())
}

// eventful is a context that does something when it is asked for the n-th time.
type eventful struct {
	context.Context
	n  int
	do func()
}

func (c *eventful) Err() error {
	if c.n--; c.n == 0 {
		c.do()
	}
	return c.Context.Err()
}

func zeros(t *testing.T, d *Device, n int) Tensor {
	x, err := Zeros(d, F32, n)
	require.NoError(t, err)
	return x
}

// When a tensor is closed in the middle of a collective operation, who has its memory next keeps it.
func TestCloseInACollective(t *testing.T) {
	devs := []*Device{openTest(t), openTest(t), openTest(t)}
	last := devs[2]
	g, err := NewGroup(devs...)
	require.NoError(t, err)
	closed := 0
	for name, f := range map[string]func(context.Context, []Tensor, []Tensor) error{
		"broadcast": func(ctx context.Context, big, _ []Tensor) error { return g.Broadcast(ctx, 0, big...) },
		"allreduce": func(ctx context.Context, big, _ []Tensor) error { return g.AllReduce(ctx, SumOfRanks, big...) },
		"allgather": func(ctx context.Context, big, small []Tensor) error { return g.AllGather(ctx, big, small) },
		"reducescatter": func(ctx context.Context, big, small []Tensor) error {
			return g.ReduceScatter(ctx, SumOfRanks, small, big)
		},
	} {
		for at := 1; at < 20; at++ {
			for _, which := range []int{0, 1} {
				both := [2][]Tensor{make([]Tensor, 3), make([]Tensor, 3)}
				for i, d := range devs {
					both[0][i], both[1][i] = zeros(t, d, 300), zeros(t, d, 100)
				}
				x := both[which][2]
				ctx, next := &eventful{Context: bg, n: at}, Tensor{}
				ctx.do = func() {
					require.NoError(t, x.Close())
					nines := make([]float32, x.slot.view.Elems())
					for i := range nines {
						nines[i] = 9
					}
					var err error
					next, err = FromSlice(last, nines, len(nines))
					require.NoError(t, err)
					closed++
				}
				if err := f(ctx, both[0], both[1]); err != nil {
					require.ErrorIs(t, err, ErrClosed)
				}
				if next.Valid() {
					require.NotContains(t, all[float32](t, next), float32(0), "%s, call %d", name, at)
					require.NoError(t, next.Close())
				}
				for _, y := range append(both[0], both[1]...) {
					if y.Valid() {
						require.NoError(t, y.Close())
					}
				}
			}
		}
	}
	require.NotZero(t, closed)
}
