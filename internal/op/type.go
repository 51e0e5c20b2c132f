package op

import (
	"math"
	"strconv"
)

// MaxRank is the most dimensions a tensor can have.
const MaxRank = 6

// MaxBytes bounds one tensor, so that sizes and offsets never overflow.
const MaxBytes = 1 << 46

// Format is how the elements lie in memory.
type Format uint8

const (
	Dense  Format = iota // by strides
	Packed               // a weight in the order that the device's matrix kernels read; opaque, see Pack
)

// Type is dtype, shape and layout: 104 bytes without pointers. It is passed by pointer or in slices that somebody pools.
type Type struct {
	DType   DType
	Format  Format
	Rank    int8
	Dims    [MaxRank]int
	Strides [MaxRank]int // in elements, never negative; unused by formats other than Dense
}

// Make is a contiguous Type of valid dims. Sizes that come from outside go through New.
func Make(d DType, dims ...int) Type {
	t, err := New(d, dims...)
	if err != nil {
		panic(err)
	}
	return t
}

// New is a contiguous Type, or an error for an unknown dtype, too many dimensions, a negative one or a size beyond MaxBytes.
func New(d DType, dims ...int) (Type, error) {
	if !d.Valid() {
		return Type{}, DTypeErr("%v is not a type that tensors can have", d)
	}
	if len(dims) > MaxRank {
		return Type{}, ShapeErr("%d dimensions, at most %d are possible", len(dims), MaxRank)
	}
	t := Type{DType: d, Rank: int8(len(dims))}
	copy(t.Dims[:], dims)
	if err := t.Check(); err != nil {
		return Type{}, err
	}
	t.Pack()
	return t, nil
}

// Check refuses negative dimensions and sizes beyond MaxBytes.
func (t *Type) Check() error {
	n, empty := 1, false
	for _, d := range t.Dims[:t.Rank] {
		switch {
		case d < 0:
			return ShapeErr("dimension %d is negative", d)
		case d == 0:
			empty = true
		case n > MaxBytes/d:
			return ShapeErr("%v is larger than %d bytes", *t, MaxBytes)
		default:
			n *= d
		}
	}
	if !empty && n > MaxBytes/t.DType.Size() {
		return ShapeErr("%v is larger than %d bytes", *t, MaxBytes)
	}
	return nil
}

// Pack gives t the strides of a contiguous tensor.
func (t *Type) Pack() {
	t.Strides = [MaxRank]int{}
	n := 1
	for i := int(t.Rank) - 1; i >= 0; i-- {
		t.Strides[i] = n
		n *= max(1, t.Dims[i])
	}
}

// With is a contiguous Type of t's shape and another dtype.
func (t *Type) With(d DType) Type {
	u := Type{DType: d, Rank: t.Rank, Dims: t.Dims}
	u.Pack()
	return u
}

// Shape is t's dimensions; the slice aliases t.
func (t *Type) Shape() []int { return t.Dims[:t.Rank] }

// Elems is the number of elements.
func (t *Type) Elems() int {
	n := 1
	for _, d := range t.Dims[:t.Rank] {
		n *= d
	}
	return n
}

// Bytes is the size of the elements laid out without gaps.
func (t *Type) Bytes() int { return t.Elems() * t.DType.Size() }

// Span is the number of elements from the first to the last, gaps included.
func (t *Type) Span() int {
	n := 1
	for i, d := range t.Dims[:t.Rank] {
		if d == 0 {
			return 0
		}
		n += (d - 1) * t.Strides[i]
	}
	return n
}

// Last is the innermost dimension, 1 for a scalar.
func (t *Type) Last() int {
	if t.Rank == 0 {
		return 1
	}
	return t.Dims[t.Rank-1]
}

// Rows is the product of all dimensions but the last.
func (t *Type) Rows() int {
	n := 1
	for i := range int(t.Rank) - 1 {
		n *= t.Dims[i]
	}
	return n
}

// Contiguous reports whether the elements lie in row-major order without gaps.
func (t *Type) Contiguous() bool {
	n := 1
	for i := int(t.Rank) - 1; i >= 0; i-- {
		d := t.Dims[i]
		if d == 0 {
			return true
		}
		if d != 1 && t.Strides[i] != n {
			return false
		}
		n *= d
	}
	return t.Format == Dense
}

// RowStride is the distance between neighbouring rows of a tensor seen as [Rows, Last], and whether it can be seen
// so: elements of a row next to each other, rows at one distance.
func (t *Type) RowStride() (int, bool) {
	r := int(t.Rank)
	if r == 0 || t.Format != Dense {
		return 1, t.Format == Dense
	}
	if t.Dims[r-1] == 0 { // rows of nothing, all in one place
		return 0, true
	}
	if t.Dims[r-1] > 1 && t.Strides[r-1] != 1 {
		return 0, false
	}
	stride, span, found := t.Last(), 0, false
	for i := r - 2; i >= 0; i-- {
		switch d := t.Dims[i]; {
		case d == 0:
			return t.Last(), true
		case d == 1:
		case !found:
			stride, span, found = t.Strides[i], t.Strides[i]*d, true
		case t.Strides[i] != span:
			return 0, false
		default:
			span *= d
		}
	}
	return stride, true
}

// Same reports whether t and u have dtype, format and shape in common; strides may differ.
func (t *Type) Same(u *Type) bool {
	return t.DType == u.DType && t.Format == u.Format && t.SameShape(u)
}

// SameShape reports whether t and u have the same dimensions.
func (t *Type) SameShape(u *Type) bool { return t.Rank == u.Rank && t.Dims == u.Dims }

// String is like f32[2,3]; a packed weight reads f32[2,3]:packed.
func (t Type) String() string {
	b := append([]byte(t.DType.String()), '[')
	for i, d := range t.Dims[:t.Rank] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	b = append(b, ']')
	if t.Format == Packed {
		b = append(b, ":packed"...)
	}
	return string(b)
}

// Broadcast is the shape that a and b have in common by NumPy's rule: aligned at the last dimension, a dimension of
// one or a missing one stretches. The result has a's dtype.
func Broadcast(a, b *Type) (Type, error) {
	t := Type{DType: a.DType, Rank: max(a.Rank, b.Rank)}
	for i := 1; i <= int(t.Rank); i++ {
		x, y := a.fromEnd(i), b.fromEnd(i)
		switch {
		case x == y || y == 1:
			t.Dims[int(t.Rank)-i] = x
		case x == 1:
			t.Dims[int(t.Rank)-i] = y
		default:
			return t, ShapeErr("dimensions %d and %d do not broadcast", x, y)
		}
	}
	t.Pack()
	return t, nil
}

// BroadcastTo reports whether t stretches to u's shape.
func (t *Type) BroadcastTo(u *Type) bool {
	if t.Rank > u.Rank {
		return false
	}
	for i := 1; i <= int(t.Rank); i++ {
		if x := t.fromEnd(i); x != 1 && x != u.fromEnd(i) {
			return false
		}
	}
	return true
}

// StridesIn is t's strides aligned to the shape u that it broadcasts to: 0 where it stretches.
func (t *Type) StridesIn(u *Type) (s [MaxRank]int) {
	lead := int(u.Rank - t.Rank)
	for i := lead; i < int(u.Rank); i++ {
		if t.Dims[i-lead] != 1 {
			s[i] = t.Strides[i-lead]
		}
	}
	return s
}

// fromEnd is the i-th dimension from the end, counted from 1; 1 where there is none.
func (t *Type) fromEnd(i int) int {
	if i > int(t.Rank) {
		return 1
	}
	return t.Dims[int(t.Rank)-i]
}

// Axis resolves an axis counted from the front (0…) or from the back (-1…).
func (t *Type) Axis(a int) (int, error) {
	i := a
	if i < 0 {
		i += int(t.Rank)
	}
	if i < 0 || i >= int(t.Rank) {
		return 0, ShapeErr("axis %d is out of range for %d dimensions", a, t.Rank)
	}
	return i, nil
}

// Dims is a shape as a parameter: no pointer, so it can live in a node.
type Dims struct {
	Rank int8
	N    [MaxRank]int
}

// DimsOf is dims as a parameter. More than MaxRank of them give a Rank that Type refuses.
func DimsOf(dims ...int) Dims {
	d := Dims{Rank: int8(min(len(dims), math.MaxInt8))}
	copy(d.N[:], dims)
	return d
}

// Type is a contiguous type of these dimensions.
func (s *Dims) Type(d DType) (Type, error) {
	if int(s.Rank) > MaxRank {
		return Type{}, ShapeErr("%d dimensions, at most %d are possible", s.Rank, MaxRank)
	}
	return New(d, s.N[:s.Rank]...)
}
