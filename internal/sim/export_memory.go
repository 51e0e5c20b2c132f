//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"encoding/binary"
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// onStream runs a call that enqueues work on a stream, or, with no handle, on the default one.
func onStream(handle C.CUstream, call func(s *simulator, st *stream) cuda.Code) C.CUresult {
	return C.CUresult(withStream(unsafe.Pointer(handle), call))
}

//export simMemGetInfo
func simMemGetInfo(free, total *C.size_t) C.CUresult {
	return inContext(func(_ *simulator, c *context) cuda.Code {
		*free, *total = C.size_t(c.device.limit-c.device.used), C.size_t(c.device.limit)
		return cuda.Success
	})
}

//export simMemAlloc
func simMemAlloc(p *C.CUdeviceptr, n C.size_t) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if code := s.forbidden(c); code != cuda.Success {
			return code
		}
		addr, code := s.alloc(c, int64(n))
		if code == cuda.Success {
			*p = C.CUdeviceptr(addr)
		}
		return code
	})
}

//export simMemAllocPitch
func simMemAllocPitch(p *C.CUdeviceptr, pitch *C.size_t, width, height C.size_t, element C.uint) C.CUresult {
	if element != 4 && element != 8 && element != 16 || width == 0 || height == 0 {
		return C.CUDA_ERROR_INVALID_VALUE
	}
	*pitch = (width + textureAlignment - 1) &^ (textureAlignment - 1)
	return simMemAlloc(p, *pitch*height)
}

//export simMemFree
func simMemFree(p C.CUdeviceptr) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if code := s.forbidden(c); code != cuda.Success {
			return code
		}
		if code := s.drainContext(c); code != cuda.Success {
			return code // freeing waits for the device
		}
		return s.free(uint64(p))
	})
}

//export simMemAllocAsync
func simMemAllocAsync(p *C.CUdeviceptr, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		if st.capture != nil {
			return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
		}
		addr, code := s.alloc(st.context, int64(n))
		if code == cuda.Success {
			*p = C.CUdeviceptr(addr)
		}
		return code
	})
}

//export simMemFreeAsync
func simMemFreeAsync(p C.CUdeviceptr, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		if st.capture != nil {
			return s.invalidate(st.capture, cuda.ErrStreamCaptureUnsupported)
		}
		if i, exact := s.blocks.search(uint64(p)); !exact || s.blocks[i].module != nil {
			return cuda.ErrInvalidValue
		}
		return s.enqueue(st, func() cuda.Code { return s.free(uint64(p)) })
	})
}

//export simMemHostAlloc
func simMemHostAlloc(p *unsafe.Pointer, n C.size_t, _ C.uint) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if code := s.forbidden(c); code != cuda.Success {
			return code
		}
		host, code := s.allocHost(c, int64(n))
		*p = host
		return code
	})
}

//export simMemFreeHost
func simMemFreeHost(p unsafe.Pointer) C.CUresult {
	return inContext(func(s *simulator, c *context) cuda.Code {
		if code := s.drainContext(c); code != cuda.Success {
			return code
		}
		return s.freeHost(uintptr(p))
	})
}

//export simMemGetAddressRange
func simMemGetAddressRange(base *C.CUdeviceptr, size *C.size_t, p C.CUdeviceptr) C.CUresult {
	return inContext(func(s *simulator, _ *context) cuda.Code {
		b, ok := s.blocks.holding(uint64(p), 1)
		if !ok {
			return cuda.ErrNotFound
		}
		if base != nil {
			*base = C.CUdeviceptr(b.addr)
		}
		if size != nil {
			*size = C.size_t(b.size)
		}
		return cuda.Success
	})
}

//export simPointerGetAttribute
func simPointerGetAttribute(value unsafe.Pointer, attribute C.CUpointer_attribute, p C.CUdeviceptr) C.CUresult {
	return C.CUresult(withDriver(func(s *simulator) cuda.Code {
		b, ok := s.blocks.holding(uint64(p), 1)
		if !ok || value == nil {
			return cuda.ErrInvalidValue
		}
		switch attribute {
		case C.CU_POINTER_ATTRIBUTE_CONTEXT:
			*(*uintptr)(value) = b.context.handle
		case C.CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
			*(*uint32)(value) = C.CU_MEMORYTYPE_DEVICE
		case C.CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
			*(*uint64)(value) = uint64(p)
		case C.CU_POINTER_ATTRIBUTE_IS_MANAGED:
			*(*bool)(value) = false
		case C.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
			*(*int32)(value) = int32(b.context.device.ordinal)
		default:
			return cuda.ErrNotSupported
		}
		return cuda.Success
	}))
}

//export simMemcpy
func simMemcpy(dst, src C.CUdeviceptr, n C.size_t) C.CUresult {
	return onStream(nil, func(s *simulator, st *stream) cuda.Code {
		return s.unified(st, uint64(dst), uint64(src), int64(n), blocking)
	})
}

//export simMemcpyAsync
func simMemcpyAsync(dst, src C.CUdeviceptr, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		return s.unified(st, uint64(dst), uint64(src), int64(n), asynchronous)
	})
}

//export simMemcpyHtoD
func simMemcpyHtoD(dst C.CUdeviceptr, src unsafe.Pointer, n C.size_t) C.CUresult {
	return onStream(nil, func(s *simulator, st *stream) cuda.Code {
		return s.toDevice(st, uint64(dst), src, int64(n), blocking)
	})
}

//export simMemcpyHtoDAsync
func simMemcpyHtoDAsync(dst C.CUdeviceptr, src unsafe.Pointer, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		return s.toDevice(st, uint64(dst), src, int64(n), asynchronous)
	})
}

//export simMemcpyDtoH
func simMemcpyDtoH(dst unsafe.Pointer, src C.CUdeviceptr, n C.size_t) C.CUresult {
	return onStream(nil, func(s *simulator, st *stream) cuda.Code {
		return s.toHost(st, dst, uint64(src), int64(n), blocking)
	})
}

//export simMemcpyDtoHAsync
func simMemcpyDtoHAsync(dst unsafe.Pointer, src C.CUdeviceptr, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		return s.toHost(st, dst, uint64(src), int64(n), asynchronous)
	})
}

//export simMemcpyDtoD
func simMemcpyDtoD(dst, src C.CUdeviceptr, n C.size_t) C.CUresult {
	return onStream(nil, func(s *simulator, st *stream) cuda.Code {
		return s.onDevice(st, uint64(dst), uint64(src), int64(n), blocking)
	})
}

//export simMemcpyDtoDAsync
func simMemcpyDtoDAsync(dst, src C.CUdeviceptr, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		return s.onDevice(st, uint64(dst), uint64(src), int64(n), asynchronous)
	})
}

// peers checks that each end of a copy between contexts lies on the device of its context.
func (s *simulator) peers(dst C.CUdeviceptr, dstCtx C.CUcontext, src C.CUdeviceptr, srcCtx C.CUcontext, n C.size_t) cuda.Code {
	to, okTo := find[*context](s, unsafe.Pointer(dstCtx))
	from, okFrom := find[*context](s, unsafe.Pointer(srcCtx))
	if !okTo || !okFrom {
		return cuda.ErrInvalidContext
	}
	d, okDst := s.blocks.holding(uint64(dst), int64(n))
	b, okSrc := s.blocks.holding(uint64(src), int64(n))
	if !okDst || !okSrc || d.context.device != to.device || b.context.device != from.device {
		return cuda.ErrInvalidValue
	}
	return cuda.Success
}

//export simMemcpyPeer
func simMemcpyPeer(dst C.CUdeviceptr, dstCtx C.CUcontext, src C.CUdeviceptr, srcCtx C.CUcontext, n C.size_t) C.CUresult {
	return onStream(nil, func(s *simulator, st *stream) cuda.Code {
		if code := s.peers(dst, dstCtx, src, srcCtx, n); code != cuda.Success {
			return code
		}
		return s.onDevice(st, uint64(dst), uint64(src), int64(n), blocking)
	})
}

//export simMemcpyPeerAsync
func simMemcpyPeerAsync(dst C.CUdeviceptr, dstCtx C.CUcontext, src C.CUdeviceptr, srcCtx C.CUcontext, n C.size_t, handle C.CUstream) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		if code := s.peers(dst, dstCtx, src, srcCtx, n); code != cuda.Success {
			return code
		}
		return s.onDevice(st, uint64(dst), uint64(src), int64(n), asynchronous)
	})
}

// set is every memset: rows of elements, pitch bytes apart. The driver's synchronous memsets return before the device is
// done with them, so all are asynchronous; those without a stream go to the default one.
func set(handle C.CUstream, dst C.CUdeviceptr, pitch C.size_t, element []byte, width, height C.size_t) C.CUresult {
	return onStream(handle, func(s *simulator, st *stream) cuda.Code {
		return s.fill(st, uint64(dst), int64(pitch), element, int64(width), int64(height))
	})
}

func bytes16(v C.ushort) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func bytes32(v C.uint) []byte   { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

//export simMemsetD8
func simMemsetD8(dst C.CUdeviceptr, v C.uchar, n C.size_t) C.CUresult {
	return set(nil, dst, 0, []byte{byte(v)}, n, 1)
}

//export simMemsetD16
func simMemsetD16(dst C.CUdeviceptr, v C.ushort, n C.size_t) C.CUresult {
	return set(nil, dst, 0, bytes16(v), n, 1)
}

//export simMemsetD32
func simMemsetD32(dst C.CUdeviceptr, v C.uint, n C.size_t) C.CUresult {
	return set(nil, dst, 0, bytes32(v), n, 1)
}

//export simMemsetD8Async
func simMemsetD8Async(dst C.CUdeviceptr, v C.uchar, n C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, 0, []byte{byte(v)}, n, 1)
}

//export simMemsetD16Async
func simMemsetD16Async(dst C.CUdeviceptr, v C.ushort, n C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, 0, bytes16(v), n, 1)
}

//export simMemsetD32Async
func simMemsetD32Async(dst C.CUdeviceptr, v C.uint, n C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, 0, bytes32(v), n, 1)
}

//export simMemsetD2D8
func simMemsetD2D8(dst C.CUdeviceptr, pitch C.size_t, v C.uchar, width, height C.size_t) C.CUresult {
	return set(nil, dst, pitch, []byte{byte(v)}, width, height)
}

//export simMemsetD2D16
func simMemsetD2D16(dst C.CUdeviceptr, pitch C.size_t, v C.ushort, width, height C.size_t) C.CUresult {
	return set(nil, dst, pitch, bytes16(v), width, height)
}

//export simMemsetD2D32
func simMemsetD2D32(dst C.CUdeviceptr, pitch C.size_t, v C.uint, width, height C.size_t) C.CUresult {
	return set(nil, dst, pitch, bytes32(v), width, height)
}

//export simMemsetD2D8Async
func simMemsetD2D8Async(dst C.CUdeviceptr, pitch C.size_t, v C.uchar, width, height C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, pitch, []byte{byte(v)}, width, height)
}

//export simMemsetD2D16Async
func simMemsetD2D16Async(dst C.CUdeviceptr, pitch C.size_t, v C.ushort, width, height C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, pitch, bytes16(v), width, height)
}

//export simMemsetD2D32Async
func simMemsetD2D32Async(dst C.CUdeviceptr, pitch C.size_t, v C.uint, width, height C.size_t, handle C.CUstream) C.CUresult {
	return set(handle, dst, pitch, bytes32(v), width, height)
}
