package tandem

import (
	"fmt"
	"io"

	"github.com/tandem-compute/tandem/internal/device"
)

// Option changes what Open does.
type Option func(*options) error

type options struct {
	device  string
	variant string
	threads int
	budget  int
	trace   *tracer
}

// OnDevice names the device: auto, cpu, cuda:N or sim. Without it TANDEM_DEVICE decides, and without that auto: a
// GPU if driver and device are there, else the CPU.
func OnDevice(name string) Option {
	return func(o *options) error { o.device = name; return nil }
}

// Threads is how many threads a CPU device uses at most; by default what the process may use, by its cgroup's quota
// and GOMAXPROCS.
func Threads(n int) Option {
	return func(o *options) error {
		if n < 1 {
			return fmt.Errorf("tandem: open: %d threads", n)
		}
		o.threads = n
		return nil
	}
}

// Budget is the most bytes that the device takes from the system. Beyond it ops fail with ErrOutOfMemory.
func Budget(bytes int) Option {
	return func(o *options) error {
		if bytes < 1 {
			return fmt.Errorf("tandem: open: a budget of %d bytes", bytes)
		}
		o.budget = bytes
		return nil
	}
}

// Variant names the CPU kernels: generic, avx2 or avx512. Without it TANDEM_CPU decides, and without that the best
// that the machine has.
func Variant(name string) Option {
	return func(o *options) error { o.variant = name; return nil }
}

// Trace writes every op that the device runs to w as a Chrome trace (chrome://tracing, Perfetto). It makes the device
// wait for each op, so that its time is its own.
func Trace(w io.Writer) Option {
	return func(o *options) error {
		if w == nil {
			return fmt.Errorf("tandem: open: a trace to a nil writer")
		}
		o.trace = newTracer(w)
		return nil
	}
}

func resolve(opts []Option) (*options, error) {
	o := &options{}
	for _, f := range opts {
		if f == nil {
			return nil, fmt.Errorf("tandem: open: a nil option")
		}
		if err := f(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Open opens a device. By default it is the best one there is, and Why tells how it was chosen:
//
//	dev, err := tandem.Open()
//	dev, err := tandem.Open(tandem.OnDevice("cpu"), tandem.Threads(4))
func Open(opts ...Option) (*Device, error) {
	o, err := resolve(opts)
	if err != nil {
		return nil, err
	}
	b, why, err := device.Open(o.device, device.Options{Variant: o.variant, Threads: o.threads})
	if err != nil {
		return nil, fmt.Errorf("tandem: open: %w", err)
	}
	return newDevice(b, o, why), nil
}
