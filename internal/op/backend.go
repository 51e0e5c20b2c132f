package op

import "context"

// Backend runs ops on one device. It is safe for concurrent use; a Stream belongs to one goroutine at a time.
type Backend interface {
	// Name is like cpu, cuda:0 or sim.
	Name() string

	// Supports returns the kernel for an op on operands of these types, or why there is none: a Problem of kind
	// ErrUnsupported with the reason, or one of kind ErrLayout when contiguous operands would do. It allocates
	// nothing when there is a kernel.
	Supports(o Op, in, out []Type) (Kernel, error)

	// Host reports whether blocks lie in memory that Go can read.
	Host() bool

	// PackedSize is the bytes of a weight of type t in this device's packed format.
	PackedSize(t *Type) int

	Alloc(size int) (*Block, error)
	Free(*Block) error

	Stream() (Stream, error)
	Close() error
}

// Stream is a queue of work in order. Upload and Exec may return before the work is done; an error of such work comes
// out of the next call.
type Stream interface {
	// Begin tells the stream whose work follows. Kernels that take long stop when ctx ends.
	Begin(ctx context.Context)
	Exec(*Node) error
	Upload(dst *View, src []byte) error   // dst contiguous
	Download(dst []byte, src *View) error // src contiguous; waits
	Sync() error
	// Capture turns nodes into a graph that replays them all, or nil where replaying one by one is as good.
	Capture(nodes []*Node) (Graph, error)
	Close() error
}

// Graph is a captured list of nodes.
type Graph interface {
	Launch(Stream) error
	Close() error
}
