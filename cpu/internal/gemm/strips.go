package gemm

// strips computes a region strip by strip of B. A strip is packed into the first level of cache just before all rows
// use it, unless it is read where it lies; the rows of A stay in the second level.
func (w *worker) strips(pr *problem, out output, i, m, j, n int) {
	ks, t := pr.ks, &w.tile
	packed := cutPanels(m, ks.mr)
	block := ks.splitK(pr.k)
	for k0 := 0; k0 == 0 || k0 < pr.k; k0 += block {
		k := min(block, pr.k-k0)
		a, panelBytes := pr.a.at(i, k0), 0
		if pr.packA {
			panelBytes = ks.panelBytes(k)
			a = w.a.get(packed.count() * panelBytes)
			pr.packPanels(&w.pack, a, i, packed, k0, k)
		}
		t.lda, t.ldc, t.k = pr.a.Row*ks.size, out.ld, k
		t.start(ks, out, k0)
		for s := 0; s < n; s += ks.nr {
			t.cols = min(ks.nr, n-s)
			w.strip(pr, j+s, k0, k)
			form, p := ks.form(pr.packA, t.cols), packed
			if tallest := len(form) - 1; tallest > ks.mr {
				p = cutPanels(m, tallest)
			}
			t.multiply(form, p, a, panelBytes, out.at(0, s))
		}
	}
}

// start sets what the sums begin with: for the first block of k as the output says, then what stands there.
func (t *tile) start(ks *kernels, out output, k0 int) {
	t.load, t.beta = 0, out.beta
	if k0 > 0 {
		t.load, t.beta = 1, ks.bits(1)
	} else if out.load {
		t.load = 1
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
		pr.packStrip(&w.pack, t.b, j, t.cols, k0, k)
	default:
		t.b, t.ldb = pr.b.at(k0, j), pr.b.Row*ks.size
	}
	t.next = t.b
}
