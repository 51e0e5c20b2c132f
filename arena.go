package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Temporaries: slots, reference counts and the stack that scopes own parts of.

// slot gives v a handle on the arena's stack.
func (c *core) slot(v op.View) Tensor {
	var s *slot
	if n := len(c.slots); n > 0 {
		s, c.slots = c.slots[n-1], c.slots[:n-1]
	} else {
		s = &slot{dev: c.dev, core: c}
		s.gen.Store(1)
	}
	s.id, s.view, s.poison = 0, v, false
	if c.tape != nil {
		s.id = ids.Add(1)
	}
	hold(v.Block)
	t := Tensor{s, s.gen.Load()}
	s.at = len(c.stack)
	c.stack = append(c.stack, t)
	return t
}

func hold(b *op.Block) {
	if b != nil && !b.Shared {
		b.Refs++
	}
}

// temp is a temporary of type t; without memory after an error.
func (c *core) temp(t *op.Type) Tensor {
	return c.slot(op.View{Type: *t, Block: c.block(c.dev.size(t))})
}

// block is memory for a temporary: planned in a Program, else from the arena, the device's pool or the system.
func (c *core) block(size int) *op.Block {
	if c.err != nil {
		return nil
	}
	if c.prog != nil {
		return &op.Block{Size: size}
	}
	k := class(size)
	if f := c.free[k]; len(f) > 0 {
		b := f[len(f)-1]
		c.free[k] = f[:len(f)-1]
		c.idle--
		return b
	}
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	b, err := c.take(size)
	if err != nil {
		c.fail("alloc", "", err)
	}
	return b
}

// whole is the memory of all temporaries of a Program.
func (c *core) whole(size int) (*op.Block, error) {
	if size > maxBlock {
		return nil, op.Errorf(ErrOutOfMemory, "temporaries of %d bytes, at most %d are possible", size, maxBlock)
	}
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	return c.take(size)
}

// take is Device.take, where what this arena keeps for reuse may make the room; the device's mutex is held.
func (c *core) take(size int) (*op.Block, error) {
	b, err := c.dev.take(size)
	if err == nil || !c.returnFree() {
		return b, err
	}
	return c.dev.take(size)
}

// returnFree gives the arena's idle blocks to the device, whose mutex is held, and reports whether there were any.
func (c *core) returnFree() (any bool) {
	if c.idle == 0 {
		return false
	}
	for i := range c.free {
		for _, b := range c.free[i] {
			c.dev.give(b)
		}
		c.free[i] = c.free[i][:0]
	}
	c.idle = 0
	return true
}

// recycle takes back a block that nothing refers to.
func (c *core) recycle(b *op.Block) {
	k := class(b.Size)
	c.free[k] = append(c.free[k], b)
	c.idle++
}

// poison is result i of an op after an error: no memory, but the shape it would have, or its first operand's.
func (c *core) poison(o op.Op, nin, i int) Tensor {
	var v op.View
	in, known := c.types[:nin:nin], true
	if nin > 0 {
		v.Type = in[0]
	}
	for k := range in {
		known = known && in[k].DType != 0 // no shape follows from an operand that is gone
	}
	if known {
		if out, err := o.Infer(c.types[nin:nin], in); err == nil && i < len(out) && checkSizes(out) == nil {
			v.Type = out[i]
		}
	}
	t := c.slot(v)
	t.slot.poison = true
	return t
}

// retire ends a handle; its block is free when neither a slot nor the tape holds it.
func (c *core) retire(t Tensor) {
	if !t.slot.gen.CompareAndSwap(t.gen, t.gen+1) {
		return
	}
	c.unref(t.slot.view.Block)
	c.unref(t.slot.count.Block)
	t.slot.view.Block, t.slot.count.Block = nil, nil
	c.slots = append(c.slots, t.slot)
}

func (c *core) unref(b *op.Block) {
	if b == nil || b.Shared {
		return
	}
	if b.Refs--; b.Refs == 0 && c.prog == nil {
		c.recycle(b)
	}
}

// drop ends all temporaries above mark.
func (c *core) drop(mark int) {
	for _, t := range c.stack[mark:] {
		if t.slot != nil {
			c.retire(t)
		}
	}
	c.stack = c.stack[:mark]
}

// swap exchanges two places of the stack. One can be a hole: what a nested scope released of an outer one.
func (c *core) swap(i, j int) {
	c.stack[i], c.stack[j] = c.stack[j], c.stack[i]
	for _, k := range [2]int{i, j} {
		if s := c.stack[k].slot; s != nil {
			s.at = k
		}
	}
}

// fill closes the holes on top of the stack down to mark.
func (c *core) fill(mark int) {
	n := len(c.stack)
	for n > mark && c.stack[n-1].slot == nil {
		n--
	}
	c.stack = c.stack[:n]
}

func (c *core) child() *Scope {
	if n := len(c.spare); n > 0 {
		s := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return s
	}
	return &Scope{core: c}
}

// Nest runs f in a scope of its own and hands its result to this one; everything else that f made is freed. While f
// runs, this scope cannot be used.
func (s *Scope) Nest(f func(*Scope) Tensor) Tensor {
	c := s.core
	if s.live("nest"); f == nil {
		s.fail("nest", "", errNoFunc)
		return c.slot(op.View{})
	}
	n := c.child()
	c.depth++
	n.level, n.mark = c.depth, len(c.stack)
	defer func() { c.depth--; n.level = over; c.spare = append(c.spare, n) }()
	out := f(n)
	if out.slot == nil || out.slot.core != c || !out.ok() || out.slot.at < n.mark {
		c.drop(n.mark) // not of this scope, or an error that check reports at the next use
		c.fill(s.mark)
		return out
	}
	c.swap(n.mark, out.slot.at) // to the bottom of the nested part, where the drop spares it
	c.drop(n.mark + 1)
	c.stack = c.stack[:n.mark] // and below the holes, or a long loop would grow the stack
	c.fill(s.mark)
	out.slot.at = len(c.stack)
	c.stack = append(c.stack, out)
	return out
}

// Release frees a temporary before its scope ends. Persistent tensors and handles that are gone are left alone.
func (s *Scope) Release(t Tensor) {
	if s.live("release"); s.check(t) != nil || t.slot.core != s.core || s.level != s.depth {
		return
	}
	s.release(t, s.mark)
}

// release ends a temporary. Above mark it also leaves the stack, which a long loop would grow; below it leaves a hole.
func (c *core) release(t Tensor, mark int) {
	if at, last := t.slot.at, len(c.stack)-1; at >= mark {
		c.swap(at, last)
		c.stack = c.stack[:last]
	} else {
		c.stack[at] = Tensor{}
	}
	c.retire(t)
}

// Keep moves a temporary out of the scope: the result is persistent and the caller's to close, whatever becomes of the
// scope. A view, a value that other temporaries share memory with, and one that was kept before are copied. In a Program the result holds the
// value of the latest run. After an error Keep returns a temporary.
func (s *Scope) Keep(t Tensor) Tensor {
	s.live("keep")
	if err := s.check(t); err != nil {
		s.fail("keep", "", err)
	}
	if s.uncounted("keep", t); s.err != nil || t.slot.core == nil {
		return t
	}
	v := t.slot.view
	if s.prog != nil || s.tape != nil || v.Block.Refs != 1 || v.Block.Shared || v.Off != 0 || v.Format == op.Dense && !v.Contiguous() {
		return s.keepCopy(t)
	}
	v.Block.Shared = true // no longer the arena's
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	return s.dev.persist(v)
}

func (s *Scope) keepCopy(t Tensor) Tensor {
	p, err := s.persistent(t.Type())
	if err != nil {
		s.fail("keep", t.Type().String(), err)
		return t
	}
	dst, src := p.slot.view, t.slot.view
	if src.Format != op.Dense { // opaque: its bytes as they are
		dst.Type = op.Make(U8, s.dev.size(&src.Type))
		src.Type = dst.Type
	}
	if s.copyView(dst, src); s.err != nil {
		_ = p.Close() // the error that matters is the scope's
		return t
	}
	s.mention(p)
	if s.prog != nil {
		s.prog.kept = append(s.prog.kept, p)
	}
	return p
}

// persistent is a new persistent tensor of type t, contiguous.
func (c *core) persistent(t Type) (Tensor, error) {
	if t.Format == op.Dense {
		t.Pack()
	}
	c.dev.mu.Lock()
	defer c.dev.mu.Unlock()
	b, err := c.take(c.dev.size(&t))
	if err != nil {
		return Tensor{}, err
	}
	return c.dev.persist(op.View{Type: t, Block: b}), nil
}

// Into returns a scope for exactly one op, which writes its first result to dst: a parameter, a cache, the state of an
// optimiser. It is another Scope than s because Go evaluates a receiver before the arguments: in
// s.Into(dst).Add(s.Mul(a, b), c) the Mul must not write dst.
//
// dst must have the result's type. It may be an operand only where the op says so.
func (s *Scope) Into(dst Tensor) *Scope {
	if err := s.check(dst); err != nil {
		s.fail("into", "", err)
		dst = Tensor{}
	}
	return s.toward(dst, s.level, s.mark)
}

func (c *core) toward(dst Tensor, level, mark int) *Scope {
	n := c.child()
	n.level, n.mark, n.into = level, mark, dst
	c.pending++
	return n
}
