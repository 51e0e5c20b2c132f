package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/radix"
	"github.com/tandem-compute/tandem/internal/op"
)

// Rows become keys with indices, these are sorted by their digits, and the values follow the indices. Rows are sorted
// in parallel; a large row is itself cut into blocks, pass by pass. Either way the order is the one that the keys and
// then the indices give, so no bit depends on the threads.

// byType is one body for each type that can be ordered, halves as float32.
type byType [op.U8 + 1]body

const (
	bigRow   = 1 << 15 // elements from which one row is work for several threads
	hugeRow  = 1 << 20 // elements from which a thread should not need scratch memory for a row of its own
	blockRow = 1 << 13 // the least elements of a block
)

// together reports whether threads share each row of x instead of taking a row each.
func (b *Backend) together(x *op.Type) bool {
	return b.threads > 1 && x.Last() >= bigRow && (x.Rows() < 4*b.threads || x.Last() >= hugeRow)
}

// blocks is the number of parts that a shared row of n elements is cut into.
func (b *Backend) blocks(n int) int { return max(1, min(4*b.threads, n/blockRow)) }

func pickSort(b *Backend, _ *op.Sort, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	if b.together(&in[0]) {
		return op.Kernel{Run: sortShared, Work: sharedBytes(b, &in[0])}, nil
	}
	return kernel(sortRows)
}

// descending is the direction of a Sort or TopK.
func descending(o op.Op) bool {
	if p, ok := o.(*op.TopK); ok {
		return !p.Least
	}
	return o.(*op.Sort).Descending
}

// part is elements lo..hi-1 of row r of v as numbers with keys; halves are widened into scratch i.
func part[T radix.Number](w *worker, v *op.View, r, lo, hi, i int) []T {
	stride, _ := v.RowStride()
	if v.DType != op.F16 && v.DType != op.BF16 {
		return op.Data[T](v)[r*stride:][lo:hi]
	}
	half, wide := op.Data[uint16](v)[r*stride:][lo:hi], scratch[float32](w, i, hi-lo)
	if v.DType == op.F16 {
		w.vec.F32FromF16(wide, half)
	} else {
		w.vec.F32FromBF16(wide, half)
	}
	return any(wide).([]T)
}

// itemScratch is n items of a worker's own memory.
func itemScratch[K radix.Key](w *worker, i, n int) []radix.Item[K] {
	b := scratch[int64](w, i, n*int(unsafe.Sizeof(radix.Item[K]{}))/8)
	return unsafe.Slice((*radix.Item[K])(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// put writes items to elements at, at+1, … of row r of the outputs: the values they stand for, and their indices.
func put[K radix.Key](n *op.Node, r, at int, items []radix.Item[K]) {
	stride, _ := n.Out[1].RowStride()
	idx := op.Data[int32](&n.Out[1])[r*stride:][at : at+len(items)]
	for i := range items {
		idx[i] = items[i].Index
	}
	switch n.Out[0].DType.Size() {
	case 1:
		putValues[uint8](n, r, at, idx)
	case 2:
		putValues[uint16](n, r, at, idx)
	case 4:
		putValues[int32](n, r, at, idx)
	default:
		putValues[int64](n, r, at, idx)
	}
}

func putValues[T op.Elem](n *op.Node, r, at int, idx []int32) {
	from, _ := n.In[0].RowStride()
	to, _ := n.Out[0].RowStride()
	x, y := op.Data[T](&n.In[0])[r*from:], op.Data[T](&n.Out[0])[r*to:][at:at+len(idx)]
	for i, j := range idx {
		y[i] = x[j]
	}
}

var sortBodies = byType{
	op.F64: sortBody[float64, uint64], op.F32: sortBody[float32, uint32], op.F16: sortBody[float32, uint32], op.BF16: sortBody[float32, uint32],
	op.I64: sortBody[int64, uint64], op.I32: sortBody[int32, uint32], op.I8: sortBody[int8, uint32], op.U8: sortBody[uint8, uint32],
}

func sortRows(st op.Stream, n *op.Node) error {
	x := &n.In[0]
	return st.(*stream).split(n, n.Rows(x), rowGrain(x.Last()), sortBodies[x.DType])
}

func sortBody[T radix.Number, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, cols := &n.In[0], n.In[0].Last()
	if cols == 0 {
		return
	}
	items, tmp := itemScratch[K](w, 0, cols), itemScratch[K](w, 1, cols)
	for r := lo; r < hi; r++ {
		radix.Items(items, part[T](w, x, r, 0, cols, 2), 0, descending(n.Op))
		put(n, r, 0, radix.Sort(items, tmp))
	}
}

// shared is the progress of rows that all threads sort together. It lies at the front of the node's scratch memory,
// before the counts of each block and twice the items of a row.
type shared struct {
	row, digit, blocks int
	turned             bool // the items are in the second of the two places
}

const sharedAt = 64 // bytes of it

func itemBytes(d op.DType) int {
	if d.Size() == 8 {
		return int(unsafe.Sizeof(radix.Item[uint64]{}))
	}
	return int(unsafe.Sizeof(radix.Item[uint32]{}))
}

func sharedBytes(b *Backend, x *op.Type) int {
	return sharedAt + b.blocks(x.Last())*int(unsafe.Sizeof(radix.Counts{})) + 2*x.Last()*itemBytes(x.DType)
}

func sharedOf(n *op.Node) *shared { return &workspace[shared](n, 0, 1)[0] }

func (s *shared) counts(n *op.Node) []radix.Counts {
	return workspace[radix.Counts](n, sharedAt, s.blocks)
}

// sharedItems is the items of the row as they are, and the place where the next pass puts them.
func sharedItems[K radix.Key](s *shared, n *op.Node) (from, to []radix.Item[K]) {
	at, cols := sharedAt+s.blocks*int(unsafe.Sizeof(radix.Counts{})), n.In[0].Last()
	both := workspace[radix.Item[K]](n, at, 2*cols)
	if s.turned {
		return both[cols:], both[:cols]
	}
	return both[:cols], both[cols:]
}

// bounds is the elements of block i.
func (s *shared) bounds(i, cols int) (lo, hi int) {
	return i * cols / s.blocks, (i + 1) * cols / s.blocks
}

var (
	sharedKeys = byType{
		op.F64: keysBody[float64, uint64], op.F32: keysBody[float32, uint32], op.F16: keysBody[float32, uint32], op.BF16: keysBody[float32, uint32],
		op.I64: keysBody[int64, uint64], op.I32: keysBody[int32, uint32], op.I8: keysBody[int8, uint32], op.U8: keysBody[uint8, uint32],
	}
	sharedCount   = [2]body{countBody[uint32], countBody[uint64]}
	sharedScatter = [2]body{scatterBody[uint32], scatterBody[uint64]}
	sharedPut     = [2]body{putBody[uint32], putBody[uint64]}
)

// digits is how many digits of a key can differ, and wide whether it is one of 64 bits.
func digits(d op.DType) (count, wide int) {
	switch d {
	case op.F64, op.I64:
		return radix.Passes[uint64](), 1
	case op.I8, op.U8:
		return 1, 0
	}
	return radix.Passes[uint32](), 0
}

// sortShared sorts one row after the other: per digit every block counts, the counts become places, every block moves.
func sortShared(st op.Stream, n *op.Node) error {
	s, x, p := st.(*stream), &n.In[0], sharedOf(n)
	passes, wide := digits(x.DType)
	*p = shared{blocks: s.blocks(x.Last())}
	for p.row = range n.Rows(x) {
		p.turned = false
		if err := s.split(n, p.blocks, 1, sharedKeys[x.DType]); err != nil {
			return err
		}
		for p.digit = range passes {
			if err := s.split(n, p.blocks, 1, sharedCount[wide]); err != nil {
				return err
			}
			if s.ctx.Err() != nil || radix.Starts(p.counts(n)) {
				continue
			}
			if err := s.split(n, p.blocks, 1, sharedScatter[wide]); err != nil {
				return err
			}
			p.turned = !p.turned
		}
		if err := s.split(n, p.blocks, 1, sharedPut[wide]); err != nil {
			return err
		}
	}
	return nil
}

func keysBody[T radix.Number, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	s, x := sharedOf(n), &n.In[0]
	items, _ := sharedItems[K](s, n)
	for i := lo; i < hi; i++ {
		from, to := s.bounds(i, x.Last())
		radix.Items(items[from:to], part[T](w, x, s.row, from, to, 2), from, descending(n.Op))
	}
}

func countBody[K radix.Key](_ *worker, n *op.Node, lo, hi int) {
	s := sharedOf(n)
	items, _ := sharedItems[K](s, n)
	for i := lo; i < hi; i++ {
		from, to := s.bounds(i, len(items))
		radix.Count(items[from:to], s.digit, &s.counts(n)[i])
	}
}

func scatterBody[K radix.Key](_ *worker, n *op.Node, lo, hi int) {
	s := sharedOf(n)
	items, dst := sharedItems[K](s, n)
	for i := lo; i < hi; i++ {
		from, to := s.bounds(i, len(items))
		radix.Scatter(dst, items[from:to], s.digit, &s.counts(n)[i])
	}
}

// putBody writes the part of a block that the outputs, which TopK makes shorter, still hold.
func putBody[K radix.Key](_ *worker, n *op.Node, lo, hi int) {
	s := sharedOf(n)
	items, _ := sharedItems[K](s, n)
	for i := lo; i < hi; i++ {
		from, to := s.bounds(i, len(items))
		if to = min(to, n.Out[0].Last()); from < to {
			put(n, s.row, from, items[from:to])
		}
	}
}
