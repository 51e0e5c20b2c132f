package tandem

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFromAndTo(t *testing.T) {
	a, b, null := openTest(t), openTest(t, Variant("generic")), openNull(t)
	r := rng(31)
	x := normal(t, a, r, 3, 4)
	for _, dt := range []DType{F64, F32, F16, BF16, I64, I32, I8, U8, Bool} {
		var src Tensor
		require.NoError(t, a.Run(bg, func(s *Scope) error { src = s.Keep(s.Cast(s.MulScalar(x, 3), dt)); return nil }))
		dst, err := src.To(bg, b)
		require.NoError(t, err)
		require.Equal(t, src.Type(), dst.Type())
		require.Equal(t, b, dst.Device())
		require.Equal(t, src.slot.view.Block.Bytes[:dst.slot.view.Bytes()], dst.slot.view.Block.Bytes[:dst.slot.view.Bytes()])
		own, err := src.To(bg, a)
		require.NoError(t, err)
		require.NotEqual(t, own, src, "To copies on one device too")
		require.NoError(t, b.Run(bg, func(s *Scope) error {
			require.Equal(t, dst, s.From(dst), "From does not")
			eq := s.Eq(s.From(src), dst)
			for _, same := range read[bool](t, s, eq) {
				require.True(t, same, "%v", dt)
			}
			return nil
		}))
		closeAll(t, src, dst, own)
	}
	empty, err := Zeros(a, F32, 0, 3)
	require.NoError(t, err)
	moved, err := empty.To(bg, b)
	require.NoError(t, err)
	require.Equal(t, []int{0, 3}, moved.Shape())
	paper, err := x.To(bg, null)
	require.NoError(t, err)
	closeAll(t, empty, moved, paper)

	closed, err := Zeros(a, F32, 1)
	require.NoError(t, err)
	closeAll(t, closed)
	var packed Tensor
	require.NoError(t, a.Run(bg, func(s *Scope) error { packed = s.Keep(s.Pack(x)); return nil }))
	cancelled, cancel := context.WithCancel(bg)
	cancel()
	_, err = x.To(cancelled, b)
	require.ErrorIs(t, err, context.Canceled)
	for name, c := range map[string]struct {
		kind error
		x    Tensor
	}{"closed": {ErrClosed, closed}, "zero": {ErrClosed, Tensor{}}, "packed": {ErrUnsupported, packed}} {
		_, err := c.x.To(bg, b)
		require.ErrorIs(t, err, c.kind, name)
		err = b.Run(bg, func(s *Scope) error { s.Neg(s.From(c.x)); return nil })
		require.ErrorIs(t, err, c.kind, name)
	}
	require.ErrorIs(t, a.Run(bg, func(s *Scope) error {
		y := s.Neg(x)
		return b.Run(bg, func(s *Scope) error { require.Equal(t, []int{3, 4}, s.From(y).Shape()); return nil })
	}), ErrScope)
	_, err = b.Compile(func(s *Scope) error { s.From(x); return nil })
	require.ErrorIs(t, err, ErrUnsupported)
	closeAll(t, packed)
}

// ranks makes a group over three devices, two ranks on the first.
func ranks(t *testing.T) (*Group, []*Device) {
	a, b, c := openTest(t), openTest(t, Variant("generic")), openTest(t)
	devs := []*Device{a, b, a, c}
	g, err := NewGroup(devs...)
	require.NoError(t, err)
	require.Equal(t, 4, g.Size())
	return g, devs
}

func TestCollectives(t *testing.T) {
	g, devs := ranks(t)
	var x, small, big []Tensor
	sum := make([]float32, 6)
	for i, d := range devs {
		v := randn[float32](rng(uint64(32+i)), 6)
		for j := range sum {
			sum[j] += v[j] // in rank order, rounded at every step
		}
		x = append(x, tensor(t, d, v, 2, 3))
		small = append(small, tensor(t, d, []int32{int32(10 * i), int32(10*i + 1)}, 1, 2))
		big = append(big, tensor(t, d, make([]int32, 8), 4, 2))
	}
	require.NoError(t, g.AllReduce(bg, SumOfRanks, x...))
	for _, x := range x {
		require.Equal(t, sum, all[float32](t, x))
	}
	require.NoError(t, g.AllReduce(bg, MeanOfRanks, x...))
	for _, x := range x { // four equal values
		require.Equal(t, sum, all[float32](t, x))
	}
	require.NoError(t, g.AllGather(bg, big, small))
	for _, y := range big {
		require.Equal(t, []int32{0, 1, 10, 11, 20, 21, 30, 31}, all[int32](t, y))
	}
	require.NoError(t, g.ReduceScatter(bg, SumOfRanks, small, big))
	for i, y := range small {
		require.Equal(t, []int32{int32(40 * i), int32(40*i + 4)}, all[int32](t, y))
	}
	require.NoError(t, g.Broadcast(bg, 2, small...))
	for _, y := range small {
		require.Equal(t, []int32{80, 84}, all[int32](t, y))
	}
	for _, d := range devs {
		requireIdle(t, d)
	}
}

// f16 is added in f32 and rounded once: 2048 + 1 + 1 is 2050, where rounding at every step would give 2048.
func TestReductionOfHalves(t *testing.T) {
	g, devs := ranks(t)
	var x []Tensor
	for i, d := range devs {
		y, err := Empty(d, F16, 1)
		require.NoError(t, err)
		require.NoError(t, Write(y, [][]uint16{{0x6800}, {0x3c00}, {0x3c00}, {0}}[i]))
		x = append(x, y)
	}
	require.NoError(t, g.AllReduce(bg, SumOfRanks, x...))
	for _, y := range x {
		require.Equal(t, []float32{2050}, all[float32](t, y))
	}
	closeAll(t, x...)
}

func TestCollectiveErrors(t *testing.T) {
	g, devs := ranks(t)
	var x, y, i32, odd []Tensor
	for i, d := range devs {
		x = append(x, tensor(t, d, make([]float32, 2), 2))
		y = append(y, tensor(t, d, make([]float32, 8), 8))
		i32 = append(i32, tensor(t, d, make([]int32, 2), 2))
		odd = append(odd, tensor(t, d, make([]float32, 2+i/3), 2+i/3))
	}
	swapped := []Tensor{x[1], x[0], x[2], x[3]}
	twice := []Tensor{x[0], x[1], x[0], x[3]}
	gone := []Tensor{x[0], x[1], x[2], {}}
	cancelled, cancel := context.WithCancel(bg)
	cancel()
	for name, c := range map[string]struct {
		kind error
		text string
		err  error
	}{
		"too few":        {ErrShape, "tandem: allreduce: 3 and 3 tensors for 4 ranks", g.AllReduce(bg, SumOfRanks, x[:3]...)},
		"other types":    {ErrShape, "tandem: allreduce: rank 3: f32[3], but rank 0 has f32[2]", g.AllReduce(bg, SumOfRanks, odd...)},
		"mean of ints":   {ErrDType, "tandem: allreduce: rank 0: i32[2] has no mean", g.AllReduce(bg, MeanOfRanks, i32...)},
		"what reduction": {ErrUnsupported, "tandem: allreduce: reduction 9 is not known", g.AllReduce(bg, 9, x...)},
		"wrong device":   {ErrDevice, "tandem: allreduce: rank 0: its tensor is not on its device", g.AllReduce(bg, SumOfRanks, swapped...)},
		"twice":          {ErrAlias, "tandem: allreduce: ranks 0 and 2: they share a tensor that is written", g.AllReduce(bg, SumOfRanks, twice...)},
		"zero":           {ErrClosed, "tandem: broadcast: rank 3: the zero Tensor", g.Broadcast(bg, 0, gone...)},
		"root":           {ErrShape, "tandem: broadcast: root 4 of 4 ranks", g.Broadcast(bg, 4, x...)},
		"gather": {ErrShape, "tandem: allgather: rank 0: destination f32[2], source f32[2]: one must be the other 4 times along its first dimension",
			g.AllGather(bg, x, x)},
		"scatter":   {ErrShape, "tandem: reducescatter: rank 0: destination f32[8], source f32[2]: one must be the other 4 times along its first dimension", g.ReduceScatter(bg, SumOfRanks, y, x)},
		"cancelled": {context.Canceled, "tandem: allgather: rank 0: tandem: ", g.AllGather(cancelled, y, x)},
	} {
		require.ErrorIs(t, c.err, c.kind, name)
		require.ErrorContains(t, c.err, c.text, name)
	}
	_, err := NewGroup()
	require.ErrorIs(t, err, ErrDevice)
	_, err = NewGroup(devs[0], nil)
	require.ErrorIs(t, err, ErrDevice)
	_, err = g.Rank(4)
	require.ErrorIs(t, err, ErrDevice)
}

// One goroutine per rank, arriving in any order, many operations in a row.
func TestRanksMeet(t *testing.T) {
	g, devs := ranks(t)
	var wg sync.WaitGroup
	got := make([][]float32, 4)
	for i, d := range devs {
		x, all4 := tensor(t, d, []float32{float32(i), 1}, 2), tensor(t, d, make([]float32, 8), 8)
		c, err := g.Rank(i)
		require.NoError(t, err)
		require.Equal(t, [2]int{i, 4}, [2]int{c.Rank(), c.Size()})
		wg.Go(func() {
			for range 20 {
				err := c.AllReduce(bg, MeanOfRanks, x)
				if err == nil {
					err = c.AllGather(bg, all4, x)
				}
				if err == nil {
					err = c.ReduceScatter(bg, SumOfRanks, x, all4)
				}
				if err == nil {
					err = c.Broadcast(bg, 3, x)
				}
				if err != nil {
					t.Error("rank", i, err)
					return
				}
			}
			got[i], _ = ReadAll[float32](x)
		})
	}
	wg.Wait()
	for i := range got {
		require.Equal(t, got[0], got[i])
	}
	const four20 = 1 << 40 // each round multiplies by four
	require.Equal(t, []float32{1.5 * four20, four20}, got[0])
}

// A rank that leaves, or calls something else, fails the operation for those who wait, and the next one works.
func TestRanksThatDoNotMeet(t *testing.T) {
	g, devs := ranks(t)
	var cs []Collective
	var xs []Tensor
	for i, d := range devs {
		c, err := g.Rank(i)
		require.NoError(t, err)
		cs, xs = append(cs, c), append(xs, tensor(t, d, []float32{1}, 1))
	}
	late, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	errs := make(chan error, 4)
	go func() { errs <- cs[1].AllReduce(bg, SumOfRanks, xs[1]) }()
	go func() { errs <- cs[2].AllReduce(late, SumOfRanks, xs[2]) }()
	for range 2 {
		err := <-errs
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "tandem: allreduce: rank 2 left")
	}
	require.ErrorIs(t, cs[0].Broadcast(late, 0, xs[0]), context.DeadlineExceeded)

	go func() { errs <- cs[1].AllReduce(bg, SumOfRanks, xs[1]) }()
	for met := false; !met; {
		g.mu.Lock()
		met = g.meeting != nil
		g.mu.Unlock()
	}
	require.ErrorIs(t, cs[1].AllReduce(bg, SumOfRanks, xs[1]), ErrScope, "a rank is in one operation at a time")
	err := cs[3].Broadcast(bg, 0, xs[3])
	require.EqualError(t, err, "tandem: rank 1 calls allreduce of sums, rank 3 broadcast from 0: wrong scope")
	require.Equal(t, err, <-errs)

	var wg sync.WaitGroup
	for i := range cs {
		wg.Go(func() { errs <- cs[i].AllReduce(bg, SumOfRanks, xs[i]) })
	}
	wg.Wait()
	for range cs {
		require.NoError(t, <-errs)
	}
	require.Equal(t, []float32{4}, all[float32](t, xs[3]))
}
