package gemm

// The choices below depend on shapes, types and strides, never on the number of threads: results must not either.

const (
	stripsMaxRows = 256     // at least so many rows of A are kept in the second level of cache,
	stripsMaxA    = 1 << 16 // or as many as have this number of elements in a block of k
	streamMinB    = 1 << 12 // elements of B from which on reading it along its rows pays for up to 3 rows,
	streamLargeB  = 1 << 21 // and for more
	dotLargeB     = 1 << 19 // elements of B from which on inner products pay for more than dotRows rows
	tinyK         = 16      // so few products that storing C is most of the work
	tinyKRows     = 48
	dotMinK       = 32
	fewMaxB       = 1 << 16 // elements of B that stay in the second level of cache,
	fewMaxAgain   = 1 << 12 // or in the first, where more rows than one kernel takes read it again
	outerMinN     = 8
)

// choose decides how to compute the problem.
func (pr *problem) choose(alpha float64) {
	if pr.weights == nil && pr.m > pr.n && pr.swaps() {
		pr.swapped = true
		pr.m, pr.n = pr.n, pr.m
		pr.a, pr.b = pr.b.T(), pr.a.T()
	}
	ks := pr.ks
	switch {
	case pr.weights != nil:
		if pr.m <= weightRows && pr.k > 0 && ks.weights[pr.weights.Type][1] != nil {
			pr.path = viaWeights
		}
	case pr.outerable(pr.m, pr.n, &pr.b) && alpha == 1 && pr.a.Type.Size() == ks.size:
		pr.path = viaOuter
	case pr.dottable(pr.m, pr.n, &pr.b):
		pr.path = viaDots
	case pr.isFew(pr.m, pr.n, &pr.b):
		pr.path = viaFew
	case pr.streamable(pr.m, pr.n, &pr.b):
		pr.path = viaStream
	case pr.m > pr.stripRows() && pr.k > tinyK:
		pr.path = viaBlocks
	}
	pr.packA = alpha != 1 || pr.a.Col != 1 || pr.a.Type.Size() != ks.size || pr.path == viaStrips && pr.wideA()
	pr.packB = pr.b.Col != 1 || pr.b.Type.Size() != ks.size || pr.m > 96 && pr.k > tinyK
}

// swaps says whether the transposed product has a fast path that the product has not: few columns become few rows.
func (pr *problem) swaps() bool {
	a := pr.a.T()
	return pr.n <= dotRows && pr.dottable(pr.n, pr.m, &a) || pr.streamable(pr.n, pr.m, &a) || pr.k > tinyK && pr.isFew(pr.n, pr.m, &a)
}

// outerable says whether m rows times b, with n columns, can be done as a sum of outer products.
func (pr *problem) outerable(m, n int, b *Matrix) bool {
	return pr.k > 0 && pr.k <= outerK && (n >= outerMinN || m == 1 && n > 1) && pr.direct(b) && pr.ks.outers[1] != nil
}

// isFew says whether m rows times b, with n columns, are few enough to read b where it lies for every few of them.
func (pr *problem) isFew(m, n int, b *Matrix) bool {
	limit := fewMaxB
	if m > min(fewRows, pr.ks.mr) {
		limit = fewMaxAgain
	}
	return m <= 2*fewRows && n*pr.k <= limit && pr.k > 0 && pr.direct(b) && pr.ks.few[1] != nil
}

// direct says whether kernels can read b along its rows where it lies.
func (pr *problem) direct(b *Matrix) bool { return b.Col == 1 && b.Type.Size() == pr.ks.size }

// dottable says whether m rows times b can be done by inner products.
func (pr *problem) dottable(m, n int, b *Matrix) bool {
	least := dotMinK
	if m == 1 && b.Type.Size() == pr.ks.size {
		least = 2
	}
	return (m <= dotRows || m <= 2*dotRows && n*pr.k >= dotLargeB) && b.Row == 1 && pr.k >= least && pr.ks.dots[b.Type][1] != nil
}

// streamable says whether m rows times b, with n columns, are worth reading b along its rows.
func (pr *problem) streamable(m, n int, b *Matrix) bool {
	large := streamMinB
	if m > 3 {
		large = streamLargeB
	}
	return m <= streamRows && pr.direct(b) && pr.k >= streamK && n*pr.k >= large && pr.ks.streams[1] != nil
}

// stripRows is the most rows of a task of viaStrips: as many as the second level of cache holds, if they are used for
// more than one strip; for tiny k so few that their part of C lies on few pages.
func (pr *problem) stripRows() int {
	switch {
	case pr.n <= 2*pr.ks.nr:
		return pr.m
	case pr.k <= tinyK:
		return tinyKRows
	case pr.m <= stripsMaxRows:
		return stripsMaxRows
	}
	return max(stripsMaxRows, stripsMaxA/pr.ks.splitK(pr.k))
}

// wideA says whether rows of A are so far apart, and used so often, that packing them pays.
func (pr *problem) wideA() bool {
	return pr.n >= 256 && pr.m > pr.ks.mr && pr.a.Row*pr.ks.size >= 1024
}

const (
	taskProducts = 1 << 16 // fewer multiplications are not worth another thread
	tasksEach    = 4       // per thread: so that a slow core does not hold up the others
)

// cut divides the problem into regions for threads. Any cut gives the same bits.
func (pr *problem) cut(threads int) {
	pr.rows, pr.cols, pr.down, pr.across = pr.m, pr.n, 1, 1
	if limit := pr.stripRows(); pr.path == viaStrips && pr.m > limit {
		pr.rows = evenly(pr.m, limit, pr.ks.mr)
		pr.down = (pr.m + pr.rows - 1) / pr.rows
	}
	if threads == 1 {
		return
	}
	if want := float64(pr.m) * float64(pr.n) * float64(max(pr.k, 1)) / taskProducts; want >= 2 {
		pr.share(int(min(want, float64(tasksEach*threads))))
		pr.down = (pr.m + pr.rows - 1) / pr.rows
		pr.across = (pr.n + pr.cols - 1) / pr.cols
	}
}

// share cuts along the dimension whose operand is not packed anew for each task, unless that is too short.
func (pr *problem) share(tasks int) {
	unit := pr.ks.nr
	switch pr.path {
	case viaDots:
		unit = 8
	case viaWeights:
		unit *= weightStrips[pr.m]
	}
	strips, panels := (pr.n+unit-1)/unit, (pr.m+pr.ks.mr-1)/pr.ks.mr
	byRows := pr.path == viaStrips && (strips < tasks && panels > strips || pr.packA && !pr.packB && panels >= tasks)
	if byRows {
		pr.rows = min(pr.rows, evenly(pr.m, (pr.m+tasks-1)/tasks, pr.ks.mr))
		return
	}
	pr.cols = evenly(pr.n, (pr.n+tasks-1)/tasks, unit)
}
