package parity

import "github.com/tandem-compute/tandem/internal/op"

// reduceShapes are a shape and the axes that are folded: rows, columns, the middle, the outside, everything, one
// element, nothing, and lists long enough to be cut into pieces.
var reduceShapes = []struct {
	dims []int
	axes uint8
}{
	{[]int{3, 45}, 0b10}, {[]int{3, 45}, 0b01}, {[]int{3, 45}, 0b11}, {[]int{3, 45}, 0}, {[]int{4, 5, 6}, 0b010},
	{[]int{4, 5, 6}, 0b101}, {[]int{2, 3, 4, 5}, 0b0101}, {[]int{2, 3, 4, 5}, 0b1010}, {[]int{1}, 1}, {[]int{}, 0},
	{[]int{2000}, 1}, {[]int{0, 4}, 0b01}, {[]int{4, 1, 7}, 0b010}, {[]int{300, 3}, 0b01},
}

// longShapes take more than one piece.
var longShapes = []struct {
	dims []int
	axes uint8
}{{[]int{70000}, 1}, {[]int{1100, 80}, 0b01}, {[]int{2, 140000}, 0b10}}

func folded(dims []int, axes uint8) int {
	n := 1
	for i, d := range dims {
		if axes>>i&1 != 0 {
			n *= d
		}
	}
	return n
}

func reduces() []Case {
	var cs []Case
	for f := range op.NumReduceFns {
		if f == op.AllOf || f == op.AnyOf {
			for _, s := range reduceShapes {
				cs = append(cs, New(&op.Reduce{Fn: f, Axes: s.axes}, []Operand{Of(Chances, op.Bool, s.dims...)}, Tag("axes=%b", s.axes)))
			}
			continue
		}
		for _, d := range floats {
			for _, s := range reduceShapes {
				cs = append(cs, reduceCases(f, d, s.dims, s.axes)...)
			}
		}
		for _, s := range longShapes {
			if f != op.Prod {
				cs = append(cs, reduceCases(f, op.F32, s.dims, s.axes)...)
			}
		}
		cs = append(cs, reduceCases(f, op.F32, []int{3, 1000}, 0b10)...)
		cs[len(cs)-1].In[0] = cs[len(cs)-1].In[0].Turned()
		cs[len(cs)-1].Name += "/turned"
	}
	for _, d := range integers {
		for _, f := range []op.ReduceFn{op.Sum, op.Prod, op.MaxOf, op.MinOf} {
			for _, s := range append(reduceShapes, longShapes...) {
				cs = append(cs, New(&op.Reduce{Fn: f, Axes: s.axes}, []Operand{Of(Positive, d, s.dims...)}, Tag("axes=%b", s.axes), ZeroAllowed()))
			}
		}
	}
	return append(cs, scans()...)
}

func reduceCases(f op.ReduceFn, d op.DType, dims []int, axes uint8) []Case {
	o, n, tag := &op.Reduce{Fn: f, Axes: axes}, folded(dims, axes), Tag("axes=%b", axes)
	x := Of(Normal, d, dims...)
	zero := func(c *Case) { c.Zero = n == 0 }
	switch f {
	case op.Sum, op.Mean:
		cs := []Case{New(o, []Operand{x}, Linear(n), tag, zero)}
		if f == op.Sum && n > 1 {
			cs = append(cs, New(o, []Operand{Of(SmallInt, d, dims...)}, tag, Tag("int"), zero), New(o, []Operand{Of(Positive, d, dims...)}, Linear(n), tag, Tag("positive")))
		}
		return cs
	case op.MaxOf, op.MinOf:
		return []Case{New(o, []Operand{x}, tag), New(o, []Operand{Of(Wide, d, dims...)}, tag, Tag("wide"), zero)}
	case op.Prod:
		return []Case{New(o, []Operand{Of(Positive, d, dims...)}, Function(), Loosely(float64(4+n)), tag)}
	case op.LogSumExp: // the logarithm of a sum of positive terms, plus the rounding of the shift
		return []Case{New(o, []Operand{x}, Rowwise(1), Loosely(8), tag)}
	}
	return []Case{New(o, []Operand{Of(Positive, d, dims...)}, Linear(n), tag, zero)}
}

func scans() []Case {
	var cs []Case
	shapes := []struct {
		dims []int
		axis int
	}{{[]int{3, 45}, 1}, {[]int{3, 45}, 0}, {[]int{2, 5, 7}, -2}, {[]int{1}, 0}, {[]int{4000}, 0}, {[]int{0, 3}, 1}}
	for _, s := range shapes {
		n := s.dims[(s.axis+len(s.dims))%len(s.dims)]
		for _, d := range append(append([]op.DType{}, floats...), integers...) {
			for i := range 4 {
				o := &op.CumSum{Axis: s.axis, Reverse: i&1 != 0, Exclusive: i&2 != 0}
				tag := Tag("axis=%d/reverse=%v/exclusive=%v", s.axis, o.Reverse, o.Exclusive)
				if d.Float() {
					cs = append(cs, New(o, []Operand{Of(Normal, d, s.dims...)}, Linear(n), tag, ZeroAllowed()))
				} else {
					cs = append(cs, New(o, []Operand{Of(Normal, d, s.dims...)}, tag, ZeroAllowed()))
				}
			}
			if n == 0 || s.dims[0] == 0 {
				continue
			}
			for _, least := range []bool{false, true} {
				o, tag := &op.ArgReduce{Axis: s.axis, Least: least}, Tag("axis=%d", s.axis)
				cs = append(cs, New(o, []Operand{Of(Normal, d, s.dims...)}, tag, ZeroAllowed()), New(o, []Operand{Of(SmallInt, d, s.dims...)}, tag, Tag("ties"), ZeroAllowed()))
				if d.Float() {
					cs = append(cs, New(o, []Operand{Of(Wide, d, s.dims...)}, tag, Tag("wide"), ZeroAllowed()))
				}
			}
		}
	}
	for _, d := range floats {
		for _, s := range rowShapes {
			n := s[len(s)-1]
			cs = append(cs, New(&op.Dot{}, []Operand{Of(Normal, d, s...), Of(Normal, d, s...)}, Linear(n)))
			if n < 1000 {
				cs = append(cs, New(&op.Dot{}, []Operand{Of(SmallInt, d, s...), Of(SmallInt, d, s...)}, Tag("int"), ZeroAllowed()))
			}
		}
	}
	return cs
}
