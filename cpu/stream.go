package cpu

import (
	"context"
	"unsafe"

	"github.com/tandem-compute/tandem/cpu/internal/gemm"
	"github.com/tandem-compute/tandem/internal/op"
)

// stream runs one node at a time, on the caller and the pool's workers.
type stream struct {
	*Backend
	ctx     context.Context
	workers []worker
	gemm    gemm.Workspace

	// The node in progress. A kernel is a plain function and a body another, so that no closure is allocated.
	node *op.Node
	body body
	walk walk
	fold folding

	// Of a matrix product.
	call   gemm.Call
	calls  []gemm.Call
	packed gemm.Packed

	inner op.Node // of a copy
}

// body computes items lo..hi-1 of a node.
type body func(w *worker, n *op.Node, lo, hi int)

// worker is one goroutine's part of a stream: scratch memory that grows and stays.
type worker struct {
	*stream
	scratch  [maxScratch][]byte
	block    block      // of the elementwise walk
	products gemm.Inner // of kernels that have other work between them
}

const maxScratch = 8

func (s *stream) Begin(ctx context.Context) { s.ctx, s.gemm.Context = ctx, ctx }

func (s *stream) Exec(n *op.Node) error {
	if err := n.Kernel.Run(s, n); err != nil {
		return err
	}
	return s.ctx.Err()
}

func (s *stream) Upload(dst *op.View, src []byte) error {
	copy(dst.Block.Bytes[dst.Off:], src)
	return nil
}

func (s *stream) Download(dst []byte, src *op.View) error {
	copy(dst, src.Block.Bytes[src.Off:])
	return nil
}

func (s *stream) Sync() error                          { return nil }
func (s *stream) Capture([]*op.Node) (op.Graph, error) { return nil, nil }
func (s *stream) Close() error                         { return nil }

// split cuts n items into ranges of at least grain and runs body on them. After the context has ended the ranges not
// yet begun are left out; Exec then reports it.
func (s *stream) split(nd *op.Node, n, grain int, f body) error {
	s.node, s.body = nd, f
	if s.threads > 1 {
		s.pool.Run(s.threads, n, grain, s)
	} else {
		s.alone(n, max(grain, 1))
	}
	s.node = nil
	return nil
}

// alone is a single thread's split: the context is looked at between a few ranges.
func (s *stream) alone(n, grain int) {
	const ranges = 32
	step := max(1, n/grain/ranges) * grain
	for lo := 0; lo < n; {
		hi := lo + step
		if n-hi < grain { // the last range takes the rest, as in a pool
			hi = n
		}
		s.Do(0, lo, hi)
		lo = hi
	}
}

// stopped reports whether the context has ended, asked every so many of the steps i of a loop over one long line, which
// no range cuts.
func (w *worker) stopped(i int) bool { return i&(1<<16-1) == 0 && w.ctx.Err() != nil }

// Do is the pool's call for one range.
func (s *stream) Do(worker, lo, hi int) {
	if s.ctx.Err() != nil {
		return
	}
	s.body(&s.workers[worker], s.node, lo, hi)
}

// asWords views i32 elements as the words of the random generator.
func asWords(x []int32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// asBools views bytes as bools.
func asBools(x []uint8) []bool {
	return unsafe.Slice((*bool)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// scratch is n elements of a worker's own memory; the contents are whatever the last user left.
func scratch[T op.Elem](w *worker, i, n int) []T {
	size := n * int(unsafe.Sizeof(*new(T)))
	if cap(w.scratch[i]) < size {
		w.scratch[i] = alignedBytes(size)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(w.scratch[i]))), n)
}

// alignedBytes is size bytes on a 64-byte boundary, from the Go heap.
func alignedBytes(size int) []byte {
	b := make([]byte, size+64)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[skip : skip+size : skip+size]
}
