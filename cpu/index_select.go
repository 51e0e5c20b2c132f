package cpu

import (
	"math"

	"github.com/tandem-compute/tandem/cpu/internal/radix"
	"github.com/tandem-compute/tandem/internal/op"
)

func pickKthValue(_ *Backend, _ *op.KthValue, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, nil); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(kthValue)
}

var kthBodies = byType{
	op.F64: kthBody[float64, uint64], op.F32: kthBody[float32, uint32], op.F16: kthBody[float32, uint32], op.BF16: kthBody[float32, uint32],
	op.I64: kthBody[int64, uint64], op.I32: kthBody[int32, uint32], op.I8: kthBody[int8, uint32], op.U8: kthBody[uint8, uint32],
}

func kthValue(st op.Stream, n *op.Node) error {
	x := &n.In[0]
	return st.(*stream).split(n, n.Rows(x), rowGrain(x.Last()), kthBodies[x.DType])
}

func kthBody[T radix.Number, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, rank := &n.In[0], n.Op.(*op.KthValue).K-1
	cols := x.Last()
	items, tmp := itemScratch[K](w, 0, cols), itemScratch[K](w, 1, cols)
	for r := lo; r < hi; r++ {
		radix.Items(items, part[T](w, x, r, 0, cols, 2), 0, false)
		key, less := radix.Rank(items, tmp, rank)
		putElement(&n.Out[0], r, x, r, nth(items, key, rank-less))
	}
}

// nth is the index of the item that comes after skip others of the same key.
func nth[K radix.Key](items []radix.Item[K], key K, skip int) int {
	for i := range items {
		if items[i].Key == key {
			if skip == 0 {
				return i
			}
			skip--
		}
	}
	return len(items) // not reached: there are as many
}

// putElement copies element j of row r of x to element i of y.
func putElement(y *op.View, i int, x *op.View, r, j int) {
	stride, _ := x.RowStride()
	j += r * stride
	switch x.DType.Size() {
	case 1:
		op.Data[uint8](y)[i] = op.Data[uint8](x)[j]
	case 2:
		op.Data[uint16](y)[i] = op.Data[uint16](x)[j]
	case 4:
		op.Data[int32](y)[i] = op.Data[int32](x)[j]
	default:
		op.Data[int64](y)[i] = op.Data[int64](x)[j]
	}
}

func pickQuantile(_ *Backend, _ *op.Quantile, in, out []op.Type) (op.Kernel, error) {
	if err := rowMajor(in, nil); err != nil {
		return op.Kernel{}, err
	}
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	if in[0].DType == op.F64 {
		return kernel(quantile64)
	}
	return kernel(quantile32)
}

func quantile32(st op.Stream, n *op.Node) error {
	return st.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), quantileBody[float32, uint32])
}

func quantile64(st op.Stream, n *op.Node) error {
	return st.(*stream).split(n, n.Rows(&n.In[0]), rowGrain(n.In[0].Last()), quantileBody[float64, uint64])
}

func quantileBody[T float32 | float64, K radix.Key](w *worker, n *op.Node, lo, hi int) {
	x, y := &n.In[0], dataOf[T](&n.Out[0])
	cols := x.Last()
	h := n.Op.(*op.Quantile).Q * float64(cols-1)
	rank := int(h)
	items, tmp := itemScratch[K](w, 0, cols), itemScratch[K](w, 1, cols)
	for r := lo; r < hi; r++ {
		row := part[T](w, x, r, 0, cols, 2)
		if hasNaN(row) {
			y[r] = T(math.NaN())
			continue
		}
		radix.Items(items, row, 0, false)
		i, j := neighbours(items, tmp, rank)
		a, b := float64(row[i]), float64(row[j])
		if f := h - float64(rank); f > 0 && a != b {
			a += float64((b - a) * f)
		}
		y[r] = T(a)
	}
}

func hasNaN[T float32 | float64](x []T) bool {
	for _, v := range x {
		if v != v {
			return true
		}
	}
	return false
}

// neighbours are the indices of the items of a rank and of the next one, or twice of the last.
func neighbours[K radix.Key](items, tmp []radix.Item[K], rank int) (i, j int) {
	key, less := radix.Rank(items, tmp, rank)
	i = nth(items, key, rank-less)
	equal, above := 0, -1
	for k := range items {
		switch {
		case items[k].Key == key:
			equal++
		case items[k].Key > key && (above < 0 || items[k].Key < items[above].Key):
			above = k
		}
	}
	if less+equal > rank+1 || above < 0 {
		return i, i
	}
	return i, above
}
