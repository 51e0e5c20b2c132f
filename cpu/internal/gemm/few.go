package gemm

import "unsafe"

// fewRows computes a region of few rows with B where it lies: for each group of rows chunks of as many vectors as
// registers hold, over all of k.
func (w *worker) fewRows(pr *problem, out output, i, m, j, n int) {
	ks, t := pr.ks, &w.tile
	a, lda := w.lines(pr, i, m)
	t.lda, t.ldb, t.ldc, t.k = lda, pr.b.Row*ks.size, out.ld, pr.k
	t.start(ks, out, 0)
	groups, r := cutPanels(m, min(fewRows, ks.mr)), 0
	for g := range groups.count() {
		rows := groups.height
		if g < groups.tall {
			rows++
		}
		kernels := ks.few[rows]
		width := (len(kernels) - 1) * ks.lanes
		t.a, t.b, t.c = unsafe.Add(a, r*lda), pr.b.at(0, j), out.at(r, 0)
		whole := n / width
		if whole > 0 { // the kernel moves b and c on
			t.panels, t.cols = whole, width
			kernels[width/ks.lanes](t)
		}
		if rest := n - whole*width; rest > 0 {
			t.b, t.c = pr.b.at(0, j+whole*width), out.at(r, whole*width)
			t.panels, t.cols = 1, rest
			kernels[(rest+ks.lanes-1)/ks.lanes](t)
		}
		r += rows
	}
}

// outerRows computes a region of tiny k as a sum of outer products, row by row.
func (w *worker) outerRows(pr *problem, out output, i, m, j, n int) {
	ks := pr.ks
	load := 0
	if out.load {
		w.begin(ks, out, m, n)
		load = 1
	}
	w.outer = outering{
		a: pr.a.at(i, 0), aRow: pr.a.Row * ks.size, aCol: pr.a.Col * ks.size, b: pr.b.at(0, j), ldb: pr.b.Row * ks.size,
		c: out.p, ldc: out.ld, rows: m, cols: n, load: load,
	}
	ks.outers[pr.k](&w.outer)
}
