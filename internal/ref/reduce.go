package ref

import (
	"fmt"
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var reduces = table{on(reduce)}

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
