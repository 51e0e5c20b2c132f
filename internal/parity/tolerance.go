package parity

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

// All tolerances of Tandem. A case overrides Factor only with a reason in its comment.

// Class is what agreement means for a case.
type Class uint8

const (
	// Exact: equal bits. Integer ops, copies, comparisons, random numbers, and every linear op on small integers,
	// whose sums no rounding touches: that catches indexing, tails and transposition.
	Exact Class = iota

	// Real: |got - ref| <= Factor u g(Terms) S, plus half a unit in the last place of an output narrower than the
	// computation. S is what Scale says, u the unit roundoff of the computation. g is 1 for zero-mean inputs and
	// √Terms for one-signed ones, whose rounding errors do not cancel.
	Real
)

// Scale is the S of class Real, for each element.
type Scale uint8

const (
	ByElement Scale = iota // |ref|: functions of one element, computed to a few units in the last place
	ByTerms                // Σ|a||b|: the op itself on the absolute values of its inputs, for linear ops
	ByInput                // |ref| + |x|: functions x Φ(x) of one element, where Φ near 0 is a difference of near-equals
	ByMax                  // the largest |ref| of the output: norms, softmax, gradients, which mix terms of a row
)

const (
	// DefaultFactor is c where a few roundings make an element.
	DefaultFactor = 4
	// LinearFactor is c for sums. Partial sums of zero-mean terms walk like √k, so the error of a sum in order has a
	// standard deviation of about u S whatever the length; the largest of tens of thousands of elements reaches 4.5
	// of these.
	LinearFactor = 6
)

// unit is the unit roundoff of a computation whose operands are of type d: halves are computed in f32.
func unit(d op.DType) float64 {
	if d == op.F64 {
		return 0x1p-53
	}
	return 0x1p-24
}

// storage is the error of rounding x to d once, beyond what the computation itself has. A result below the smallest
// normal number may be a product whose factor had lost digits there already: it is held to 2⁶ of the last ones.
func storage(d op.DType, x float64) float64 {
	switch d {
	case op.F16:
		return math.Max(math.Abs(x)*0x1p-11, 0x1p-25)
	case op.BF16:
		return math.Max(math.Abs(x)*0x1p-8, 0x1p-134)
	case op.F32:
		return math.Max(math.Abs(x)*0x1p-24, 0x1p-143)
	}
	return math.Max(math.Abs(x)*0x1p-53, 0x1p-1068)
}

// growth is g.
func growth(terms int, oneSigned bool) float64 {
	if oneSigned {
		return math.Sqrt(float64(max(1, terms)))
	}
	return 1
}
