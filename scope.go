package tandem

import (
	"context"
	"fmt"
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// core is what the scopes of one Run share: one goroutine's arena. Temporaries stand on one stack; a nested scope
// owns what lies above its mark.
type core struct {
	dev     *Device
	stream  op.Stream
	ctx     context.Context
	err     error
	root    Scope
	depth   int
	pending int      // Into scopes that no op has used yet
	spare   []*Scope // for nested and Into scopes
	stack   []Tensor
	slots   []*slot // idle
	free    [classes][]*op.Block
	idle    int     // blocks in free
	node    op.Node // the node of an eager op; recorded nodes are made anew
	aux     op.Node // of a copy made on behalf of an op
	src     op.View // of a copy to the host: what crosses to the stream lives here, not on the heap
	types   [2 * op.MaxOperands]op.Type
	ab      [2]op.Type  // of that copy
	lent    []*op.Block // contiguous copies of the operands of the op in progress
	prog    *Program
	tape    *tape
	back    *tape // the tape that Backward is walking
	stats   Stats
	trace   *tracer
}

// Scope is the one way to compute: an arena of temporaries, a sticky first error, a stream and a context. Methods
// that compute return tensors without an error to check; the first error of the scope comes out of Read, Err and Run,
// and after it every op does nothing and returns a tensor that still has the shape it would have had.
//
// A Scope belongs to one goroutine, and to its Run: the arena lends it to another as soon as the Run has ended.
type Scope struct {
	*core
	level, mark int
	into        Tensor
}

// over is the level of a scope that has ended, or of an Into that has had its op.
const over = -1

func newCore(d *Device, s op.Stream) *core {
	c := &core{dev: d, stream: s}
	c.root.core = c
	return c
}

func (c *core) start(ctx context.Context) {
	c.ctx, c.err, c.depth, c.pending, c.root.level, c.trace = ctx, nil, 0, 0, 0, c.dev.trace
	c.stream.Begin(ctx)
}

func (c *core) reset() {
	if c.tape != nil {
		c.tape.release()
	}
	c.unlend()
	c.drop(0)
	c.prog, c.tape, c.back, c.root.level = nil, nil, nil, over
}

// live refuses to work in a scope that has ended, or while one nested in it runs.
func (s *Scope) live(name string) {
	if s.level != s.depth {
		s.fail(name, "", op.Errorf(ErrScope, "this scope is over, or one nested in it is running"))
	}
}

// Err is the scope's first error.
func (s *Scope) Err() error { return s.err }

// Device is where the scope runs.
func (s *Scope) Device() *Device { return s.dev }

// Context is the context of the run; a Program that is being compiled has the background context.
func (s *Scope) Context() context.Context { return s.ctx }

// operands is the operands of one op, by value: a variadic slice would be an allocation wherever a method is inlined
// into another package, since there the compiler does not see that emit lets it go.
type operands struct {
	n  int
	at [6]Tensor
}

func args(in ...Tensor) (o operands) {
	o.n = copy(o.at[:], in)
	return o
}

// emit runs, records and tapes an op that has one output. The op is built on the caller's stack and copied into the node.
func emit[T any, P op.Ptr[T]](s *Scope, o T, in operands) Tensor {
	n := s.next()
	var out [1]Tensor
	s.run(n, P(op.Store(n, o)), in.at[:in.n], out[:])
	return out[0]
}

// emit2 is emit for an op with two outputs, emit3 for one with three.
func emit2[T any, P op.Ptr[T]](s *Scope, o T, in operands) (Tensor, Tensor) {
	n := s.next()
	var out [2]Tensor
	s.run(n, P(op.Store(n, o)), in.at[:in.n], out[:])
	return out[0], out[1]
}

func emit3[T any, P op.Ptr[T]](s *Scope, o T, in operands) (Tensor, Tensor, Tensor) {
	n := s.next()
	var out [3]Tensor
	s.run(n, P(op.Store(n, o)), in.at[:in.n], out[:])
	return out[0], out[1], out[2]
}

// emitAll and emitAll2 are for ops of many operands.
func emitAll[T any, P op.Ptr[T]](s *Scope, o T, in ...Tensor) Tensor {
	n := s.next()
	var out [1]Tensor
	s.run(n, P(op.Store(n, o)), in, out[:])
	return out[0]
}

func emitAll2[T any, P op.Ptr[T]](s *Scope, o T, in ...Tensor) (Tensor, Tensor) {
	n := s.next()
	var out [2]Tensor
	s.run(n, P(op.Store(n, o)), in, out[:])
	return out[0], out[1]
}

// next is the node of the coming op: kept when it is recorded or taped, else the arena's own.
func (c *core) next() *op.Node {
	if c.prog != nil || c.tape != nil {
		return new(op.Node)
	}
	return &c.node
}

// run is the path of every op: handles, shapes, outputs, execution, record, tape.
func (s *Scope) run(n *op.Node, o op.Op, in, out []Tensor) {
	c := s.core
	n.Set(o, len(in), len(out))
	if s.level != s.depth { // before the call: some names are put together when asked for
		s.live(o.Name())
	}
	count := c.operands(n, o, in)
	var types []op.Type
	if c.err == nil {
		var err error
		types, err = o.Infer(c.types[len(in):len(in)], c.types[:len(in):len(in)])
		if err == nil {
			err = checkSizes(types)
		}
		if err == nil && len(types) != len(out) {
			err = op.ShapeErr("%d results, but its caller takes %d", len(types), len(out))
		}
		if err == nil && count.Block != nil {
			err = keepsRows(in, types)
		}
		if err != nil {
			c.failOp(o, len(in), err)
		}
	}
	if w, ok := o.(op.Window); ok && c.err == nil {
		out[0] = s.window(n, w, in[0], &types[0])
		return
	}
	into := s.into
	s.used()
	if c.err == nil && count.Block != nil && into.slot != nil && into.slot.core == nil {
		c.failOp(o, len(in), op.UnsupportedErr("a result with a device count cannot go into a persistent tensor; see Scope.Full"))
	}
	c.outputs(n, o, in, out, types, into)
	if count.Block != nil {
		n.Count = count
	}
	if c.err == nil {
		c.launch(n, in, out, into)
	}
	if c.err == nil {
		c.count(out, count)
	}
	c.unlend()
}

func checkSizes(types []op.Type) error {
	for i := range types {
		if err := types[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// operands checks the inputs, fills the node's views and c.types, and returns the device count that the op follows.
func (c *core) operands(n *op.Node, o op.Op, in []Tensor) (count op.View) {
	for i, t := range in {
		c.types[i] = t.Type()
		if err := c.check(t); err != nil {
			c.failOp(o, i+1, fmt.Errorf("operand %d: %w", i, err))
			continue
		}
		n.In[i] = t.slot.view
		if k := &t.slot.count; k.Block != nil {
			if !follows(o, i, t) || count.Block != nil && count.Block != k.Block {
				c.failOp(o, i+1, op.UnsupportedErr("operand %d has a device count that this op cannot follow; see Scope.Full", i))
			}
			count = *k
		}
		c.mention(t)
	}
	return count
}

// mention notes a persistent tensor that a Program reads or writes.
func (c *core) mention(t Tensor) {
	if c.prog != nil && t.slot.core == nil {
		c.prog.uses[t] = struct{}{}
	}
}

// used returns an Into scope to the spares.
func (s *Scope) used() {
	if s.into.slot == nil {
		return
	}
	s.into, s.level = Tensor{}, over
	s.pending--
	s.spare = append(s.spare, s)
}

// aside takes the destination from a scope of Into, for a method of several ops: it is for the last of them.
func (s *Scope) aside() (into Tensor) {
	into, s.into = s.into, Tensor{}
	return into
}

// narrow is n as a parameter of 32 bits; what lies beyond stays beyond whatever an op can take.
func narrow(n int) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

// outputs makes or checks the outputs, finds the kernel and gives it scratch memory. Operands that the kernel cannot
// read as they lie are copied first; the copies are ops like any other, seen by traces and prices.
func (c *core) outputs(n *op.Node, o op.Op, in, out []Tensor, types []op.Type, into Tensor) {
	direct := into.slot != nil && c.err == nil && c.destination(n, o, into, &types[0])
	if direct {
		types[0] = into.slot.view.Type // its strides
	}
	if c.err == nil {
		c.kernel(n, o, types)
	}
	for i := range out {
		switch {
		case c.err != nil:
			out[i] = c.poison(o, len(in), i)
		case i == 0 && direct:
			out[0] = into
		default:
			out[i] = c.temp(&types[i])
		}
		if c.err == nil {
			n.Out[i] = out[i].slot.view
		}
	}
	if c.err == nil && n.Kernel.Work > 0 {
		n.Work.Block = c.block(n.Kernel.Work)
		n.Work.Type = op.Type{DType: U8, Rank: 1}
		n.Work.Dims[0], n.Work.Strides[0] = n.Kernel.Work, 1
	}
}

// kernel asks the backend for a kernel, with contiguous copies of the operands if it wants them.
func (c *core) kernel(n *op.Node, o op.Op, types []op.Type) {
	nin := len(n.In)
	k, err := c.supports(o, c.types[:nin], types)
	if err == op.ErrLayout {
		for i := range n.In {
			if !c.types[i].Contiguous() && n.In[i].Format == op.Dense {
				n.In[i] = c.contiguous(n.In[i])
				c.types[i] = n.In[i].Type
			}
		}
		if c.err != nil {
			return
		}
		k, err = c.supports(o, c.types[:nin], types)
	}
	if err != nil {
		c.failOp(o, nin, err)
		return
	}
	n.Kernel = k
}

// supports asks the backend, or the user's own op.
func (c *core) supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	if u, ok := o.(*customOp); ok {
		return u.kernel(c.dev, in, out)
	}
	return c.dev.backend.Supports(o, in, out)
}

// contiguous copies a strided view; the copy is lent to the op in progress.
func (c *core) contiguous(v op.View) op.View {
	w := op.View{Type: v.Type.With(v.DType)}
	if w.Block = c.block(w.Bytes()); c.err != nil {
		return w
	}
	hold(w.Block)
	c.lent = append(c.lent, w.Block)
	c.copyView(w, v)
	return w
}

// unlend ends the copies that were lent to an op; those that a tape or a view refers to stay.
func (c *core) unlend() {
	for _, b := range c.lent {
		c.unref(b)
	}
	c.lent = c.lent[:0]
}

// copyView runs or records a copy that no user asked for and no gradient follows.
func (c *core) copyView(dst, src op.View) {
	n := &c.aux
	if c.prog != nil {
		n = new(op.Node)
	}
	n.Set(op.Store(n, op.Copy{}), 1, 1)
	n.In[0], n.Out[0] = src, dst
	c.ab[0], c.ab[1] = src.Type, dst.Type
	k, err := c.dev.backend.Supports(n.Op, c.ab[:1], c.ab[1:])
	if err != nil {
		c.fail("copy", src.Type.String(), err)
		return
	}
	n.Kernel = k
	c.exec(n)
}

// launch executes or records the node, tapes it, and lets its scratch memory go.
func (c *core) launch(n *op.Node, in, out []Tensor, into Tensor) {
	c.exec(n)
	if n.Work.Block != nil && c.prog == nil {
		c.recycle(n.Work.Block)
	}
	if c.err != nil {
		return
	}
	if into.slot != nil && out[0] != into {
		c.copyView(into.slot.view, out[0].slot.view)
		c.release(out[0], 0) // the last on the stack, or under the op's other results
		out[0] = into
	}
	if c.tape != nil {
		c.tape.add(n, in, out, into)
	}
}

func (c *core) exec(n *op.Node) {
	if c.prog != nil {
		c.prog.add(n)
		return
	}
	if err := c.ctx.Err(); err != nil {
		c.fail(n.Op.Name(), "", err)
		return
	}
	c.stats.Ops++
	var err error
	if c.trace != nil {
		err = c.trace.exec(c, n)
	} else {
		err = c.stream.Exec(n)
	}
	if err != nil {
		c.fail(n.Op.Name(), describeViews(n), err)
	}
}

func describeViews(n *op.Node) string {
	types := make([]op.Type, len(n.In))
	for i := range n.In {
		types[i] = n.In[i].Type
	}
	return describe(n.Op, types)
}

// window makes a view op's result: input 0's memory seen through another type, copied first where its strides do not allow it.
func (s *Scope) window(n *op.Node, w op.Window, x Tensor, t *op.Type) Tensor {
	c, into, level, mark := s.core, s.into, s.level, s.mark
	s.used()
	src := n.In[0]
	off, ok := w.Window(c.types[:1])
	if !ok {
		src = c.contiguous(src)
		c.types[0] = src.Type
		types, err := n.Op.Infer(c.types[1:1], c.types[:1:1])
		if c.err == nil && err != nil {
			c.failOp(n.Op, 1, err)
		}
		if c.err != nil {
			c.unlend()
			return c.poison(n.Op, 1, 0)
		}
		*t = types[0]
		off, _ = w.Window(c.types[:1])
	}
	out := c.slot(op.View{Type: *t, Block: src.Block, Off: src.Off + off*t.DType.Size()})
	c.unlend()
	n.In[0], n.Out[0] = src, out.slot.view
	if c.tape != nil {
		c.tape.add(n, []Tensor{x}, []Tensor{out}, Tensor{})
	}
	if into.slot != nil && c.err == nil {
		y := c.toward(into, level, mark).Copy(out)
		c.release(out, mark)
		return y
	}
	return out
}
