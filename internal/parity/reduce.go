package parity

import "github.com/tandem-compute/tandem/internal/op"

func reduces() []Case {
	var cs []Case
	for _, d := range []op.DType{op.F32, op.F64} {
		for _, f := range []op.ReduceFn{op.Sum, op.Mean} {
			for _, s := range []struct {
				dims []int
				axes uint8
			}{{[]int{3, 45}, 2}, {[]int{3, 45}, 1}, {[]int{3, 45}, 3}, {[]int{4, 5, 6}, 2}, {[]int{4, 5, 6}, 5}, {[]int{1}, 1}, {[]int{2000}, 1}} {
				terms := 1
				for i, n := range s.dims {
					if s.axes>>i&1 != 0 {
						terms *= n
					}
				}
				o := &op.Reduce{Fn: f, Axes: s.axes}
				cs = append(cs, New(o, []Operand{Of(Normal, d, s.dims...)}, Linear(terms), Tag("axes=%b", s.axes)))
				if f == op.Sum {
					cs = append(cs, New(o, []Operand{Of(SmallInt, d, s.dims...)}, Tag("axes=%b/int", s.axes)))
				}
			}
		}
	}
	return cs
}
