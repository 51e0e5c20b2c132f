package cpu

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
	"github.com/tandem-compute/tandem/internal/op"
)

// How elementwise kernels see their operands: a walk over the output's shape, in runs along the innermost dimension,
// in blocks whose operands are contiguous and in the type that is computed in. Operands that lie so already are used in
// place; others are gathered, stretched or widened into scratch memory that fits the first-level cache.

// blockLen is the elements of a block that goes through scratch.
const blockLen = 1024

// walk is the shape of an elementwise op with neighbouring dimensions merged wherever all operands allow it.
type walk struct {
	rank     int
	dims     [op.MaxRank]int
	operands int // inputs, then outputs
	strides  [maxWalk][op.MaxRank]int
	size     [maxWalk]int
	dtype    [maxWalk]op.DType
	base     [maxWalk]unsafe.Pointer
}

const maxWalk = 6

// block is a stretch of n elements of every operand.
type block struct {
	n   int
	vec *vec.Funcs // what suits where the output lies
	ptr [maxWalk]unsafe.Pointer
}

// at is operand i of a block.
func at[T op.Elem](b *block, i int) []T { return unsafe.Slice((*T)(b.ptr[i]), b.n) }

// bools is operand i of a block, for dtype bool.
func bools(b *block, i int) []bool { return unsafe.Slice((*bool)(b.ptr[i]), b.n) }

// set describes n's operands, stretched to the shape of its first output.
func (k *walk) set(n *op.Node) {
	shape := &n.Out[0].Type
	k.operands = len(n.In) + len(n.Out)
	var strides [maxWalk][op.MaxRank]int
	for i := range k.operands {
		v := operand(n, i)
		strides[i] = v.StridesIn(shape)
		k.size[i], k.dtype[i] = v.DType.Size(), v.DType
		k.base[i] = nil
		if v.Elems() > 0 {
			k.base[i] = unsafe.Pointer(&v.Block.Bytes[v.Off])
		}
	}
	dims := shape.Dims
	if n.Count.Block != nil && shape.Rank > 0 {
		dims[0] = min(max(0, int(op.Data[int32](&n.Count)[0])), dims[0])
	}
	k.rank = 0
	for d := range int(shape.Rank) {
		if dims[d] == 1 {
			continue
		}
		if k.rank > 0 && k.mergeable(&strides, d, dims[d]) {
			k.dims[k.rank-1] *= dims[d]
		} else {
			k.dims[k.rank] = dims[d]
			k.rank++
		}
		for i := range k.operands {
			k.strides[i][k.rank-1] = strides[i][d]
		}
	}
	if k.rank == 0 {
		k.rank, k.dims[0] = 1, 1
		for i := range k.operands {
			k.strides[i][0] = 1
		}
	}
}

// mergeable reports whether dimension d continues the last one of the walk for every operand.
func (k *walk) mergeable(strides *[maxWalk][op.MaxRank]int, d, n int) bool {
	for i := range k.operands {
		if k.strides[i][k.rank-1] != strides[i][d]*n {
			return false
		}
	}
	return true
}

func operand(n *op.Node, i int) *op.View {
	if i < len(n.In) {
		return &n.In[i]
	}
	return &n.Out[i-len(n.In)]
}

// elems is the number of elements to visit.
func (k *walk) elems() int {
	n := 1
	for _, d := range k.dims[:k.rank] {
		n *= d
	}
	return n
}

// farBytes is the output size from which stores should not pass through the caches.
const farBytes = 16 << 20

// blockFn computes one block of a node.
type blockFn func(w *worker, n *op.Node, b *block)

// elementGrain is the elements worth a thread's while.
const elementGrain = 8192

// run walks elements lo..hi-1 and calls f on every block.
func (k *walk) run(w *worker, n *op.Node, lo, hi int, f blockFn) {
	last := k.rank - 1
	var index [op.MaxRank]int
	rest := lo
	for d := last; d >= 0; d-- {
		index[d] = rest % k.dims[d]
		rest /= k.dims[d]
	}
	for lo < hi {
		length := min(k.dims[last]-index[last], hi-lo)
		var start [maxWalk]unsafe.Pointer
		for i := range k.operands {
			off := 0
			for d := range k.rank {
				off += index[d] * k.strides[i][d]
			}
			start[i] = unsafe.Add(k.base[i], off*k.size[i])
		}
		k.stretch(w, n, &start, length, f)
		lo += length
		index[last] = 0
		for d := last - 1; d >= 0; d-- {
			if index[d]++; index[d] < k.dims[d] {
				break
			}
			index[d] = 0
		}
	}
}

// stretch visits one run along the innermost dimension.
func (k *walk) stretch(w *worker, n *op.Node, start *[maxWalk]unsafe.Pointer, length int, f blockFn) {
	last, step, nin := k.rank-1, length, len(n.In)
	for i := range k.operands {
		if !k.direct(i) {
			step = min(step, blockLen)
		}
	}
	b := &w.block // not on the stack: f is unknown, so a block there would be an allocation
	b.vec = w.vec
	if k.direct(nin) && k.elems()*k.size[nin] > farBytes {
		b.vec = w.far
	}
	for at := 0; at < length; at += step {
		b.n = min(step, length-at)
		for i := range k.operands {
			p := unsafe.Add(start[i], at*k.strides[i][last]*k.size[i])
			switch {
			case k.direct(i):
				b.ptr[i] = p
			case i >= nin:
				b.ptr[i] = unsafe.Pointer(unsafe.SliceData(scratch[float64](w, i, blockLen)))
			case at == 0 || k.strides[i][last] != 0:
				b.ptr[i] = k.load(w, i, p, b.n)
			}
		}
		f(w, n, b)
		for i := nin; i < k.operands; i++ {
			if !k.direct(i) {
				k.store(w, i, unsafe.Add(start[i], at*k.strides[i][last]*k.size[i]), b)
			}
		}
	}
}

// direct reports whether operand i can be computed on where it lies.
func (k *walk) direct(i int) bool {
	return k.strides[i][k.rank-1] == 1 && k.dtype[i] != op.F16 && k.dtype[i] != op.BF16
}

// load makes n elements of input i contiguous and widens halves to f32.
func (k *walk) load(w *worker, i int, p unsafe.Pointer, n int) unsafe.Pointer {
	stride := k.strides[i][k.rank-1]
	if stride != 1 {
		if stride == 0 { // the same block serves the whole run, so fill all of it
			n = blockLen
		}
		p = gather(w, i, p, stride, k.size[i], n)
	}
	half := unsafe.Slice((*uint16)(p), n)
	switch k.dtype[i] {
	case op.F16:
		wide := scratch[float32](w, i, blockLen)[:n]
		w.vec.F32FromF16(wide, half)
		return unsafe.Pointer(unsafe.SliceData(wide))
	case op.BF16:
		wide := scratch[float32](w, i, blockLen)[:n]
		w.vec.F32FromBF16(wide, half)
		return unsafe.Pointer(unsafe.SliceData(wide))
	}
	return p
}

// narrow is the scratch that gathered halves wait in before they are widened.
const narrow = maxScratch - 1

// gather copies n elements at a stride into scratch.
func gather(w *worker, i int, p unsafe.Pointer, stride, size, n int) unsafe.Pointer {
	switch size {
	case 1:
		return collect(scratch[uint8](w, i, blockLen), (*uint8)(p), stride, n)
	case 2:
		return collect(scratch[uint16](w, narrow, blockLen), (*uint16)(p), stride, n)
	case 4:
		return collect(scratch[int32](w, i, blockLen), (*int32)(p), stride, n)
	}
	return collect(scratch[int64](w, i, blockLen), (*int64)(p), stride, n)
}

func collect[T op.Elem](dst []T, src *T, stride, n int) unsafe.Pointer {
	if stride == 0 {
		vec.Fill(dst[:n], *src)
	} else {
		vec.Gather(dst[:n], unsafe.Slice(src, (n-1)*stride+1), stride)
	}
	return unsafe.Pointer(unsafe.SliceData(dst))
}

// store puts a computed block of output i where it belongs.
func (k *walk) store(w *worker, i int, p unsafe.Pointer, b *block) {
	stride, src := k.strides[i][k.rank-1], b.ptr[i]
	if d := k.dtype[i]; d == op.F16 || d == op.BF16 {
		half := unsafe.Slice((*uint16)(p), b.n)
		if stride != 1 {
			half = scratch[uint16](w, narrow, blockLen)[:b.n]
			src = unsafe.Pointer(unsafe.SliceData(half))
		}
		if d == op.F16 {
			w.vec.F16FromF32(half, at[float32](b, i))
		} else {
			w.vec.BF16FromF32(half, at[float32](b, i))
		}
		if stride == 1 {
			return
		}
	}
	switch k.size[i] {
	case 1:
		spread[uint8](p, src, stride, b.n)
	case 2:
		spread[uint16](p, src, stride, b.n)
	case 4:
		spread[int32](p, src, stride, b.n)
	default:
		spread[int64](p, src, stride, b.n)
	}
}

func spread[T op.Elem](dst, src unsafe.Pointer, stride, n int) {
	vec.Scatter(unsafe.Slice((*T)(dst), (n-1)*stride+1), unsafe.Slice((*T)(src), n), stride)
}

// each is the kernel of an elementwise op whose blocks f computes.
func (s *stream) each(n *op.Node, f body) error {
	s.walk.set(n)
	return s.split(n, s.walk.elems(), elementGrain, f)
}
