package tandem

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

// What may be an operand, and what may be written.

// check says whether t may be an operand here. Only fields that never change are read before the generation agrees.
func (c *core) check(t Tensor) error {
	switch s := t.slot; {
	case s == nil:
		return op.Errorf(ErrClosed, "the zero Tensor")
	case s.dev != c.dev:
		return op.Errorf(ErrDevice, "it is on %s; see Scope.From", s.dev.Name())
	case s.core != nil && s.core != c:
		return op.Errorf(ErrScope, "it lives in another scope")
	case s.gen.Load() == t.gen: // one load: a second could see a Close in between and name the wrong reason
		return nil
	case s.core == nil:
		return op.Errorf(ErrClosed, "it is closed")
	}
	return op.Errorf(ErrScope, "it was released or its scope is over")
}

// destination checks the target of Into and reports whether the kernel may write it directly: it cannot when the
// device has no kernel for its strides.
func (c *core) destination(n *op.Node, o op.Op, dst Tensor, want *op.Type) bool {
	nin := len(n.In)
	if err := c.check(dst); err != nil { // it can have ended since Into
		c.failOp(o, nin, fmt.Errorf("the destination: %w", err))
		return false
	}
	c.mention(dst)
	v := &dst.slot.view
	if !v.Same(want) {
		c.failOp(o, nin, op.ShapeErr("the destination is %v, the result %v", v.Type, *want))
		return false
	}
	if overlapsItself(&v.Type) {
		c.failOp(o, nin, op.Errorf(ErrAlias, "the destination overlaps itself"))
		return false
	}
	if c.tape.keeps(v.Block) || c.back.keeps(v.Block) {
		c.failOp(o, nin, op.Errorf(ErrAlias, "a gradient still needs the old value of the destination"))
	}
	for i := range n.In {
		if !overlap(v, &n.In[i]) {
			continue
		}
		p, ok := o.(op.InPlace)
		if !ok || !p.InPlace(i) || n.In[i].Off != v.Off || n.In[i].Type != v.Type {
			c.failOp(o, nin, op.Errorf(ErrAlias, "the destination overlaps operand %d", i))
		}
	}
	if c.err != nil {
		return false
	}
	if v.Contiguous() {
		return true
	}
	c.ab[0] = v.Type
	_, err := c.supports(o, c.types[:nin], c.ab[:1])
	return err == nil
}

// overlap reports whether two views may share bytes.
func overlap(a, b *op.View) bool {
	if a.Block == nil || a.Block != b.Block {
		return false
	}
	return a.Off < b.Off+extent(b) && b.Off < a.Off+extent(a)
}

// extent is the bytes from a view's first element to its last.
func extent(v *op.View) int {
	if v.Format != op.Dense {
		return v.Block.Size
	}
	return v.Span() * v.DType.Size()
}

// overlapsItself reports whether two elements of t may lie in one place: whether some dimension steps less far than the
// ones that step less reach together. Strides that interleave without meeting are taken to meet.
func overlapsItself(t *op.Type) bool {
	reach, last := 1, -1 // elements from the first to the last of the dimensions up to stride last
	for range t.Rank {
		next := -1
		for i, d := range t.Dims[:t.Rank] {
			after := last < 0 || t.Strides[i] > t.Strides[last] || t.Strides[i] == t.Strides[last] && i > last
			if d > 1 && after && (next < 0 || t.Strides[i] < t.Strides[next]) {
				next = i
			}
		}
		if next < 0 {
			return false
		}
		if t.Strides[next] < reach {
			return true
		}
		reach += (t.Dims[next] - 1) * t.Strides[next]
		last = next
	}
	return false
}
