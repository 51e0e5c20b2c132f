package gemm

import (
	"cmp"
	"unsafe"
)

// A path is a way to compute a product.
type path uint8

const (
	viaStrips  path = iota // strip by strip of B, which is packed as it is needed or read where it lies
	viaBlocks              // blocks of A and B, packed for each level of cache
	viaStream              // few rows: along the rows of B, 8 at a time
	viaWeights             // few rows and packed weights: several strips side by side
	viaDots                // very few rows and B's columns contiguous: inner products
	viaFew                 // few rows and a B that the caches hold: all of k, column by column of registers
	viaOuter               // tiny k: row by row of C
)

// problem is one product: a call, or one of its batch. Paths compute m, n, k, a, b; these are the call's, or, if
// swapped, those of the transposed product Cᵀ = Bᵀ Aᵀ.
type problem struct {
	ks                *kernels
	m, n, k           int
	a, b, c           Matrix // c is never swapped
	bias, residual    Matrix
	act               Activation
	alpha, beta       uint64
	scale             uint64 // of the residual
	depth             int    // products of an element, where k counts pairs of them; else 0
	hasBeta, hasFinal bool   // beta is not 0; the epilogue is not empty
	swapped           bool
	weights           *Packed
	path              path
	packA, packB      bool // viaStrips: whether the operand is packed

	rows, cols   int // of a task
	down, across int // tasks
	first        int // number of the first task
}

// set fills in a zero problem.
func (pr *problem) set(e *Engine, c *Call, batch int) {
	pr.ks, pr.weights = e.kernels(c.C.Type), c.Packed
	pr.m, pr.n, pr.k = c.M, c.N, c.K
	pr.a, pr.b, pr.c = c.A.moved(batch*c.Batch.A), c.B.moved(batch*c.Batch.B), c.C.moved(batch*c.Batch.C)
	if pr.k == 0 { // there is nothing to point to
		pr.a, pr.b = Matrix{Ptr: pr.c.Ptr, Type: pr.a.Type}, Matrix{Ptr: pr.c.Ptr, Type: pr.b.Type}
	}
	pr.hasBeta, pr.hasFinal = c.Beta != 0, !c.Epilogue.empty()
	pr.alpha, pr.beta = pr.ks.bits(c.Alpha), pr.ks.bits(c.Beta)
	if pr.hasFinal {
		pr.act = c.Epilogue.Act
		pr.bias, pr.residual = c.Epilogue.Bias.moved(batch*c.Batch.Bias), c.Epilogue.Residual.moved(batch*c.Batch.Residual)
		pr.scale = pr.ks.bits(cmp.Or(c.Epilogue.Scale, 1))
	}
	pr.choose(c.Alpha)
	pr.pair(e, c.Alpha)
}

// tasks is the number of tasks of a problem that is cut into them.
func (pr *problem) tasks() int { return pr.down * pr.across }

// region returns the part of the problem that a task computes.
func (pr *problem) region(task int) (i, m, j, n int) {
	if pr.down == 1 && pr.across == 1 {
		return 0, pr.m, 0, pr.n
	}
	i, j = task/pr.across*pr.rows, task%pr.across*pr.cols
	return i, min(pr.rows, pr.m-i), j, min(pr.cols, pr.n-j)
}

// inPlace says whether sums can stand in C while they grow.
func (pr *problem) inPlace() bool {
	if pr.c.Type.Size() != pr.ks.size {
		return false
	}
	switch pr.path {
	case viaStream: // rows that are whole sets apart would meet in the cache
		return !pr.swapped && pr.m == 1
	case viaDots:
		return true
	}
	return !pr.swapped
}

// place is where the sums of a region stand in C.
func (pr *problem) place(i, j int) output {
	row, size := pr.c.Row*pr.ks.size, pr.ks.size
	if pr.swapped {
		return output{pr.c.at(j, i), size, row, pr.hasBeta, pr.beta}
	}
	return output{pr.c.at(i, j), row, size, pr.hasBeta, pr.beta}
}

// output is where a path adds up a region.
type output struct {
	p        unsafe.Pointer
	ld, step int  // bytes between rows, between columns
	load     bool // the sums begin with beta times what is there
	beta     uint64
}

func (o *output) at(i, j int) unsafe.Pointer { return unsafe.Add(o.p, i*o.ld+j*o.step) }

// task computes one region.
func (w *worker) task(pr *problem, number int) {
	i, m, j, n := pr.region(number)
	var out output
	if pr.inPlace() {
		out = pr.place(i, j)
	} else {
		out = w.side(pr, i, m, j, n)
	}
	switch pr.path {
	case viaStrips:
		w.strips(pr, out, i, m, j, n)
	case viaStream:
		w.streamRows(pr, out, m, j, n)
	case viaWeights:
		w.weightRows(pr, out, i, m, j, n)
	case viaDots:
		w.dots(pr, out, i, m, j, n)
	case viaFew:
		w.fewRows(pr, out, i, m, j, n)
	case viaOuter:
		w.outerRows(pr, out, i, m, j, n)
	}
	w.finish(pr, out, i, m, j, n)
}

// side returns a buffer for a region whose sums cannot stand in C, and puts beta C there.
func (w *worker) side(pr *problem, i, m, j, n int) output {
	size := pr.ks.size
	out := output{ld: sideStride(n, size), step: size, load: pr.hasBeta, beta: pr.ks.bits(1)}
	out.p = w.c.get(m * out.ld)
	if pr.hasBeta {
		w.loadC(pr, out, i, m, j, n)
	}
	return out
}

// sideStride is the distance between rows of a buffer: whole cache lines, an odd number of them so that rows do not
// meet in one cache set, and one more than are used.
func sideStride(n, size int) int { return ((n*size+cacheLine-1)/cacheLine + 1 | 1) * cacheLine }
