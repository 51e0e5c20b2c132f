package gemm

import "unsafe"

// streamRows computes columns j..j+n-1 of a product with few rows by reading B along its rows, 8 at a time.
func (w *worker) streamRows(pr *problem, out output, m, j, n int) {
	ks, s := pr.ks, &w.stream
	w.begin(ks, out, m, n)
	whole := pr.k / streamK * streamK
	a := w.groupsOf8(pr, m, whole)
	s.ldb, s.c, s.ldc, s.n = pr.b.Row*ks.size, out.p, out.ld, n
	for k := 0; k < whole; k += streamK {
		s.a, s.b = unsafe.Add(a, k*m*ks.size), pr.b.at(k, j)
		ks.streams[m](s)
	}
	if whole < pr.k {
		rest := *pr
		rest.a, rest.b, rest.k = pr.a.moved(whole*pr.a.Col), pr.b.moved(whole*pr.b.Row), pr.k-whole
		out.load, out.beta = true, ks.bits(1)
		w.strips(&rest, out, 0, m, j, n)
	}
}

// groupsOf8 returns the first k columns of A times alpha, cut into blocks of 8 columns, each contiguous.
func (w *worker) groupsOf8(pr *problem, m, k int) unsafe.Pointer {
	ks, size := pr.ks, pr.a.Type.Size()
	if m == 1 && !pr.packA {
		return pr.a.at(0, 0)
	}
	a := w.a.get(m * k * ks.size)
	for i := 0; i < k; i += streamK {
		w.pack = packing{src: pr.a.at(0, i), dst: unsafe.Add(a, i*m*ks.size), stride: streamK * ks.size, k: m, n: streamK, alpha: pr.alpha}
		ks.packGroups(&w.pack, pr.a.Type, pr.a.Row*size, pr.a.Col*size)
	}
	return a
}

// begin puts what the sums begin with into the output: 0 or beta times what is there.
func (w *worker) begin(ks *kernels, out output, m, n int) {
	for r := range m {
		row := out.at(r, 0)
		switch {
		case !out.load:
			clear(unsafe.Slice((*byte)(row), n*ks.size))
		case out.beta != ks.bits(1):
			w.pack = packing{src: row, dst: row, stride: ks.size, k: n, n: 1, alpha: out.beta}
			packGeneric(&w.pack, ks.own(), ks.size, 0)
		}
	}
}

// dots computes a region as inner products of rows of A and columns of B.
func (w *worker) dots(pr *problem, out output, i, m, j, n int) {
	if pr.ks.size == 4 {
		dots[float32](w, pr, out, i, m, j, n)
	} else {
		dots[float64](w, pr, out, i, m, j, n)
	}
}

func dots[T float32 | float64](w *worker, pr *problem, out output, i, m, j, n int) {
	ks, d := pr.ks, &w.dot
	size := pr.b.Type.Size()
	*d = dotting{ldb: pr.b.Col * size, k: pr.k, sums: unsafe.Pointer(&w.sums)}
	a, lda := w.lines(pr, i, m)
	d.lda = lda
	groups := cutPanels(m, dotRows)
	if m > dotRows { // all of one width: they share lines of B while these are in the cache
		groups = cutPanels(m, dotRows-1)
	}
	width := dotWidth[groups.height]
	for s := 0; s < n; s += width {
		d.b, d.n = pr.b.at(0, j+s), min(width, n-s)
		r := 0
		for g := range groups.count() {
			rows := groups.height
			if g < groups.tall {
				rows++
			}
			d.a = unsafe.Add(a, r*lda)
			ks.dots[pr.b.Type][rows](d)
			storeDots[T](w, out, r, rows, s, d.n, width)
			r += rows
		}
	}
}

// storeDots puts the sums of a dot kernel at r, s of the output.
func storeDots[T float32 | float64](w *worker, out output, r, rows, s, n, width int) {
	sums := floats[T](unsafe.Pointer(&w.sums), rows*width)
	for i := range rows {
		for j, x := range sums[i*width:][:n] {
			to := out.at(r+i, s+j) // not a pointer that is moved on: after the last it would lie outside of C
			if out.load {
				x += T(*(*T)(unsafe.Pointer(&out.beta)) * *(*T)(to))
			}
			*(*T)(to) = x
		}
	}
}

// lines returns m rows of A, contiguous and times alpha: where they lie, or a copy. The second result is their distance.
func (w *worker) lines(pr *problem, i, m int) (unsafe.Pointer, int) {
	ks, size := pr.ks, pr.a.Type.Size()
	if !pr.packA {
		return pr.a.at(i, 0), pr.a.Row * size
	}
	lda := sideStride(pr.k, ks.size)
	a := w.a.get(m * lda)
	for r := range m { // one group of k elements each
		w.pack = packing{src: pr.a.at(i+r, 0), dst: unsafe.Add(a, r*lda), stride: lda, k: 1, n: pr.k, alpha: pr.alpha}
		ks.packGroups(&w.pack, pr.a.Type, 0, pr.a.Col*size)
	}
	return a, lda
}
