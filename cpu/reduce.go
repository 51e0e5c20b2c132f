package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// Reductions. A contiguous x is seen as alternating groups of dimensions that are kept and reduced. Each output unit
// folds a list of rows: when the last group is reduced a row makes one element, when it is kept a row is added to a
// row of outputs. Long lists are cut into pieces of a fixed number of elements, whose results are joined in order, so
// the order of a sum depends on the shape alone.

var reduces = table{on(pickReduce), on(pickArgReduce), on(pickCumSum), on(pickDot)}

// pieceLen is the elements of x that one piece folds.
const pieceLen = 1 << 16

// folding is how a reduction visits x.
type folding struct {
	rank     int
	dims     [op.MaxRank]int
	reduced  [op.MaxRank]bool
	row      int  // elements of a row: the last group
	across   bool // the last group is kept: rows are added elementwise
	units    int  // outputs, or rows of outputs
	list     int  // rows that a unit folds
	perPiece int  // of them in one piece
	pieces   int
	out      int // elements of a unit's result
	x        int // elements that one output is folded from
}

func (f *folding) set(x *op.Type, axes uint8) {
	*f = folding{units: 1, list: 1, row: 1, x: 1}
	for d, n := range x.Shape() {
		r := axes>>d&1 != 0
		if n == 1 {
			continue
		}
		if r {
			f.x *= n
		}
		if f.rank > 0 && f.reduced[f.rank-1] == r {
			f.dims[f.rank-1] *= n
			continue
		}
		f.dims[f.rank], f.reduced[f.rank] = n, r
		f.rank++
	}
	if f.rank > 0 {
		f.rank--
		f.row, f.across = f.dims[f.rank], !f.reduced[f.rank]
	}
	for d := range f.rank {
		if f.reduced[d] {
			f.list *= f.dims[d]
		} else {
			f.units *= f.dims[d]
		}
	}
	f.out = 1
	if f.across {
		f.out = f.row
	}
	f.perPiece = max(1, pieceLen/max(1, f.row))
	f.pieces = max(1, (f.list+f.perPiece-1)/f.perPiece)
	if f.rank == 0 && !f.across && f.row > pieceLen { // everything into one: cut the one row
		f.list, f.perPiece = (f.row+pieceLen-1)/pieceLen, 1
		f.dims[0], f.reduced[0], f.rank = f.list, true, 1
		f.pieces, f.row = f.list, pieceLen
	}
}

// offset is where row i of unit u begins, in elements.
func (f *folding) offset(u, i int) int {
	at, step := 0, f.row
	for d := f.rank - 1; d >= 0; d-- {
		if f.reduced[d] {
			at += i % f.dims[d] * step
			i /= f.dims[d]
		} else {
			at += u % f.dims[d] * step
			u /= f.dims[d]
		}
		step *= f.dims[d]
	}
	return at
}

func pickReduce(_ *Backend, p *op.Reduce, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	k := op.Kernel{Run: reduceKernel(in[0].DType)}
	if k.Run == nil {
		return no(p, in[0].DType)
	}
	var f folding
	f.set(&in[0], p.Axes)
	if f.pieces > 1 {
		k.Work = f.units * f.pieces * f.out * 8
	}
	return k, nil
}

func reduceKernel(d op.DType) func(op.Stream, *op.Node) error {
	switch d {
	case op.F32, op.F16, op.BF16:
		return reduce32
	case op.F64:
		return reduce64
	case op.I64:
		return reduceInt[int64]
	case op.I32:
		return reduceInt[int32]
	case op.I8:
		return reduceInt[int8]
	case op.U8, op.Bool:
		return reduceInt[uint8]
	}
	return nil
}

func reduce32(st op.Stream, n *op.Node) error {
	return st.(*stream).reduce(n, reducePieces[float32], joinPieces[float32])
}

func reduce64(st op.Stream, n *op.Node) error {
	return st.(*stream).reduce(n, reducePieces[float64], joinPieces[float64])
}

var (
	reduceIntBodies = bodies{i64: reduceIntPieces[int64], i32: reduceIntPieces[int32], i8: reduceIntPieces[int8], u8: reduceIntPieces[uint8]}
	joinIntBodies   = bodies{i64: joinIntPieces[int64], i32: joinIntPieces[int32], i8: joinIntPieces[int8], u8: joinIntPieces[uint8]}
)

func reduceInt[T integer](st op.Stream, n *op.Node) error {
	return st.(*stream).reduce(n, bodyOf[T](&reduceIntBodies), bodyOf[T](&joinIntBodies))
}

func (s *stream) reduce(n *op.Node, pieces, join body) error {
	s.fold.set(&n.In[0].Type, n.Op.(*op.Reduce).Axes)
	f := &s.fold
	each := max(1, f.row*min(f.list, f.perPiece))
	if err := s.split(n, f.units*f.pieces, max(1, elementGrain/each), pieces); err != nil {
		return err
	}
	return s.split(n, f.units, max(1, elementGrain/max(1, f.pieces*f.out)), join)
}

// rowAt is n elements of v from element at on, as T; a half is widened into scratch i.
func rowAt[T op.Elem](w *worker, v *op.View, at, n, i int) []T {
	if v.DType != op.F16 && v.DType != op.BF16 {
		return op.Data[T](v)[at : at+n]
	}
	half, wide := op.Data[uint16](v)[at:at+n], scratch[float32](w, i, n)
	if v.DType == op.F16 {
		w.vec.F32FromF16(wide, half)
	} else {
		w.vec.F32FromBF16(wide, half)
	}
	return any(wide).([]T)
}

// pieceTo is where the result of piece i goes: scratch memory of the node, or with one piece the worker's.
func pieceTo[T op.Elem](w *worker, n *op.Node, i int) []T {
	out := w.fold.out
	if w.fold.pieces == 1 {
		return wide[T](w, 3, out)
	}
	v := n.Work
	v.DType, v.Dims[0] = dtypeFor[T](), n.Work.Dims[0]/8
	return op.Data[T](&v)[i*out : (i+1)*out]
}

// wide is n elements of scratch i, whatever T.
func wide[T op.Elem](w *worker, i, n int) []T { return scratch[T](w, i, n) }

// dtypeFor is the dtype whose elements are T.
func dtypeFor[T op.Elem]() op.DType {
	switch any(*new(T)).(type) {
	case float64:
		return op.F64
	case float32:
		return op.F32
	case int64:
		return op.I64
	case int32:
		return op.I32
	case int8:
		return op.I8
	}
	return op.U8
}

// reducePieces folds pieces lo..hi-1 of real numbers.
func reducePieces[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	f, p, t := &w.fold, n.Op.(*op.Reduce), floats[T](w.vec)
	for i := lo; i < hi; i++ {
		acc := pieceTo[T](w, n, i)
		unit, first := i/f.pieces, i%f.pieces*f.perPiece
		last := min(first+f.perPiece, f.list)
		switch {
		case f.across && (p.Fn == op.LogSumExp || p.Fn == op.Prod):
			foldColumns(w, n, t, acc, unit, first, last)
		case f.across:
			foldAcross(w, n, t, acc, unit, first, last)
		default:
			foldRows(w, n, t, acc, unit, first, last)
		}
		if f.pieces == 1 {
			finish(w, n, unit, acc)
		}
	}
}

// rowLen is the length of row i of a unit: all alike, but for the last of a row that was cut.
func (f *folding) rowLen(v *op.View, at int) int { return min(f.row, v.Elems()-at) }

// foldRows folds each row to a number and joins the numbers.
func foldRows[T vec.Real](w *worker, n *op.Node, t *vec.Float[T], acc []T, unit, first, last int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	acc[0] = identity[T](fn)
	for i := first; i < last; i++ {
		at := f.offset(unit, i)
		row := rowAt[T](w, &n.In[0], at, f.rowLen(&n.In[0], at), 0)
		v := foldRow(t, fn, row)
		if i == first {
			acc[0] = v
		} else {
			acc[0] = join(fn, acc[0], v)
		}
	}
}

func identity[T vec.Real](fn op.ReduceFn) T {
	switch fn {
	case op.Prod:
		return 1
	case op.MaxOf, op.LogSumExp:
		return T(math.Inf(-1))
	case op.MinOf:
		return T(math.Inf(1))
	}
	return 0
}

func foldRow[T vec.Real](t *vec.Float[T], fn op.ReduceFn, row []T) T {
	switch fn {
	case op.Sum, op.Mean:
		return t.Sum(row)
	case op.Norm1:
		return t.SumAbs(row)
	case op.Norm2, op.SumSquares:
		return t.SumSq(row)
	case op.MaxOf:
		return t.MaxOf(row)
	case op.MinOf:
		return t.MinOf(row)
	case op.LogSumExp:
		if len(row) == 0 {
			return identity[T](fn)
		}
		return t.LogSumExp(row)
	}
	p := T(1)
	for _, v := range row {
		p *= v
	}
	return p
}

// join combines the results of two pieces.
func join[T vec.Real](fn op.ReduceFn, a, b T) T {
	switch fn {
	case op.Prod:
		return a * b
	case op.MaxOf:
		return max(a, b)
	case op.MinOf:
		return min(a, b)
	case op.LogSumExp:
		m := max(a, b)
		if m-m != 0 {
			return m
		}
		return m + T(math.Log(math.Exp(float64(a-m))+math.Exp(float64(b-m))))
	}
	return a + b
}

// blockRows is the rows that are added up before their sum is added to the rest: two levels lose less than one.
const blockRows = 64

// foldAcross adds whole rows to a row of results.
func foldAcross[T vec.Real](w *worker, n *op.Node, t *vec.Float[T], acc []T, unit, first, last int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	id := identity[T](fn)
	vec.Fill(acc, id)
	if fn == op.MaxOf || fn == op.MinOf {
		addRows(w, n, t, acc, unit, first, last)
		return
	}
	part := wide[T](w, 1, f.row)
	for ; first < last; first += blockRows {
		vec.Fill(part, id)
		addRows(w, n, t, part, unit, first, min(first+blockRows, last))
		t.Add(acc, acc, part)
	}
}

func addRows[T vec.Real](w *worker, n *op.Node, t *vec.Float[T], acc []T, unit, first, last int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	for i := first; i < last; i++ {
		row := rowAt[T](w, &n.In[0], f.offset(unit, i), f.row, 0)
		switch fn {
		case op.MaxOf: // Go's own max, which orders the zeros: the result is then one for any order
			for c, v := range row {
				acc[c] = max(acc[c], v)
			}
		case op.MinOf:
			for c, v := range row {
				acc[c] = min(acc[c], v)
			}
		case op.Norm1:
			tmp := wide[T](w, 2, f.row)
			t.Abs(tmp, row)
			t.Add(acc, acc, tmp)
		case op.Norm2, op.SumSquares:
			t.FMA(acc, row, row, acc)
		default:
			t.Add(acc, acc, row)
		}
	}
}

// foldColumns gathers each column and folds it as a row.
func foldColumns[T vec.Real](w *worker, n *op.Node, t *vec.Float[T], acc []T, unit, first, last int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	col := wide[T](w, 1, last-first)
	for c := range acc {
		for i := first; i < last; i++ {
			col[i-first] = rowAt[T](w, &n.In[0], f.offset(unit, i)+c, 1, 0)[0]
		}
		acc[c] = foldRow(t, fn, col[:last-first])
	}
}

// joinPieces joins the pieces of units lo..hi-1 in order.
func joinPieces[T vec.Real](w *worker, n *op.Node, lo, hi int) {
	f, fn := &w.fold, n.Op.(*op.Reduce).Fn
	if f.pieces == 1 {
		return
	}
	for u := lo; u < hi; u++ {
		acc := pieceTo[T](w, n, u*f.pieces)
		for i := 1; i < f.pieces; i++ {
			for c, v := range pieceTo[T](w, n, u*f.pieces+i) {
				acc[c] = join(fn, acc[c], v)
			}
		}
		finish(w, n, u, acc)
	}
}

// finish turns folded values into results and stores those of one unit.
func finish[T vec.Real](w *worker, n *op.Node, unit int, acc []T) {
	f, y := &w.fold, &n.Out[0]
	for c, v := range acc {
		switch n.Op.(*op.Reduce).Fn {
		case op.Mean:
			acc[c] = v / T(f.x)
		case op.Norm2:
			acc[c] = T(math.Sqrt(float64(v)))
		}
	}
	storeAt(w, y, unit*f.out, acc)
}

// storeAt rounds vs to v's dtype from element at on.
func storeAt[T vec.Real](w *worker, v *op.View, at int, vs []T) {
	switch v.DType {
	case op.F16:
		w.vec.F16FromF32(op.Data[uint16](v)[at:at+len(vs)], any(vs).([]float32))
	case op.BF16:
		w.vec.BF16FromF32(op.Data[uint16](v)[at:at+len(vs)], any(vs).([]float32))
	default:
		copy(dataOf[T](v)[at:], vs)
	}
}
