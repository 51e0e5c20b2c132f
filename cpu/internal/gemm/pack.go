package gemm

import "unsafe"

// packGroups writes p.k groups of p.n elements side by side, converted and times alpha. In the source, elements of a
// group lie nStep bytes apart and groups kStep bytes. Up to a vector after the last group is overwritten.
func (ks *kernels) packGroups(p *packing, t Type, kStep, nStep int) {
	if p.k == 0 {
		return
	}
	size := t.Size()
	if nStep == size && p.n <= 2*ks.lanes && ks.copies[t][0] != nil {
		ks.copyLines(p, t, kStep)
		return
	}
	whole := *p
	switch {
	case nStep == size && ks.copies[t][0] != nil:
		for n := 0; n < whole.n; n += 2 * ks.lanes {
			ks.part(p, &whole, n, min(2*ks.lanes, whole.n-n), nStep)
			ks.copyLines(p, t, kStep)
		}
	case kStep == size && ks.transposes[t] != nil:
		p.ld = nStep
		for n := 0; n < whole.n; n += 8 {
			ks.part(p, &whole, n, min(8, whole.n-n), nStep)
			ks.transposes[t](p)
		}
	default:
		packGeneric(p, t, kStep, nStep)
	}
}

// part sets p to count elements from n on of the groups of whole.
func (ks *kernels) part(p, whole *packing, n, count, nStep int) {
	p.src = unsafe.Add(whole.src, n*nStep)
	p.dst = unsafe.Add(whole.dst, n*ks.size)
	p.k, p.n = whole.k, count
}

// copyLines packs groups that lie side by side in the source. The kernels mask what they read of the wide types; of
// halves they read whole vectors, so the last lines, where that could leave the matrix, are not theirs.
func (ks *kernels) copyLines(p *packing, t Type, kStep int) {
	p.ld = kStep
	width := ks.lanes
	if p.n > width {
		width *= 2
	}
	last := 0
	if surplus := (width - p.n) * t.Size(); ks.size != t.Size() && surplus > 0 {
		last = p.k
		if kStep > 0 {
			last = min(last, (surplus+kStep-1)/kStep)
		}
	}
	k := p.k
	if p.k = k - last; p.k > 0 {
		ks.copies[t][width/ks.lanes-1](p)
	}
	if last > 0 {
		p.src = unsafe.Add(p.src, p.k*kStep)
		p.dst = unsafe.Add(p.dst, p.k*p.stride)
		p.k = last
		packGeneric(p, t, kStep, t.Size())
	}
}

// packA packs rows of a from i on, columns k0..k0+k-1, times alpha, into panels.
func (ks *kernels) packA(to *packing, dst unsafe.Pointer, a *Matrix, i int, p panels, k0, k int, alpha uint64) {
	size := a.Type.Size()
	for q := range p.count() {
		rows := p.height
		if q < p.tall {
			rows++
		}
		to.src, to.dst, to.stride = a.at(i, k0), unsafe.Add(dst, q*ks.panelBytes(k)), ks.interleave*ks.size
		to.k, to.n, to.alpha = k, rows, alpha
		ks.packGroups(to, a.Type, a.Col*size, a.Row*size)
		i += rows
	}
}

// packB packs columns j..j+n-1 (at most a strip) of b, rows k0..k0+k-1.
func (ks *kernels) packB(p *packing, dst unsafe.Pointer, b *Matrix, j, n, k0, k int) {
	size := b.Type.Size()
	p.src, p.dst, p.stride = b.at(k0, j), dst, ks.nr*ks.size
	p.k, p.n, p.alpha = k, n, ks.bits(1)
	ks.packGroups(p, b.Type, b.Row*size, b.Col*size)
}
