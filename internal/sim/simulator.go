//go:build cuda && cgo && linux

package sim

import (
	"sync"
	"syscall"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// stateMu guards everything behind the driver calls. One lock is enough: the devices are imaginary, kernels use several
// cores inside, and work that runs one piece at a time is work that runs the same way twice.
var stateMu sync.Mutex

// simulator is the state of all devices.
type simulator struct {
	config  Config
	devices []*device
	blocks  allocations
	pinned  map[uintptr]*pinned
	objects map[uintptr]any // what handles stand for
	parsed  map[string]*ptx.Module
	active  []*capture
	counts  Counts
	fault   *Fault
}

func newSimulator(c Config) *simulator {
	s := &simulator{
		config:  c,
		pinned:  map[uintptr]*pinned{},
		objects: map[uintptr]any{},
		parsed:  map[string]*ptx.Module{},
	}
	for i := range c.Devices {
		memory := ptx.NewMemoryAt(uint64(i+1)*ptx.Span, 0) // the limit is kept here
		s.devices = append(s.devices, &device{ordinal: i, memory: memory, limit: c.Memory})
	}
	return s
}

// close frees what the Go collector does not know about.
func (s *simulator) close() {
	for _, p := range s.pinned {
		p.free()
	}
}

// Handles are addresses in a reserved stretch of the address space where nothing lies: they can pass for C pointers in
// Go without confusing the collector, following one crashes at once, and none is used twice.
const (
	handleSpace = 1 << 32
	handleStep  = 16
)

var handles struct{ base, next uintptr }

func reserveHandles() error {
	if handles.base != 0 {
		return nil
	}
	const none = syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_NORESERVE
	region, err := syscall.Mmap(-1, 0, handleSpace, syscall.PROT_NONE, none)
	if err != nil {
		return err
	}
	handles.base = uintptr(unsafe.Pointer(unsafe.SliceData(region)))
	handles.next = handles.base + handleStep
	return nil
}

// add gives an object a handle.
func (s *simulator) add(object any) uintptr {
	h := handles.next
	handles.next += handleStep
	if handles.next >= handles.base+handleSpace {
		panic("sim: out of handles")
	}
	s.objects[h] = object
	return h
}

// find returns the object of a handle if it is alive and a T.
func find[T any](s *simulator, handle unsafe.Pointer) (T, bool) {
	object, ok := s.objects[uintptr(handle)].(T)
	return object, ok
}

// put stores a handle where the caller wants it, in memory that is a C pointer to C and to Go.
func put[P any](where *P, handle uintptr) { *(*uintptr)(unsafe.Pointer(where)) = handle }

// withDriver runs a call that needs no context.
func withDriver(call func(s *simulator) cuda.Code) cuda.Code {
	stateMu.Lock()
	defer stateMu.Unlock()
	if machine == nil {
		return cuda.ErrDeinitialized
	}
	return call(machine)
}

// withContext runs a call that needs a healthy current context.
func withContext(call func(s *simulator, c *context) cuda.Code) cuda.Code {
	return withDriver(func(s *simulator) cuda.Code {
		handle := currentContext()
		if handle == nil {
			return cuda.ErrInvalidContext
		}
		c, ok := find[*context](s, handle)
		switch {
		case !ok:
			return cuda.ErrContextIsDestroyed
		case c.fault != cuda.Success:
			return c.fault
		}
		return call(s, c)
	})
}

// withStream runs a call that enqueues work on a stream of the current context.
func withStream(handle unsafe.Pointer, call func(s *simulator, st *stream) cuda.Code) cuda.Code {
	return withContext(func(s *simulator, c *context) cuda.Code {
		st, ok := s.stream(c, handle)
		if !ok {
			return cuda.ErrInvalidHandle
		}
		return call(s, st)
	})
}
