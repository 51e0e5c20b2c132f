//go:build cuda && cgo && linux

package sim

// #include <stdlib.h>
import "C"

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// block is one device allocation, or a variable of a module.
type block struct {
	addr    uint64
	size    int64
	context *context
	module  *module // of a variable
}

func (b block) memory() *ptx.Memory { return b.context.device.memory }

// allocations is sorted by address.
type allocations []block

func (a allocations) search(addr uint64) (int, bool) {
	return slices.BinarySearchFunc(a, addr, func(b block, addr uint64) int { return cmp.Compare(b.addr, addr) })
}

// holding returns the allocation that holds [addr, addr+n).
func (a allocations) holding(addr uint64, n int64) (block, bool) {
	i, exact := a.search(addr)
	if !exact {
		i--
	}
	if i < 0 || n < 0 {
		return block{}, false
	}
	off := addr - a[i].addr
	return a[i], off < uint64(a[i].size) && uint64(n) <= uint64(a[i].size)-off
}

// pinned is page-locked host memory: C memory, because asynchronous work may hold on to it after the call.
type pinned struct {
	p       unsafe.Pointer
	size    int64
	context *context
}

func (p *pinned) free() { C.free(p.p) }

// alloc reserves device memory for a context.
func (s *simulator) alloc(c *context, n int64) (uint64, cuda.Code) {
	switch d := c.device; {
	case n <= 0:
		return 0, cuda.ErrInvalidValue
	case n > d.limit-d.used:
		return 0, cuda.ErrOutOfMemory
	}
	addr, err := c.device.memory.Alloc(n)
	if err != nil {
		return 0, cuda.ErrOutOfMemory
	}
	s.hold(block{addr, n, c, nil})
	s.counts.Allocations++
	s.counts.Live += n
	s.counts.Peak = max(s.counts.Peak, s.counts.Live)
	return addr, cuda.Success
}

// hold enters a block into the table.
func (s *simulator) hold(b block) {
	at, _ := s.blocks.search(b.addr)
	s.blocks = slices.Insert(s.blocks, at, b)
	b.context.device.used += b.size
}

// free releases the allocation that starts at addr; the null pointer is allowed, as in the driver.
func (s *simulator) free(addr uint64) cuda.Code {
	if addr == 0 {
		return cuda.Success
	}
	i, exact := s.blocks.search(addr)
	if !exact || s.blocks[i].module != nil {
		return cuda.ErrInvalidValue
	}
	s.release(s.blocks[i])
	s.blocks = slices.Delete(s.blocks, i, i+1)
	return cuda.Success
}

func (s *simulator) release(b block) {
	b.context.device.used -= b.size
	if b.module != nil {
		return // Unload frees it
	}
	if err := b.memory().Free(b.addr); err != nil {
		panic("sim: allocation table and interpreter disagree: " + err.Error())
	}
	s.counts.Live -= b.size
	s.counts.Allocations--
}

// releaseAll releases some blocks.
func (s *simulator) releaseAll(which func(b block) bool) {
	s.blocks = slices.DeleteFunc(s.blocks, func(b block) bool {
		gone := which(b)
		if gone {
			s.release(b)
		}
		return gone
	})
}

// freeContext releases all memory of a context.
func (s *simulator) freeContext(c *context) {
	s.releaseAll(func(b block) bool { return b.context == c })
	for addr, p := range s.pinned {
		if p.context == c {
			s.freeHost(addr)
		}
	}
}

func (s *simulator) allocHost(c *context, n int64) (unsafe.Pointer, cuda.Code) {
	if n <= 0 {
		return nil, cuda.ErrInvalidValue
	}
	const page = 4096
	p := C.aligned_alloc(page, C.size_t(n+page-1)&^(page-1))
	if p == nil {
		return nil, cuda.ErrOutOfMemory
	}
	s.pinned[uintptr(p)] = &pinned{p, n, c}
	s.counts.HostLive += n
	return p, cuda.Success
}

func (s *simulator) freeHost(addr uintptr) cuda.Code {
	p, ok := s.pinned[addr]
	if !ok {
		return cuda.ErrInvalidValue
	}
	s.counts.HostLive -= p.size
	delete(s.pinned, addr)
	p.free()
	return cuda.Success
}

// isPinned reports whether [p, p+n) is page-locked.
func (s *simulator) isPinned(p unsafe.Pointer, n int64) bool {
	for base, held := range s.pinned {
		if off := uintptr(p) - base; uintptr(p) >= base && int64(off)+n <= held.size {
			return true
		}
	}
	return false
}

// A timing says when a call returns: with its work done, or with its work enqueued.
type timing bool

const (
	blocking     timing = false
	asynchronous timing = true
)

// toDevice copies from host memory. Like the driver it takes pageable memory in before it returns, so the caller may
// reuse it, and leaves page-locked memory to be read when the stream gets there.
func (s *simulator) toDevice(st *stream, dst uint64, src unsafe.Pointer, n int64, when timing) cuda.Code {
	if n == 0 {
		return cuda.Success
	}
	to, ok := s.blocks.holding(dst, n)
	if !ok || src == nil {
		return cuda.ErrInvalidValue
	}
	host, locked := unsafe.Slice((*byte)(src), n), s.isPinned(src, n)
	if when == asynchronous && !locked {
		if st.capture != nil {
			return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
		}
		if s.config.Deferred {
			host = slices.Clone(host)
		}
	}
	return s.issue(st, when, func() cuda.Code {
		if locked && !s.isPinned(src, n) {
			return cuda.ErrIllegalAddress // a graph outlived its host memory
		}
		s.counts.ToDevice += n
		return illegal(to.memory().Write(dst, host))
	})
}

// toHost copies to host memory. A copy to pageable memory is done when the call returns.
func (s *simulator) toHost(st *stream, dst unsafe.Pointer, src uint64, n int64, when timing) cuda.Code {
	if n == 0 {
		return cuda.Success
	}
	from, ok := s.blocks.holding(src, n)
	if !ok || dst == nil {
		return cuda.ErrInvalidValue
	}
	locked := s.isPinned(dst, n)
	pageable := when == asynchronous && !locked
	if pageable && st.capture != nil {
		return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
	}
	host := unsafe.Slice((*byte)(dst), n)
	code := s.issue(st, when, func() cuda.Code {
		if locked && !s.isPinned(dst, n) {
			return cuda.ErrIllegalAddress // a graph outlived its host memory
		}
		s.counts.ToHost += n
		return illegal(from.memory().Read(src, host))
	})
	if pageable && code == cuda.Success {
		return s.drain(st)
	}
	return code
}

// onDevice copies between devices, or on one.
func (s *simulator) onDevice(st *stream, dst, src uint64, n int64, when timing) cuda.Code {
	if n == 0 {
		return cuda.Success
	}
	to, okDst := s.blocks.holding(dst, n)
	from, okSrc := s.blocks.holding(src, n)
	if !okDst || !okSrc {
		return cuda.ErrInvalidValue
	}
	return s.issue(st, when, func() cuda.Code {
		s.counts.OnDevice += n
		return illegal(to.memory().CopyFrom(from.memory(), dst, src, n))
	})
}

// unified copies between any two places, telling device from page-locked host memory by the address.
func (s *simulator) unified(st *stream, dst, src uint64, n int64, when timing) cuda.Code {
	_, toDevice := s.blocks.holding(dst, n)
	_, fromDevice := s.blocks.holding(src, n)
	hostDst, hostSrc := handlePointer(uintptr(dst)), handlePointer(uintptr(src))
	switch {
	case toDevice && fromDevice:
		return s.onDevice(st, dst, src, n, when)
	case toDevice && s.isPinned(hostSrc, n):
		return s.toDevice(st, dst, hostSrc, n, when)
	case fromDevice && s.isPinned(hostDst, n):
		return s.toHost(st, hostDst, src, n, when)
	}
	return cuda.ErrInvalidValue
}

// fill writes rows of width elements, pitch bytes apart.
func (s *simulator) fill(st *stream, dst uint64, pitch int64, element []byte, width, height int64) cuda.Code {
	row := width * int64(len(element))
	if row == 0 || height == 0 {
		return cuda.Success
	}
	if row < 0 || height < 0 || height > 1 && pitch < row || dst%uint64(len(element)) != 0 {
		return cuda.ErrInvalidValue
	}
	to, ok := s.blocks.holding(dst, (height-1)*pitch+row)
	if !ok {
		return cuda.ErrInvalidValue
	}
	return s.enqueue(st, func() cuda.Code {
		s.counts.Filled += row * height
		for y := range height {
			if err := to.memory().Fill(dst+uint64(y*pitch), element, int(width)); err != nil {
				return illegal(err)
			}
		}
		return cuda.Success
	})
}

// illegal is the code of work that reached for memory that is no longer there.
func illegal(err error) cuda.Code {
	if err != nil {
		return cuda.ErrIllegalAddress
	}
	return cuda.Success
}
