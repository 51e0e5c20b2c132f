package tandem

import (
	"context"
	"fmt"

	"github.com/tandem-compute/tandem/internal/op"
)

// From is x, which may live on another device, on the scope's own: x itself when it is there already, else a copy
// through the host, bit by bit, in any dtype. x must be persistent (Keep makes it so) and dense: each device packs
// weights in its own way. A Program holds no copies between devices: call To before Compile.
func (s *Scope) From(x Tensor) Tensor {
	s.live("from")
	if x.slot == nil || x.slot.dev == s.dev {
		if err := s.check(x); err != nil {
			s.fail("from", "", err)
		}
		return x
	}
	t := x.Type()
	if s.err == nil && s.prog != nil {
		s.fail("from", t.String(), op.UnsupportedErr("a Program holds no copies between devices; see Tensor.To"))
	}
	if s.err == nil {
		if err := x.portable(); err != nil {
			s.fail("from", "", err)
		}
	}
	if s.err != nil {
		return s.slot(op.View{Type: t})
	}
	t.Pack()
	y := s.temp(&t)
	if s.err == nil {
		s.fetch(y.slot.view, x, x.slot.view)
	}
	return y
}

// portable says why x cannot be copied to another device.
func (t Tensor) portable() error {
	switch {
	case !t.ok():
		return op.Errorf(ErrClosed, "it is closed")
	case t.slot.core != nil:
		return op.Errorf(ErrScope, "a temporary of another device's scope; see Keep")
	case t.slot.view.Format != op.Dense:
		return op.UnsupportedErr("%v is packed as its device reads it", t.Type())
	}
	return nil
}

// To copies a persistent tensor to a device; the copy is persistent too, and the caller's to close. Elements travel
// through the host, bit by bit. To the tensor's own device it is a plain copy.
func (t Tensor) To(ctx context.Context, d *Device) (Tensor, error) {
	if d == nil {
		return Tensor{}, fmt.Errorf("tandem: to a nil device: %w", ErrDevice)
	}
	if t.slot == nil {
		return Tensor{}, fmt.Errorf("tandem: to %s: %w", d.Name(), op.Errorf(ErrClosed, "the zero Tensor"))
	}
	if err := t.portable(); err != nil {
		return Tensor{}, fmt.Errorf("tandem: to %s: %w", d.Name(), err)
	}
	ty := t.Type()
	y, err := d.empty(&ty)
	if err != nil {
		return Tensor{}, err
	}
	err = d.Run(ctx, func(s *Scope) error {
		s.transfer(y.slot.view, t, t.slot.view)
		return nil
	})
	if err != nil {
		return Tensor{}, closeOn(y, err)
	}
	return y, nil
}

// transfer copies src, a view of x, to dst on the scope's device.
func (s *Scope) transfer(dst op.View, x Tensor, src op.View) {
	switch {
	case s.err != nil || dst.Elems() == 0:
	case x.slot.dev == s.dev:
		if err := s.check(x); err != nil {
			s.fail("copy", src.Type.String(), err)
			return
		}
		s.copyView(dst, src)
	default:
		s.fetch(dst, x, src)
	}
}

// fetch copies src, a contiguous view of x on another device, to the contiguous dst on this one. Where one of the two
// is on the host the copy is direct, else it is staged. A run on x's device keeps x's memory while it lasts.
func (s *Scope) fetch(dst op.View, x Tensor, src op.View) {
	if err := s.ctx.Err(); err != nil {
		s.fail("from", src.Type.String(), err)
		return
	}
	if !src.Contiguous() || !dst.Contiguous() {
		s.fail("from", src.Type.String(), op.UnsupportedErr("strided elements do not travel between devices; copy them first"))
		return
	}
	if err := s.fetchFrom(dst, x, src); err != nil {
		s.fail("from", src.Type.String(), err)
	}
}

func (s *Scope) fetchFrom(dst op.View, x Tensor, src op.View) (err error) {
	far, err := x.slot.dev.begin(s.ctx)
	if err != nil {
		return err
	}
	defer far.finish(&err)
	if !x.ok() {
		return op.Errorf(ErrClosed, "it is closed")
	}
	n := src.Bytes()
	if n == 0 {
		return nil
	}
	if s.dev.backend.Host() && dst.Block.Bytes != nil {
		if err := s.sync(); err != nil {
			return err
		}
		far.stats.Downloaded += int64(n)
		return far.stream.Download(dst.Block.Bytes[dst.Off:dst.Off+n], &src)
	}
	var host []byte
	if x.slot.dev.backend.Host() && src.Block.Bytes != nil {
		if err := far.sync(); err != nil {
			return err
		}
		host = src.Block.Bytes[src.Off : src.Off+n]
	} else {
		host = make([]byte, n)
		far.stats.Downloaded += int64(n)
		if err := far.stream.Download(host, &src); err != nil {
			return err
		}
	}
	s.stats.Uploaded += int64(n)
	if err := s.stream.Upload(&dst, host); err != nil {
		return err
	}
	return s.sync() // host may be x's own memory
}
