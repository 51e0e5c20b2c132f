package tandem

import (
	"context"

	"github.com/tandem-compute/tandem/internal/op"
)

// nullBackend is the device of paper: shapes, plans and costs, but no memory and no arithmetic.
type nullBackend struct{}

type nullStream struct{}

// OpenNull opens the device of paper. Programs compile on it as anywhere and tell their Price, so the memory and the
// cost of a model are known without the machine that it is for. Reads leave their destination alone.
func OpenNull(opts ...Option) (*Device, error) {
	o, err := resolve(opts)
	if err != nil {
		return nil, err
	}
	return newDevice(nullBackend{}, o, []string{"null: a device without memory, asked for by name"}), nil
}

func (nullBackend) Name() string { return "null" }
func (nullBackend) Host() bool   { return true }
func (nullBackend) Supports(op.Op, []op.Type, []op.Type) (op.Kernel, error) {
	return op.Kernel{Run: nullKernel}, nil
}
func nullKernel(op.Stream, *op.Node) error              { return nil }
func (nullBackend) PackedSize(t *op.Type) int           { return t.Bytes() }
func (nullBackend) Alloc(size int) (*op.Block, error)   { return &op.Block{Size: size}, nil }
func (nullBackend) Free(*op.Block) error                { return nil }
func (nullBackend) Stream() (op.Stream, error)          { return nullStream{}, nil }
func (nullBackend) Close() error                        { return nil }
func (nullStream) Begin(context.Context)                {}
func (nullStream) Exec(*op.Node) error                  { return nil }
func (nullStream) Upload(*op.View, []byte) error        { return nil }
func (nullStream) Download([]byte, *op.View) error      { return nil }
func (nullStream) Sync() error                          { return nil }
func (nullStream) Capture([]*op.Node) (op.Graph, error) { return nil, nil }
func (nullStream) Close() error                         { return nil }

// Machine is what a bound needs to know of a machine.
type Machine struct {
	FlopsPerSec float64
	BytesPerSec float64
}

// Seconds is the least time that one run can take on m: the larger of its arithmetic and its memory traffic, each at
// full rate.
func (p Price) Seconds(m Machine) float64 {
	return max(float64(p.Flops)/m.FlopsPerSec, float64(p.Moved)/m.BytesPerSec)
}
