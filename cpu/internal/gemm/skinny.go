package gemm

import "unsafe"

// streamRows computes columns j..j+n-1 of a product with few rows by reading B along its rows, 8 at a time.
func (w *worker) streamRows(pr *problem, out output, m, j, n int) {
	ks, s := pr.ks, &w.stream
	a := w.a.get(m * streamK * ks.size)
	*s = streaming{a: a, ldb: pr.b.Row * ks.size, c: out.p, ldc: out.ld, n: n}
	whole := pr.k / streamK * streamK
	for k := 0; k < whole; k += streamK {
		w.pack = packing{src: pr.a.at(0, k), dst: a, stride: streamK * ks.size, k: m, n: streamK, alpha: pr.alpha}
		size := pr.a.Type.Size()
		ks.packGroups(&w.pack, pr.a.Type, pr.a.Row*size, pr.a.Col*size)
		s.b = pr.b.at(k, j)
		ks.streams[m](s)
	}
	if whole < pr.k {
		rest := *pr
		rest.packA, rest.packB = true, true
		rest.a, rest.b, rest.k = pr.a.moved(whole*pr.a.Col), pr.b.moved(whole*pr.b.Row), pr.k-whole
		out.load = true
		w.strips(&rest, out, 0, m, j, n)
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
	lda := sideStride(pr.k, ks.size)
	a := w.a.get(m * lda)
	for r := range m { // row by row: groups of one element for each k
		size := pr.a.Type.Size()
		w.pack = packing{src: pr.a.at(i+r, 0), dst: unsafe.Add(a, r*lda), stride: pr.k * ks.size, k: 1, n: pr.k, alpha: pr.alpha}
		ks.packGroups(&w.pack, pr.a.Type, 0, pr.a.Col*size)
	}
	whole := pr.k / ks.lanes * ks.lanes
	size := pr.b.Type.Size()
	*d = dotting{a: a, lda: lda, ldb: pr.b.Col * size, k: whole, sums: unsafe.Pointer(&w.sums)}
	sums := floats[T](d.sums, dotRows*8)
	width := dotWidth[m]
	for s := 0; s < n; s += width {
		d.b, d.n = pr.b.at(0, j+s), min(width, n-s)
		ks.dots[pr.b.Type][m](d)
		for c := range d.n {
			if whole < pr.k {
				addTail(w, pr, sums[c:], a, lda, m, j+s+c, whole)
			}
			for r := range m {
				x := sums[8*r+c]
				to := (*T)(out.at(r, s+c, ks.size))
				if out.load {
					x += T(*(*T)(unsafe.Pointer(&out.beta)) * *to)
				}
				*to = x
			}
		}
	}
}

// addTail adds the products from k on of m rows with column j to sums, which are 8 apart.
func addTail[T float32 | float64](w *worker, pr *problem, sums []T, a unsafe.Pointer, lda, m, j, k int) {
	ks, n := pr.ks, pr.k-k
	b := w.b.get(n * ks.size)
	w.pack = packing{src: pr.b.at(k, j), dst: b, stride: ks.size, k: n, n: 1, alpha: ks.bits(1)}
	packGeneric(&w.pack, pr.b.Type, pr.b.Type.Size(), 0)
	for r := range m {
		x := floats[T](unsafe.Add(a, r*lda+k*ks.size), n)
		for i, y := range floats[T](b, n) {
			sums[8*r] += T(x[i] * y)
		}
	}
}
