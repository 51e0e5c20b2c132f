package tandem

import "github.com/tandem-compute/tandem/internal/op"

// Device counts: how many rows of a temporary hold data, known on the device alone. See Scope.Compact.

// follows reports whether o maps the rows of its operand i, counted on the device, to rows of its result.
func follows(o op.Op, i int, t Tensor) bool {
	r, ok := o.(op.Rowwise)
	return ok && r.Rowwise(i) && (t.slot.view.Rank > 1 || op.PerElement(o))
}

// keepsRows refuses a broadcast that makes something else of the counted rows of an operand.
func keepsRows(in []Tensor, out []op.Type) error {
	for i, x := range in {
		if x.slot.count.Block == nil {
			continue
		}
		v := &x.slot.view
		for k := range out {
			if t := &out[k]; t.Rank == 0 || t.Rank > v.Rank || t.Dims[0] != v.Dims[0] {
				return op.UnsupportedErr("operand %d has a device count, but its rows are not those of the result %v; see Scope.Full", i, *t)
			}
		}
	}
	return nil
}

// uncounted refuses a device count where all rows would be used.
func (c *core) uncounted(name string, t Tensor) {
	if c.err == nil && t.slot.count.Block != nil {
		c.fail(name, t.Type().String(), op.UnsupportedErr("it has a device count, and what is behind the count is not set; see Scope.Full"))
	}
}

// count gives results the device count of their operands, or none: a destination can have had another before.
func (c *core) count(out []Tensor, n op.View) {
	for _, t := range out {
		if t.slot.core != nil && t.slot.count.Block != n.Block {
			c.counted(t.slot, n)
		}
	}
}

// counted attaches a device count in place of the one before.
func (c *core) counted(s *slot, n op.View) {
	hold(n.Block)
	c.unref(s.count.Block)
	s.count = n
}
