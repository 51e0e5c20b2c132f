package ptx

import (
	"errors"
	"fmt"
	"math/bits"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Generic addresses carry their state space in the top bits; global addresses are themselves.
const (
	windowShift  = 60
	sharedWindow = uint64(1) << windowShift
	localWindow  = uint64(2) << windowShift
	constWindow  = uint64(3) << windowShift
	paramWindow  = uint64(4) << windowShift
	windowMask   = uint64(1)<<windowShift - 1
)

const (
	globalBase     = uint64(0x7f0000000000)
	allocAlign     = 256
	maxAllocation  = 1 << 32 // lanes hold 32-bit offsets into an allocation
	rememberedFree = 4096
)

// ErrOutOfMemory is returned by Alloc when the limit of the Memory is reached.
var ErrOutOfMemory = errors.New("ptx: out of device memory")

// Memory is a device's global memory: an address space with allocations. It is safe for concurrent use as the memory
// of a device is: allocation always, contents as far as the users take turns.
type Memory struct {
	mu      sync.RWMutex
	limit   int64
	used    int64
	next    uint64
	end     uint64        // of its addresses
	allocs  []*allocation // by address
	freed   []span        // the latest, to tell use after free from a wild address
	modules map[*Module]map[*variable]*allocation
}

type span struct{ base, size uint64 }

// allocation is one block of device memory with one "was written" bit per byte.
type allocation struct {
	base    uint64
	data    []byte
	init    []uint64
	opaque  atomic.Bool // written by a launch that did not keep track: everything counts as initialised
	writers atomic.Pointer[writerMap]
}

// NewMemory makes an empty memory that holds at most limit bytes; 0 means no limit.
func NewMemory(limit int64) *Memory { return NewMemoryAt(globalBase, limit) }

// Span is how many addresses a Memory has. None is used twice, so that many bytes can be allocated in its life.
const Span = 1 << 40

// NewMemoryAt makes a memory with the addresses from base, a multiple of 256, to base+Span. Memories that lie apart are
// those of several devices: a kernel that follows a pointer into one that it was not given is out of bounds.
func NewMemoryAt(base uint64, limit int64) *Memory {
	return &Memory{limit: limit, next: base, end: base + Span, modules: map[*Module]map[*variable]*allocation{}}
}

// Alloc reserves n bytes, aligned to 256, uninitialised. A guard gap follows and the address is never used again, so
// an access past the end or after Free is found.
func (m *Memory) Alloc(n int64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.alloc(n)
	if err != nil {
		return 0, err
	}
	return a.base, nil
}

func (m *Memory) alloc(n int64) (*allocation, error) {
	switch {
	case n <= 0 || n > maxAllocation:
		return nil, fmt.Errorf("ptx: allocation of %d bytes", n)
	case m.limit > 0 && m.used+n > m.limit:
		return nil, fmt.Errorf("%w: %d bytes wanted, %d of %d in use", ErrOutOfMemory, n, m.used, m.limit)
	case uint64(n)+2*allocAlign > m.end-m.next:
		return nil, fmt.Errorf("%w: %d bytes wanted, and its addresses are used up", ErrOutOfMemory, n)
	}
	a := &allocation{base: m.next, data: alignedBytes(int(n)), init: make([]uint64, n/64+2)}
	m.next += uint64(n+2*allocAlign-1) &^ (allocAlign - 1)
	m.used += n
	m.allocs = append(m.allocs, a)
	return a, nil
}

// alignedBytes makes a slice whose first byte is aligned for every element type.
func alignedBytes(n int) []byte {
	words := make([]uint64, n/8+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n)
}

// Free releases the allocation that starts at addr.
func (m *Memory) Free(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := sort.Search(len(m.allocs), func(i int) bool { return m.allocs[i].base >= addr })
	if i == len(m.allocs) || m.allocs[i].base != addr {
		return fmt.Errorf("ptx: free of %#x: %s", addr, m.describe(addr))
	}
	m.free(m.allocs[i])
	return nil
}

// free drops an allocation. The lock is held.
func (m *Memory) free(a *allocation) {
	i := sort.Search(len(m.allocs), func(i int) bool { return m.allocs[i].base >= a.base })
	m.used -= int64(len(a.data))
	m.allocs = append(m.allocs[:i:i], m.allocs[i+1:]...)
	if len(m.freed) == rememberedFree {
		m.freed = append(m.freed[:0], m.freed[rememberedFree/2:]...)
	}
	m.freed = append(m.freed, span{a.base, uint64(len(a.data))})
}

// Used returns the bytes allocated.
func (m *Memory) Used() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.used
}

// Write copies b to the device and marks the bytes initialised.
func (m *Memory) Write(addr uint64, b []byte) error {
	a, off, err := m.rangeOf(addr, int64(len(b)))
	if err != nil || len(b) == 0 {
		return err
	}
	copy(a.data[off:], b)
	setBits(a.init, off, off+uint64(len(b)))
	return nil
}

// Read copies from the device.
func (m *Memory) Read(addr uint64, b []byte) error {
	a, off, err := m.rangeOf(addr, int64(len(b)))
	if err != nil || len(b) == 0 {
		return err
	}
	copy(b, a.data[off:])
	return nil
}

// Fill writes n copies of the pattern.
func (m *Memory) Fill(addr uint64, pattern []byte, n int) error {
	if n < 0 {
		return fmt.Errorf("ptx: fill of %d elements", n)
	}
	size := int64(n) * int64(len(pattern))
	a, off, err := m.rangeOf(addr, size)
	if err != nil || size == 0 {
		return err
	}
	dst := a.data[off : off+uint64(size)]
	for done := copy(dst, pattern); done < len(dst); {
		done += copy(dst[done:], dst[:done])
	}
	setBits(a.init, off, off+uint64(size))
	return nil
}

// Copy moves n bytes on the device; the ranges may overlap. Uninitialised bytes stay uninitialised.
func (m *Memory) Copy(dst, src uint64, n int64) error { return m.CopyFrom(m, dst, src, n) }

// CopyFrom is Copy from another memory.
func (m *Memory) CopyFrom(other *Memory, dst, src uint64, n int64) error {
	from, so, err := other.rangeOf(src, n)
	if err != nil {
		return err
	}
	to, do, err := m.rangeOf(dst, n)
	if err != nil || n == 0 {
		return err
	}
	copy(to.data[do:do+uint64(n)], from.data[so:])
	if from.opaque.Load() || allSet(from.init, so, so+uint64(n)) {
		setBits(to.init, do, do+uint64(n))
		return nil
	}
	was := make([]bool, n)
	for i := range was {
		was[i] = allSet(from.init, so+uint64(i), so+uint64(i)+1)
	}
	for i, set := range was {
		at := do + uint64(i)
		clearBits(to.init, at, at+1)
		if set {
			setBits(to.init, at, at+1)
		}
	}
	return nil
}

// rangeOf finds the allocation that holds [addr, addr+n).
func (m *Memory) rangeOf(addr uint64, n int64) (*allocation, uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a := m.search(addr)
	if a == nil || n < 0 || uint64(n) > uint64(len(a.data))-(addr-a.base) {
		if n == 0 {
			return nil, 0, nil
		}
		return nil, 0, fmt.Errorf("ptx: %d bytes at %#x: %s", n, addr, m.describe(addr))
	}
	return a, addr - a.base, nil
}

// find is search for a running kernel.
func (m *Memory) find(addr uint64) *allocation {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.search(addr)
}

func (m *Memory) search(addr uint64) *allocation {
	i := sort.Search(len(m.allocs), func(i int) bool { return m.allocs[i].base > addr }) - 1
	if i < 0 || addr-m.allocs[i].base >= uint64(len(m.allocs[i].data)) {
		return nil
	}
	return m.allocs[i]
}

// describe says what lies at an address, for messages. The lock is held.
func (m *Memory) describe(addr uint64) string {
	if a := m.search(addr); a != nil {
		return fmt.Sprintf("byte %d of an allocation of %d bytes", addr-a.base, len(a.data))
	}
	for _, f := range m.freed {
		if addr >= f.base && addr-f.base < f.size {
			return fmt.Sprintf("byte %d of a freed allocation of %d bytes", addr-f.base, f.size)
		}
	}
	i := sort.Search(len(m.allocs), func(i int) bool { return m.allocs[i].base > addr }) - 1
	if i >= 0 && addr-m.allocs[i].base < uint64(len(m.allocs[i].data))+1<<20 {
		a := m.allocs[i]
		return fmt.Sprintf("%d bytes past the end of an allocation of %d bytes", addr-a.base-uint64(len(a.data)), len(a.data))
	}
	return "no allocation"
}

func (m *Memory) explain(addr uint64) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.describe(addr)
}

// allSet reports whether the bits [lo, hi) are all set. Workers share words, hence the atomics.
func allSet(b []uint64, lo, hi uint64) bool {
	for lo < hi {
		word, shift := lo>>6, lo&63
		n := min(64-shift, hi-lo)
		mask := ^uint64(0) >> (64 - n) << shift
		if atomic.LoadUint64(&b[word])&mask != mask {
			return false
		}
		lo += n
	}
	return true
}

func setBits(b []uint64, lo, hi uint64) {
	for lo < hi {
		word, shift := lo>>6, lo&63
		n := min(64-shift, hi-lo)
		mask := ^uint64(0) >> (64 - n) << shift
		if atomic.LoadUint64(&b[word])&mask != mask {
			atomic.OrUint64(&b[word], mask)
		}
		lo += n
	}
}

func clearBits(b []uint64, lo, hi uint64) {
	for ; lo < hi; lo++ {
		atomic.AndUint64(&b[lo>>6], ^(uint64(1) << (lo & 63)))
	}
}

// firstUnset gives the first clear bit in [lo, hi).
func firstUnset(b []uint64, lo, hi uint64) uint64 {
	for ; lo < hi; lo++ {
		if v := ^b[lo>>6] >> (lo & 63); v != 0 {
			return min(lo+uint64(bits.TrailingZeros64(v)), hi)
		}
		lo |= 63
	}
	return hi
}
