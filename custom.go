package tandem

import (
	"fmt"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

// CustomOp is a user's own op: it runs eagerly and in Programs, is traced, priced and has a gradient like any other.
type CustomOp struct {
	Name string
	// Shape returns the types of the results, or what is wrong with the operands.
	Shape func(in []Type) ([]Type, error)
	// Run computes out from in on a host device. Views are contiguous; see Slice for their elements. It must not keep
	// them, and may be called from one goroutine at a time per scope.
	Run func(in, out []HostView) error
	// Cost is optional.
	Cost func(in, out []Type) (flops, bytes int64)
	// Gradient is optional: it calls g.To(i, …) for each input i that g.Needs(i). It may read inputs by g.In and
	// outputs by g.Out.
	Gradient func(g *Grad)
}

// HostView is an operand of a custom op, in memory that Go can read.
type HostView struct{ v op.View }

// Type is the operand's type.
func (v HostView) Type() Type { return v.v.Type }

// Slice is the operand's elements in row-major order. T must be the Go type of its dtype, uint16 for f16 and bf16.
func Slice[T float64 | float32 | uint16 | int64 | int32 | int8 | uint8](v HostView) ([]T, error) {
	if !matches[T](v.v.DType) && !(v.v.DType == Bool && dtypeOf[T]() == U8) {
		return nil, fmt.Errorf("tandem: slice of %v as %T: %w", v.v.Type, *new(T), ErrDType)
	}
	return op.Data[T](&v.v), nil
}

// customOp is a pointer already, so it needs no room in a node.
type customOp struct{ *CustomOp }

func (*customOp) Kind() op.Kind  { return op.KindCustom }
func (u *customOp) Name() string { return u.CustomOp.Name }
func (*customOp) Args() string   { return "in…" }
func (u *customOp) Infer(out, in []op.Type) ([]op.Type, error) {
	for i := range in {
		if in[i].Format != op.Dense {
			return out, op.UnsupportedErr("operand %d is packed; only matrix products read packed weights", i)
		}
	}
	ts, err := u.Shape(slices.Clone(in)) // which is the user's to keep and change
	if err != nil {
		return out, err
	}
	for _, t := range ts { // a user can build any Type
		if t.Rank < 0 || t.Rank > op.MaxRank || t.Format != op.Dense {
			return out, op.ShapeErr("its Shape function returns no possible type")
		}
		t, err := op.New(t.DType, t.Shape()...)
		if err != nil {
			return out, err
		}
		out = append(out, t)
	}
	return out, nil
}
func (u *customOp) Cost(in, out []op.Type) op.Cost {
	if u.CustomOp.Cost == nil {
		return op.Cost{}
	}
	f, b := u.CustomOp.Cost(in, out)
	return op.Cost{Flops: f, Bytes: b}
}

// kernel is Supports for an op that brings its kernel along.
func (u *customOp) kernel(d *Device, in, out []op.Type) (op.Kernel, error) {
	switch {
	case !d.backend.Host():
		return op.Kernel{}, op.UnsupportedErr("a custom op runs on host devices")
	case u.Run == nil:
		return op.Kernel{}, op.UnsupportedErr("it has no Run function")
	}
	for _, ts := range [2][]op.Type{in, out} {
		for i := range ts {
			if !ts[i].Contiguous() {
				return op.Kernel{}, op.ErrLayout
			}
		}
	}
	return op.Kernel{Run: runCustom}, nil
}

// runCustom is the kernel of all custom ops.
func runCustom(_ op.Stream, n *op.Node) error {
	var views [op.MaxOperands]HostView
	for i := range n.In {
		views[i].v = n.In[i]
	}
	for i := range n.Out {
		views[len(n.In)+i].v = n.Out[i]
	}
	return n.Op.(*customOp).Run(views[:len(n.In)], views[len(n.In):len(n.In)+len(n.Out)])
}

func (u *customOp) rule() rule {
	if u.Gradient == nil {
		return rule{}
	}
	return rule{
		saves: func(op.Op) uint32 { return ^uint32(0) },
		run:   func(g *Grad, _ op.Op) { u.Gradient(g) },
	}
}

// maxResults bounds what DoAll returns when it is asked for too many.
const maxResults = 1 << 10

// Do runs a custom op with one result.
func (s *Scope) Do(u *CustomOp, in ...Tensor) Tensor { return s.DoAll(u, 1, in...)[0] }

// DoAll runs a custom op with n results.
func (s *Scope) DoAll(u *CustomOp, n int, in ...Tensor) []Tensor {
	out := make([]Tensor, min(max(n, 1), maxResults))
	if u == nil {
		u = &CustomOp{Name: "custom"}
	}
	if n < 1 || n > op.MaxOperands-len(in) || u.Shape == nil {
		s.fail(u.Name, "", op.UnsupportedErr("a custom op has a Shape function, at least one result and at most %d operands in all", op.MaxOperands))
		return out
	}
	s.run(new(op.Node), &customOp{u}, in, out)
	return out
}
