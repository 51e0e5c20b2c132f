package cpu

import (
	"github.com/tandem-compute/tandem/cpu/internal/radix"
	"github.com/tandem-compute/tandem/internal/op"
)

// fewWinners is the largest K for which a short list of the best so far is kept in order: what does not beat the last
// of them, nearly everything, costs one comparison. A larger K is found by selection on the digits of the keys.
const fewWinners = 64

func pickTopK(b *Backend, p *op.TopK, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, out); err != nil {
		return op.Kernel{}, err
	}
	switch x := &in[0]; {
	case p.K == 0 || !b.together(x):
		return kernel(topRows)
	case p.K > x.Last()/8:
		return op.Kernel{Run: sortShared, Work: sharedBytes(b, x)}, nil
	default:
		return op.Kernel{Run: topShared, Work: x.Rows() * b.topBlocks(x.Last(), p.K) * p.K * itemBytes(x.DType)}, nil
	}
}

// topBlocks is the parts that a shared row is cut into, each of at least twice k elements.
func (b *Backend) topBlocks(n, k int) int { return max(1, min(b.blocks(n), n/(2*k))) }

var (
	topBodies = byType{
		op.F64: topBody[float64, uint64], op.F32: topBody[float32, uint32], op.F16: topBody[float32, uint32], op.BF16: topBody[float32, uint32],
		op.I64: topBody[int64, uint64], op.I32: topBody[int32, uint32], op.I8: topBody[int8, uint32], op.U8: topBody[uint8, uint32],
	}
	topBlockBodies = byType{
		op.F64: topBlockBody[float64, uint64], op.F32: topBlockBody[float32, uint32], op.F16: topBlockBody[float32, uint32], op.BF16: topBlockBody[float32, uint32],
		op.I64: topBlockBody[int64, uint64], op.I32: topBlockBody[int32, uint32], op.I8: topBlockBody[int8, uint32], op.U8: topBlockBody[uint8, uint32],
	}
	topMergeBodies = [2]body{topMergeBody[uint32], topMergeBody[uint64]}
)

func topRows(st op.Stream, n *op.Node) error {
	x := &n.In[0]
	if n.Out[0].Elems() == 0 {
		return nil
	}
	return st.(*stream).split(n, n.Rows(x), rowGrain(x.Last()), topBodies[x.DType])
}

func topBody[T radix.Number, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, k := &n.In[0], n.Op.(*op.TopK).K
	for r := lo; r < hi; r++ {
		put(n, r, 0, winners[T, K](w, part[T](w, x, r, 0, x.Last(), 2), 0, k, descending(n.Op)))
	}
}

// topShared finds the winners of every block of every row, then those of each row among them. As the blocks' winners
// stand one behind the other, equals are in the order of their indices.
func topShared(st op.Stream, n *op.Node) error {
	s, x := st.(*stream), &n.In[0]
	rows, blocks := n.Rows(x), s.topBlocks(x.Last(), n.Op.(*op.TopK).K)
	if err := s.split(n, rows*blocks, 1, topBlockBodies[x.DType]); err != nil || s.ctx.Err() != nil {
		return err
	}
	_, wide := digits(x.DType)
	return s.split(n, rows, 1, topMergeBodies[wide])
}

func topBlockBody[T radix.Number, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, k := &n.In[0], n.Op.(*op.TopK).K
	cols := x.Last()
	blocks := w.topBlocks(cols, k)
	for i := lo; i < hi; i++ {
		r, b := i/blocks, i%blocks
		from, to := b*cols/blocks, (b+1)*cols/blocks
		best := winners[T, K](w, part[T](w, x, r, from, to, 2), from, k, descending(n.Op))
		copy(workspace[radix.Item[K]](n, i*k*itemBytes(x.DType), k), best)
	}
}

func topMergeBody[K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, k := &n.In[0], n.Op.(*op.TopK).K
	many := w.topBlocks(x.Last(), k) * k
	tmp := itemScratch[K](w, 0, many)
	for r := lo; r < hi; r++ {
		items := workspace[radix.Item[K]](n, r*many*itemBytes(x.DType), many)
		put(n, r, 0, radix.Sort(items, tmp)[:k])
	}
}

// winners is the k first of x in order, in a worker's scratch memory; x's first element has the given index.
func winners[T radix.Number, K radix.Key](w *worker, x []T, first, k int, descending bool) []radix.Item[K] {
	if k > fewWinners {
		items, tmp := itemScratch[K](w, 0, len(x)), itemScratch[K](w, 1, len(x))
		radix.Items(items, x, first, descending)
		return radix.Select(items, tmp, k)
	}
	best, tmp := itemScratch[K](w, 0, k), itemScratch[K](w, 1, k)
	radix.Items(best, x[:k], first, descending)
	best = radix.Sort(best, tmp)
	last := x[int(best[k-1].Index)-first]
	for i := k; ; i++ {
		if i += ahead(x[i:], last, descending); i == len(x) {
			return best
		}
		var it [1]radix.Item[K]
		radix.Items(it[:], x[i:i+1], first+i, descending)
		j := k - 1
		for ; j > 0 && best[j-1].Key > it[0].Key; j-- {
			best[j] = best[j-1]
		}
		best[j] = it[0]
		last = x[int(best[k-1].Index)-first]
	}
}

// ahead is the index of the first element that comes before last, len(x) if none does. Every number comes before NaN.
func ahead[T radix.Number](x []T, last T, descending bool) int {
	switch {
	case last != last:
		for i, v := range x {
			if v == v {
				return i
			}
		}
	case descending:
		for i, v := range x {
			if v > last {
				return i
			}
		}
	default:
		for i, v := range x {
			if v < last {
				return i
			}
		}
	}
	return len(x)
}
