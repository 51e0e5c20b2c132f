package ref

import (
	"context"

	"github.com/tandem-compute/tandem/internal/op"
)

// Backend runs every op by the oracle. It is a device like any other, so gradients that are written as ops on a Scope
// can be compared with finite differences in float64.
type Backend struct{}

type stream struct{ ctx context.Context }

func (Backend) Name() string { return "ref" }
func (Backend) Host() bool   { return true }

func (Backend) Supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	if !Has(o) {
		return op.Kernel{}, op.UnsupportedErr("the oracle does not know %s", o.Name())
	}
	return op.Kernel{Run: run}, nil
}

func run(_ op.Stream, n *op.Node) error {
	in := make([]Array, len(n.In))
	for i := range n.In {
		in[i] = Load(&n.In[i])
	}
	out, err := Eval(n.Op, in)
	if err != nil {
		return err
	}
	for i := range out {
		Store(&n.Out[i], &out[i])
	}
	return nil
}

// Load reads a view on the host, whatever its strides. A packed weight is kept as the contiguous one.
func Load(v *op.View) Array {
	size, t := v.DType.Size(), v.With(v.DType)
	var b []byte
	for i := range t.Elems() {
		at := v.Off + offset(v, unravel(&t, i))*size
		b = append(b, v.Block.Bytes[at:at+size]...)
	}
	a := Decode(t, b)
	a.Format = v.Format
	return a
}

// Store writes an array to a view of its shape.
func Store(v *op.View, a *Array) {
	size, t, b := v.DType.Size(), v.With(v.DType), a.Encode(nil)
	for i := range t.Elems() {
		at := v.Off + offset(v, unravel(&t, i))*size
		copy(v.Block.Bytes[at:at+size], b[i*size:])
	}
}

func offset(v *op.View, c [op.MaxRank]int) (o int) {
	strides := v.Strides
	if v.Format != op.Dense {
		t := v.With(v.DType)
		strides = t.Strides
	}
	for d := range int(v.Rank) {
		o += c[d] * strides[d]
	}
	return o
}

func (Backend) PackedSize(t *op.Type) int { return t.Bytes() }
func (Backend) Alloc(size int) (*op.Block, error) {
	return &op.Block{Bytes: make([]byte, size), Size: size}, nil
}
func (Backend) Free(*op.Block) error        { return nil }
func (Backend) Stream() (op.Stream, error)  { return &stream{context.Background()}, nil }
func (Backend) Close() error                { return nil }
func (s *stream) Begin(ctx context.Context) { s.ctx = ctx }
func (s *stream) Exec(n *op.Node) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return n.Kernel.Run(s, n)
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
