package parity

import (
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

// gemmSizes are m, n, k: one of each, odd tails around the tiles of every kernel, skinny, deep, and K of nothing.
var gemmSizes = [][3]int{{5, 7, 3}, {1, 1, 1}, {6, 16, 8}, {7, 17, 9}, {64, 64, 64}, {65, 33, 129}, {1, 130, 70}, {130, 1, 70}, {3, 257, 300}, {150, 150, 17}, {2, 100, 46}, {4, 5, 0}, {0, 5, 4}, {96, 200, 513}}

func gemms() []Case {
	var cs []Case
	for _, t := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, s := range gemmSizes {
			for _, d := range floats {
				if d != op.F32 && s[0]*s[1]*s[2] > 70000 {
					continue
				}
				o := &op.MatMul{Alpha: 1, TransA: t[0], TransB: t[1]}
				cs = append(cs, New(o, product(Normal, d, s, t), Linear(s[2]), func(c *Case) { c.Zero = s[2] == 0 }))
				if s[2] > 0 && s[2] < 200 {
					cs = append(cs, New(o, product(SmallInt, d, s, t), Tag("int")))
				}
			}
		}
		cs = append(cs, New(&op.MatMul{Alpha: 1, TransA: t[0], TransB: t[1]}, product(Positive, op.F32, [3]int{20, 30, 1000}, t), Linear(1000), Tag("positive")))
	}
	return slices.Concat(cs, epilogues(), batched(), grouped(), packs())
}

// product is the operands of an m x n x k product.
func product(g Gen, d op.DType, s [3]int, t [2]bool) []Operand {
	a, b := []int{s[0], s[2]}, []int{s[2], s[1]}
	if t[0] {
		a[0], a[1] = a[1], a[0]
	}
	if t[1] {
		b[0], b[1] = b[1], b[0]
	}
	return []Operand{Of(g, d, a...), Of(g, d, b...)}
}

func epilogues() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range [][3]int{{5, 7, 3}, {33, 40, 65}, {1, 70, 64}} {
			in := product(Normal, d, s, [2]bool{})
			bias, c := Of(Normal, d, s[1]), Of(Normal, d, s[0], s[1])
			with := func(extra ...Operand) []Operand { return append(in[:2:2], extra...) }
			cs = append(cs,
				New(&op.MatMul{Alpha: 0.5}, in, Linear(s[2]), Tag("alpha")),
				New(&op.MatMul{Alpha: 1, HasBias: true}, with(bias), Linear(s[2]), Tag("bias")),
				New(&op.MatMul{Alpha: 1, HasC: true, Beta: 1}, with(c), Linear(s[2]), Tag("residual")),
				New(&op.MatMul{Alpha: -1, HasC: true, Beta: 0.25}, with(c), Linear(s[2]), Tag("beta")),
				New(&op.MatMul{Alpha: 0.1, HasC: true, Beta: -0.3}, with(c), Linear(s[2]), Tag("uneven")),
				New(&op.MatMul{Alpha: 1, HasC: true}, with(c), Linear(s[2]), Tag("beta=0")))
			for _, act := range []op.UnaryFn{op.ReLU, op.SiLU, op.GELU, op.GELUTanh, op.Sigmoid, op.Tanh} {
				cs = append(cs, New(&op.MatMul{Alpha: 1, HasBias: true, HasC: true, Beta: 1, HasAct: true, Act: act}, with(bias, c), Linear(s[2]), Tag("%v", act)))
			}
		}
	}
	// So wide that threads share the columns.
	in := append(product(Normal, op.F32, [3]int{5, 900, 260}, [2]bool{}), Of(Normal, op.F32, 900), Of(Normal, op.F32, 5, 900))
	return append(cs, New(&op.MatMul{Alpha: 1, HasBias: true, HasC: true, Beta: 1}, in, Linear(260), Tag("wide")))
}

func batched() []Case {
	var cs []Case
	o := &op.MatMul{Alpha: 1}
	for _, d := range floats {
		for _, s := range [][2][]int{
			{{3, 5, 7}, {3, 7, 9}}, {{3, 5, 7}, {7, 9}}, {{5, 7}, {3, 7, 9}}, {{2, 1, 5, 7}, {3, 7, 9}}, {{2, 3, 4, 5, 6}, {3, 1, 6, 7}}, {{0, 5, 7}, {7, 9}},
		} {
			k := s[0][len(s[0])-1]
			cs = append(cs, New(o, []Operand{Of(Normal, d, s[0]...), Of(Normal, d, s[1]...)}, Linear(k)), New(o, []Operand{Of(SmallInt, d, s[0]...), Of(SmallInt, d, s[1]...)}, Tag("int")))
		}
	}
	return append(cs,
		New(o, []Operand{Of(Normal, op.F32, 2, 9, 7).Strided(), Of(Normal, op.F32, 7, 33)}, Linear(7)),
		New(o, []Operand{Of(Normal, op.F32, 2, 9, 7).Padded(), Of(Normal, op.F32, 7, 33).Padded()}, Linear(7)),
		New(o, []Operand{Of(Normal, op.F32, 2, 9, 70).Turned(), Of(Normal, op.F32, 70, 33).Turned()}, Linear(70)),
		New(o, []Operand{Of(Normal, op.F16, 2, 9, 70).Turned(), Of(Normal, op.F16, 70, 33).Padded()}, Linear(70)),
		New(&op.MatMul{Alpha: 1, TransA: true, TransB: true}, []Operand{Of(Normal, op.F64, 3, 7, 9).Padded(), Of(Normal, op.F64, 33, 7)}, Linear(7)),
		New(o, []Operand{Of(Normal, op.F32, 4, 6, 5).Stretched(0), Of(Normal, op.F32, 1, 5, 6)}, Linear(5)))
}

// packs are weights in the device's own layout. What it means shows in the product; here the bytes around it and a
// second run's bits count.
func packs() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range [][3]int{{5, 7, 3}, {1, 1, 1}, {1, 130, 70}, {8, 65, 129}, {33, 40, 513}, {3, 5, 0}} {
			for _, g := range []Gen{Normal, SmallInt} {
				in := product(g, d, s, [2]bool{})
				in[1].Weight = true
				class := Linear(s[2])
				if g == SmallInt {
					class = Tag("int")
				}
				if g == Normal || s[2] > 0 && s[2] < 200 {
					cs = append(cs, New(&op.MatMul{Alpha: 1}, in, class, Tag("packed"), func(c *Case) { c.Zero = s[2] == 0 }))
				}
			}
		}
		for _, s := range [][]int{{33, 40}, {1, 1}, {70, 5}, {513, 130}} {
			cs = append(cs, New(&op.Pack{}, []Operand{Of(Normal, d, s...)}), New(&op.Pack{Trans: true}, []Operand{Of(Normal, d, s...)}, Tag("trans")))
		}
	}
	return cs
}

func grouped() []Case {
	var cs []Case
	for _, d := range floats {
		for _, s := range []struct{ n, k, m, groups int }{{40, 7, 9, 6}, {1, 1, 1, 1}, {33, 64, 20, 4}, {130, 16, 33, 3}, {0, 4, 4, 2}, {12, 5, 1, 40}, {9, 0, 5, 3}, {70, 12, 68, 2}, {33, 19, 20, 4}} {
			for _, g := range []Gen{Normal, SmallInt} {
				class, name := Linear(s.k), "real"
				if g == SmallInt {
					class, name = ZeroAllowed(), "int"
				}
				x, cut := Of(g, d, s.n, s.k), offsets(s.groups, s.n)
				outer := Linear(s.n)
				if g == SmallInt {
					outer = ZeroAllowed()
				}
				cs = append(cs,
					New(&op.GroupedMatMul{}, []Operand{x, Of(g, d, s.groups, s.k, s.m), cut}, class, ZeroAllowed(), Tag("%s", name)),
					New(&op.GroupedMatMul{TransB: true}, []Operand{x, Of(g, d, s.groups, s.m, s.k), cut}, class, ZeroAllowed(), Tag("nt/%s", name)),
					New(&op.GroupedOuter{}, []Operand{x, Of(g, d, s.n, s.m), cut}, outer, ZeroAllowed(), Tag("%s", name)))
			}
		}
	}
	return cs
}
