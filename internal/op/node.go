package op

import "unsafe"

// Block is one allocation of a device. A block that is only planned, or lives on paper, has neither Bytes nor Addr.
type Block struct {
	Bytes  []byte // on the host
	Addr   uint64 // on a device with an address space of its own
	Size   int
	Refs   int32 // holders among slots and tapes of the one arena that owns it, so not atomic
	Shared bool  // persistent: nobody counts
}

// View is a typed window into a block.
type View struct {
	Type
	Block *Block
	Off   int // in bytes
}

// Elem is a Go type that a dtype maps to. f16 and bf16 travel as uint16, bool as uint8.
type Elem interface {
	float64 | float32 | uint16 | int64 | int32 | int8 | uint8
}

// Data is the view's elements from the first to the last, gaps included. The block must be on the host.
func Data[T Elem](v *View) []T {
	n := v.Span()
	if n == 0 {
		return nil
	}
	b := v.Block.Bytes[v.Off : v.Off+n*int(unsafe.Sizeof(*new(T)))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

const (
	MaxOperands = 16 // inputs and outputs of a node together
	ParamWords  = 10 // room for the parameters of any built-in op
)

// Kernel runs one op on a backend. Work is the bytes of scratch memory that it wants in Node.Work.
type Kernel struct {
	Run  func(Stream, *Node) error
	Work int
}

// Node is an op with its operands: run at once, recorded, taped, planned or priced.
type Node struct {
	Op      Op
	In, Out []View
	Work    View // scratch for the kernel; no Block when it wants none
	Count   View // when its Block is set, only the first Count rows of the row-wise operands hold data
	Kernel  Kernel
	views   [MaxOperands]View
	param   [ParamWords]uint64
}

// Set empties the node and gives it room for nin inputs and nout outputs.
func (n *Node) Set(o Op, nin, nout int) {
	n.Op, n.In, n.Out = o, n.views[:nin:nin], n.views[nin:nin+nout]
	n.Count.Block, n.Work.Block = nil, nil
}

// Store copies the parameters v into the node's own words and returns them there, so that an op built on the stack
// reaches the heap without an allocation. T has no pointers and fits; a test walks every op for that. A larger T (a
// user's own op) is allocated.
func Store[T any](n *Node, v T) *T {
	if unsafe.Sizeof(v) > unsafe.Sizeof(n.param) {
		p := new(T) // not &v, which would move every v to the heap
		*p = v
		return p
	}
	p := (*T)(unsafe.Pointer(&n.param))
	*p = v
	return p
}

// Rows is how many of v's rows (all dimensions but the last) hold data. Backends that have the count on the host use it.
func (n *Node) Rows(v *View) int {
	if n.Count.Block == nil || v.Rank < 2 {
		return v.Rows()
	}
	c := Data[int32](&n.Count)[0]
	return min(max(0, int(c)), v.Dims[0]) * (v.Rows() / max(1, v.Dims[0]))
}
