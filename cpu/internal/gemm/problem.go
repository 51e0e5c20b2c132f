package gemm

import "unsafe"

// A path is a way to compute a product.
type path uint8

const (
	viaStrips path = iota // strip by strip of B, which is packed as it is needed or read where it lies
	viaBlocks             // blocks of A and B, packed for each level of cache
	viaStream             // few rows: along the rows of B, 8 at a time
	viaDots               // very few rows and B's columns contiguous: inner products
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
	hasBeta, hasFinal bool // beta is not 0; the epilogue is not empty
	swapped           bool
	weights           *Packed
	path              path
	packA, packB      bool // viaStrips: whether the operand is packed

	rows, cols   int // of a task
	down, across int // tasks
	first        int // number of the first task
}

func (pr *problem) set(e *Engine, c *Call, batch int) {
	*pr = problem{
		ks: e.kernels(c.C.Type), m: c.M, n: c.N, k: c.K, act: c.Epilogue.Act, weights: c.Packed,
		a: c.A.moved(batch * c.Batch.A), b: c.B.moved(batch * c.Batch.B), c: c.C.moved(batch * c.Batch.C),
		bias: c.Epilogue.Bias.moved(batch * c.Batch.Bias), residual: c.Epilogue.Residual.moved(batch * c.Batch.Residual),
		hasBeta: c.Beta != 0, hasFinal: !c.Epilogue.empty(),
	}
	pr.alpha, pr.beta = pr.ks.bits(c.Alpha), pr.ks.bits(c.Beta)
	pr.choose(c.Alpha)
}

// tasks is the number of tasks of a problem that is cut into them.
func (pr *problem) tasks() int { return pr.down * pr.across }

// region returns the part of the problem that a task computes.
func (pr *problem) region(task int) (i, m, j, n int) {
	i, j = task/pr.across*pr.rows, task%pr.across*pr.cols
	return i, min(pr.rows, pr.m-i), j, min(pr.cols, pr.n-j)
}

// inPlace says whether sums can stand in C while they grow.
func (pr *problem) inPlace() bool {
	return !pr.swapped && pr.path != viaStream && pr.c.Type.Size() == pr.ks.size
}

// output is where a path adds up a region.
type output struct {
	p    unsafe.Pointer
	ld   int // bytes
	load bool
	beta uint64
}

func (o *output) at(i, j, size int) unsafe.Pointer { return unsafe.Add(o.p, i*o.ld+j*size) }

// task computes one region.
func (w *worker) task(pr *problem, number int) {
	i, m, j, n := pr.region(number)
	var out output
	if pr.inPlace() {
		out = output{pr.c.at(i, j), pr.c.Row * pr.ks.size, pr.hasBeta, pr.beta}
	} else {
		out = w.side(pr, i, m, j, n)
	}
	switch pr.path {
	case viaStrips:
		w.strips(pr, out, i, m, j, n)
	case viaStream:
		w.streamRows(pr, out, m, j, n)
	case viaDots:
		w.dots(pr, out, i, m, j, n)
	}
	w.finish(pr, out, i, m, j, n)
}

// side returns a buffer for a region whose sums cannot stand in C, and puts beta C there.
func (w *worker) side(pr *problem, i, m, j, n int) output {
	size := pr.ks.size
	out := output{ld: sideStride(n, size), load: pr.hasBeta, beta: pr.ks.bits(1)}
	out.p = w.c.get(m * out.ld)
	if pr.hasBeta {
		w.loadC(pr, out, i, m, j, n)
	} else if pr.path == viaStream {
		clear(unsafe.Slice((*byte)(out.p), m*out.ld))
	}
	return out
}

// sideStride is the distance between rows of a buffer: whole cache lines, an odd number of them so that rows do not
// meet in one cache set, and one more than are used.
func sideStride(n, size int) int { return ((n*size+cacheLine-1)/cacheLine + 1 | 1) * cacheLine }
