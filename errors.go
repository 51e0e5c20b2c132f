package tandem

import (
	"fmt"
	"strings"

	"github.com/tandem-compute/tandem/internal/op"
)

// What can go wrong, for errors.Is. Errors that an op raises are of type *OpError and wrap one of these.
var (
	ErrShape       = op.ErrShape       // dimensions that do not fit, negative or beyond what a tensor can have
	ErrDType       = op.ErrDType       // element types that the op does not take, or not together
	ErrDevice      = op.ErrDevice      // an operand on another device, or no such device
	ErrUnsupported = op.ErrUnsupported // the device has no kernel for this; the text says why
	ErrOutOfMemory = op.ErrOutOfMemory // the device or its budget is exhausted; the text lists what is live
	ErrClosed      = op.ErrClosed      // a tensor, program or device that has been closed
	ErrScope       = op.ErrScope       // a tensor outside the scope it belongs to, or a scope outside its time
	ErrAlias       = op.ErrAlias       // a destination that overlaps an operand, or a value that a gradient still needs
)

// What a caller left out.
var (
	errNoDevice = op.Errorf(ErrDevice, "the device is nil")
	errNoFunc   = op.Errorf(ErrScope, "the function is nil")
)

// OpError says which op failed, on which operands, on which device and why.
type OpError struct {
	Op     string // like matmul
	Types  string // like "a is f32[2,3], b is f32[4,5]"
	Device string // like cpu
	Err    error
}

func (e *OpError) Error() string {
	if e.Types == "" {
		return fmt.Sprintf("tandem: %s: %v (%s)", e.Op, e.Err, e.Device)
	}
	return fmt.Sprintf("tandem: %s: %s: %v (%s)", e.Op, e.Types, e.Err, e.Device)
}

func (e *OpError) Unwrap() error { return e.Err }

// describe pairs the names of o's operands with their types.
func describe(o op.Op, in []op.Type) string {
	names := strings.Fields(o.Args())
	var b strings.Builder
	for i, t := range in {
		if i > 0 {
			b.WriteString(", ")
		}
		switch last := len(names) - 1; {
		case i < last || i == last && !strings.HasSuffix(names[last], "…"):
			b.WriteString(names[i])
		case last >= 0:
			fmt.Fprintf(&b, "%s%d", strings.TrimSuffix(names[last], "…"), i-last)
		default:
			fmt.Fprintf(&b, "operand %d", i)
		}
		if t.DType == 0 {
			b.WriteString(" is gone")
			continue
		}
		fmt.Fprintf(&b, " is %v", t)
	}
	return b.String()
}

// fail keeps the first error of a run.
func (c *core) fail(name, types string, err error) {
	if c.err == nil {
		c.err = &OpError{name, types, c.dev.Name(), err}
	}
}

func (c *core) failOp(o op.Op, nin int, err error) {
	if c.err == nil {
		c.fail(o.Name(), describe(o, c.types[:nin]), err)
	}
}
