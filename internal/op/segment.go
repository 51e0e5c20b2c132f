package op

// Segments: rows of a tensor in ragged groups. offsets is i32[g+1], not decreasing; group i is rows offsets[i] to
// offsets[i+1]-1 of the first dimension. Offsets outside 0…n are cut to it, and rows in no group are left out.

// SegmentFn folds the rows of a group.
type SegmentFn uint8

const (
	SegmentSum SegmentFn = iota
	SegmentMean
	SegmentStd // √ of the mean squared deviation, divided by the count (Sample: by the count less one); 0 of too few rows
	SegmentMax
	NumSegmentFns
)

var segmentNames = [NumSegmentFns]string{"segment.sum", "segment.mean", "segment.std", "segment.max"}

func (f SegmentFn) String() string { return segmentNames[f] }

// Segment is out[i] = Fn over group i of x: x [n, ...] floating-point, offsets i32[g+1], out [g, ...]. An empty group
// gives 0, and -Inf for the maximum.
type Segment struct {
	Fn     SegmentFn
	Sample bool
}

func (*Segment) Kind() Kind     { return KindSegment }
func (p *Segment) Name() string { return p.Fn.String() }
func (*Segment) Args() string   { return "x offsets" }
func (p *Segment) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := segments(&in[0], &in[1]); err != nil {
		return out, err
	}
	t := in[0].With(in[0].DType)
	t.Dims[0] = in[1].Dims[0] - 1
	t.Pack()
	return append(out, t), dense(in)
}
func (*Segment) Cost(in, out []Type) Cost { return perElem(1, out, in[:1]) }

// segments refuses operands that are not rows of floating-point numbers and offsets.
func segments(x, offsets *Type) error {
	if err := float("x", x); err != nil {
		return err
	}
	if x.Rank < 1 {
		return ShapeErr("x must have a dimension")
	}
	return offsetsOf(offsets)
}

func offsetsOf(t *Type) error {
	if t.DType != I32 {
		return DTypeErr("offsets must be i32")
	}
	if t.Rank != 1 || t.Dims[0] < 1 {
		return ShapeErr("offsets must be [g+1]")
	}
	return nil
}

// SegmentGrad is the backward of Segment: dx from x, out, offsets and dy. The gradient of a maximum goes to the first
// row that has it; that of a standard deviation of 0 is 0.
type SegmentGrad struct {
	Fn     SegmentFn
	Sample bool
}

func (*SegmentGrad) Kind() Kind     { return KindSegmentGrad }
func (p *SegmentGrad) Name() string { return p.Fn.String() + ".grad" }
func (*SegmentGrad) Args() string   { return "x y offsets dy" }
func (p *SegmentGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 4); err != nil {
		return out, err
	}
	if err := segments(&in[0], &in[2]); err != nil {
		return out, err
	}
	if !in[1].Same(&in[3]) {
		return out, ShapeErr("y and dy differ")
	}
	if in[1].DType != in[0].DType {
		return out, DTypeErr("x and y have different dtypes")
	}
	t := in[0]
	t.Dims[0] = in[2].Dims[0] - 1
	if !in[1].SameShape(&t) {
		return out, ShapeErr("y must be %v", t)
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*SegmentGrad) Cost(in, out []Type) Cost { return perElem(3, in, out) }

// SegmentSoftmax is the softmax of x within each group, column by column: x [n, ...] floating-point, offsets i32[g+1];
// out as x, 0 in rows of no group.
type SegmentSoftmax struct{ _ byte }

func (*SegmentSoftmax) Kind() Kind   { return KindSegmentSoftmax }
func (*SegmentSoftmax) Name() string { return "segment.softmax" }
func (*SegmentSoftmax) Args() string { return "x offsets" }
func (*SegmentSoftmax) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := segments(&in[0], &in[1]); err != nil {
		return out, err
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*SegmentSoftmax) Cost(in, out []Type) Cost { return perElem(5, in, out) }

// SegmentSoftmaxGrad is its backward from the output: dx = y (dy - Σ over the group of y dy).
type SegmentSoftmaxGrad struct{ _ byte }

func (*SegmentSoftmaxGrad) Kind() Kind   { return KindSegmentSoftmaxGrad }
func (*SegmentSoftmaxGrad) Name() string { return "segment.softmax.grad" }
func (*SegmentSoftmaxGrad) Args() string { return "y offsets dy" }
func (*SegmentSoftmaxGrad) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 3); err != nil {
		return out, err
	}
	if err := segments(&in[0], &in[1]); err != nil {
		return out, err
	}
	if !in[2].Same(&in[0]) {
		return out, ShapeErr("y and dy differ")
	}
	return append(out, in[0].With(in[0].DType)), dense(in)
}
func (*SegmentSoftmaxGrad) Cost(in, out []Type) Cost { return perElem(4, in, out) }

// SegmentExpand gives every row of a group the group's row of v: v [g, ...], offsets i32[g+1], out [Rows, ...], 0 in
// rows of no group. Any dtype.
type SegmentExpand struct{ Rows int }

func (*SegmentExpand) Kind() Kind   { return KindSegmentExpand }
func (*SegmentExpand) Name() string { return "segment.expand" }
func (*SegmentExpand) Args() string { return "v offsets" }
func (p *SegmentExpand) Infer(out, in []Type) ([]Type, error) {
	if err := want(in, 2); err != nil {
		return out, err
	}
	if err := offsetsOf(&in[1]); err != nil {
		return out, err
	}
	if in[0].Rank < 1 || in[0].Dims[0] != in[1].Dims[0]-1 {
		return out, ShapeErr("v must have a row for each of %d groups", in[1].Dims[0]-1)
	}
	if p.Rows < 0 {
		return out, ShapeErr("%d rows", p.Rows)
	}
	t := in[0].With(in[0].DType)
	t.Dims[0] = p.Rows
	t.Pack()
	return append(out, t), dense(in)
}
func (*SegmentExpand) Cost(in, out []Type) Cost { return perElem(0, in, out) }
