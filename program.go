package tandem

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/plan"
)

// Program is a function of a Scope, recorded once: nodes in the order written, every temporary at a fixed offset in one
// block of memory. A run replays them; on a GPU as a captured graph. Runs of one Program take turns.
type Program struct {
	dev   *Device
	turn  chan struct{} // holds a token while a run, or Close, has its turn: there is one block of memory
	nodes []*op.Node
	steps []step
	uses  map[Tensor]struct{} // persistent tensors it reads or writes
	kept  []Tensor            // what Keep made while recording
	open  []Tensor            // uses, to walk
	block *op.Block           // nil when it has no temporaries, or is closed
	done  bool                // closed
	price Price
}

// step is a stretch of nodes, and the copy to the host that ends it.
type step struct {
	nodes []*op.Node
	graph op.Graph
	dst   []byte
	src   op.View
}

// Price is what one run of a Program costs on any machine.
type Price struct {
	Nodes int
	Flops int64 // arithmetic operations
	Moved int64 // bytes read and written, if nothing stays in a cache between two ops
	Peak  int   // bytes of temporaries as planned
	Bound int   // bytes of temporaries that any plan must hold at some moment
}

// Price is known as soon as the Program is compiled, on the null device too.
func (p *Program) Price() Price { return p.price }

// Compile records f. Nothing runs. Sizes and Go variables are frozen as they are now; what is to change from run to
// run (a position, a learning rate) must be a tensor. Persistent tensors that f mentions must stay open as long as
// the Program runs.
func (d *Device) Compile(f func(*Scope) error) (_ *Program, err error) {
	if f == nil {
		return nil, fmt.Errorf("tandem: compile: %w", errNoFunc)
	}
	c, err := d.begin(context.Background())
	if err != nil {
		return nil, err
	}
	p := &Program{dev: d, turn: make(chan struct{}, 1), uses: map[Tensor]struct{}{}}
	d.mu.Lock()
	d.progs[p] = struct{}{}
	d.mu.Unlock()
	compiled := false
	defer func() { // also when f panics
		if c.finish(&err); !compiled || err != nil {
			_ = p.Close() // the error that matters is err
		}
	}()
	c.prog = p
	if err := c.call(f); err != nil {
		return nil, err
	}
	if err := p.plan(c); err != nil {
		return nil, err
	}
	compiled = true
	return p, nil
}

func (p *Program) add(n *op.Node) {
	p.nodes = append(p.nodes, n)
	if len(p.steps) == 0 || p.steps[len(p.steps)-1].dst != nil {
		p.steps = append(p.steps, step{})
	}
	s := &p.steps[len(p.steps)-1]
	s.nodes = append(s.nodes, n)
}

// read ends the current step with a copy to dst. A node without a kernel marks the moment for the planner.
func (p *Program) read(dst []byte, src op.View) {
	n := new(op.Node)
	n.Set(&op.Copy{}, 1, 0)
	n.In[0] = src
	p.nodes = append(p.nodes, n)
	if len(p.steps) == 0 || p.steps[len(p.steps)-1].dst != nil {
		p.steps = append(p.steps, step{})
	}
	s := &p.steps[len(p.steps)-1]
	s.dst, s.src = dst, src
}

// views calls f for every view of a node that has memory.
func views(n *op.Node, f func(*op.View)) {
	for _, vs := range [2][]op.View{n.In, n.Out} {
		for i := range vs {
			if vs[i].Block != nil {
				f(&vs[i])
			}
		}
	}
	if n.Work.Block != nil {
		f(&n.Work)
	}
	if n.Count.Block != nil {
		f(&n.Count)
	}
}

// plan gives every temporary its place and captures the steps.
func (p *Program) plan(c *core) error {
	index := map[*op.Block]int{}
	var items []plan.Item
	for i, n := range p.nodes {
		views(n, func(v *op.View) {
			if v.Block.Shared {
				return
			}
			k, ok := index[v.Block]
			if !ok {
				k = len(items)
				index[v.Block] = k
				items = append(items, plan.Item{Size: v.Block.Size, First: i})
			}
			items[k].Last = i
		})
		p.cost(n)
	}
	offsets, peak := plan.Offsets(items)
	p.price.Nodes, p.price.Peak, p.price.Bound = len(p.nodes), peak, plan.Bound(items)
	for t := range p.uses {
		p.open = append(p.open, t)
	}
	if len(items) > 0 { // empty ones have a place too, as they have in a Run
		b, err := c.whole(peak)
		if err != nil {
			return fmt.Errorf("tandem: compile: %w (%s)", err, p.dev.Name())
		}
		p.block = b
	}
	place := func(v *op.View) {
		if k, ok := index[v.Block]; ok {
			v.Off += offsets[k]
			v.Block = p.block
		}
	}
	for _, n := range p.nodes {
		views(n, place)
	}
	for i := range p.steps {
		if err := p.capture(c, &p.steps[i], place); err != nil {
			return fmt.Errorf("tandem: compile: %w (%s)", err, p.dev.Name())
		}
	}
	return nil
}

func (p *Program) capture(c *core, s *step, place func(*op.View)) error {
	if s.dst != nil && s.src.Block != nil {
		place(&s.src)
	}
	if len(s.nodes) == 0 {
		return nil
	}
	g, err := c.stream.Capture(s.nodes)
	s.graph = g
	return err
}

func (p *Program) cost(n *op.Node) {
	if len(n.Out) == 0 {
		return
	}
	var in, out [op.MaxOperands]op.Type
	for i := range n.In {
		in[i] = n.In[i].Type
	}
	for i := range n.Out {
		out[i] = n.Out[i].Type
	}
	c := n.Op.Cost(in[:len(n.In)], out[:len(n.Out)])
	c = c.Plus(op.Cost{Flops: p.price.Flops, Bytes: p.price.Moved})
	p.price.Flops, p.price.Moved = c.Flops, c.Bytes
}

// Run replays the program: no planning, no validation but that its tensors are still open, no heap allocation. When
// ctx ends, also while it waits for its turn, nodes that have not begun are left out and its error is returned; what
// was written so far stays written.
func (p *Program) Run(ctx context.Context) (err error) {
	if ctx == nil {
		return fmt.Errorf("tandem: program: the context is nil: %w", ErrScope)
	}
	select {
	case p.turn <- struct{}{}:
	default:
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return &OpError{Op: "program", Device: p.dev.Name(), Err: ctx.Err()}
		}
	}
	defer func() { <-p.turn }()
	if p.done {
		return fmt.Errorf("tandem: program: %w", ErrClosed)
	}
	c, err := p.dev.begin(ctx)
	if err != nil {
		return err
	}
	defer c.finish(&err)
	for _, t := range p.open {
		if !t.ok() {
			return fmt.Errorf("tandem: program: a tensor it uses is closed: %w", ErrClosed)
		}
	}
	for i := range p.steps {
		if err := p.steps[i].run(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) run(c *core) error {
	if s.graph != nil && c.trace == nil {
		if err := c.ctx.Err(); err != nil {
			return &OpError{Op: "program", Device: c.dev.Name(), Err: err}
		}
		c.stats.Ops += int64(len(s.nodes))
		if err := s.graph.Launch(c.stream); err != nil {
			return &OpError{Op: "program", Device: c.dev.Name(), Err: err}
		}
	} else {
		for _, n := range s.nodes {
			if c.exec(n); c.err != nil {
				return c.err
			}
		}
	}
	if s.dst != nil {
		c.download(s.dst, s.src)
	}
	return c.err
}

// Close frees the program's memory and the tensors that Keep made in it. It waits for a run in progress.
func (p *Program) Close() error {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.done {
		return fmt.Errorf("tandem: close program: %w", ErrClosed)
	}
	p.done = true
	var errs []error
	for _, t := range p.kept {
		if t.ok() {
			errs = append(errs, t.Close())
		}
	}
	p.dev.mu.Lock()
	defer p.dev.mu.Unlock()
	return errors.Join(append(errs, p.free())...)
}

// free ends what the program holds of its device, whose mutex is held: also when the device is closed first.
func (p *Program) free() error {
	delete(p.dev.progs, p)
	var errs []error
	for i := range p.steps {
		if g := p.steps[i].graph; g != nil {
			errs = append(errs, g.Close())
			p.steps[i].graph = nil
		}
	}
	if p.block != nil {
		p.dev.retireBlock(p.block)
		p.block = nil
	}
	return errors.Join(errs...)
}
