package ref

import (
	"cmp"
	"math"
	"slices"

	"github.com/tandem-compute/tandem/internal/op"
)

var indexes = table{on(take), on(takeGrad), on(takeAlong), on(takeAlongGrad), on(scatterAdd), on(putRows), on(concat), on(compact),
	on(sort), on(topK), on(kthValue), on(quantile)}

// cut is t as [outer, n, inner] round dimensions from to from+count-1.
func cut(t *op.Type, from, count int) (outer, n, inner int) {
	outer, n, inner = 1, 1, 1
	for i, d := range t.Shape() {
		switch {
		case i < from:
			outer *= d
		case i < from+count:
			n *= d
		default:
			inner *= d
		}
	}
	return outer, n, inner
}

// within reports whether i is an index of n places.
func within(i int64, n int) bool { return i >= 0 && i < int64(n) }

func take(p *op.Take, in, out []Array) error {
	x, idx, y := &in[0], in[1].I, &out[0]
	a, err := x.Axis(p.Axis)
	if err != nil {
		return err
	}
	outer, n, inner := cut(&x.Type, a, 1)
	for o := range outer {
		for j, k := range idx {
			for i := range inner {
				if within(k, n) {
					y.set((o*len(idx)+j)*inner+i, x, (o*n+int(k))*inner+i)
				}
			}
		}
	}
	return nil
}

func takeGrad(p *op.TakeGrad, in, out []Array) error {
	dy, idx := &in[0], &in[1]
	outer, m, inner := cut(&dy.Type, p.Axis, int(idx.Rank))
	sums := make([]sum, out[0].Elems())
	for o := range outer {
		for j, k := range idx.I {
			for i := range inner {
				if within(k, p.N) {
					sums[(o*p.N+int(k))*inner+i].add(dy.F[(o*m+j)*inner+i])
				}
			}
		}
	}
	out[0].totals(sums)
	return nil
}

// totals sets a's elements to the sums.
func (a *Array) totals(sums []sum) {
	for i := range sums {
		a.F[i] = sums[i].total()
	}
}

// places calls f with every element of idx's shape and the flat index of the element of t that it names along axis.
func places(t, shape *op.Type, idx []int64, axis int, f func(i, at int)) {
	a := Array{Type: *t}
	for i, k := range idx {
		if within(k, t.Dims[axis]) {
			c := unravel(shape, i)
			c[axis] = int(k)
			f(i, a.at(c))
		}
	}
}

func takeAlong(p *op.TakeAlong, in, out []Array) error {
	a, err := in[0].Axis(p.Axis)
	places(&in[0].Type, &in[1].Type, in[1].I, a, func(i, at int) { out[0].set(i, &in[0], at) })
	return err
}

func takeAlongGrad(p *op.TakeAlongGrad, in, out []Array) error {
	a, err := in[0].Axis(p.Axis)
	sums := make([]sum, out[0].Elems())
	places(&out[0].Type, &in[1].Type, in[1].I, a, func(i, at int) { sums[at].add(in[0].F[i]) })
	out[0].totals(sums)
	return err
}

func scatterAdd(_ *op.ScatterAdd, in, out []Array) error {
	dst, idx, src, y := &in[0], in[1].I, &in[2], &out[0]
	_, n, inner := cut(&dst.Type, 0, 1)
	sums := make([]sum, dst.Elems())
	for i := range sums {
		if y.F != nil {
			sums[i].add(dst.F[i])
		} else {
			y.I[i] = dst.I[i]
		}
	}
	for j, k := range idx {
		for i := range inner {
			if at := int(k)*inner + i; !within(k, n) {
				continue
			} else if y.F != nil {
				sums[at].add(src.F[j*inner+i])
			} else {
				y.I[at] = wrap(y.I[at]+src.I[j*inner+i], y.DType)
			}
		}
	}
	if y.F != nil {
		y.totals(sums)
	}
	return nil
}

func putRows(_ *op.PutRows, in, out []Array) error {
	dst, idx, src, y := &in[0], in[1].I, &in[2], &out[0]
	_, n, inner := cut(&dst.Type, 0, 1)
	for i := range dst.Elems() {
		y.set(i, dst, i)
	}
	for j, k := range idx {
		for i := range inner {
			if within(k, n) {
				y.set(int(k)*inner+i, src, j*inner+i)
			}
		}
	}
	return nil
}

func concat(p *op.Concat, in, out []Array) error {
	a, err := in[0].Axis(p.Axis)
	if err != nil {
		return err
	}
	base := 0
	for k := range in {
		for i := range in[k].Elems() {
			c := unravel(&in[k].Type, i)
			c[a] += base
			out[0].set(out[0].at(c), &in[k], i)
		}
		base += in[k].Dims[a]
	}
	return nil
}

func compact(_ *op.Compact, in, out []Array) error {
	_, _, inner := cut(&in[0].Type, 0, 1)
	n := 0
	for r, keep := range in[1].I {
		if keep == 0 {
			continue
		}
		for i := range inner {
			out[0].set(n*inner+i, &in[0], r*inner+i)
		}
		n++
	}
	out[1].I[0] = int64(n)
	return nil
}

// order is the indices of the n elements from first on, sorted: stable, NaN last either way.
func order(x *Array, first, n int, descending bool) []int {
	idx := make([]int, n)
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(i, j int) int {
		if x.F == nil {
			if descending {
				i, j = j, i
			}
			return cmp.Compare(x.I[first+i], x.I[first+j])
		}
		a, b := x.F[first+i], x.F[first+j]
		switch {
		case a != a && b != b:
			return 0
		case a != a:
			return 1
		case b != b:
			return -1
		case descending:
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	})
	return idx
}

// pick writes the first k of each row in order to the outputs, values and indices.
func pick(x *Array, out []Array, k int, descending bool) error {
	n := x.Last()
	for r := range x.Rows() {
		for i, j := range order(x, r*n, n, descending)[:k] {
			out[0].set(r*k+i, x, r*n+j)
			out[1].I[r*k+i] = int64(j)
		}
	}
	return nil
}

func sort(p *op.Sort, in, out []Array) error {
	return pick(&in[0], out, in[0].Last(), p.Descending)
}

func topK(p *op.TopK, in, out []Array) error { return pick(&in[0], out, p.K, !p.Least) }

func kthValue(p *op.KthValue, in, out []Array) error {
	x, n := &in[0], in[0].Last()
	for r := range x.Rows() {
		out[0].set(r, x, r*n+order(x, r*n, n, false)[p.K-1])
	}
	return nil
}

func quantile(p *op.Quantile, in, out []Array) error {
	x, n := in[0].F, in[0].Last()
	for r := range in[0].Rows() {
		row := slices.Clone(x[r*n : (r+1)*n])
		if slices.ContainsFunc(row, math.IsNaN) {
			out[0].F[r] = math.NaN()
			continue
		}
		slices.Sort(row)
		h := p.Q * float64(n-1)
		lo := int(h)
		a, b := row[lo], row[min(lo+1, n-1)]
		out[0].F[r] = a
		if part := h - float64(lo); part > 0 && a != b {
			out[0].F[r] = a + (b-a)*part
		}
	}
	return nil
}
