package cuda

import (
	"errors"
	"fmt"
)

// A Code is a CUresult other than success, and an error. The Err constants are its values; compare with [errors.Is].
type Code int

// Name is the code's name in the driver API, such as CUDA_ERROR_OUT_OF_MEMORY.
func (c Code) Name() string {
	if known, ok := codes[c]; ok {
		return known.name
	}
	return fmt.Sprintf("CUresult(%d)", int(c))
}

// Text says in a few words what the code means.
func (c Code) Text() string {
	if known, ok := codes[c]; ok {
		return known.text
	}
	return "unknown error code"
}

func (c Code) Error() string { return fmt.Sprintf("%s (%s)", c.Text(), c.Name()) }

// An Error is a driver call that failed.
type Error struct {
	Call string // the driver call, or what the caller was doing
	Code Code
}

func (e *Error) Error() string { return fmt.Sprintf("cuda: %s: %v", e.Call, e.Code) }

// Unwrap returns the code, so that errors.Is(err, ErrOutOfMemory) holds.
func (e *Error) Unwrap() error { return e.Code }

// ErrNoDriver is in the chain of Info.Err when no driver library was found.
var ErrNoDriver = errors.New("no CUDA driver")

// ErrNotBuilt is in the chain of Info.Err when the program was built without the driver: without the tag cuda, without
// cgo, or for a system other than Linux.
var ErrNotBuilt = errors.New("built without the tag cuda (needs cgo and linux)")
