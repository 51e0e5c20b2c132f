package cpu

import "github.com/tandem-compute/tandem/internal/op"

// picker chooses the kernel for an op on operands of the given types, or says why there is none. It must not allocate
// when there is one, so kernels are plain functions.
type picker func(b *Backend, o op.Op, in, out []op.Type) (op.Kernel, error)

type entry struct {
	kind op.Kind
	pick picker
}

type table []entry

// on makes a table entry. The picker's parameter names the op, so entry and op cannot disagree.
func on[T any, P op.Ptr[T]](f func(b *Backend, p P, in, out []op.Type) (op.Kernel, error)) entry {
	return entry{P(new(T)).Kind(), func(b *Backend, o op.Op, in, out []op.Type) (op.Kernel, error) { return f(b, o.(P), in, out) }}
}

// pickers is filled from one table per family; a test walks all ops for one that is missing.
var pickers = merge(elementwise, gemms, norms, reduces, segmentOps, samples, softmaxes, indexes, attentions, ropes)

func merge(ts ...table) (all [op.NumKinds]picker) {
	for _, t := range ts {
		for _, e := range t {
			all[e.kind] = e.pick
		}
	}
	return all
}

func (b *Backend) Supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	pick := pickers[o.Kind()]
	if pick == nil {
		return op.Kernel{}, op.UnsupportedErr("the cpu has no kernel for %s", o.Name())
	}
	return pick(b, o, in, out)
}

// kernel makes a plain function a kernel.
func kernel(run func(op.Stream, *op.Node) error) (op.Kernel, error) { return op.Kernel{Run: run}, nil }

// no is the picker's answer for a dtype without a kernel.
func no(o op.Op, d op.DType) (op.Kernel, error) {
	return op.Kernel{}, op.UnsupportedErr("no %v kernel for %s", d, o.Name())
}

// contiguous asks for operands without strides.
func contiguous(tss ...[]op.Type) error {
	for _, ts := range tss {
		for i := range ts {
			if ts[i].Format == op.Dense && !ts[i].Contiguous() {
				return op.ErrLayout
			}
		}
	}
	return nil
}

// rowMajor asks for operands whose rows are contiguous, at any one distance from each other.
func rowMajor(in, out []op.Type) error {
	for _, ts := range [2][]op.Type{in, out} {
		for i := range ts {
			if _, ok := ts[i].RowStride(); !ok {
				return op.ErrLayout
			}
		}
	}
	return nil
}

// bodies holds the instances of a generic body, named outside generic code: a generic function that passes an instance
// of another allocates a closure for it at every call.
type bodies struct{ f64, f32, i64, i32, i8, u8 body }

// bodyOf is the instance for T.
func bodyOf[T op.Elem](b *bodies) body {
	switch any(*new(T)).(type) {
	case float64:
		return b.f64
	case float32:
		return b.f32
	case int64:
		return b.i64
	case int32:
		return b.i32
	case int8:
		return b.i8
	}
	return b.u8
}
