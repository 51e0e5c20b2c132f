package gemm

// The choices below depend on shapes, types and strides, never on the number of threads: results must not either.

const (
	stripsMaxRows = 256     // as many rows of A as the second level of cache holds for one block of k
	streamMinB    = 1 << 17 // elements of B from which on it is worth being read along its rows
	dotMinK       = 64
	swapMaxCols   = 8 // so few columns are computed as rows of the transposed product
)

// choose decides how to compute the problem.
func (pr *problem) choose(alpha float64) {
	ks := pr.ks
	if pr.weights == nil && pr.n <= swapMaxCols && pr.m > 2*pr.n && ks.transposes[pr.b.Type] != nil {
		pr.swapped = true
		pr.m, pr.n = pr.n, pr.m
		pr.a, pr.b = pr.b.T(), pr.a.T()
	}
	pr.path = viaStrips
	switch {
	case pr.weights != nil:
	case pr.m <= dotRows && pr.b.Row == 1 && pr.k >= dotMinK && ks.dots[pr.b.Type][1] != nil:
		pr.path = viaDots
	case pr.m <= streamRows && pr.b.Col == 1 && pr.k >= streamK && pr.n*pr.k >= streamMinB && pr.b.Type.Size() == ks.size && ks.streams[1] != nil:
		pr.path = viaStream
	case pr.m > stripsMaxRows && pr.k > 0:
		pr.path = viaBlocks
	}
	pr.packA = alpha != 1 || pr.a.Col != 1 || pr.a.Type.Size() != ks.size || pr.wideA()
	pr.packB = pr.b.Col != 1 || pr.b.Type.Size() != ks.size || pr.m > 96
}

// wideA says whether rows of A are so far apart, and used so often, that packing them pays.
func (pr *problem) wideA() bool { return pr.n >= 256 && pr.m > pr.ks.mr }

const (
	taskProducts = 1 << 16 // fewer multiplications are not worth another thread
	tasksEach    = 4       // per thread: so that a slow core does not hold up the others
)

// cut divides the problem into regions for threads. Any cut gives the same bits.
func (pr *problem) cut(threads int) {
	ks := pr.ks
	pr.rows, pr.cols = pr.m, pr.n
	if pr.path == viaStrips {
		pr.rows = evenly(pr.m, stripsMaxRows, ks.mr)
	}
	if threads > 1 {
		want := float64(pr.m) * float64(pr.n) * float64(max(pr.k, 1)) / taskProducts
		pr.share(int(min(want, float64(tasksEach*threads))))
	}
	pr.down = (pr.m + pr.rows - 1) / pr.rows
	pr.across = (pr.n + pr.cols - 1) / pr.cols
}

// share cuts along the dimension whose operand is not packed anew for each task, unless that is too short.
func (pr *problem) share(tasks int) {
	if tasks < 2 {
		return
	}
	unit := pr.ks.nr
	if pr.path == viaDots {
		unit = 8
	}
	strips, panels := (pr.n+unit-1)/unit, (pr.m+pr.ks.mr-1)/pr.ks.mr
	byRows := pr.path == viaStrips && (strips < tasks && panels > strips || pr.packA && !pr.packB && panels >= tasks)
	if byRows {
		pr.rows = min(pr.rows, evenly(pr.m, (pr.m+tasks-1)/tasks, pr.ks.mr))
		return
	}
	pr.cols = evenly(pr.n, (pr.n+tasks-1)/tasks, unit)
}
