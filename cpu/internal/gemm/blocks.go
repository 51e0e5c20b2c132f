package gemm

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// blocks computes a large problem: for each block of columns and each block of k, all threads pack the block of B
// together, then take blocks of rows, for which they pack A each on their own. The second level of cache holds the
// rows, the third the block of B.
type blocks struct {
	ws      *Workspace
	problem *problem
	b, c    buffer
	packedB unsafe.Pointer

	j, n, k0, k  int // the current block of B
	rows, count  int // of a block of rows; how many there are
	strips       int
	nextStrip    atomic.Int64
	nextRows     atomic.Int64
	packedStrips atomic.Int64
	out          output // of the columns j..j+n-1
	last         bool   // block of k
}

// stripsAtOnce are packed between two looks at the counter.
const stripsAtOnce = 4

func (bs *blocks) run(ws *Workspace, p *pool.Pool, pr *problem) {
	ks, threads := pr.ks, ws.threads
	bs.ws, bs.problem = ws, pr
	bs.cutRows(threads)
	nc := evenly(pr.n, ks.nc, ks.nr)
	block := ks.splitK(pr.k)
	bs.packedB = bs.b.get(block * nc * ks.size)
	for bs.j = 0; bs.j < pr.n; bs.j += nc {
		bs.n = min(nc, pr.n-bs.j)
		bs.strips = (bs.n + ks.nr - 1) / ks.nr
		bs.open()
		for bs.k0 = 0; bs.k0 < pr.k; bs.k0 += block {
			if ws.ended() {
				return
			}
			bs.k = min(block, pr.k-bs.k0)
			bs.last = bs.k0+bs.k == pr.k
			bs.nextStrip.Store(0)
			bs.nextRows.Store(0)
			bs.packedStrips.Store(0)
			p.Run(threads, threads, 1, bs)
		}
	}
}

// cutRows chooses blocks of rows of nearly equal height, at least two for each thread if there are enough panels.
func (bs *blocks) cutRows(threads int) {
	pr := bs.problem
	bs.rows = evenly(pr.m, pr.ks.mc, pr.ks.mr)
	if threads > 1 {
		bs.rows = min(bs.rows, evenly(pr.m, (pr.m+2*threads-1)/(2*threads), pr.ks.mr))
	}
	bs.count = (pr.m + bs.rows - 1) / bs.rows
}

// evenly cuts n into the fewest parts of at most limit and returns their common length, a multiple of unit.
func evenly(n, limit, unit int) int {
	parts := (n + limit - 1) / limit
	return ((n+parts-1)/parts + unit - 1) / unit * unit
}

// open sets out to the current columns of C, or to a buffer.
func (bs *blocks) open() {
	pr, size := bs.problem, bs.problem.ks.size
	if pr.inPlace() {
		bs.out = pr.place(0, bs.j)
		return
	}
	bs.out = output{ld: sideStride(bs.n, size), step: size, load: pr.hasBeta, beta: pr.ks.bits(1)}
	bs.out.p = bs.c.get(pr.m * bs.out.ld)
}

// Do packs strips, then multiplies blocks of rows, until there are none left. It implements pool.Task.
func (bs *blocks) Do(id, _, _ int) {
	w := bs.ws.workers[id]
	pr, ks := bs.problem, bs.problem.ks
	for {
		s := int(bs.nextStrip.Add(stripsAtOnce)) - stripsAtOnce
		if s >= bs.strips {
			break
		}
		end := min(s+stripsAtOnce, bs.strips)
		for q := s; q < end; q++ {
			j := q * ks.nr
			pr.packStrip(&w.pack, bs.strip(q), bs.j+j, min(ks.nr, bs.n-j), bs.k0, bs.k)
		}
		bs.packedStrips.Add(int64(end - s))
	}
	for { // all strips are packed in any case: others wait for them
		block := int(bs.nextRows.Add(1)) - 1
		if block >= bs.count || bs.ws.ended() {
			return
		}
		i := block * bs.rows
		bs.multiply(w, i, min(bs.rows, pr.m-i))
	}
}

func (bs *blocks) strip(q int) unsafe.Pointer {
	return unsafe.Add(bs.packedB, q*bs.k*bs.problem.ks.nr*bs.problem.ks.size)
}

// multiply adds the current block of k to rows i..i+m-1 of the current columns.
func (bs *blocks) multiply(w *worker, i, m int) {
	pr, ks, t := bs.problem, bs.problem.ks, &w.tile
	p, panelBytes := cutPanels(m, ks.mr), ks.panelBytes(bs.k)
	a := w.a.get(p.count() * panelBytes)
	pr.packPanels(&w.pack, a, i, p, bs.k0, bs.k)
	out := bs.out
	out.p = out.at(i, 0)
	if bs.k0 == 0 && out.load && !pr.inPlace() {
		w.loadC(pr, out, i, m, bs.j, bs.n)
	}
	t.ldb, t.ldc, t.k = ks.nr*ks.size, out.ld, bs.k
	t.start(ks, out, bs.k0)
	for bs.packedStrips.Load() < int64(bs.strips) { // another thread is still packing
		runtime.Gosched()
	}
	for q := range bs.strips {
		t.cols = min(ks.nr, bs.n-q*ks.nr)
		t.b, t.next = bs.strip(q), bs.strip(min(q+1, bs.strips-1))
		t.multiply(ks.form(true, t.cols), p, a, panelBytes, out.at(0, q*ks.nr))
	}
	if bs.last {
		w.finish(pr, out, i, m, bs.j, bs.n)
	}
}
