package device

import (
	"fmt"
	"os"
	"strings"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/op"
)

// Options of Open. The zero value asks for the defaults.
type Options struct {
	Variant string // of the CPU kernels; default TANDEM_CPU, else the best that the machine has
	Threads int    // of the CPU; default what the process may use
}

// Name is the device that is meant: the one asked for, else TANDEM_DEVICE, else auto. Source says which of these it was.
func Name(asked string) (name, source string) {
	if asked != "" {
		return asked, "by option"
	}
	if name := os.Getenv("TANDEM_DEVICE"); name != "" {
		return name, "by TANDEM_DEVICE"
	}
	return "auto", "by default"
}

// Open opens the backend called auto, cpu, cuda:N, sim or null, or by Name's rule when name is empty. why tells what
// was asked for, what was tried and what was chosen, a line each; it is told beside an error as well. The error is of
// kind op.ErrDevice when there is no such device, variant or driver.
func Open(name string, o Options) (b op.Backend, why []string, err error) {
	name, source := Name(name)
	why = []string{fmt.Sprintf("asked for %s %s", name, source)}
	switch {
	case name == "cpu":
		return openCPU(o, why)
	case name == "null":
		return null{}, append(why, "null: a device without memory"), nil
	case name == "auto":
		b, tried, err := openGPU(name)
		why = append(why, tried...)
		if err != nil {
			return openCPU(o, why)
		}
		return b, append(why, b.Name()+": chosen, the first GPU"), nil
	case name == "sim" || name == "cuda" || strings.HasPrefix(name, "cuda:"):
		b, tried, err := openGPU(name)
		why = append(why, tried...)
		if err != nil {
			return nil, why, fmt.Errorf("%s: %w", name, err)
		}
		return b, why, nil
	}
	return nil, why, op.Errorf(op.ErrDevice, "no device is called %q; want auto, cpu, cuda:N, sim or null", name)
}

func openCPU(o Options, why []string) (op.Backend, []string, error) {
	b, reason, err := cpu.Open(cpu.Options{Variant: o.Variant, Threads: o.Threads})
	if err != nil {
		return nil, why, err
	}
	return b, append(why, reason), nil
}
