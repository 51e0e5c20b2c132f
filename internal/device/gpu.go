//go:build cuda && cgo && linux

package device

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/tandem-compute/tandem/gpu"
	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/sim"
)

// A process has one driver: the system's or the simulator. Which one is settled by the first GPU opened.
var driver struct {
	sync.Mutex
	real bool
}

const simulated = "sim"

// openGPU opens auto or cuda (the first device), cuda:N or sim.
func openGPU(name string) (op.Backend, []string, error) {
	driver.Lock()
	defer driver.Unlock()
	if name == simulated {
		return openSim()
	}
	n, err := ordinal(name)
	if err != nil {
		return nil, nil, err
	}
	if cuda.Status().Driver == simulated {
		const reason = "cuda: this process runs the simulator; a GPU needs a process of its own"
		return nil, []string{reason}, op.Errorf(op.ErrDevice, "%s", reason)
	}
	b, why, err := gpu.Open(n, gpu.Options{})
	if err != nil {
		return nil, []string{missing(err)}, err
	}
	driver.real = true
	return b, []string{why}, nil
}

// ordinal is the N of cuda:N.
func ordinal(name string) (int, error) {
	digits, numbered := strings.CutPrefix(name, "cuda:")
	if !numbered {
		return 0, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, op.Errorf(op.ErrDevice, "%q is no device number", digits)
	}
	return n, nil
}

// missing is the error, which names every library that was tried, and what to do about it.
func missing(err error) string {
	if cuda.Status().Err != nil {
		return fmt.Sprintf("%v; install NVIDIA's driver, or open sim or cpu", err)
	}
	return fmt.Sprintf("%v; nvidia-smi -L lists the devices", err)
}

// openSim installs the simulator unless somebody has done so with a configuration of their own.
func openSim() (op.Backend, []string, error) {
	if driver.real {
		const reason = "sim: this process uses a real driver; the simulator needs a process of its own"
		return nil, []string{reason}, op.Errorf(op.ErrDevice, "%s", reason)
	}
	if cuda.Status().Driver != simulated {
		if err := sim.Install(sim.Config{}); err != nil {
			return nil, []string{err.Error()}, op.Errorf(op.ErrDevice, "%v", err)
		}
	}
	b, why, err := gpu.Open(0, gpu.Options{Name: simulated, Explain: sim.Faulted})
	if err != nil {
		return nil, []string{err.Error()}, err
	}
	return b, []string{why}, nil
}
