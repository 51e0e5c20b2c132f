//go:build cuda && cgo && linux

package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// Options are what Open may be told.
type Options struct {
	// Name is what the backend calls itself; by default cuda:N.
	Name string
	// Explain adds what else is known to a driver's error: the simulator's account of a kernel that failed.
	Explain func(error) error
}

// Backend is one GPU as a device.
type Backend struct {
	name       string
	explain    func(error) error
	device     cu.Device
	context    cu.CUContext // the device's primary context, shared with whatever else in the process uses CUDA
	sms        int
	capability [2]int

	mu        sync.Mutex // loading
	modules   map[string]cu.Module
	functions []atomic.Pointer[cu.Function] // by symbol
	rotations map[rotation]uint64           // frequency tables in device memory
}

// The kernels are compiled for this compute capability; newer devices run them, older ones cannot.
var oldest = [2]int{8, 0}

// Open makes a backend of device n and says what it is. The error is of kind op.ErrDevice when there is no such device
// or no driver, or the device is too old for the kernels.
func Open(n int, o Options) (*Backend, string, error) {
	b := &Backend{name: o.Name, explain: o.Explain, modules: map[string]cu.Module{},
		functions: make([]atomic.Pointer[cu.Function], len(symbols)), rotations: map[rotation]uint64{}}
	if b.name == "" {
		b.name = fmt.Sprintf("cuda:%d", n)
	}
	info := cuda.Status()
	if info.Err != nil {
		return nil, "", b.fail("cuInit", info.Err)
	}
	count, err := cu.NumDevices()
	switch {
	case err != nil:
		return nil, "", b.fail("cuDeviceGetCount", err)
	case n < 0 || n >= count:
		return nil, "", op.Errorf(op.ErrDevice, "there is no CUDA device %d; the driver knows %d", n, count)
	}
	if b.device, err = cu.GetDevice(n); err != nil {
		return nil, "", b.fail("cuDeviceGet", err)
	}
	model, err := b.describe()
	if err != nil {
		return nil, "", err
	}
	if b.context, err = b.device.RetainPrimaryCtx(); err != nil {
		return nil, "", b.fail("cuDevicePrimaryCtxRetain", err)
	}
	why := fmt.Sprintf("%s: %s, compute capability %d.%d, %d multiprocessors, driver %s %d.%d", b.name, model,
		b.capability[0], b.capability[1], b.sms, info.Driver, info.Version/1000, info.Version%1000/10)
	return b, why, nil
}

// describe reads the device's properties and refuses one that is too old.
func (b *Backend) describe() (model string, err error) {
	if model, err = b.device.Name(); err != nil {
		return "", b.fail("cuDeviceGetName", err)
	}
	for _, a := range []struct {
		attribute cu.DeviceAttribute
		value     *int
	}{{cu.ComputeCapabilityMajor, &b.capability[0]}, {cu.ComputeCapabilityMinor, &b.capability[1]}, {cu.MultiprocessorCount, &b.sms}} {
		if *a.value, err = b.device.Attribute(a.attribute); err != nil {
			return "", b.fail("cuDeviceGetAttribute", err)
		}
	}
	if c := b.capability; c[0] < oldest[0] || c[0] == oldest[0] && c[1] < oldest[1] {
		return "", op.Errorf(op.ErrDevice, "%s has compute capability %d.%d; the kernels need %d.%d", model, c[0], c[1], oldest[0], oldest[1])
	}
	return model, nil
}

func (b *Backend) Name() string { return b.name }
func (b *Backend) Host() bool   { return false }

// bind makes the context current on the thread to which the caller has locked its goroutine.
func (b *Backend) bind() error {
	return b.fail("cuCtxSetCurrent", cu.SetCurrentContext(b.context))
}

func (b *Backend) Alloc(size int) (*op.Block, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.bind(); err != nil {
		return nil, err
	}
	p, err := cu.MemAlloc(int64(max(size, 1)))
	if err != nil {
		return nil, b.fail("cuMemAlloc", err)
	}
	return &op.Block{Addr: uint64(p), Size: size}, nil
}

func (b *Backend) Free(k *op.Block) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.bind(); err != nil {
		return err
	}
	p := cu.DevicePtr(k.Addr)
	k.Addr = 0
	return b.fail("cuMemFree", cu.MemFree(p))
}

// Close frees the tables, unloads the kernels and releases the primary context. Streams, graphs and blocks must be gone.
func (b *Backend) Close() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := b.bind()
	errs := []error{err}
	if err == nil {
		for _, table := range b.rotations {
			errs = append(errs, b.fail("cuMemFree", cu.MemFree(cu.DevicePtr(table))))
		}
		for _, m := range b.modules {
			errs = append(errs, b.fail("cuModuleUnload", m.Unload()))
		}
	}
	errs = append(errs, b.fail("cuDevicePrimaryCtxRelease", b.device.ReleasePrimaryCtx()))
	return errors.Join(errs...)
}
