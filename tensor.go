package tandem

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/op"
)

// Type is an element type, a shape of up to six dimensions and strides.
type Type = op.Type

// DType is the type of one element.
type DType = op.DType

// The element types.
const (
	F64  = op.F64
	F32  = op.F32
	F16  = op.F16
	BF16 = op.BF16
	I64  = op.I64
	I32  = op.I32
	I8   = op.I8
	U8   = op.U8
	Bool = op.Bool
)

// Tensor is a handle of 16 bytes. It is persistent when a function of the package or Scope.Keep made it: then it
// lives until Close. Otherwise it is a temporary of a scope and ends with it. Use of a handle after its end, in
// another scope or on another device is an error.
type Tensor struct {
	slot *slot
	gen  uint32
}

// slot is what handles point at. dev and core never change; the rest is read only after gen has been compared, by
// the owning scope (temporaries) or by anybody (persistent tensors, which are never reused).
type slot struct {
	gen    atomic.Uint32
	dev    *Device
	core   *core // nil: persistent
	id     uint64
	view   op.View
	count  op.View // valid rows on the device, for tensors that hold a capacity; counted like view
	at     int     // place on the arena's stack
	poison bool

	wrapped bool // persistent, in the caller's memory: see Wrap
}

var ids atomic.Uint64

func (t Tensor) ok() bool { return t.slot != nil && t.slot.gen.Load() == t.gen }

// Valid reports whether the tensor can be used: it is not the zero Tensor, not closed, and its scope is not over.
func (t Tensor) Valid() bool { return t.ok() }

// Type is the zero Type once the tensor is closed or its scope is over.
func (t Tensor) Type() Type {
	if !t.ok() {
		return Type{}
	}
	return t.slot.view.Type
}

// DType is the element type, 0 for a tensor that is gone.
func (t Tensor) DType() DType {
	if !t.ok() {
		return 0
	}
	return t.slot.view.DType
}

// Rank is the number of dimensions.
func (t Tensor) Rank() int {
	if !t.ok() {
		return 0
	}
	return int(t.slot.view.Rank)
}

// Dim is the size of dimension i, counted from the back when i is negative. It is 1 outside the rank and for a tensor
// that is gone, so that sizes computed after an error divide.
func (t Tensor) Dim(i int) int {
	r := t.Rank()
	if i < 0 {
		i += r
	}
	if i < 0 || i >= r {
		return 1
	}
	return t.slot.view.Dims[i]
}

// Shape is a copy of the dimensions.
func (t Tensor) Shape() []int {
	ty := t.Type()
	return append([]int(nil), ty.Shape()...)
}

// Elems is the number of elements.
func (t Tensor) Elems() int {
	ty := t.Type()
	return ty.Elems()
}

// Device is where the tensor lives, nil for the zero Tensor.
func (t Tensor) Device() *Device {
	if t.slot == nil {
		return nil
	}
	return t.slot.dev
}

func (t Tensor) String() string {
	if !t.ok() {
		return "closed tensor"
	}
	return t.slot.view.Type.String() + " on " + t.slot.dev.Name()
}

// Close frees a persistent tensor. Its handles end at once; its memory stays until every run that began before has ended.
func (t Tensor) Close() error {
	if t.slot == nil || !t.ok() {
		return fmt.Errorf("tandem: close: %w", ErrClosed)
	}
	if t.slot.core != nil {
		return fmt.Errorf("tandem: close: a temporary ends with its scope, or by Release: %w", ErrScope)
	}
	d := t.slot.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if !t.slot.gen.CompareAndSwap(t.gen, t.gen+1) {
		return fmt.Errorf("tandem: close: %w", ErrClosed)
	}
	delete(d.tensor, t.slot)
	if !t.slot.wrapped {
		d.retireBlock(t.slot.view.Block)
	}
	return nil
}

// Elem is a Go type whose slices tensors are made from and read into. f16 and bf16 are read and written through
// float32 (the conversion rounds to nearest even) or as raw uint16 bits.
type Elem interface {
	float64 | float32 | int64 | int32 | int8 | uint8 | bool | uint16
}

// dtypeOf is the element type whose memory T matches; 0 for uint16, which matches f16 and bf16.
func dtypeOf[T Elem]() DType {
	switch any(*new(T)).(type) {
	case float64:
		return F64
	case float32:
		return F32
	case int64:
		return I64
	case int32:
		return I32
	case int8:
		return I8
	case uint8:
		return U8
	case bool:
		return Bool
	}
	return 0
}

// matches reports whether []T holds elements of type d bit by bit.
func matches[T Elem](d DType) bool {
	return stores(dtypeOf[T](), d)
}

// stores is matches for the Go type whose dtype is as.
func stores(as, d DType) bool { return as == d || as == 0 && (d == F16 || d == BF16) }

func asBytes[T Elem](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}

// Empty makes a persistent tensor whose elements are not set.
func Empty(d *Device, dtype DType, dims ...int) (Tensor, error) {
	t, err := op.New(dtype, dims...)
	if err != nil {
		return Tensor{}, fmt.Errorf("tandem: empty: %w", err)
	}
	return d.empty(&t)
}

func (d *Device) empty(t *Type) (Tensor, error) {
	if d == nil {
		return Tensor{}, fmt.Errorf("tandem: empty %v: %w", *t, errNoDevice)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.take(d.size(t))
	if err != nil {
		return Tensor{}, fmt.Errorf("tandem: empty %v: %w", *t, err)
	}
	return d.persist(op.View{Type: *t, Block: b}), nil
}

// size is the bytes that a contiguous tensor of type t takes here.
func (d *Device) size(t *Type) int {
	if t.Format == op.Packed {
		return d.backend.PackedSize(t)
	}
	return t.Bytes()
}

// persist makes a persistent tensor of v; d.mu is held.
func (d *Device) persist(v op.View) Tensor {
	v.Block.Shared = true
	s := &slot{dev: d, id: ids.Add(1), view: v}
	s.gen.Store(1)
	d.tensor[s] = struct{}{}
	return Tensor{s, 1}
}

// Zeros makes a persistent tensor of zeros.
func Zeros(d *Device, dtype DType, dims ...int) (Tensor, error) {
	t, err := Empty(d, dtype, dims...)
	if err != nil {
		return t, err
	}
	err = d.Run(context.Background(), func(s *Scope) error {
		s.Into(t).Fill(dtype, 0, dims...)
		return nil
	})
	return t, closeOn(t, err)
}

// closeOn closes t when err is set, and returns err.
func closeOn(t Tensor, err error) error {
	if err != nil {
		_ = t.Close() // the error that matters is err
	}
	return err
}

// FromSlice makes a persistent tensor with the elements of data, in row-major order.
func FromSlice[T Elem](d *Device, data []T, dims ...int) (Tensor, error) {
	dt := dtypeOf[T]()
	if dt == 0 {
		return Tensor{}, fmt.Errorf("tandem: from slice: uint16 can be f16 or bf16; use Empty and Write: %w", ErrDType)
	}
	ty, err := op.New(dt, dims...)
	if err != nil {
		return Tensor{}, fmt.Errorf("tandem: from slice: %w", err)
	}
	if ty.Elems() != len(data) {
		return Tensor{}, fmt.Errorf("tandem: from slice: %d elements for %v: %w", len(data), ty, ErrShape)
	}
	t, err := d.empty(&ty)
	if err != nil {
		return t, err
	}
	return t, closeOn(t, Write(t, data))
}

// Write sets all elements of a persistent tensor from the host: a position, a seed, a learning rate between two runs
// of a Program. T is the Go type of the tensor's elements, or uint16 for the bits of f16 and bf16. Writing while a
// run reads the tensor is a race, as with any Go variable.
func Write[T Elem](t Tensor, data []T) error {
	return t.write(asBytes(data), dtypeOf[T](), len(data))
}

// WriteBytes is Write of elements of whatever dtype by their bytes, little-endian as a file has them. Bytes of bools are
// 0 or 1.
func WriteBytes(t Tensor, data []byte) error {
	if !t.ok() {
		return fmt.Errorf("tandem: write: %w", ErrClosed)
	}
	ty := t.Type()
	if len(data) != ty.Bytes() {
		return fmt.Errorf("tandem: write %d bytes into %v: %w", len(data), ty, ErrShape)
	}
	if i := slices.IndexFunc(data, func(b byte) bool { return b > 1 }); ty.DType == Bool && i >= 0 {
		return fmt.Errorf("tandem: write %d as element %d of %v: %w", data[i], i, ty, ErrDType)
	}
	as := ty.DType
	if as == F16 || as == BF16 {
		as = 0
	}
	return t.write(data, as, ty.Elems())
}

// write is Write of n elements of the Go type that matches as.
func (t Tensor) write(data []byte, as DType, n int) (err error) {
	if t.slot == nil {
		return fmt.Errorf("tandem: write: %w", ErrClosed)
	}
	if t.slot.core != nil {
		return fmt.Errorf("tandem: write: only a persistent tensor can be written from the host: %w", ErrScope)
	}
	c, err := t.slot.dev.begin(context.Background())
	if err != nil {
		return err
	}
	defer c.finish(&err)
	if !t.ok() { // looked at within the run, which a Close from now on waits for
		return fmt.Errorf("tandem: write: %w", ErrClosed)
	}
	v := &t.slot.view
	if !stores(as, v.DType) || v.Format != op.Dense {
		return fmt.Errorf("tandem: write %s elements into %v: %w", goName(as), v.Type, ErrDType)
	}
	if v.Elems() != n {
		return fmt.Errorf("tandem: write %d elements into %v: %w", n, v.Type, ErrShape)
	}
	if !v.Contiguous() {
		return fmt.Errorf("tandem: write into %v: its elements are strided, in memory that is the caller's to write: %w", v.Type, ErrUnsupported)
	}
	if len(data) == 0 {
		return nil
	}
	c.stats.Uploaded += int64(v.Bytes())
	if err := c.stream.Upload(v, data); err != nil {
		return &OpError{"write", v.Type.String(), c.dev.Name(), err}
	}
	return nil
}

// Read waits for t and copies its elements to the host, in row-major order. T is the Go type of the elements, uint16
// for the bits of f16 and bf16, or float32 to have f16 and bf16 widened. In a Program it copies at every run.
func Read[T Elem](s *Scope, t Tensor, out []T) error {
	return s.read(t, asBytes(out), dtypeOf[T](), len(out))
}

// ReadBytes is Read of elements of whatever dtype as their bytes, little-endian as a file has them.
func ReadBytes(s *Scope, t Tensor, out []byte) error {
	if !t.ok() {
		return s.read(t, out, 0, 0) // says so
	}
	v := t.Type()
	if len(out) != v.Bytes() {
		s.fail("read", "", op.ShapeErr("%v into %d bytes", v, len(out)))
		return s.err
	}
	as := v.DType
	if as == F16 || as == BF16 {
		as = 0
	}
	return s.read(t, out, as, v.Elems())
}

// read is Read for n elements of the Go type that matches as. It is not generic: what a generic function calls with
// other type arguments costs it an allocation.
func (s *Scope) read(t Tensor, out []byte, as DType, n int) error {
	s.live("read")
	if err := s.check(t); err != nil {
		s.fail("read", "", err)
	}
	if s.uncounted("read", t); s.err != nil {
		return s.err
	}
	v, wide := t.Type(), t
	half := v.DType == F16 || v.DType == BF16
	widen := half && as == F32
	switch {
	case !widen && as != v.DType && !(as == 0 && half) || v.Format != op.Dense:
		s.fail("read", "", op.DTypeErr("%v into %s elements", v, goName(as)))
	case v.Elems() != n:
		s.fail("read", "", op.ShapeErr("%v into %d elements", v, n))
	case widen:
		wide = s.Cast(t, F32)
	}
	if s.err != nil {
		return s.err
	}
	src := wide.slot.view
	if !src.Contiguous() {
		src = s.contiguous(src)
	}
	s.download(out, src)
	s.unlend()
	if widen {
		s.Release(wide)
	}
	return s.err
}

// goName is the Go type whose memory elements of type d have.
func goName(d DType) string {
	if d == 0 {
		return "uint16"
	}
	return d.String()
}

func (c *core) download(dst []byte, src op.View) {
	switch {
	case c.err != nil || len(dst) == 0:
	case c.prog != nil:
		c.prog.read(dst, src)
	default:
		c.stats.Downloaded += int64(len(dst))
		c.src = src
		if err := c.stream.Download(dst, &c.src); err != nil {
			c.fail("read", src.Type.String(), err)
		}
	}
}

// ReadAll is the elements of a persistent tensor, for one-off reads; within a run use Read.
func ReadAll[T Elem](t Tensor) ([]T, error) {
	if !t.ok() {
		return nil, fmt.Errorf("tandem: read: %w", ErrClosed)
	}
	out := make([]T, t.Elems())
	err := t.slot.dev.Run(context.Background(), func(s *Scope) error { return Read(s, t, out) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Bytes is the memory of a persistent tensor on a host device, without a copy: its elements in row-major order, or, for
// one from WrapStrided, what lies from its first element to its last. It is valid until Close; changing it while a run
// uses the tensor is a race.
func Bytes[T Elem](t Tensor) ([]T, error) {
	if !t.ok() || t.slot.core != nil {
		return nil, fmt.Errorf("tandem: bytes: %w", ErrClosed)
	}
	v := &t.slot.view
	if !matches[T](v.DType) || v.Format != op.Dense {
		return nil, fmt.Errorf("tandem: bytes of %v as %T: %w", v.Type, *new(T), ErrDType)
	}
	if v.Block.Bytes == nil {
		return nil, fmt.Errorf("tandem: the memory of %v is not on the host: %w", t, ErrDevice)
	}
	if v.Elems() == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&v.Block.Bytes[v.Off])), v.Span()), nil
}
