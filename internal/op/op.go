package op

import (
	"math"
	"math/bits"
)

// Op is parameters and the rules that need no device. Methods are on the pointer.
type Op interface {
	// Kind indexes every table.
	Kind() Kind
	// Name is what errors, traces and the support matrix call the op. Ops of one kind can have different names: add, mul.
	Name() string
	// Args names the inputs, separated by spaces; a last name with "…" stands for any number.
	Args() string
	// Infer appends the types of the outputs to out, or says what is wrong with in.
	Infer(out, in []Type) ([]Type, error)
	Cost(in, out []Type) Cost
}

// Ptr is satisfied by *T where *T is an Op.
type Ptr[T any] interface {
	*T
	Op
}

// Rowwise ops map row i of the inputs that they name to row i of the outputs: there they accept a device count and pass it on.
type Rowwise interface{ Rowwise(in int) bool }

// InPlace ops may write output 0 over the input that they name, when both are the very same view.
type InPlace interface{ InPlace(in int) bool }

// Window ops compute nothing: output 0 is a view of input 0 that begins off elements further on. When ok is false
// the input's strides do not allow it, and the op is a copy.
type Window interface {
	Window(in []Type) (off int, ok bool)
}

// Cost is what an op must do at least: arithmetic operations, and bytes read and written if nothing is in a cache.
// Numbers that no int64 holds are math.MaxInt64.
type Cost struct{ Flops, Bytes int64 }

// Plus is c and d together.
func (c Cost) Plus(d Cost) Cost { return Cost{sum(c.Flops, d.Flops), sum(c.Bytes, d.Bytes)} }

// sum adds numbers that are not negative.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// product multiplies numbers that are not negative.
func product(ns ...int) int64 {
	p := uint64(1)
	for _, n := range ns {
		hi, lo := bits.Mul64(p, uint64(n))
		if n == 0 {
			return 0
		}
		if hi != 0 || lo > math.MaxInt64 {
			lo = math.MaxInt64
		}
		p = lo
	}
	return int64(p)
}

// bytes is the size of all operands once.
func bytes(in, out []Type) (n int64) {
	for _, ts := range [2][]Type{in, out} {
		for i := range ts {
			n = sum(n, int64(ts[i].Bytes()))
		}
	}
	return n
}

// perElem is the cost of n operations on each element of the first output.
func perElem(n int, in, out []Type) Cost {
	return Cost{product(n, out[0].Elems()), bytes(in, out)}
}

func want(in []Type, n int) error {
	if len(in) != n {
		return ShapeErr("%d operands, want %d", len(in), n)
	}
	return nil
}

// float refuses dtypes that are not floating-point.
func float(name string, t *Type) error {
	if !t.DType.Float() {
		return DTypeErr("%s must be floating-point", name)
	}
	return nil
}

// alike refuses operands of another dtype than the first.
func alike(in []Type) error {
	for i := range in {
		if in[i].DType != in[0].DType {
			return DTypeErr("dtypes %v and %v differ; see Cast", in[0].DType, in[i].DType)
		}
	}
	return nil
}

// vector refuses t unless it is [n].
func vector(name string, t *Type, n int) error {
	if t.Rank != 1 || t.Dims[0] != n {
		return ShapeErr("%s must be [%d]", name, n)
	}
	return nil
}

// dense refuses packed operands, which only matrix products read.
func dense(in []Type) error {
	for i := range in {
		if in[i].Format != Dense {
			return UnsupportedErr("operand %d is packed; only matrix products read packed weights", i)
		}
	}
	return nil
}
