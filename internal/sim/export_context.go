//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// inContext runs a call that needs a healthy current context.
func inContext(call func(s *simulator, c *context) cuda.Code) C.CUresult {
	return C.CUresult(withContext(call))
}

// alive checks a context handle that is about to become current; none is allowed.
func alive(ctx C.CUcontext) cuda.Code {
	return withDriver(func(s *simulator) cuda.Code {
		if _, ok := find[*context](s, unsafe.Pointer(ctx)); !ok && ctx != nil {
			return cuda.ErrInvalidContext
		}
		return cuda.Success
	})
}

//export simCtxCreate
func simCtxCreate(ctx *C.CUcontext, flags C.uint, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code {
		if flags&^C.CU_CTX_FLAGS_MASK != 0 {
			return cuda.ErrInvalidValue
		}
		c := s.newContext(d, uint(flags))
		if !pushContext(handlePointer(c.handle)) {
			s.destroyContext(c)
			return cuda.ErrOperatingSystem
		}
		put(ctx, c.handle)
		return cuda.Success
	})
}

//export simCtxDestroy
func simCtxDestroy(ctx C.CUcontext) C.CUresult {
	return C.CUresult(withDriver(func(s *simulator) cuda.Code {
		c, ok := find[*context](s, unsafe.Pointer(ctx))
		if !ok || c.device.primary == c {
			return cuda.ErrInvalidContext
		}
		s.destroyContext(c)
		if currentContext() == unsafe.Pointer(ctx) {
			popContext()
		}
		return cuda.Success
	}))
}

//export simCtxPushCurrent
func simCtxPushCurrent(ctx C.CUcontext) C.CUresult {
	if code := alive(ctx); code != cuda.Success {
		return C.CUresult(code)
	}
	if ctx == nil || !pushContext(unsafe.Pointer(ctx)) {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	return C.CUDA_SUCCESS
}

//export simCtxPopCurrent
func simCtxPopCurrent(ctx *C.CUcontext) C.CUresult {
	popped := popContext()
	if popped == nil {
		return C.CUDA_ERROR_INVALID_CONTEXT
	}
	if ctx != nil {
		put(ctx, uintptr(popped))
	}
	return C.CUDA_SUCCESS
}

//export simCtxSetCurrent
func simCtxSetCurrent(ctx C.CUcontext) C.CUresult {
	if code := alive(ctx); code != cuda.Success {
		return C.CUresult(code)
	}
	setCurrentContext(unsafe.Pointer(ctx))
	return C.CUDA_SUCCESS
}

//export simCtxGetCurrent
func simCtxGetCurrent(ctx *C.CUcontext) C.CUresult {
	put(ctx, uintptr(currentContext()))
	return C.CUDA_SUCCESS
}

//export simCtxGetDevice
func simCtxGetDevice(dev *C.CUdevice) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		*dev = C.CUdevice(c.device.ordinal)
		return cuda.Success
	})
}

//export simCtxGetFlags
func simCtxGetFlags(flags *C.uint) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		*flags = C.uint(c.flags)
		return cuda.Success
	})
}

//export simCtxGetApiVersion
func simCtxGetApiVersion(ctx C.CUcontext, version *C.uint) C.CUresult {
	*version = C.CUDA_VERSION
	return C.CUresult(alive(ctx))
}

//export simCtxGetCacheConfig
func simCtxGetCacheConfig(config *C.CUfunc_cache) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		*config = C.CUfunc_cache(c.cache)
		return cuda.Success
	})
}

//export simCtxSetCacheConfig
func simCtxSetCacheConfig(config C.CUfunc_cache) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		if config > C.CU_FUNC_CACHE_PREFER_EQUAL {
			return cuda.ErrInvalidValue
		}
		c.cache = int(config)
		return cuda.Success
	})
}

//export simCtxGetLimit
func simCtxGetLimit(value *C.size_t, limit C.CUlimit) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		v, code := c.limit(int(limit))
		*value = C.size_t(v)
		return code
	})
}

//export simCtxSetLimit
func simCtxSetLimit(limit C.CUlimit, value C.size_t) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		if _, code := c.limit(int(limit)); code != cuda.Success {
			return code
		}
		c.limits[int(limit)] = int64(value)
		return cuda.Success
	})
}

//export simCtxGetStreamPriorityRange
func simCtxGetStreamPriorityRange(least, greatest *C.int) C.CUresult {
	return inContext(func(*simulator, *context) cuda.Code {
		*least, *greatest = leastPriority, greatestPriority
		return cuda.Success
	})
}

//export simCtxSynchronize
func simCtxSynchronize() C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if code := s.forbidden(c); code != cuda.Success {
			return code
		}
		return s.drainContext(c)
	})
}

//export simCtxEnablePeerAccess
func simCtxEnablePeerAccess(peer C.CUcontext, flags C.uint) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		other, ok := find[*context](s, unsafe.Pointer(peer))
		switch {
		case !ok:
			return cuda.ErrInvalidContext
		case flags != 0:
			return cuda.ErrInvalidValue
		case other.device == c.device:
			return cuda.ErrPeerAccessUnsupported
		case c.peers[other]:
			return cuda.ErrPeerAccessAlreadyEnabled
		}
		c.peers[other] = true
		return cuda.Success
	})
}

//export simCtxDisablePeerAccess
func simCtxDisablePeerAccess(peer C.CUcontext) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		other, ok := find[*context](s, unsafe.Pointer(peer))
		switch {
		case !ok:
			return cuda.ErrInvalidContext
		case !c.peers[other]:
			return cuda.ErrPeerAccessNotEnabled
		}
		delete(c.peers, other)
		return cuda.Success
	})
}
