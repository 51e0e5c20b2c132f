//go:build cuda && cgo && linux

package sim

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"github.com/tandem-compute/tandem/internal/cuda"
)

// The export files hold the driver calls: they take the C arguments apart and leave the rest to the simulator.

// withDevice runs a call about a device.
func withDevice(ordinal C.CUdevice, call func(s *simulator, d *device) cuda.Code) C.CUresult {
	return C.CUresult(withDriver(func(s *simulator) cuda.Code {
		d, ok := s.device(int(ordinal))
		if !ok {
			return cuda.ErrInvalidDevice
		}
		return call(s, d)
	}))
}

//export simDriverGetVersion
func simDriverGetVersion(version *C.int) C.CUresult {
	*version = driverVersion
	return C.CUDA_SUCCESS
}

//export simDeviceGetCount
func simDeviceGetCount(count *C.int) C.CUresult {
	return C.CUresult(withDriver(func(s *simulator) cuda.Code {
		*count = C.int(len(s.devices))
		return cuda.Success
	}))
}

//export simDeviceGet
func simDeviceGet(out *C.CUdevice, ordinal C.int) C.CUresult {
	return withDevice(C.CUdevice(ordinal), func(_ *simulator, d *device) cuda.Code {
		*out = C.CUdevice(d.ordinal)
		return cuda.Success
	})
}

//export simDeviceGetName
func simDeviceGetName(name *C.char, length C.int, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, _ *device) cuda.Code {
		if length < 1 {
			return cuda.ErrInvalidValue
		}
		out := unsafe.Slice((*byte)(unsafe.Pointer(name)), length)
		out[copy(out[:length-1], s.deviceName())] = 0
		return cuda.Success
	})
}

//export simDeviceGetUuid
func simDeviceGetUuid(uuid *C.CUuuid, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(_ *simulator, d *device) cuda.Code {
		out := (*[16]byte)(unsafe.Pointer(uuid))
		copy(out[:], "tandem simulator")
		out[15] = byte(d.ordinal)
		return cuda.Success
	})
}

//export simDeviceGetAttribute
func simDeviceGetAttribute(value *C.int, attribute C.CUdevice_attribute, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code {
		v, code := s.attribute(d, int(attribute))
		*value = C.int(v)
		return code
	})
}

//export simDeviceTotalMem
func simDeviceTotalMem(bytes *C.size_t, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(_ *simulator, d *device) cuda.Code {
		*bytes = C.size_t(d.limit)
		return cuda.Success
	})
}

//export simDeviceCanAccessPeer
func simDeviceCanAccessPeer(can *C.int, dev, peer C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code {
		other, ok := s.device(int(peer))
		if !ok {
			return cuda.ErrInvalidDevice
		}
		*can = 0
		if other != d {
			*can = 1
		}
		return cuda.Success
	})
}

//export simDeviceGetP2PAttribute
func simDeviceGetP2PAttribute(value *C.int, attribute C.CUdevice_P2PAttribute, src, dst C.CUdevice) C.CUresult {
	return withDevice(src, func(s *simulator, d *device) cuda.Code {
		other, ok := s.device(int(dst))
		if !ok || other == d {
			return cuda.ErrInvalidDevice
		}
		switch attribute {
		case C.CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
			*value = 1
		case C.CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, C.CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
			*value = 0
		default:
			return cuda.ErrInvalidValue
		}
		return cuda.Success
	})
}

//export simDevicePrimaryCtxRetain
func simDevicePrimaryCtxRetain(ctx *C.CUcontext, dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code {
		put(ctx, s.retainPrimary(d).handle)
		return cuda.Success
	})
}

//export simDevicePrimaryCtxRelease
func simDevicePrimaryCtxRelease(dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code { return s.releasePrimary(d) })
}

//export simDevicePrimaryCtxReset
func simDevicePrimaryCtxReset(dev C.CUdevice) C.CUresult {
	return withDevice(dev, func(s *simulator, d *device) cuda.Code {
		s.resetPrimary(d)
		return cuda.Success
	})
}

//export simDevicePrimaryCtxGetState
func simDevicePrimaryCtxGetState(dev C.CUdevice, flags *C.uint, active *C.int) C.CUresult {
	return withDevice(dev, func(_ *simulator, d *device) cuda.Code {
		*flags, *active = C.uint(d.flags), 0
		if d.primary != nil {
			*active = 1
		}
		return cuda.Success
	})
}

//export simDevicePrimaryCtxSetFlags
func simDevicePrimaryCtxSetFlags(dev C.CUdevice, flags C.uint) C.CUresult {
	return withDevice(dev, func(_ *simulator, d *device) cuda.Code {
		if flags&^C.CU_CTX_FLAGS_MASK != 0 {
			return cuda.ErrInvalidValue
		}
		d.flags = uint(flags)
		return cuda.Success
	})
}
