//go:build cuda && cgo && linux

package gpu

import (
	"errors"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// failure is a driver call that failed, of one of op's kinds. The chain holds the *cuda.Error with the driver's code.
type failure struct{ kind, cause error }

func (f *failure) Error() string   { return f.cause.Error() }
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

// fail gives the error of a driver call its kind; nil stays nil.
func (b *Backend) fail(call string, err error) error {
	if err == nil {
		return nil
	}
	err = cuda.Wrap(call, err)
	if b.explain != nil {
		err = b.explain(err)
	}
	if errors.Is(err, cuda.ErrOutOfMemory) {
		return &failure{op.ErrOutOfMemory, err}
	}
	return &failure{op.ErrDevice, err}
}
