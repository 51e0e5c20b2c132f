package device

import (
	"context"

	"github.com/tandem-compute/tandem/internal/op"
)

// null is the device of paper: shapes, plans and costs, but no memory and no arithmetic.
type null struct{}

type nullStream struct{}

func (null) Name() string { return "null" }
func (null) Host() bool   { return true }
func (null) Supports(op.Op, []op.Type, []op.Type) (op.Kernel, error) {
	return op.Kernel{Run: nullKernel}, nil
}
func nullKernel(op.Stream, *op.Node) error              { return nil }
func (null) PackedSize(t *op.Type) int                  { return t.Bytes() }
func (null) Alloc(size int) (*op.Block, error)          { return &op.Block{Size: size}, nil }
func (null) Free(*op.Block) error                       { return nil }
func (null) Stream() (op.Stream, error)                 { return nullStream{}, nil }
func (null) Close() error                               { return nil }
func (nullStream) Begin(context.Context)                {}
func (nullStream) Exec(*op.Node) error                  { return nil }
func (nullStream) Upload(*op.View, []byte) error        { return nil }
func (nullStream) Download([]byte, *op.View) error      { return nil }
func (nullStream) Sync() error                          { return nil }
func (nullStream) Capture([]*op.Node) (op.Graph, error) { return nil, nil }
func (nullStream) Close() error                         { return nil }
