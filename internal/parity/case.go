package parity

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/ref"
)

// Gen is a distribution of input elements.
type Gen uint8

const (
	Normal   Gen = iota // zero mean, unit variance; integers of the whole range of their type
	Positive            // (0.5, 2): one-signed
	SmallInt            // -4 … 4
	Unit                // [0, 1)
	Wide                // signs and magnitudes from 2⁻²⁰ to 2²⁰, and the special values: zeros, infinities, NaN
	Chances             // bool, or integers 0 and 1, half of each, or one 1 in Limit
	Tiny                // (-1, 1), for functions that want small arguments
	Distinct            // a permutation of 0 … n-1: no ties
	Index               // integers in [0, Limit)
	Cuts                // not decreasing, from -1 to Limit+1: offsets of segments
	LogProb             // -4 … -1: logarithms of probabilities
	Rows                // every row is Row
	Key                 // a key of random numbers: seed, stream, step
	Ties                // halfway between two numbers of Limit digits, or beside that by so little that a rounding in between loses it
	Far                 // (-80, 80): towards the ends of an exponential's range
	Masked              // Normal, but a quarter of it -Inf: logits of choices that are ruled out
)

// Operand is an input of a case: its type, strides included, and its elements' distribution.
type Operand struct {
	op.Type
	Gen    Gen
	Weight bool       // reaches the op packed for the device
	Shift  int        // elements between a 16-byte boundary and its first
	Limit  int        // of Index, Cuts and Ties; of Chances, where it is not 0; the seed of a Key that is chosen
	Row    [4]float64 // of Rows
}

// Case is one op on given operands, and the agreement it is held to.
type Case struct {
	Name   string // op/dtype/shapes/options: also what --op matches
	Op     op.Op
	In     []Operand
	Class  Class
	Scale  Scale
	Factor float64 // 0 stands for DefaultFactor
	Terms  int     // roundings that add up
	Unit   float64 // unit roundoff of the computation, where it is not that of the result's dtype
	Spread Spread  // S where no Scale says it
	Zero   bool    // the result may be zero everywhere
	Quick  bool    // the one case of its op and dtype that a quick check runs
}

// Of makes an operand of a contiguous type.
func Of(g Gen, d op.DType, dims ...int) Operand { return Operand{Type: op.Make(d, dims...), Gen: g} }

// Strided is o with room between the elements of its innermost dimension and between its rows.
func (o Operand) Strided() Operand {
	n := 2
	for i := int(o.Rank) - 1; i >= 0; i-- {
		o.Strides[i] = n
		n *= o.Dims[i]
		n += 3
	}
	return o
}

// Padded is o with room between its rows alone.
func (o Operand) Padded() Operand {
	n := 1
	for i := int(o.Rank) - 1; i >= 0; i-- {
		o.Strides[i] = n
		n = n*o.Dims[i] + 5
	}
	return o
}

// Turned is o with its last two dimensions laid out the other way round, as a transposed view has them.
func (o Operand) Turned() Operand {
	r := int(o.Rank)
	t := o.Type
	t.Dims[r-1], t.Dims[r-2] = t.Dims[r-2], t.Dims[r-1]
	t.Pack()
	o.Strides = t.Strides
	o.Strides[r-1], o.Strides[r-2] = t.Strides[r-2], t.Strides[r-1]
	return o
}

// Shifted is o one element behind the address where a buffer begins, which no wide access reaches.
func (o Operand) Shifted() Operand {
	o.Shift = 1
	return o
}

// Stretched is o with stride 0 along a dimension.
func (o Operand) Stretched(axis int) Operand {
	n := o.Dims[axis]
	o.Dims[axis] = 1
	o.Pack()
	o.Dims[axis], o.Strides[axis] = n, 0
	return o
}

// Option changes a case while it is made.
type Option func(*Case)

// Tag adds to the case's name what its shapes do not tell.
func Tag(format string, a ...any) Option {
	return func(c *Case) { c.Name += "/" + fmt.Sprintf(format, a...) }
}

// Linear holds the case to Σ|a||b| over the given number of terms.
func Linear(terms int) Option {
	return func(c *Case) { c.Class, c.Scale, c.Terms, c.Factor = Real, ByTerms, terms, LinearFactor }
}

// Spread computes S for every element of every output.
type Spread func(in, want []ref.Array) []ref.Array

// Spreading holds the case to an S of its own, for ops whose result is a difference of larger terms.
func Spreading(f Spread) Option { return func(c *Case) { c.Class, c.Terms, c.Spread = Real, 1, f } }

// ZeroAllowed lets the reference be zero everywhere.
func ZeroAllowed() Option { return func(c *Case) { c.Zero = true } }

// Rowwise holds the case to the largest value of its output, for rows of the given length.
func Rowwise(terms int) Option {
	return func(c *Case) { c.Class, c.Scale, c.Terms = Real, ByMax, terms }
}

// Function holds the case to a few units in the last place of each element.
func Function() Option { return func(c *Case) { c.Class, c.Scale, c.Terms = Real, ByElement, 1 } }

// Loosely sets the factor c of the bound. Whoever uses it says why.
func Loosely(factor float64) Option { return func(c *Case) { c.Factor = factor } }

// New makes a case; without an option for its class it is exact.
func New(o op.Op, in []Operand, opts ...Option) Case {
	c := Case{Op: o, In: in, Name: o.Name() + "/" + dtypeName(o, in)}
	var shapes []string
	for _, x := range in {
		name := shapeName(&x.Type)
		if x.Shift > 0 {
			name += fmt.Sprintf("+%d", x.Shift)
		}
		shapes = append(shapes, name)
	}
	if len(shapes) > 0 {
		c.Name += "/" + strings.Join(shapes, "_")
	}
	for _, f := range opts {
		f(&c)
	}
	return c
}

// dtypeName is the type that a case is about: of its first operand that is not a bool or an index, or of its result.
func dtypeName(o op.Op, in []Operand) string {
	for _, x := range in {
		if x.DType != op.Bool && x.Gen != Index && x.Gen != Key && x.Gen != Cuts && x.Gen != Rows {
			return x.DType.String()
		}
	}
	types := make([]op.Type, len(in))
	for i := range in {
		types[i] = in[i].Type
	}
	if out, err := o.Infer(nil, types); err == nil {
		return out[0].DType.String()
	}
	return "none"
}

// shapeName is like 2x3, with a mark for strides.
func shapeName(t *op.Type) string {
	var b strings.Builder
	for i, d := range t.Shape() {
		if i > 0 {
			b.WriteByte('x')
		}
		fmt.Fprint(&b, d)
	}
	if t.Rank == 0 {
		b.WriteString("scalar")
	}
	if !t.Contiguous() {
		s := t.Strides[:t.Rank]
		fmt.Fprintf(&b, "@%s", strings.Trim(strings.ReplaceAll(fmt.Sprint(s), " ", ","), "[]"))
	}
	return b.String()
}

// Seed is the case's own: the hash of its name.
func (c *Case) Seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.Name))
	return h.Sum64()
}

// Inputs makes the case's inputs, rounded to their dtypes.
func (c *Case) Inputs() []ref.Array {
	r := rand.New(rand.NewPCG(c.Seed(), 0))
	in := make([]ref.Array, len(c.In))
	for i, o := range c.In {
		a := ref.NewArray(o.Type)
		for j := range a.F {
			a.F[j] = o.real(r)
			if o.Gen == Rows {
				a.F[j] = o.Row[j%4]
			}
		}
		for j := range a.I {
			a.I[j] = o.integer(r, j)
		}
		if o.Gen == Distinct {
			for j, k := range r.Perm(a.Elems()) {
				if a.F != nil {
					a.F[j] = float64(k)
				} else {
					a.I[j] = int64(k)
				}
			}
		}
		if o.Gen == Cuts {
			slices.Sort(a.I)
		}
		in[i] = a.Round()
	}
	return in
}

func (o *Operand) real(r *rand.Rand) float64 {
	switch o.Gen {
	case Positive:
		return 0.5 + 1.5*r.Float64()
	case SmallInt:
		return float64(r.IntN(9) - 4)
	case Unit:
		return r.Float64()
	case Index:
		return float64(r.IntN(max(1, o.Limit)))
	case LogProb:
		return -1 - 3*r.Float64()
	case Tiny:
		return 2*r.Float64() - 1
	case Chances:
		if o.Limit > 0 {
			return float64(1 / (1 + r.IntN(o.Limit)))
		}
		return float64(r.IntN(2))
	case Far:
		return 160*r.Float64() - 80
	case Masked:
		if r.IntN(4) == 0 {
			return math.Inf(-1)
		}
	case Ties:
		beside := [...]float64{0, 0x1p-9, -0x1p-9, 0x1p-25, -0x1p-25}
		whole := 1<<(o.Limit-1) + r.IntN(1<<(o.Limit-1))
		return (float64(whole) + 0.5 + beside[r.IntN(len(beside))]) * math.Exp2(float64(-r.IntN(9)))
	case Wide:
		if special := [...]float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN()}; r.IntN(4) == 0 {
			return special[r.IntN(len(special))]
		}
		return r.NormFloat64() * math.Exp2(float64(r.IntN(41)-20))
	}
	return r.NormFloat64()
}

func (o *Operand) integer(r *rand.Rand, i int) int64 {
	switch o.Gen {
	case SmallInt:
		if o.DType == op.U8 {
			return int64(r.IntN(9))
		}
		return int64(r.IntN(9) - 4)
	case Positive:
		return 1 + int64(r.IntN(7))
	case Chances:
		return int64(r.IntN(2))
	case Index:
		return int64(r.IntN(max(1, o.Limit)))
	case Cuts:
		return int64(r.IntN(o.Limit+3)) - 1
	case Ties: // numbers of 62 bits
		beside, rest := [...]int64{0, 1, -1, 1 << 9, -1 << 9}, 62-o.Limit
		whole := int64(1)<<(o.Limit-1) + r.Int64N(int64(1)<<(o.Limit-1))
		return (whole<<rest + int64(1)<<(rest-1) + beside[r.IntN(len(beside))]) * int64(1-2*r.IntN(2))
	case Key:
		if o.Limit > 0 {
			return [...]int64{int64(o.Limit), 0, 0}[i%3]
		}
		return [...]int64{int64(r.Uint64()), int64(r.Uint32()), int64(r.IntN(100))}[i%3]
	}
	if o.DType == op.Bool {
		return int64(r.IntN(2))
	}
	return int64(r.Uint64())
}
