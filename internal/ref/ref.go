package ref

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

// evaluator computes an op's outputs, which arrive as zeros of the inferred types.
type evaluator func(o op.Op, in, out []Array) error

type entry struct {
	kind op.Kind
	eval evaluator
}

type table []entry

// on makes a table entry; the function's parameter names the op.
func on[T any, P op.Ptr[T]](f func(p P, in, out []Array) error) entry {
	return entry{P(new(T)).Kind(), func(o op.Op, in, out []Array) error { return f(o.(P), in, out) }}
}

var evaluators = merge(elementwise, views, reduces, segmentOps, gemms, norms, softmaxes, samples, indexes, attentions, ropes)

func merge(ts ...table) (all [op.NumKinds]evaluator) {
	for _, t := range ts {
		for _, e := range t {
			all[e.kind] = e.eval
		}
	}
	return all
}

// Has reports whether the oracle knows an op.
func Has(o op.Op) bool { return evaluators[o.Kind()] != nil }

// Eval computes o. Floating-point results are as exact as float64 makes them, whatever their dtype.
func Eval(o op.Op, in []Array) ([]Array, error) {
	f := evaluators[o.Kind()]
	if f == nil {
		return nil, fmt.Errorf("the oracle does not know %s", o.Name())
	}
	types := make([]op.Type, len(in))
	for i := range in {
		types[i] = in[i].Type
	}
	outs, err := o.Infer(nil, types)
	if err != nil {
		return nil, err
	}
	out := make([]Array, len(outs))
	for i, t := range outs {
		out[i] = NewArray(t)
	}
	return out, f(o, in, out)
}
