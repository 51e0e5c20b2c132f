package gemm

import "unsafe"

// Products of bf16 by bf16 on a machine with VDPBF16PS. For the kernels of the table Engine.pairs, k counts pairs: two
// rows of B, two columns of A, side by side in 4 bytes, the first of the two above. Blocks and strips are cut as for
// float32; only the packers differ. Kernels for packed weights read rows of the blob as they are.

// pairRows is how many k a pair has.
const pairRows = 2

// paired says whether k counts pairs.
func (pr *problem) paired() bool { return pr.depth > 0 }

// pair turns the problem into one of pairs, if it is one of bf16 by bf16, the engine multiplies those, and the path has
// kernels for it. With packed weights the answer depends on types and alpha alone, for a row's bits not to change with
// the number of rows.
func (pr *problem) pair(e *Engine, alpha float64) {
	b := pr.b.Type
	if pr.weights != nil {
		b = pr.weights.Type
	}
	switch {
	case e.pairs.size == 0 || pr.k == 0 || alpha != 1 || pr.a.Type != BF16 || b != BF16 || pr.ks != &e.f32:
		return
	case pr.path != viaStrips && pr.path != viaBlocks && pr.path != viaWeights:
		return
	}
	pr.ks, pr.depth, pr.k = &e.pairs, pr.k, (pr.k+1)/pairRows
	pr.packA, pr.packB = true, true
	if pr.path == viaWeights && pr.depth%pairRows != 0 { // there is no row to read behind the last
		pr.path = viaStrips
	}
}

// packPanels packs rows of A from i on, from k0 on, as the kernels want them.
func (pr *problem) packPanels(to *packing, dst unsafe.Pointer, i int, p panels, k0, k int) {
	ks := pr.ks
	if !pr.paired() {
		ks.packA(to, dst, &pr.a, i, p, k0, k, pr.alpha)
		return
	}
	for q := range p.count() {
		rows := p.height
		if q < p.tall {
			rows++
		}
		*to = packing{dst: unsafe.Add(dst, q*ks.panelBytes(k)), stride: ks.interleave * ks.size, k: k, n: rows}
		pr.packPairs(to, pr.a.T(), k0, i, negativeZero)
		i += rows
	}
}

// packStrip packs columns j..j+n-1 (at most a strip) of B, from k0 on, as the kernels want them.
func (pr *problem) packStrip(p *packing, dst unsafe.Pointer, j, n, k0, k int) {
	ks := pr.ks
	if !pr.paired() {
		ks.packB(p, dst, &pr.b, j, n, k0, k)
		return
	}
	*p = packing{dst: dst, stride: ks.nr * ks.size, k: k, n: n}
	pr.packPairs(p, pr.b, k0, j, 0)
}

// negativeZero is what A has where there is no k. Times 0, which B has there, it changes no sum: x + -0 is x.
const negativeZero = 1 << 15

// packPairs writes p.k pairs, from the pair k0 on, of p.n columns of m from column j on. If the last pair has but one
// row, the other is filled with pad.
func (pr *problem) packPairs(p *packing, m Matrix, k0, j int, pad uint16) {
	const size = pairRows // of a bf16
	ks, whole := pr.ks, *p
	half := (k0+p.k)*pairRows > pr.depth
	if half {
		whole.k--
	}
	whole.src = m.at(k0*pairRows, j)
	rowStep, step := m.Row*size, m.Col*size
	switch {
	case whole.k == 0:
	case step == size && ks.copies[BF16][0] != nil:
		for n := 0; n < whole.n; n += 2 * ks.lanes {
			ks.part(p, &whole, n, min(2*ks.lanes, whole.n-n), step)
			ks.copyPairs(p, rowStep)
		}
	case rowStep == size && ks.transposes[BF16] != nil:
		p.ld = step
		for n := 0; n < whole.n; n += 8 {
			ks.part(p, &whole, n, min(8, whole.n-n), step)
			ks.transposes[BF16](p)
		}
	default:
		*p = whole
		pairGeneric(p, rowStep, step)
	}
	if half {
		last := halves(unsafe.Add(whole.dst, whole.k*whole.stride), pairRows*whole.n)
		for n := range whole.n {
			last[pairRows*n], last[pairRows*n+1] = pad, *(*uint16)(m.at(pr.depth-1, j+n))
		}
	}
}

// copyPairs packs columns that lie side by side. The kernels read whole vectors, so the last pairs, where that could
// leave the matrix, are not theirs.
func (ks *kernels) copyPairs(p *packing, rowStep int) {
	p.ld = pairRows * rowStep
	width := ks.lanes
	if p.n > width {
		width *= 2
	}
	last := 0
	if surplus := (width - p.n) * BF16.Size(); surplus > 0 {
		last = p.k
		if p.ld > 0 {
			last = min(last, (surplus+p.ld-1)/p.ld)
		}
	}
	k := p.k
	if p.k = k - last; p.k > 0 {
		ks.copies[BF16][width/ks.lanes-1](p)
	}
	if last > 0 {
		p.src = unsafe.Add(p.src, p.k*p.ld)
		p.dst = unsafe.Add(p.dst, p.k*p.stride)
		p.k = last
		pairGeneric(p, rowStep, BF16.Size())
	}
}

// pairGeneric packs pairs with any strides.
func pairGeneric(p *packing, rowStep, step int) {
	for k := range p.k {
		to := halves(unsafe.Add(p.dst, k*p.stride), pairRows*p.n)
		first := unsafe.Add(p.src, k*pairRows*rowStep)
		for n := range p.n {
			to[pairRows*n] = *(*uint16)(unsafe.Add(first, rowStep+n*step))
			to[pairRows*n+1] = *(*uint16)(unsafe.Add(first, n*step))
		}
	}
}

// pairLines returns m rows of A in pairs, contiguous, and their distance.
func (w *worker) pairLines(pr *problem, i, m int) (unsafe.Pointer, int) {
	ks := pr.ks
	lda := sideStride(pr.k, ks.size)
	a := w.a.get(m * lda)
	for r := range m { // one column of k pairs each
		w.pack = packing{dst: unsafe.Add(a, r*lda), stride: ks.size, k: pr.k, n: 1}
		pr.packPairs(&w.pack, pr.a.T(), 0, i+r, negativeZero)
	}
	return a, lda
}
