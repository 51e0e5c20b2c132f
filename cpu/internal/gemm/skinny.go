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
		if pr.packA {
			w.strips(&rest, out, 0, m, j, n)
		} else {
			w.outerRows(&rest, out, 0, m, j, n)
		}
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
		dots(w, pr, out, i, m, j, n, w.engine.vec.F32.Dot)
	} else {
		dots(w, pr, out, i, m, j, n, w.engine.vec.F64.Dot)
	}
}

func dots[T float32 | float64](w *worker, pr *problem, out output, i, m, j, n int, dot func(x, y []T) T) {
	ks, d := pr.ks, &w.dot
	size := pr.b.Type.Size()
	*d = dotting{ldb: pr.b.Col * size, k: pr.k}
	a, lda := w.lines(pr, i, m)
	d.lda = lda
	if pr.m*pr.n == 1 && size == ks.size { // nothing to share: several sums along k instead
		*(*T)(unsafe.Pointer(&w.sums)) = dot(floats[T](a, pr.k), floats[T](pr.b.Ptr, pr.k))
		storeDots[T](w, out, 0, 1, 0, 1, 1)
		return
	}
	groups := cutPanels(m, dotRows)
	if m > dotRows { // all of one width: they share lines of B while these are in the cache
		groups = cutPanels(m, dotRows-1)
	}
	width := dotWidth[groups.height]
	most := width // lines at a time
	if groups.count() == 1 {
		most = sumsBytes / (m * ks.size * width) * width
	}
	direct := m == 1 && out.step == ks.size && !out.load
	if direct { // whole groups of sums go where they belong
		most = max(n/width*width, width)
	}
	for s := 0; s < n; s += most {
		r, lines := 0, min(most, n-s)
		for g := range groups.count() {
			rows := groups.height
			if g < groups.tall {
				rows++
			}
			d.a, d.b, d.n, d.sums = unsafe.Add(a, r*lda), pr.b.at(0, j+s), lines, unsafe.Pointer(&w.sums)
			d.groups = (lines + width - 1) / width
			there := direct && lines == most
			if there {
				d.sums = out.at(0, s)
			}
			ks.dots[pr.b.Type][rows](d)
			if !there {
				storeDots[T](w, out, r, rows, s, lines, width)
			}
			r += rows
		}
	}
}

// storeDots puts the sums of a dot kernel, n of each row, at r, s of the output.
func storeDots[T float32 | float64](w *worker, out output, r, rows, s, n, width int) {
	sums := floats[T](unsafe.Pointer(&w.sums), (n+width-1)/width*width*rows)
	beta := *(*T)(unsafe.Pointer(&out.beta))
	for g := 0; g < n; g += width {
		to, count := out.at(r, s+g), min(width, n-g) // no pointer is moved on: after the last it would lie outside of C
		for i := range rows {
			line := sums[g*rows+i*width:][:count]
			if out.load {
				for j, x := range line {
					sum := (*T)(unsafe.Add(to, i*out.ld+j*out.step))
					*sum = x + T(beta**sum)
				}
				continue
			}
			for j, x := range line {
				*(*T)(unsafe.Add(to, i*out.ld+j*out.step)) = x
			}
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
	w.pack = packing{src: pr.a.at(i, 0), dst: a, stride: lda, k: m, n: pr.k, alpha: pr.alpha} // rows are groups
	ks.packGroups(&w.pack, pr.a.Type, pr.a.Row*size, pr.a.Col*size)
	return a, lda
}
