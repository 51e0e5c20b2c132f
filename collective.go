package tandem

import (
	"context"
	"fmt"
	"sync"

	"github.com/tandem-compute/tandem/internal/op"
)

// Collective is one rank's part in operations that all ranks take part in: each rank calls the same method, and the
// call returns when the operation is done. Group.Rank is one within a process; other transports implement it too.
//
// Results do not depend on who arrives first: sums run from rank 0 up, f16 and bf16 are added in f32 and rounded once
// at the end, and every rank gets the same bits. When a rank's context ends before all have arrived, or an operand
// is wrong, the operation fails for all, and what the destinations hold is undefined.
type Collective interface {
	Rank() int // 0 … Size()-1
	Size() int

	// AllReduce replaces x by the reduction of all ranks' x, which have one type.
	AllReduce(ctx context.Context, by Reduction, x Tensor) error
	// AllGather sets every rank's dst [Size k, ...] to all ranks' src [k, ...], by rank.
	AllGather(ctx context.Context, dst, src Tensor) error
	// ReduceScatter sets dst [k, ...] of rank i to part i of the reduction of all ranks' src [Size k, ...].
	ReduceScatter(ctx context.Context, by Reduction, dst, src Tensor) error
	// Broadcast replaces x by the root's x.
	Broadcast(ctx context.Context, root int, x Tensor) error
}

// Reduction is how a collective operation combines the elements of all ranks.
type Reduction uint8

const (
	SumOfRanks  Reduction = iota // every dtype but bool; integers wrap
	MeanOfRanks                  // floating-point only
)

// Group joins devices of one process: one rank for each, and a device may serve several. Its methods do the work for
// all ranks in one call, with one persistent tensor per rank; Rank is the part of one rank, for code that runs one
// goroutine per rank.
type Group struct {
	devs []*Device

	mu      sync.Mutex
	meeting *meeting // that is still waiting for ranks
}

// NewGroup makes a group of one rank per device.
func NewGroup(devs ...*Device) (*Group, error) {
	if len(devs) == 0 {
		return nil, fmt.Errorf("tandem: group: no devices: %w", ErrDevice)
	}
	for i, d := range devs {
		if d == nil {
			return nil, fmt.Errorf("tandem: group: device %d is nil: %w", i, ErrDevice)
		}
	}
	return &Group{devs: append([]*Device(nil), devs...)}, nil
}

// Size is the number of ranks.
func (g *Group) Size() int { return len(g.devs) }

// AllReduce replaces each of x by their reduction.
func (g *Group) AllReduce(ctx context.Context, by Reduction, x ...Tensor) error {
	return g.do(ctx, call{what: "allreduce", by: by}, x, x)
}

// AllGather sets each of dst to all of src, by rank.
func (g *Group) AllGather(ctx context.Context, dst, src []Tensor) error {
	return g.do(ctx, call{what: "allgather"}, dst, src)
}

// ReduceScatter sets dst[i] to part i of the reduction of src.
func (g *Group) ReduceScatter(ctx context.Context, by Reduction, dst, src []Tensor) error {
	return g.do(ctx, call{what: "reducescatter", by: by}, dst, src)
}

// Broadcast replaces each of x by x[root].
func (g *Group) Broadcast(ctx context.Context, root int, x ...Tensor) error {
	return g.do(ctx, call{what: "broadcast", root: root}, x, x)
}

// call is what all ranks must agree on.
type call struct {
	what string
	by   Reduction
	root int
}

func (k call) String() string {
	switch k.what {
	case "broadcast":
		return fmt.Sprintf("%s from %d", k.what, k.root)
	case "allgather":
		return k.what
	}
	return fmt.Sprintf("%s of %s", k.what, [...]string{"sums", "means"}[min(k.by, MeanOfRanks)])
}

func (g *Group) do(ctx context.Context, k call, dst, src []Tensor) error {
	err := g.checkAll(k, dst, src)
	if err == nil {
		err = g.run(ctx, k, dst, src)
	}
	if err != nil {
		return fmt.Errorf("tandem: %s: %w", k.what, err)
	}
	return nil
}

func (g *Group) run(ctx context.Context, k call, dst, src []Tensor) error {
	switch k.what {
	case "allreduce":
		return g.allReduce(ctx, k, dst)
	case "allgather":
		return g.each(ctx, func(s *Scope, rank int) { s.gather(dst[rank], src) })
	case "reducescatter":
		return g.each(ctx, func(s *Scope, rank int) {
			of := part(dst[rank].slot.view.Dims[0], rank)
			s.transfer(dst[rank].slot.view, dst[rank], s.reduceRanks(k.by, src, of).slot.view)
		})
	}
	return g.each(ctx, func(s *Scope, rank int) {
		if rank != k.root {
			s.send(dst[rank], dst[k.root])
		}
	})
}

// each runs f for one rank after the other, each on its device.
func (g *Group) each(ctx context.Context, f func(s *Scope, rank int)) error {
	for rank, d := range g.devs {
		err := d.Run(ctx, func(s *Scope) error { f(s, rank); return nil })
		if err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
	}
	return nil
}

// allReduce computes on rank 0 and copies to the others.
func (g *Group) allReduce(ctx context.Context, k call, x []Tensor) error {
	err := g.devs[0].Run(ctx, func(s *Scope) error {
		s.transfer(x[0].slot.view, x[0], s.reduceRanks(k.by, x, whole).slot.view)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rank 0: %w", err)
	}
	return g.each(ctx, func(s *Scope, rank int) {
		if rank > 0 {
			s.send(x[rank], x[0])
		}
	})
}

// window is what one rank needs of a tensor.
type window func(op.View) op.View

func whole(v op.View) op.View { return v }

// part is rows i n … (i+1) n - 1.
func part(n, i int) window {
	return func(v op.View) op.View {
		v.Off += i * n * v.Strides[0] * v.DType.Size()
		v.Dims[0] = n
		return v
	}
}

// reduceRanks is the reduction of a window of all ranks' tensors, on this scope's device.
func (s *Scope) reduceRanks(by Reduction, x []Tensor, of window) Tensor {
	sum, dt := Tensor{}, x[0].DType()
	for i := range x {
		sum = s.Nest(func(s *Scope) Tensor {
			v := of(x[i].slot.view)
			y := s.temp(&v.Type)
			s.transfer(y.slot.view, x[i], v)
			if dt == F16 || dt == BF16 {
				y = s.Cast(y, F32)
			}
			if i == 0 {
				return y
			}
			return s.Into(sum).Add(sum, y)
		})
	}
	if by == MeanOfRanks {
		sum = s.DivScalar(sum, float64(len(x)))
	}
	if sum.DType() != dt {
		sum = s.Cast(sum, dt)
	}
	return sum
}

// send copies x to dst, a tensor of this scope's device.
func (s *Scope) send(dst, x Tensor) {
	if s.writable(dst) {
		s.transfer(dst.slot.view, x, x.slot.view)
	}
}

// writable looks at a destination within the run, which a Close from now on waits for.
func (s *Scope) writable(dst Tensor) bool {
	if err := s.check(dst); err != nil {
		s.fail("copy", "", fmt.Errorf("the destination: %w", err))
	}
	return s.err == nil
}

// gather copies src to consecutive parts of dst.
func (s *Scope) gather(dst Tensor, src []Tensor) {
	if !s.writable(dst) {
		return
	}
	for i, x := range src {
		s.transfer(part(x.slot.view.Dims[0], i)(dst.slot.view), x, x.slot.view)
	}
}

// checkAll finds whatever is wrong with the operands before anything is written.
func (g *Group) checkAll(k call, dst, src []Tensor) error {
	n := len(g.devs)
	switch {
	case len(dst) != n || len(src) != n:
		return op.ShapeErr("%d and %d tensors for %d ranks", len(dst), len(src), n)
	case k.by > MeanOfRanks:
		return op.UnsupportedErr("reduction %d is not known", k.by)
	case k.root < 0 || k.root >= n:
		return op.ShapeErr("root %d of %d ranks", k.root, n)
	}
	for i := range n {
		for _, x := range [2]Tensor{dst[i], src[i]} {
			switch {
			case x.slot == nil:
				return fmt.Errorf("rank %d: %w", i, op.Errorf(ErrClosed, "the zero Tensor"))
			case x.slot.dev != g.devs[i]:
				return fmt.Errorf("rank %d: %w", i, op.Errorf(ErrDevice, "its tensor is not on its device"))
			}
			if err := x.portable(); err != nil {
				return fmt.Errorf("rank %d: %w", i, err)
			}
		}
		if err := k.checkTypes(n, dst[i].Type(), src[i].Type(), src[0].Type()); err != nil {
			return fmt.Errorf("rank %d: %w", i, err)
		}
		for j := range i {
			if dst[i] == dst[j] || dst[i] == src[j] || src[i] == dst[j] {
				return fmt.Errorf("ranks %d and %d: %w", j, i, op.Errorf(ErrAlias, "they share a tensor that is written"))
			}
		}
	}
	return nil
}

// checkTypes compares one rank's tensors with each other and with those of rank 0.
func (k call) checkTypes(n int, dst, src, first Type) error {
	reduces := k.what == "allreduce" || k.what == "reducescatter"
	switch {
	case !src.Same(&first):
		return op.ShapeErr("%v, but rank 0 has %v", src, first)
	case reduces && src.DType == Bool:
		return op.DTypeErr("%v has no sum", src)
	case reduces && k.by == MeanOfRanks && !src.DType.Float():
		return op.DTypeErr("%v has no mean", src)
	}
	big, small := dst, src
	switch k.what {
	case "allgather":
	case "reducescatter":
		big, small = src, dst
	default:
		return nil
	}
	if small.Rank > 0 {
		small.Dims[0] *= n
	}
	if small.Rank == 0 || !small.Same(&big) {
		return op.ShapeErr("destination %v, source %v: one must be the other %d times along its first dimension", dst, src, n)
	}
	return nil
}

// Rank is the part of rank i in g: safe for one goroutine, beside those of the other ranks.
func (g *Group) Rank(i int) (Collective, error) {
	if i < 0 || i >= len(g.devs) {
		return nil, fmt.Errorf("tandem: group: rank %d of %d: %w", i, len(g.devs), ErrDevice)
	}
	return &member{g, i}, nil
}

type member struct {
	g    *Group
	rank int
}

// meeting gathers the ranks' operands for one operation; the last to arrive does the work for all.
type meeting struct {
	call     call
	first    int // the rank that called it
	dst, src []Tensor
	here     []bool
	missing  int
	ctx      context.Context // ends when any rank's does
	cancel   context.CancelCauseFunc
	done     chan struct{}
	err      error
}

func (m *member) Rank() int { return m.rank }
func (m *member) Size() int { return m.g.Size() }

func (m *member) AllReduce(ctx context.Context, by Reduction, x Tensor) error {
	return m.meet(ctx, call{what: "allreduce", by: by}, x, x)
}

func (m *member) AllGather(ctx context.Context, dst, src Tensor) error {
	return m.meet(ctx, call{what: "allgather"}, dst, src)
}

func (m *member) ReduceScatter(ctx context.Context, by Reduction, dst, src Tensor) error {
	return m.meet(ctx, call{what: "reducescatter", by: by}, dst, src)
}

func (m *member) Broadcast(ctx context.Context, root int, x Tensor) error {
	return m.meet(ctx, call{what: "broadcast", root: root}, x, x)
}

// meet joins the meeting of an operation and returns when it is over.
func (m *member) meet(ctx context.Context, k call, dst, src Tensor) error {
	g := m.g
	if ctx == nil {
		return fmt.Errorf("tandem: %s: rank %d: the context is nil: %w", k.what, m.rank, ErrScope)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tandem: %s: rank %d: %w", k.what, m.rank, err)
	}
	g.mu.Lock()
	t := g.meeting
	if t == nil {
		t = g.newMeeting(k, m.rank)
	}
	if t.here[m.rank] {
		g.mu.Unlock()
		return fmt.Errorf("tandem: %s: rank %d is in an operation already: %w", k.what, m.rank, ErrScope)
	}
	if t.call != k {
		g.over(t, fmt.Errorf("tandem: rank %d calls %v, rank %d %v: %w", t.first, t.call, m.rank, k, ErrScope))
		g.mu.Unlock()
		return t.err
	}
	t.here[m.rank], t.dst[m.rank], t.src[m.rank] = true, dst, src
	t.missing--
	last := t.missing == 0
	if last {
		g.meeting = nil // the next operation has a meeting of its own
	}
	g.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		t.cancel(fmt.Errorf("tandem: %s: rank %d left: %w", k.what, m.rank, ctx.Err()))
	})
	defer stop()
	if last {
		if t.err = g.do(t.ctx, k, t.dst, t.src); t.err != nil && t.ctx.Err() != nil {
			t.err = context.Cause(t.ctx) // says who left
		}
		close(t.done)
		t.cancel(nil)
		return t.err
	}
	select {
	case <-t.done:
	case <-t.ctx.Done():
		g.mu.Lock()
		if g.meeting == t {
			g.over(t, context.Cause(t.ctx))
		}
		g.mu.Unlock()
		<-t.done
	}
	return t.err
}

// newMeeting and over begin and break off a meeting; g.mu is held.
func (g *Group) newMeeting(k call, rank int) *meeting {
	n := len(g.devs)
	t := &meeting{call: k, first: rank, dst: make([]Tensor, n), src: make([]Tensor, n), here: make([]bool, n), missing: n, done: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	g.meeting = t
	return t
}

func (g *Group) over(t *meeting, err error) {
	g.meeting = nil
	t.err = err
	close(t.done)
	t.cancel(nil)
}
