package gemm

import "unsafe"

// strips computes a region strip by strip of B. A strip is packed into the first level of cache just before all rows
// use it, unless it is read where it lies; the rows of A stay in the second level.
func (w *worker) strips(pr *problem, out output, i, m, j, n int) {
	ks, t := pr.ks, &w.tile
	h, tall, flat := ks.panels(m)
	block := ks.splitK(pr.k)
	for k0 := 0; k0 == 0 || k0 < pr.k; k0 += block {
		k := min(block, pr.k-k0)
		form, a, panel := &ks.strided, pr.a.at(i, k0), 0
		if pr.packA {
			form, a = &ks.packed, w.a.get((tall+flat)*ks.panelBytes(k))
			ks.packA(&w.pack, a, &pr.a, i, m, k0, k, pr.alpha)
			panel = ks.panelBytes(k)
		}
		t.lda, t.ldc, t.k = pr.a.Row*ks.size, out.ld, k
		t.load, t.beta = 0, out.beta
		if k0 > 0 {
			t.load, t.beta = 1, ks.bits(1)
		} else if out.load {
			t.load = 1
		}
		for s := 0; s < n; s += ks.nr {
			t.cols = min(ks.nr, n-s)
			w.strip(pr, j+s, k0, k)
			c := out.at(0, s, ks.size)
			if tall > 0 {
				t.a, t.c, t.panels = a, c, tall
				ks.pick(form, h+1, t.cols)(t)
			}
			if flat > 0 {
				step := panel
				if step == 0 {
					step = (h + 1) * t.lda
				}
				t.a, t.c, t.panels = unsafe.Add(a, tall*step), unsafe.Add(c, tall*(h+1)*out.ld), flat
				ks.pick(form, h, t.cols)(t)
			}
		}
	}
}

// strip sets the tile's B to rows k0..k0+k-1 of the strip at column j, packing it where that is wanted.
func (w *worker) strip(pr *problem, j, k0, k int) {
	ks, t := pr.ks, &w.tile
	switch {
	case pr.weights != nil:
		w.packedStrip(pr, j, k0, k)
	case pr.packB || t.cols < ks.nr:
		t.b, t.ldb = w.b.get(k*ks.nr*ks.size), ks.nr*ks.size
		ks.packB(&w.pack, t.b, &pr.b, j, t.cols, k0, k)
	default:
		t.b, t.ldb = pr.b.at(k0, j), pr.b.Row*ks.size
	}
	t.next = t.b
}
