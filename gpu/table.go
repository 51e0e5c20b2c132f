//go:build cuda && cgo && linux

package gpu

import "github.com/tandem-compute/tandem/internal/op"

// picker chooses the kernel for an op on operands of the given types, or says why there is none. It must not allocate
// when there is one, so kernels are plain functions.
type picker func(o op.Op, in, out []op.Type) (op.Kernel, error)

type row struct {
	kind op.Kind
	pick picker
}

type table []row

// on makes a table's row. The picker's parameter names the op, so row and op cannot disagree.
func on[T any, P op.Ptr[T]](f func(p P, in, out []op.Type) (op.Kernel, error)) row {
	return row{P(new(T)).Kind(), func(o op.Op, in, out []op.Type) (op.Kernel, error) { return f(o.(P), in, out) }}
}

// pickers is filled from one table per family.
var pickers = merge(elementwise, reduces, gemms, norms, softmaxes, divergences, ropes, attentions, indexes, segments, samples)

func merge(ts ...table) (all [op.NumKinds]picker) {
	for _, t := range ts {
		for _, r := range t {
			all[r.kind] = r.pick
		}
	}
	return all
}

func (b *Backend) Supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	pick := pickers[o.Kind()]
	if pick == nil {
		return op.Kernel{}, op.UnsupportedErr("the cuda path has no %s kernel yet", o.Name())
	}
	return pick(o, in, out)
}

// kernel makes a plain function a kernel.
func kernel(run func(op.Stream, *op.Node) error) (op.Kernel, error) { return op.Kernel{Run: run}, nil }

// pickContiguous is for ops that have one kernel, over operands without strides.
func pickContiguous(in, out []op.Type, run func(op.Stream, *op.Node) error) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(run)
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

// maxIndex is the most elements that kernels with 32-bit indices take.
const maxIndex = 1<<31 - 1

// indexed refuses tensors that 32-bit indices do not reach across.
func indexed(o op.Op, n int) error {
	if n > maxIndex {
		return op.UnsupportedErr("the cuda path's %s takes at most 2³¹-1 elements in this layout or dtype", o.Name())
	}
	return nil
}
