//go:build cuda && cgo && linux

package sim

import (
	"errors"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// codeOf is the code that a device would answer for a kernel's error. What only the sanitizer can see, a device would
// not notice; here it fails the launch.
func codeOf(err error) cuda.Code {
	if err == nil {
		return cuda.Success
	}
	var fault *ptx.Fault
	switch {
	case errors.As(err, new(*ptx.SyntaxError)):
		return cuda.ErrInvalidPTX
	case !errors.As(err, &fault):
		return cuda.ErrInvalidValue // the launch itself was refused
	}
	switch fault.Kind {
	case ptx.OutOfBounds:
		return cuda.ErrIllegalAddress
	case ptx.Misaligned:
		return cuda.ErrMisalignedAddress
	case ptx.BudgetExceeded, ptx.Deadlock, ptx.Cancelled:
		return cuda.ErrLaunchTimeout
	case ptx.Unsupported:
		return cuda.ErrIllegalInstruction
	}
	return cuda.ErrLaunchFailed
}
