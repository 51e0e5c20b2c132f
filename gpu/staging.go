//go:build cuda && cgo && linux

package gpu

import (
	"errors"
	"runtime"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// staging is page-locked host memory through which a stream copies, because only from there are copies asynchronous.
// It is made by the first copy, never grows, and is used in turns: while one half travels the other is filled or emptied.
type staging struct {
	halves [2]half
	turn   int
}

const halfSize = 1 << 20

type half struct {
	bytes []byte // page-locked
	event cu.Event
	made  bool   // event exists
	busy  bool   // event marks a copy that may be under way
	out   []byte // where what arrived goes
}

// make allocates what the first copy needs. What an earlier attempt has made is kept.
func (g *staging) make(b *Backend) error {
	for i := range g.halves {
		h := &g.halves[i]
		if h.bytes == nil {
			p, err := cuda.AllocHost(halfSize)
			if err != nil {
				return b.fail("cuMemHostAlloc", err)
			}
			h.bytes = unsafe.Slice((*byte)(p), halfSize)
		}
		if !h.made {
			e, err := cu.MakeEvent(cu.DisableTiming)
			if err != nil {
				return b.fail("cuEventCreate", err)
			}
			h.event, h.made = e, true
		}
	}
	return nil
}

func (g *staging) free(b *Backend) error {
	var errs []error
	for i := range g.halves {
		h := &g.halves[i]
		if h.made {
			errs = append(errs, b.fail("cuEventDestroy", cu.DestroyEvent(&h.event)))
		}
		if h.bytes != nil {
			errs = append(errs, b.fail("cuMemFreeHost", cuda.FreeHost(unsafe.Pointer(unsafe.SliceData(h.bytes)))))
		}
		*h = half{}
	}
	return errors.Join(errs...)
}

// settle waits until a half's copy is over and delivers what it brought.
func (h *half) settle(b *Backend) error {
	if !h.busy {
		return nil
	}
	out := h.out
	h.busy, h.out = false, nil
	if err := h.event.Synchronize(); err != nil {
		return b.fail("cuEventSynchronize", err)
	}
	copy(out, h.bytes)
	return nil
}

// next is the half whose turn it is, idle.
func (s *stream) next() (*half, error) {
	h := &s.staging.halves[s.staging.turn]
	s.staging.turn ^= 1
	return h, h.settle(s.Backend)
}

// sent marks the place in the stream where a half's copy is over.
func (s *stream) sent(h *half, out []byte) error {
	if err := h.event.Record(s.queue); err != nil {
		return s.fail("cuEventRecord", err)
	}
	h.busy, h.out = true, out
	return nil
}

// Upload returns as soon as src may be reused.
func (s *stream) Upload(dst *op.View, src []byte) error {
	return s.transfer(func() error {
		to := at(dst)
		for len(src) > 0 {
			h, err := s.next()
			if err != nil {
				return err
			}
			n := copy(h.bytes, src)
			if err := cu.MemcpyHtoDAsync(cu.DevicePtr(to), unsafe.Pointer(&h.bytes[0]), int64(n), s.queue); err != nil {
				return s.fail("cuMemcpyHtoDAsync", err)
			}
			if err := s.sent(h, nil); err != nil {
				return err
			}
			src, to = src[n:], to+uint64(n)
		}
		return nil
	})
}

func (s *stream) Download(dst []byte, src *op.View) error {
	return s.transfer(func() error {
		from := at(src)
		for len(dst) > 0 {
			h, err := s.next()
			if err != nil {
				return err
			}
			n := min(len(dst), halfSize)
			if err := cu.MemcpyDtoHAsync(unsafe.Pointer(&h.bytes[0]), cu.DevicePtr(from), int64(n), s.queue); err != nil {
				return s.fail("cuMemcpyDtoHAsync", err)
			}
			if err := s.sent(h, dst[:n]); err != nil {
				return err
			}
			dst, from = dst[n:], from+uint64(n)
		}
		for range s.staging.halves {
			if _, err := s.next(); err != nil {
				return err
			}
		}
		return nil
	})
}

// transfer runs copies through the staging memory. After an error nothing is under way there and nothing of the
// caller's is kept.
func (s *stream) transfer(copies func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.bind(); err != nil {
		return err
	}
	err := s.staging.make(s.Backend)
	if err == nil {
		err = copies()
	}
	if err != nil {
		_ = s.wait() // the error that matters is err
		for i := range s.staging.halves {
			s.staging.halves[i].busy, s.staging.halves[i].out = false, nil
		}
	}
	return err
}

// put copies a few bytes to fresh device memory and returns when they are there. It does not use the stream, which may
// be capturing.
func (s *stream) put(to uint64, src []byte) error {
	if err := s.staging.make(s.Backend); err != nil {
		return err
	}
	h, err := s.next()
	if err != nil {
		return err
	}
	n := copy(h.bytes, src)
	return s.fail("cuMemcpyHtoD", cu.MemcpyHtoD(cu.DevicePtr(to), unsafe.Pointer(&h.bytes[0]), int64(n)))
}
