package tandem

import (
	"fmt"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

// A rule turns the gradient of an op's outputs into gradients of its inputs, in ops on the Scope. It stands beside the
// Scope method that it belongs to and names the operands that it reads: an eager tape keeps those and nothing else.
type rule struct {
	saves func(op.Op) uint32
	run   func(*Grad, op.Op)
}

var rules [op.NumKinds]rule

// gradient registers the rule of the op that f's parameter names.
func gradient[T any, P op.Ptr[T]](saves uint32, f func(*Grad, P)) {
	gradientBy(func(P) uint32 { return saves }, f)
}

// gradientBy is gradient for ops whose parameters decide what is read.
func gradientBy[T any, P op.Ptr[T]](saves func(P) uint32, f func(*Grad, P)) {
	rules[P(new(T)).Kind()] = rule{
		func(o op.Op) uint32 { return saves(o.(P)) },
		func(g *Grad, o op.Op) { f(g, o.(P)) },
	}
}

const outBit = 16 // in saves: bit i is input i, bit outBit+i output i

func ins(is ...int) (m uint32) {
	for _, i := range is {
		m |= 1 << i
	}
	return m
}

func outs(is ...int) uint32 { return ins(is...) << outBit }

// value is an operand on the tape; its view has a Block only where the rule reads it.
type value struct {
	id   uint64
	view op.View
}

type taped struct {
	op      op.Op
	in, out []value
}

type tape struct {
	core    *core
	nodes   []taped
	needs   map[uint64]bool   // values on a path from a parameter
	leafs   map[uint64]Tensor // the parameters
	grads   map[uint64]value  // while walking backwards
	kept    map[*op.Block]int // blocks that an op must not overwrite before Backward
	version map[*slot]uint64  // ids of persistent tensors that were written since Record
}

// Record starts a tape: gradients will flow to params. One tape at a time; Backward ends it.
func (s *Scope) Record(params ...Tensor) {
	s.live("record")
	if s.tape != nil {
		s.fail("record", "", op.Errorf(ErrScope, "a tape is running already"))
	}
	t := &tape{s.core, nil, map[uint64]bool{}, map[uint64]Tensor{}, map[uint64]value{}, map[*op.Block]int{}, map[*slot]uint64{}}
	for _, p := range params {
		if err := s.check(p); err != nil {
			s.fail("record", "", err)
			return
		}
		if !p.DType().Float() {
			s.fail("record", p.Type().String(), op.DTypeErr("gradients are of floating-point tensors"))
			return
		}
		if p.slot.id == 0 {
			p.slot.id = ids.Add(1)
		}
		t.needs[p.slot.id], t.leafs[p.slot.id] = true, p
	}
	if s.err == nil {
		s.tape = t
	}
}

func (t *tape) id(x Tensor) uint64 {
	if v, ok := t.version[x.slot]; ok {
		return v
	}
	return x.slot.id
}

// renew marks x as holding a new value.
func (t *tape) renew(x Tensor) {
	if x.slot.core == nil {
		t.version[x.slot] = ids.Add(1)
	} else {
		x.slot.id = ids.Add(1)
	}
}

// add tapes a node that has run, if a gradient flows through it. Results that are not floating-point, such as masks and
// indices, are constants.
func (t *tape) add(n *op.Node, in, out []Tensor, into Tensor) {
	need := false
	for _, x := range in {
		need = need || t.needs[t.id(x)]
	}
	need = need && slices.ContainsFunc(out, func(y Tensor) bool { return y.slot.view.DType.Float() })
	var ids [op.MaxOperands]uint64
	for i, x := range in {
		ids[i] = t.id(x)
	}
	if into.slot != nil {
		b := into.slot.view.Block
		if (need || t.needs[t.id(into)]) && into.slot.core != nil && (b.Shared || b.Refs > 1) {
			t.core.fail(n.Op.Name(), "", op.UnsupportedErr("no gradient flows through a write into a view; build the value with Concat"))
			return
		}
		t.renew(into)
	}
	if !need {
		return
	}
	r := t.rule(n.Op)
	if r.run == nil || n.Count.Block != nil {
		t.core.fail(n.Op.Name(), "", op.UnsupportedErr("it has no gradient"))
		return
	}
	saves := r.saves(n.Op)
	node := taped{op: n.Op, in: make([]value, len(in)), out: make([]value, len(out))}
	for i := range in {
		node.in[i] = t.save(ids[i], n.In[i], saves>>i&1 != 0)
	}
	for i, x := range out {
		node.out[i] = t.save(t.id(x), x.slot.view, saves>>(outBit+i)&1 != 0)
		t.needs[node.out[i].id] = x.slot.view.DType.Float()
	}
	t.nodes = append(t.nodes, node)
}

func (t *tape) save(id uint64, v op.View, keep bool) value {
	if !keep {
		v.Block = nil
		return value{id, v}
	}
	hold(v.Block)
	t.kept[v.Block]++
	return value{id, v}
}

// keeps reports whether a gradient still needs what is in b.
func (t *tape) keeps(b *op.Block) bool { return t != nil && t.kept[b] > 0 }

// forgo lets the operands of a node go.
func (t *tape) forgo(n *taped) {
	for _, vs := range [2][]value{n.in, n.out} {
		for i := range vs {
			if b := vs[i].view.Block; b != nil {
				t.kept[b]--
				t.core.unref(b)
				vs[i].view.Block = nil
			}
		}
	}
}

// release lets all go that a tape without Backward, or one that failed, still holds.
func (t *tape) release() {
	for i := range t.nodes {
		t.forgo(&t.nodes[i])
	}
	t.nodes = nil
	for id := range t.grads {
		t.forget(id)
	}
}

func (t *tape) forget(id uint64) {
	if v, ok := t.grads[id]; ok {
		t.core.unref(v.view.Block)
		delete(t.grads, id)
	}
}

// Grad is what a gradient rule works with: a Scope, the operands that the rule named, and the gradients that arrived.
type Grad struct {
	*Scope
	t *tape
	n *taped
}

// In is input i, Out output i, of those that the rule named.
func (g *Grad) In(i int) Tensor  { return g.saved(g.operand(g.n.in, i)) }
func (g *Grad) Out(i int) Tensor { return g.saved(g.operand(g.n.out, i)) }

// InType is known even of inputs that were not kept.
func (g *Grad) InType(i int) Type { return g.operand(g.n.in, i).view.Type }

// Needs reports whether anybody asked for the gradient of input i.
func (g *Grad) Needs(i int) bool { return g.t.needs[g.operand(g.n.in, i).id] }

// operand is vs[i]; an i that the op does not have is an error of the rule.
func (g *Grad) operand(vs []value, i int) *value {
	if i < 0 || i >= len(vs) {
		g.fail(g.n.op.Name(), "", op.ShapeErr("its gradient rule asks for operand %d of %d", i, len(vs)))
		return new(value)
	}
	return &vs[i]
}

func (g *Grad) saved(v *value) Tensor {
	if v.view.Block == nil && g.err == nil {
		g.fail(g.n.op.Name(), "", op.Errorf(ErrClosed, "its gradient rule reads an operand that it does not name"))
	}
	return g.slot(v.view)
}

// D is the gradient of output i, zeros if none arrived.
func (g *Grad) D(i int) Tensor {
	o := g.operand(g.n.out, i)
	if v, ok := g.t.grads[o.id]; ok {
		return g.slot(v.view)
	}
	return g.Fill(o.view.DType, 0, o.view.Shape()...)
}

// To adds d to the gradient of input i.
func (g *Grad) To(i int, d Tensor) {
	if g.err != nil || !g.Needs(i) {
		return
	}
	if err := g.check(d); err != nil {
		g.fail(g.n.op.Name(), "", fmt.Errorf("the gradient of operand %d: %w", i, err))
		return
	}
	x := g.InType(i)
	if t := d.Type(); !t.Same(&x) {
		g.fail(g.n.op.Name(), "", op.ShapeErr("the gradient of operand %d is %v, the operand %v", i, t, x))
		return
	}
	id := g.n.in[i].id
	if old, ok := g.t.grads[id]; ok {
		d = g.Add(g.slot(old.view), d)
		g.unref(old.view.Block)
	}
	if g.err == nil {
		hold(d.slot.view.Block)
		g.t.grads[id] = value{id, d.slot.view}
	}
}

// Backward ends the tape and walks it backwards from a scalar loss. It calls done once for each parameter that the
// loss depends on, last layer first, as soon as its gradient is whole and nothing will read the parameter again: an
// update there lets the gradient's memory go at once. grad is valid within the call; see Gradients to keep them all.
func (s *Scope) Backward(loss Tensor, done func(param, grad Tensor)) {
	if t := loss.Type(); s.err == nil && t.Elems() != 1 {
		s.fail("backward", t.String(), op.ShapeErr("the loss must be a scalar; see BackwardFrom"))
	}
	s.BackwardFrom(loss, Tensor{}, done)
}

// BackwardFrom is Backward from a tensor y of any shape with its gradient dy: done receives dyᵀ ∂y/∂param. The zero
// Tensor stands for ones.
func (s *Scope) BackwardFrom(y, dy Tensor, done func(param, grad Tensor)) {
	s.walk(y, dy, func(p, g Tensor) bool { done(p, g); return false })
}

// Gradients ends the tape and returns the gradient of a scalar loss for each of params, which Record has named;
// the zero Tensor for one that the loss does not depend on. They live as long as the scope.
func (s *Scope) Gradients(loss Tensor, params ...Tensor) []Tensor {
	grads := make([]Tensor, len(params))
	if t := loss.Type(); s.err == nil && t.Elems() != 1 {
		s.fail("gradients", t.String(), op.ShapeErr("the loss must be a scalar"))
	}
	s.walk(loss, Tensor{}, func(p, g Tensor) bool {
		kept := false
		for i := range params {
			if params[i] == p {
				grads[i], kept = g, true
			}
		}
		return kept
	})
	for i, p := range params {
		if s.err != nil { // shapes go on
			grads[i] = s.slot(op.View{Type: p.Type()})
		}
	}
	return grads
}

// walk runs the rules from the last node to the first. A gradient for which done returns true stays in the scope.
func (s *Scope) walk(y, dy Tensor, done func(param, grad Tensor) bool) {
	s.live("backward")
	t := s.tape
	if t == nil {
		s.fail("backward", "", op.Errorf(ErrScope, "there is no tape; see Record"))
	}
	if err := s.check(y); err != nil {
		s.fail("backward", "", err)
	}
	if s.err != nil {
		return
	}
	defer func(back *tape, mark int) {
		s.back, s.mark = back, mark
		t.release()
	}(s.back, s.mark)
	s.tape, s.back = nil, t // rules are not taped
	if !t.needs[t.id(y)] {
		s.fail("backward", y.Type().String(), op.Errorf(ErrScope, "it does not depend on a recorded parameter"))
		return
	}
	if _, leaf := t.leafs[t.id(y)]; leaf {
		s.fail("backward", y.Type().String(), op.Errorf(ErrScope, "it is a recorded parameter itself"))
		return
	}
	s.mark = len(s.stack) // what is older is not this walk's to move
	if !s.seed(t, y, dy) {
		return
	}
	s.drop(s.mark)
	settled := t.settled()
	for i := len(t.nodes) - 1; i >= 0 && s.err == nil; i-- {
		n := &t.nodes[i]
		if t.arrived(n) {
			t.rule(n.op).run(&Grad{s, t, n}, n.op)
		}
		for _, v := range n.out {
			t.forget(v.id)
		}
		t.forgo(n)
		s.drop(s.mark)
		s.deliver(t, settled[i], done)
	}
}

// rule is how the gradient of o is computed.
func (*tape) rule(o op.Op) rule {
	if u, ok := o.(*customOp); ok {
		return u.rule()
	}
	return rules[o.Kind()]
}

func (s *Scope) seed(t *tape, y, dy Tensor) bool {
	ty := y.Type()
	if dy.slot == nil {
		dy = s.Fill(ty.DType, 1, ty.Shape()...)
	} else if err := s.check(dy); err != nil {
		s.fail("backward", "", err)
	}
	if d := dy.Type(); s.err == nil && !d.Same(&ty) {
		s.fail("backward", "", op.ShapeErr("the gradient is %v, the tensor %v", d, ty))
	}
	if s.err != nil {
		return false
	}
	hold(dy.slot.view.Block)
	t.grads[t.id(y)] = value{t.id(y), dy.slot.view}
	return true
}

// settled lists for each node the parameters that no earlier one reads, whether as an operand or as a value that it
// keeps under another name (a view made before Record, StopGradient): past that node their gradients are whole and
// they are free to change.
func (t *tape) settled() map[int][]uint64 {
	byBlock := map[*op.Block][]uint64{}
	for id, p := range t.leafs {
		byBlock[p.slot.view.Block] = append(byBlock[p.slot.view.Block], id)
	}
	settled, seen := map[int][]uint64{}, map[uint64]bool{}
	read := func(i int, id uint64) {
		if _, leaf := t.leafs[id]; leaf && !seen[id] {
			seen[id] = true
			settled[i] = append(settled[i], id)
		}
	}
	for i := range t.nodes {
		for _, vs := range [2][]value{t.nodes[i].in, t.nodes[i].out} {
			for _, v := range vs {
				read(i, v.id)
				if v.view.Block != nil {
					for _, id := range slices.Sorted(slices.Values(byBlock[v.view.Block])) {
						read(i, id)
					}
				}
			}
		}
	}
	return settled
}

// arrived reports whether any output of n has a gradient; without one its rule need not run.
func (t *tape) arrived(n *taped) bool {
	for _, v := range n.out {
		if _, ok := t.grads[v.id]; ok {
			return true
		}
	}
	return false
}

// deliver hands out the gradients of parameters. Those that done wants to keep go under the walk's mark.
func (s *Scope) deliver(t *tape, params []uint64, done func(param, grad Tensor) bool) {
	for _, id := range params {
		d, ok := t.grads[id]
		if !ok || s.err != nil {
			continue
		}
		g := s.slot(d.view)
		keep := done(t.leafs[id], g)
		t.forget(id)
		if keep && g.ok() {
			s.swap(s.mark, g.slot.at)
			s.mark++
		}
		s.drop(s.mark)
	}
}

// StopGradient is x as a constant: no gradient flows through it.
func (s *Scope) StopGradient(x Tensor) Tensor {
	s.live("stopgradient")
	if err := s.check(x); err != nil {
		s.fail("stopgradient", "", err)
	}
	if s.err != nil {
		return x
	}
	s.mention(x)
	y := s.slot(x.slot.view)
	s.counted(y.slot, x.slot.count)
	return y
}

// sumLike reduces d to the shape of input i, the transpose of broadcasting.
func (g *Grad) sumLike(d Tensor, i int) Tensor {
	x, t := g.InType(i), d.Type()
	if t.SameShape(&x) || !g.Needs(i) {
		return d
	}
	var axes uint8
	lead := int(t.Rank - x.Rank)
	for k := range int(t.Rank) {
		if k < lead || x.Dims[k-lead] == 1 && t.Dims[k] != 1 {
			axes |= 1 << k
		}
	}
	d = emit(g.Scope, op.Reduce{Fn: op.Sum, Axes: axes}, args(d))
	return g.Reshape(d, x.Shape()...)
}
