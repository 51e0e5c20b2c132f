//go:build cuda && cgo && linux

package sim

/*
#include <cuda.h>

// The contexts of an OS thread, as the driver keeps them: a stack whose top is current.
enum { SIM_STACK = 32 };
static __thread void *sim_stack[SIM_STACK];
static __thread int sim_depth;

static inline void *sim_current(void) { return sim_depth ? sim_stack[sim_depth - 1] : NULL; }

static inline void sim_set_current(void *ctx) {
  if (sim_depth) sim_depth--;
  if (ctx) sim_stack[sim_depth++] = ctx;
}

static inline int sim_push(void *ctx) {
  if (sim_depth == SIM_STACK) return 0;
  sim_stack[sim_depth++] = ctx;
  return 1;
}

static inline void *sim_pop(void) { return sim_depth ? sim_stack[--sim_depth] : NULL; }
*/
import "C"

import (
	"slices"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// context owns what was made while it was current: memory, modules, streams, events, graphs.
type context struct {
	handle  uintptr
	device  *device
	flags   uint
	limits  map[int]int64
	cache   int
	null    *stream // the default stream
	streams []*stream
	owned   map[uintptr]bool // handles that die with the context
	peers   map[*context]bool
	fault   cuda.Code // the code of the kernel fault that poisoned it
}

func currentContext() unsafe.Pointer         { return C.sim_current() }
func setCurrentContext(ctx unsafe.Pointer)   { C.sim_set_current(ctx) }
func pushContext(ctx unsafe.Pointer) bool    { return C.sim_push(ctx) != 0 }
func popContext() unsafe.Pointer             { return C.sim_pop() }
func handlePointer(h uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&h)) }

func (s *simulator) newContext(d *device, flags uint) *context {
	c := &context{device: d, flags: flags, limits: map[int]int64{}, owned: map[uintptr]bool{}, peers: map[*context]bool{}}
	c.handle = s.add(c)
	c.null = &stream{context: c, legacy: true}
	c.streams = []*stream{c.null}
	return c
}

// own gives an object a handle that dies with the context.
func (s *simulator) own(c *context, object any) uintptr {
	h := s.add(object)
	c.owned[h] = true
	return h
}

// drop makes a handle that own returned invalid.
func (s *simulator) drop(c *context, h uintptr) {
	delete(s.objects, h)
	delete(c.owned, h)
}

// destroyContext finishes what is queued and drops everything that the context owns.
func (s *simulator) destroyContext(c *context) {
	s.drainContext(c)
	s.active = slices.DeleteFunc(s.active, func(open *capture) bool { return open.origin.context == c })
	for h := range c.owned {
		if m, ok := s.objects[h].(*module); ok {
			c.device.memory.Unload(m.ptx)
		}
		delete(s.objects, h)
	}
	s.freeContext(c)
	delete(s.objects, c.handle)
}

// limit answers the size of a context's limit; the simulator enforces none of them.
func (c *context) limit(which int) (int64, cuda.Code) {
	defaults := map[int]int64{
		C.CU_LIMIT_STACK_SIZE: 1 << 10, C.CU_LIMIT_PRINTF_FIFO_SIZE: 1 << 20, C.CU_LIMIT_MALLOC_HEAP_SIZE: 8 << 20,
		C.CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH: 2, C.CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT: 2048,
	}
	value, known := defaults[which]
	if !known {
		return 0, cuda.ErrUnsupportedLimit
	}
	if set, ok := c.limits[which]; ok {
		value = set
	}
	return value, cuda.Success
}

// retainPrimary returns the primary context of a device, which lives while somebody retains it.
func (s *simulator) retainPrimary(d *device) *context {
	if d.primary == nil {
		d.primary = s.newContext(d, d.flags)
	}
	d.holders++
	return d.primary
}

func (s *simulator) releasePrimary(d *device) cuda.Code {
	if d.holders == 0 {
		return cuda.ErrInvalidContext
	}
	if d.holders--; d.holders == 0 {
		s.resetPrimary(d)
	}
	return cuda.Success
}

// resetPrimary destroys the state of the primary context, whoever still holds it.
func (s *simulator) resetPrimary(d *device) {
	if d.primary != nil {
		s.destroyContext(d.primary)
	}
	d.primary = nil
}
