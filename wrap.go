package tandem

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

// Host reports whether the device's tensors lie in memory that Go can read: then Wrap, Borrow and Bytes work.
func (d *Device) Host() bool { return d.backend.Host() }

// Wrap is FromSlice without the copy, on a host device: a persistent tensor whose memory is data itself. What ops
// write through Scope.Into appears in data and what the caller writes to data is in the tensor; doing so while a run
// uses it is a race. Close ends the handle alone, and the memory counts in no budget and no Stats. It is an error of
// kind ErrDevice where tensors are not in Go's memory.
//
// Two tensors of one slice are strangers to each other: that they overlap is the caller's to know.
func Wrap[T Elem](d *Device, data []T, dims ...int) (Tensor, error) {
	return d.wrap(asBytes(data), dtypeOf[T](), dims, nil)
}

// WrapStrided is Wrap for elements that lie strides apart in data, in elements and not negative: a matrix with
// leading dimension ld is dims {m, n}, strides {ld, 1}. data may be longer than they reach.
func WrapStrided[T Elem](d *Device, data []T, dims, strides []int) (Tensor, error) {
	if len(dims) != len(strides) {
		return Tensor{}, fmt.Errorf("tandem: wrap: %d dimensions and %d strides: %w", len(dims), len(strides), ErrShape)
	}
	return d.wrap(asBytes(data), dtypeOf[T](), dims, strides)
}

// Borrow is WrapStrided as a temporary of s, for a call whose operands come from elsewhere: the handle ends with the
// scope and nothing is left to close. nil strides stand for contiguous elements. A Program cannot borrow, because it
// would outlive the scope.
func Borrow[T Elem](s *Scope, data []T, dims, strides []int) Tensor {
	return s.borrow(asBytes(data), dtypeOf[T](), dims, strides)
}

func (d *Device) wrap(data []byte, dt DType, dims, strides []int) (Tensor, error) {
	v, err := d.hostView(data, dt, dims, strides)
	if err != nil {
		return Tensor{}, fmt.Errorf("tandem: wrap: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return Tensor{}, fmt.Errorf("tandem: wrap: device %s is closed: %w", d.Name(), ErrClosed)
	}
	t := d.persist(v)
	t.slot.wrapped = true
	return t, nil
}

func (s *Scope) borrow(data []byte, dt DType, dims, strides []int) Tensor {
	s.live("borrow")
	v, err := s.dev.hostView(data, dt, dims, strides)
	if err == nil && s.prog != nil {
		err = op.Errorf(ErrScope, "a Program would outlive the borrowed memory; see Wrap")
	}
	if err != nil {
		s.fail("borrow", "", err)
		return s.slot(op.View{Type: v.Type})
	}
	return s.slot(v)
}

// hostView is data as a view. Its block is Shared: no arena counts it, and none ever reuses or frees it.
func (d *Device) hostView(data []byte, dt DType, dims, strides []int) (op.View, error) {
	if d == nil {
		return op.View{}, errNoDevice
	}
	if dt == 0 {
		return op.View{}, op.Errorf(ErrDType, "uint16 can be f16 or bf16; use Empty and Write")
	}
	t, err := op.New(dt, dims...)
	if err != nil {
		return op.View{}, err
	}
	v := op.View{Type: t}
	n := len(data) / dt.Size()
	switch {
	case strides == nil && t.Elems() != n:
		return v, op.ShapeErr("%d elements for %v", n, t)
	case strides != nil && len(strides) != len(dims):
		return v, op.ShapeErr("%d dimensions and %d strides", len(dims), len(strides))
	case !d.Host():
		return v, op.Errorf(ErrDevice, "the memory of %s is not on the host", d.Name())
	}
	copy(v.Strides[:], strides)
	if err := reaches(&v.Type, n); err != nil {
		return v, err
	}
	if data == nil {
		data = []byte{} // nil would say that the block is not on the host
	}
	v.Block = &op.Block{Bytes: data, Size: len(data), Shared: true}
	return v, nil
}

// reaches checks that n elements hold all that t's strides lead to.
func reaches(t *Type, n int) error {
	if t.Elems() == 0 {
		return nil
	}
	last := 0
	for i, d := range t.Dims[:t.Rank] {
		s := t.Strides[i]
		if s < 0 {
			return op.ShapeErr("stride %d is negative", s)
		}
		if d > 1 && s > (n-1-last)/(d-1) {
			return beyond(*t, n)
		}
		last += (d - 1) * s
	}
	if last >= n {
		return beyond(*t, n)
	}
	return nil
}

func beyond(t Type, n int) error {
	return op.ShapeErr("strides %v lead beyond %d elements for %v", t.Strides[:t.Rank], n, t)
}
