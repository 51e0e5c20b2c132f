package ref

import (
	"fmt"
	"math"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

var reduces = table{on(reduce), on(argReduce), on(cumSum), on(dot)}

// groups collects, for every element of the output, the flat indices of x that it is folded from, in order.
func groups(x *op.Type, axes uint8, outs int) [][]int {
	g := make([][]int, outs)
	for i := range x.Elems() {
		c, o := unravel(x, i), 0
		for d := range int(x.Rank) {
			if axes>>d&1 == 0 {
				o = o*x.Dims[d] + c[d]
			}
		}
		g[o] = append(g[o], i)
	}
	return g
}

func reduce(p *op.Reduce, in, out []Array) error {
	x, y := &in[0], &out[0]
	for o, g := range groups(&x.Type, p.Axes, y.Elems()) {
		if x.F == nil {
			y.I[o] = foldInts(p.Fn, x, g)
			continue
		}
		vs := make([]float64, len(g))
		for i, j := range g {
			vs[i] = x.F[j]
		}
		v, err := fold(p.Fn, vs)
		if err != nil {
			return err
		}
		y.F[o] = v
	}
	return nil
}

// fold reduces real numbers.
func fold(fn op.ReduceFn, vs []float64) (float64, error) {
	acc, total := 0.0, sum{}
	switch fn {
	case op.Prod:
		acc = 1
	case op.MaxOf, op.LogSumExp:
		acc = math.Inf(-1)
	case op.MinOf:
		acc = math.Inf(1)
	}
	for _, v := range vs {
		switch fn {
		case op.Sum, op.Mean:
			total.add(v)
		case op.Prod:
			acc *= v
		case op.MaxOf, op.LogSumExp:
			acc = max(acc, v)
		case op.MinOf:
			acc = min(acc, v)
		case op.Norm1:
			total.add(math.Abs(v))
		case op.Norm2, op.SumSquares:
			total.addProduct(v, v)
		default:
			return 0, fmt.Errorf("%v of real numbers", fn)
		}
	}
	switch fn {
	case op.Sum, op.Norm1, op.SumSquares:
		return total.total(), nil
	case op.Mean:
		return total.total() / float64(len(vs)), nil
	case op.Norm2:
		return math.Sqrt(total.total()), nil
	case op.LogSumExp:
		if math.IsInf(acc, 0) {
			return acc, nil
		}
		for _, v := range vs {
			total.add(math.Exp(v - acc))
		}
		return acc + math.Log(total.total()), nil
	}
	return acc, nil
}

func foldInts(fn op.ReduceFn, x *Array, g []int) int64 {
	acc := int64(0)
	switch fn {
	case op.Prod, op.AllOf:
		acc = 1
	case op.MaxOf:
		acc = saturate(math.Inf(-1), x.DType)
	case op.MinOf:
		acc = saturate(math.Inf(1), x.DType)
	}
	for _, i := range g {
		switch v := x.I[i]; fn {
		case op.Sum:
			acc += v
		case op.Prod:
			acc *= v
		case op.MaxOf:
			acc = max(acc, v)
		case op.MinOf:
			acc = min(acc, v)
		case op.AllOf:
			acc &= v
		case op.AnyOf:
			acc |= v
		}
	}
	return wrap(acc, x.DType)
}

// lines calls f with the flat indices of every line of x along an axis, and the line's number.
func lines(x *op.Type, axis int, f func(o int, line []int)) {
	inner := 1
	for _, d := range x.Dims[axis+1 : x.Rank] {
		inner *= d
	}
	n := x.Dims[axis]
	for o := range x.Elems() / max(1, n) {
		line := make([]int, n)
		for i := range line {
			line[i] = o/inner*n*inner + i*inner + o%inner
		}
		f(o, line)
	}
}

func argReduce(p *op.ArgReduce, in, out []Array) error {
	x := &in[0]
	axis, err := x.Axis(p.Axis)
	if err != nil {
		return err
	}
	lines(&x.Type, axis, func(o int, line []int) {
		best := 0
		for i := range line {
			if x.beats(line[i], line[best], p.Least) {
				best = i
			}
		}
		out[0].I[o] = int64(best)
	})
	return nil
}

// beats reports whether element i is more extreme than element j; a NaN beats every number.
func (a *Array) beats(i, j int, least bool) bool {
	if a.F == nil {
		if least {
			return a.I[i] < a.I[j]
		}
		return a.I[i] > a.I[j]
	}
	x, y := a.F[i], a.F[j]
	switch {
	case y != y:
		return false
	case x != x:
		return true
	case least:
		return x < y
	}
	return x > y
}

func cumSum(p *op.CumSum, in, out []Array) error {
	x, y := &in[0], &out[0]
	axis, err := x.Axis(p.Axis)
	if err != nil {
		return err
	}
	lines(&x.Type, axis, func(_ int, line []int) {
		if p.Reverse {
			slices.Reverse(line)
		}
		var real sum
		var whole int64
		for _, i := range line {
			if x.F == nil {
				before := whole
				whole = wrap(whole+x.I[i], x.DType)
				y.I[i] = whole
				if p.Exclusive {
					y.I[i] = before
				}
				continue
			}
			if p.Exclusive {
				y.F[i] = real.total()
				real.add(x.F[i])
			} else {
				real.add(x.F[i])
				y.F[i] = real.total()
			}
		}
	})
	return nil
}

func dot(_ *op.Dot, in, out []Array) error {
	n := in[0].Last()
	for r := range out[0].F {
		var s sum
		for i := range n {
			s.addProduct(in[0].F[r*n+i], in[1].F[r*n+i])
		}
		out[0].F[r] = s.total()
	}
	return nil
}
