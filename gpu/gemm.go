//go:build cuda && cgo && linux

package gpu

import (
	"math"

	"github.com/tandem-compute/tandem/internal/op"
)

var gemms = table{on(pickMatMul), on(pickPack), on(pickGroupedMatMul), on(pickGroupedOuter)}

// perLayout is one kernel for each way that a and b are stored: nn, tn, nt, tt.
type perLayout [4]perType

func products(family, name string, types ...op.DType) (p perLayout) {
	for i, layout := range []string{"nn", "tn", "nt", "tt"} {
		p[i] = entries(family, name+"_"+layout+"_%v", types...)
	}
	return p
}

var (
	gemm128    = products("gemm", "gemm128", op.F32)
	gemm64     = products("gemm", "gemm64", reals...)
	gemmMMA    = products("gemm_mma", "gemm_mma", op.F16, op.BF16)
	gemmMMA16  = perLayout{0: entries("gemm_mma", "gemm_mma16_nn_%v", op.F16, op.BF16), 2: entries("gemm_mma", "gemm_mma16_nt_%v", op.F16, op.BF16)}
	gemmSkinny = perLayout{0: entries("gemm_skinny", "gemm_skinny_nn_%v", op.F32), 2: entries("gemm_skinny", "gemm_skinny_nt_%v", op.F32)}
)

const (
	skinnyRows   = 8   // the most rows of a gemm_skinny
	mma16Rows    = 16  // of a tile of gemm_mma16
	noActivation = 255 // in place of a UnaryFn
)

// The blocks of the kernels with 128 threads.
var threads128 = dim{128, 1, 1}

// matrix is how a matrix lies in memory: rows ld elements apart, or columns when it is turned.
type matrix struct {
	ld     int
	turned bool
}

// matrixOf is the last two dimensions of t, if their elements are next to each other along one of them.
func matrixOf(t *op.Type) (m matrix, ok bool) {
	rows, cols := t.Dims[t.Rank-2], t.Dims[t.Rank-1]
	if t.Format != op.Dense {
		return matrix{ld: cols}, true
	}
	down, along := t.Strides[t.Rank-2], t.Strides[t.Rank-1]
	switch {
	case cols <= 1 || along == 1:
		return matrix{ld: down}, down <= maxIndex
	case rows <= 1 || down == 1:
		return matrix{along, true}, along <= maxIndex
	}
	return m, false
}

// pickMatMul takes matrices stored by rows or by columns, at any distance. Rows of c and of the result are contiguous.
func pickMatMul(p *op.MatMul, in, out []op.Type) (op.Kernel, error) {
	m, n, k := p.Sizes(&in[0], &in[1])
	if max(m, n, k) > maxIndex || m > 64*maxGridYZ {
		return op.Kernel{}, op.UnsupportedErr("the cuda path's products have at most %d rows and 2³¹-1 columns", 64*maxGridYZ)
	}
	for i := range 2 {
		if _, ok := matrixOf(&in[i]); !ok {
			return op.Kernel{}, op.ErrLayout
		}
	}
	if p.HasBias && !in[2].Contiguous() {
		return op.Kernel{}, op.ErrLayout
	}
	for _, t := range [2]*op.Type{&out[0], addend(p, in)} {
		if t == nil {
			continue
		}
		if m, ok := matrixOf(t); !ok || m.turned {
			return op.Kernel{}, op.ErrLayout
		}
	}
	return kernel(matMul)
}

// addend is the type of the c that is read, or nil.
func addend(p *op.MatMul, in []op.Type) *op.Type {
	if !p.HasC || p.Beta == 0 {
		return nil
	}
	return &in[len(in)-1]
}

// product is a MatMul as the kernels take it.
type product struct {
	op             *op.MatMul
	dtype          op.DType
	m, n, k        int
	a, b           matrix
	ldc, ldo       int
	pa, pb, pc, po uint64
	bias           uint64
	loop           axes // over the batch: out, a, b, c
}

func matMul(st op.Stream, n *op.Node) error {
	s, p := st.(*stream), n.Op.(*op.MatMul)
	a, b, y := &n.In[0], &n.In[1], &n.Out[0]
	g := product{op: p, dtype: a.DType, pa: at(a), pb: at(b), po: at(y)}
	g.m, g.n, g.k = p.Sizes(&a.Type, &b.Type)
	if y.Elems() == 0 {
		return nil
	}
	g.a, _ = matrixOf(&a.Type)
	g.b, _ = matrixOf(&b.Type)
	g.a.turned, g.b.turned = g.a.turned != p.TransA, g.b.turned != p.TransB
	g.ldo = y.Strides[y.Rank-2]
	if p.HasBias {
		g.bias = at(&n.In[2])
	}
	var c *op.Type
	if p.HasC && p.Beta != 0 {
		v := &n.In[len(n.In)-1]
		c, g.pc, g.ldc = &v.Type, at(v), v.Strides[v.Rank-2]
	}
	g.batches(&a.Type, &b.Type, c, &y.Type)
	return s.multiply(&g)
}

// batches is the loop over the leading dimensions; a batch whose b is shared becomes one tall product where the rows
// of everything else lie at one distance.
func (g *product) batches(a, b, c, y *op.Type) {
	lead, la, lb := leading(y), leading(a), leading(b)
	if lead.Rank > 0 && lb.Elems() == 1 && g.tall(a, c, y) {
		g.loop = axesOf(&op.Type{}, nil, nil, nil, nil)
		return
	}
	if c == nil {
		g.loop = axesOf(&lead, &lead, &la, &lb, nil)
		return
	}
	lc := leading(c)
	g.loop = axesOf(&lead, &lead, &la, &lb, &lc)
}

// tall takes all rows of a, c and y as those of one matrix each, if they lie at one distance.
func (g *product) tall(a, c, y *op.Type) bool {
	lda, okA := a.RowStride()
	ldo, okY := y.RowStride()
	ldc, okC := 0, true
	if c != nil {
		ldc, okC = c.RowStride()
	}
	rows := y.Rows()
	if !okA || !okY || !okC || g.op.TransA || a.Rows() != rows || max(lda, ldo, ldc) > maxIndex || rows > 64*maxGridYZ {
		return false
	}
	g.m, g.a, g.ldo, g.ldc = rows, matrix{ld: lda}, ldo, ldc
	return true
}

// leading is t without its last two dimensions.
func leading(t *op.Type) op.Type {
	u := *t
	u.Rank -= 2
	u.Dims[u.Rank], u.Dims[u.Rank+1] = 0, 0
	return u
}

// multiply launches one kernel for the innermost axis of the batch and each step of the outer ones.
func (s *stream) multiply(g *product) error {
	x, last := &g.loop, g.loop.rank-1
	k, tile, block := g.kernel(s)
	outer := 1
	for _, size := range x.size[:last] {
		outer *= size
	}
	for o := range outer {
		var off [4]int
		rest := o
		for d := last - 1; d >= 0; d-- {
			for v := range off {
				off[v] += rest % x.size[d] * x.stride[v][d]
			}
			rest /= x.size[d]
		}
		for lo := 0; lo < x.size[last]; lo += maxGridYZ {
			batch := min(x.size[last]-lo, maxGridYZ)
			grid := dim{ceil(g.n, tile[0]), ceil(g.m, tile[1]), batch}
			if err := s.product(k, grid, block, g, &off); err != nil {
				return err
			}
			for v := range off {
				off[v] += batch * x.stride[v][last]
			}
		}
	}
	return nil
}

// product launches a kernel on the batch that begins off elements into out, a, b and c.
func (s *stream) product(k *symbol, grid, block dim, g *product, off *[4]int) error {
	size, last := g.dtype.Size(), g.loop.rank-1
	move := func(p uint64, v int) uint64 { return p + uint64(off[v]*size) }
	c, act := g.pc, uint64(noActivation)
	if c != 0 {
		c = move(c, 3)
	}
	if g.op.HasAct {
		act = uint64(g.op.Act)
	}
	stride := func(v int) uint64 { return uint64(g.loop.stride[v][last]) }
	return s.launch(k, grid, block, move(g.po, 0), move(g.pa, 1), move(g.pb, 2), c, g.bias,
		uint64(g.m), uint64(g.n), uint64(g.k), uint64(g.a.ld), uint64(g.b.ld), uint64(g.ldc), uint64(g.ldo),
		stride(1), stride(2), stride(3), stride(0), math.Float64bits(g.op.Alpha), math.Float64bits(g.op.Beta), act)
}

// kernel chooses by dtype, layout and size. Size never shows in the bits, so that a row does not depend on how many
// there are: all kernels of f32 and f64 accumulate in the order of k, and both tiles of the tensor cores have one chain
// of mma. Halves that tensor cores cannot load go the way of f32, whatever their size.
func (g *product) kernel(s *stream) (k *symbol, tile [2]int, block dim) {
	layout, d := int(bit(g.a.turned)|bit(g.b.turned)<<1), g.dtype
	aligned := g.aligned()
	switch skinny, mma, mma16 := gemmSkinny[layout][d], gemmMMA[layout][d], gemmMMA16[layout][d]; {
	case skinny != nil && aligned && g.m <= skinnyRows:
		return skinny, [2]int{32, skinnyRows}, threads128
	case mma16 != nil && aligned && (g.m <= mma16Rows || g.m <= 4*mma16Rows && !g.large(s)):
		return mma16, [2]int{32, mma16Rows}, threads128
	case mma != nil && aligned:
		return mma, [2]int{128, 128}, threads
	case d == op.F32 && g.large(s):
		return gemm128[layout][d], [2]int{128, 128}, threads
	}
	return gemm64[layout][d], [2]int{64, 64}, threads
}

// aligned reports whether 16-byte copies reach all of a and b.
func (g *product) aligned() bool {
	size, last := g.dtype.Size(), g.loop.rank-1
	bits := g.pa | g.pb | uint64(g.a.ld*size) | uint64(g.b.ld*size)
	for d := range last + 1 {
		bits |= uint64(g.loop.stride[1][d]*size) | uint64(g.loop.stride[2][d]*size)
	}
	return bits%16 == 0
}

// large reports whether tiles of 128 keep every multiprocessor busy.
func (g *product) large(s *stream) bool {
	batch := 1
	for _, size := range g.loop.size[:g.loop.rank] {
		batch *= size
	}
	return ceil(g.m, 128)*ceil(g.n, 128)*batch >= s.sms
}

// PackedSize is the weight's own size: a packed weight is [k, n] by rows, which every kernel here reads at full width.
func (b *Backend) PackedSize(t *op.Type) int { return t.Bytes() }

func pickPack(p *op.Pack, in, _ []op.Type) (op.Kernel, error) {
	if err := indexed(p, in[0].Elems()); err != nil {
		return op.Kernel{}, err
	}
	return kernel(pack)
}

func pack(st op.Stream, n *op.Node) error {
	w, y := n.In[0].Type, n.Out[0].With(n.Out[0].DType)
	if n.Op.(*op.Pack).Trans {
		w.Dims[0], w.Dims[1] = w.Dims[1], w.Dims[0]
		w.Strides[0], w.Strides[1] = w.Strides[1], w.Strides[0]
	}
	return st.(*stream).move(at(&n.Out[0]), &y, at(&n.In[0]), &w)
}
