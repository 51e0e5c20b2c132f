//go:build cuda && cgo && linux

package sim

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// Config describes the devices to imagine and how to run kernels on them. The zero Config is one sm_80 device with
// 4 GiB of memory.
type Config struct {
	Devices    int    // number of devices; 0 means 1
	Capability [2]int // compute capability, major and minor; zero means 8.0
	SMs        int    // multiprocessors per device; 0 means 8
	Memory     int64  // bytes per device; 0 means 4 GiB

	// Blocking makes a launch answer its kernel's error itself. Otherwise the error comes out of the next call, as on a
	// device.
	Blocking bool

	// Deferred runs asynchronous work when the program synchronizes instead of when it is enqueued: a read that lacks
	// its synchronization then sees old data.
	Deferred bool

	// Launched, where it is set, is called after every kernel that ran with what it did, which Options.Meter then does
	// not see.
	Launched func(Launch)

	// Options is how the interpreter runs kernels: workers, sanitizer, meter, coverage, tensor-core model, schedule.
	ptx.Options
}

func (c Config) withDefaults() (Config, error) {
	if c.Devices == 0 {
		c.Devices = 1
	}
	if c.Capability == [2]int{} {
		c.Capability = [2]int{8, 0}
	}
	if c.SMs == 0 {
		c.SMs = 8
	}
	if c.Memory == 0 {
		c.Memory = 4 << 30
	}
	switch {
	case c.Devices < 0 || c.Devices > 64:
		return c, fmt.Errorf("sim: %d devices: want 1 to 64", c.Devices)
	case c.Capability[0] < 5 || c.Capability[1] < 0 || c.Capability[1] > 9:
		return c, fmt.Errorf("sim: compute capability %d.%d: want 5.0 or later", c.Capability[0], c.Capability[1])
	case c.SMs < 0 || c.Memory < 0:
		return c, fmt.Errorf("sim: %d multiprocessors, %d bytes of memory: want positive numbers", c.SMs, c.Memory)
	}
	return c, nil
}

// Launch is a kernel that ran.
type Launch struct {
	Kernel      string
	Grid, Block [3]int
	Meter       ptx.Meter
}

// Counts is what the simulator did since Install.
type Counts struct {
	Launches      int64 // kernels run, those inside graphs included
	GraphLaunches int64
	Blocks        int64 // thread blocks run
	ToDevice      int64 // bytes copied from host to device
	ToHost        int64 // bytes copied from device to host
	OnDevice      int64 // bytes copied between devices or on one
	Filled        int64 // bytes set
	Live          int64 // bytes allocated now, on all devices
	Peak          int64 // the most bytes allocated at once, on all devices
	Allocations   int64 // device allocations alive now
	HostLive      int64 // bytes of page-locked host memory alive now
}

// A Fault is a kernel that failed, or PTX that the interpreter does not take: then it has no grid, and no kernel's name
// if it was a module that failed to load.
type Fault struct {
	Kernel      string
	Device      int
	Grid, Block [3]int
	Err         error // the interpreter's account, a *ptx.Fault where the kernel itself is to blame
}

func (f *Fault) Error() string {
	if f.Grid == [3]int{} {
		return fmt.Sprintf("sim: loading %s on device %d: %v", cmp.Or(f.Kernel, "a module"), f.Device, f.Err)
	}
	return fmt.Sprintf("sim: %s<<<%v, %v>>> on device %d: %v", f.Kernel, f.Grid, f.Block, f.Device, f.Err)
}

// Unwrap returns the interpreter's account.
func (f *Fault) Unwrap() error { return f.Err }

var (
	installMu sync.Mutex
	installed func() // removes the simulator from the driver table
	machine   *simulator
)

// Install makes the simulator the driver of this process. Installing again starts afresh: memory, modules and contexts
// of the earlier simulator are gone, its handles answer ErrInvalidHandle or ErrContextIsDestroyed.
func Install(c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	installMu.Lock()
	defer installMu.Unlock()
	if err := reserveHandles(); err != nil {
		return err
	}
	next := newSimulator(c)
	if installed == nil {
		if installed, err = cuda.Provide("sim", functions()); err != nil {
			return err
		}
	}
	stateMu.Lock()
	defer stateMu.Unlock()
	if machine != nil {
		machine.close()
	}
	machine = next
	return nil
}

// Uninstall takes the simulator out of the driver table and drops its state. It does nothing if none is installed.
func Uninstall() {
	installMu.Lock()
	defer installMu.Unlock()
	if installed == nil {
		return
	}
	installed()
	installed = nil
	stateMu.Lock()
	defer stateMu.Unlock()
	machine.close()
	machine = nil
}

// Stats returns what the simulator did since Install; zeros if none is installed.
func Stats() Counts {
	stateMu.Lock()
	defer stateMu.Unlock()
	if machine == nil {
		return Counts{}
	}
	return machine.counts
}

// LastFault returns the latest failing launch or load since Install, or nil.
func LastFault() *Fault {
	stateMu.Lock()
	defer stateMu.Unlock()
	if machine == nil {
		return nil
	}
	return machine.fault
}

// Faulted reports whether err is the code with which the simulator answered for its latest fault, and if so joins the
// interpreter's account to it. Other errors, and nil, pass through.
func Faulted(err error) error {
	fault := LastFault()
	var call *cuda.Error
	if fault == nil || !errors.As(err, &call) || call.Code != codeOf(fault.Err) {
		return err
	}
	return fmt.Errorf("%w: %w", err, fault)
}
