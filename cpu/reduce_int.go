package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// reduceIntPieces folds pieces lo..hi-1 of integers or bools; sums and products wrap, so their order does not matter.
func reduceIntPieces[T integer](w *worker, n *op.Node, lo, hi int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	for i := lo; i < hi; i++ {
		acc := pieceTo[T](w, n, i)
		vec.Fill(acc, intIdentity[T](fn))
		unit, first := i/f.pieces, i%f.pieces*f.perPiece
		for j := first; j < min(first+f.perPiece, f.list); j++ {
			at := f.offset(unit, j)
			row := op.Data[T](&n.In[0])[at : at+f.rowLen(&n.In[0], at)]
			if f.across {
				joinInts(w, fn, acc, row)
			} else {
				acc[0] = foldInts(w, fn, acc[0], row)
			}
		}
		if f.pieces == 1 {
			copy(op.Data[T](&n.Out[0])[unit*f.out:], acc)
		}
	}
}

func intIdentity[T integer](fn op.ReduceFn) T {
	switch fn {
	case op.Prod, op.AllOf:
		return 1
	case op.MaxOf:
		return leastInt[T]()
	case op.MinOf:
		return ^leastInt[T]()
	}
	return 0
}

// leastInt is the smallest number of T.
func leastInt[T integer]() T {
	if ^T(0) > 0 {
		return 0
	}
	m := T(1)
	for m<<1 > 0 {
		m <<= 1
	}
	return m << 1
}

func foldInts[T integer](w *worker, fn op.ReduceFn, acc T, row []T) T {
	t := whole[T](w.vec)
	switch {
	case len(row) == 0:
	case fn == op.Sum:
		acc += T(t.Sum(row))
	case fn == op.MaxOf:
		acc = max(acc, t.MaxOf(row))
	case fn == op.MinOf:
		acc = min(acc, t.MinOf(row))
	case fn == op.Prod:
		for _, v := range row {
			acc *= v
		}
	case fn == op.AllOf:
		for _, v := range row {
			acc &= v
		}
	case fn == op.AnyOf:
		for _, v := range row {
			acc |= v
		}
	}
	return acc
}

// joinInts folds a row into a row of results.
func joinInts[T integer](w *worker, fn op.ReduceFn, acc, row []T) {
	t := whole[T](w.vec)
	switch fn {
	case op.Sum:
		t.Add(acc, acc, row)
	case op.Prod:
		t.Mul(acc, acc, row)
	case op.MaxOf:
		t.Max(acc, acc, row)
	case op.MinOf:
		t.Min(acc, acc, row)
	case op.AllOf:
		t.And(acc, acc, row)
	case op.AnyOf:
		t.Or(acc, acc, row)
	}
}

func joinIntPieces[T integer](w *worker, n *op.Node, lo, hi int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	if f.pieces == 1 {
		return
	}
	for u := lo; u < hi; u++ {
		acc := pieceTo[T](w, n, u*f.pieces)
		for i := 1; i < f.pieces; i++ {
			joinInts(w, fn, acc, pieceTo[T](w, n, u*f.pieces+i))
		}
		copy(op.Data[T](&n.Out[0])[u*f.out:], acc)
	}
}
