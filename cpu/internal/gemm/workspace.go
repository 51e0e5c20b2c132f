package gemm

import (
	"context"
	"sync/atomic"
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// Workspace is the memory that products need besides their matrices. It grows to what its largest call wants and is
// then reused: a steady loop does not allocate. It serves one call at a time; the zero Workspace is ready for use.
type Workspace struct {
	Context context.Context // when it ends, what is left of a call is left out; nil never ends

	engine   *Engine
	threads  int
	workers  []*worker
	problems []problem
	tasks    int          // of all problems that are cut into tasks
	next     atomic.Int64 // the next task to hand out
	blocks   blocks
}

// worker is one thread's scratch.
type worker struct {
	engine *Engine
	arguments
	sums                [sumsBytes / 8]float64 // of dots, float32 or float64
	a, b, c, row, extra buffer
}

const sumsBytes = 2048

// arguments of the kernels.
type arguments struct {
	tile   tile
	pack   packing
	stream streaming
	dot    dotting
	outer  outering
}

// forget lets go of the caller's memory.
func (a *arguments) forget() {
	a.tile.a, a.tile.b, a.tile.c, a.tile.next = nil, nil, nil, nil
	a.pack.src, a.pack.dst = nil, nil
	a.stream.a, a.stream.b, a.stream.c = nil, nil, nil
	a.dot.a, a.dot.b, a.dot.sums = nil, nil, nil
	a.outer.a, a.outer.b, a.outer.c = nil, nil, nil
}

// buffer is scratch memory aligned to cache lines.
type buffer struct{ bytes []byte }

const cacheLine = 64

// get returns n bytes and a vector's worth of slack, with any content.
func (b *buffer) get(n int) unsafe.Pointer {
	n += 3 * cacheLine
	if len(b.bytes) < n {
		b.bytes = make([]byte, n+n/4)
	}
	p := unsafe.Pointer(unsafe.SliceData(b.bytes))
	return unsafe.Add(p, -uintptr(p)&(cacheLine-1))
}

func (ws *Workspace) begin(e *Engine, threads int) {
	ws.engine, ws.threads = e, max(threads, 1)
	for len(ws.workers) < ws.threads {
		ws.workers = append(ws.workers, new(worker))
	}
	for _, w := range ws.workers {
		w.engine = e
	}
	ws.problems, ws.tasks = ws.problems[:0], 0
}

// add appends the products of a call.
func (ws *Workspace) add(c *Call) {
	if c.M <= 0 || c.N <= 0 {
		return
	}
	for i := range max(c.Batch.Count, 1) {
		at := len(ws.problems)
		if at == cap(ws.problems) {
			ws.problems = append(ws.problems, problem{})
		}
		ws.problems = ws.problems[:at+1]
		pr := &ws.problems[at]
		pr.set(ws.engine, c, i)
		if pr.path != viaBlocks {
			pr.cut(ws.threads)
			pr.first = ws.tasks
			ws.tasks += pr.tasks()
		}
	}
}

// run computes all problems and lets go of the caller's memory.
func (ws *Workspace) run(p *pool.Pool) {
	ws.next.Store(0)
	switch threads := min(ws.threads, ws.tasks); {
	case threads > 1:
		p.Run(threads, threads, 1, ws)
	case ws.tasks == 1 && len(ws.problems) == 1:
		ws.workers[0].task(&ws.problems[0], 0)
	case threads == 1:
		ws.Do(0, 0, 1)
	}
	for i := range ws.problems {
		if pr := &ws.problems[i]; pr.path == viaBlocks {
			ws.blocks.run(ws, p, pr)
		}
	}
	clear(ws.problems) // of which the next call finds zero ones
	ws.blocks.problem = nil
	for _, w := range ws.workers {
		w.forget()
	}
}

// ended reports whether nobody waits for the result any more.
func (ws *Workspace) ended() bool { return ws.Context != nil && ws.Context.Err() != nil }

// Do takes tasks until there are none left. It implements pool.Task.
func (ws *Workspace) Do(id, _, _ int) {
	w, at := ws.workers[id], 0
	for {
		t := int(ws.next.Add(1)) - 1
		if t >= ws.tasks || ws.ended() {
			return
		}
		for ws.problems[at].path == viaBlocks || t >= ws.problems[at].first+ws.problems[at].tasks() {
			at++
		}
		w.task(&ws.problems[at], t-ws.problems[at].first)
	}
}
