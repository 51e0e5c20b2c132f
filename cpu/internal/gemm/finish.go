package gemm

import (
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/vec"
)

// loadC fills a buffer with beta C of a region.
func (w *worker) loadC(pr *problem, out output, i, m, j, n int) {
	if pr.ks.size == 4 {
		loadC[float32](w, pr, out, i, m, j, n)
	} else {
		loadC[float64](w, pr, out, i, m, j, n)
	}
}

func loadC[T float32 | float64](w *worker, pr *problem, out output, i, m, j, n int) {
	if pr.swapped {
		for c := range n {
			row := rowOf[T](w, &w.row, &pr.c, j+c, i, m, pr.beta)
			for r, x := range row {
				*(*T)(out.at(r, c)) = x
			}
		}
		return
	}
	for r := range m {
		copy(floats[T](out.at(r, 0), n), rowOf[T](w, &w.row, &pr.c, i+r, j, n, pr.beta))
	}
}

// rowOf returns elements i, j..j+n-1 of a matrix times alpha in the type of the computation, in the buffer.
func rowOf[T float32 | float64](w *worker, to *buffer, m *Matrix, i, j, n int, alpha uint64) []T {
	ks := w.engine.kernels(m.Type)
	p := to.get(n * ks.size)
	size := m.Type.Size()
	if size == 2 && m.Col == 1 && alpha == ks.bits(1) {
		widen := w.engine.vec.F32FromF16
		if m.Type == BF16 {
			widen = w.engine.vec.F32FromBF16
		}
		widen(floats[float32](p, n), halves(m.at(i, j), n))
		return floats[T](p, n)
	}
	w.pack = packing{src: m.at(i, j), dst: p, stride: ks.size, k: n, n: 1, alpha: alpha}
	packGeneric(&w.pack, m.Type, m.Col*size, 0)
	return floats[T](p, n)
}

// finish applies the epilogue to the sums of a region and stores them, if they do not stand in C already.
func (w *worker) finish(pr *problem, out output, i, m, j, n int) {
	switch {
	case pr.inPlace() && !pr.hasFinal:
	case pr.ks.size == 4:
		finish(w, pr, out, i, m, j, n, &w.engine.vec.F32, w.engine.act32[pr.act])
	default:
		finish(w, pr, out, i, m, j, n, &w.engine.vec.F64, w.engine.act64[pr.act])
	}
}

func finish[T float32 | float64](w *worker, pr *problem, out output, i, m, j, n int, v *vec.Float[T], act func(dst, x []T)) {
	if pr.swapped { // rows of C are columns of the sums
		for c := range n {
			if pr.inPlace() {
				epilogue(w, pr, floats[T](out.at(0, c), m), j+c, i, v, act)
				continue
			}
			x := floats[T](w.row.get(m*pr.ks.size), m)
			for r := range x {
				x[r] = *(*T)(out.at(r, c))
			}
			epilogue(w, pr, x, j+c, i, v, act)
			w.storeC(pr, unsafe.Pointer(unsafe.SliceData(x)), j+c, i, m)
		}
		return
	}
	for r := range m {
		x := floats[T](out.at(r, 0), n)
		epilogue(w, pr, x, i+r, j, v, act)
		if !pr.inPlace() {
			w.storeC(pr, unsafe.Pointer(unsafe.SliceData(x)), i+r, j, n)
		}
	}
}

// epilogue turns x, which belongs at i, j.. of C, into Act(x + Bias) + Scale Residual.
func epilogue[T float32 | float64](w *worker, pr *problem, x []T, i, j int, v *vec.Float[T], act func(dst, x []T)) {
	if pr.bias.Ptr != nil {
		v.Add(x, x, operandRow[T](w, pr, &pr.bias, i, j, len(x), pr.ks.bits(1)))
	}
	if act != nil {
		act(x, x)
	}
	if pr.residual.Ptr != nil {
		v.Add(x, x, operandRow[T](w, pr, &pr.residual, i, j, len(x), pr.scale))
	}
}

// operandRow is a row of bias or residual times scale: where it lies if it can be, else converted.
func operandRow[T float32 | float64](w *worker, pr *problem, m *Matrix, i, j, n int, scale uint64) []T {
	if scale == pr.ks.bits(1) && m.Col == 1 && m.Type.Size() == pr.ks.size {
		return floats[T](m.at(i, j), n)
	}
	return rowOf[T](w, &w.extra, m, i, j, n, scale)
}

// storeC rounds n elements at x to the type of C and stores them at i, j...
func (w *worker) storeC(pr *problem, x unsafe.Pointer, i, j, n int) {
	to := pr.c.at(i, j)
	switch pr.c.Type {
	case F32:
		copy(floats[float32](to, n), floats[float32](x, n))
	case F64:
		copy(floats[float64](to, n), floats[float64](x, n))
	case F16:
		w.engine.vec.F16FromF32(halves(to, n), floats[float32](x, n))
	case BF16:
		w.engine.vec.BF16FromF32(halves(to, n), floats[float32](x, n))
	}
}
