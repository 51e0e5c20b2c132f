package op

import (
	"errors"
	"fmt"
)

// What can be wrong, for errors.Is.
var (
	ErrShape       = errors.New("wrong shape")
	ErrDType       = errors.New("wrong dtype")
	ErrDevice      = errors.New("wrong device")
	ErrUnsupported = errors.New("unsupported")
	ErrOutOfMemory = errors.New("out of memory")
	ErrClosed      = errors.New("closed")
	ErrScope       = errors.New("wrong scope")
	ErrAlias       = errors.New("overlapping memory")

	// ErrLayout is a backend's answer when it has a kernel for the op, but not for these strides: whoever asked
	// copies the operands to contiguous ones and asks again.
	ErrLayout = errors.New("needs contiguous operands")
)

// Problem is an error of one of the kinds above with a text of its own.
type Problem struct {
	Kind error
	Text string
}

func (e *Problem) Error() string { return e.Text }
func (e *Problem) Unwrap() error { return e.Kind }

// Errorf makes a Problem.
func Errorf(kind error, format string, a ...any) error {
	return &Problem{kind, fmt.Sprintf(format, a...)}
}

// ShapeErr, DTypeErr and UnsupportedErr make Problems of the commonest kinds.
func ShapeErr(format string, a ...any) error { return Errorf(ErrShape, format, a...) }
func DTypeErr(format string, a ...any) error { return Errorf(ErrDType, format, a...) }
func UnsupportedErr(format string, a ...any) error {
	return Errorf(ErrUnsupported, format, a...)
}
