package tandem

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/tandem-compute/tandem/internal/op"
)

// Device is one place where tensors live and ops run: the CPU, a GPU, or a simulated one. It is safe for concurrent
// use. Memory that tensors and scopes give back is kept in a pool for the next; Trim returns it to the system.
type Device struct {
	backend op.Backend
	why     []string
	budget  int

	mu     sync.Mutex
	closed bool
	pool   [classes][]*op.Block // free blocks by size class
	cores  []*core              // idle arenas
	tensor map[*slot]struct{}   // persistent tensors that are open
	progs  map[*Program]struct{}
	epoch  uint64
	active map[*core]uint64 // running arenas, each with the epoch it began in
	limbo  []dying          // closed while somebody ran
	stats  Stats
	trace  *tracer
}

// dying is the memory of a tensor closed in mid-run: it goes back when every run that began before has ended.
type dying struct {
	block *op.Block
	epoch uint64
}

func newDevice(b op.Backend, o *options, why []string) *Device {
	return &Device{backend: b, why: why, budget: o.budget, trace: o.trace, active: map[*core]uint64{}, tensor: map[*slot]struct{}{}, progs: map[*Program]struct{}{}}
}

// Name is like cpu, cuda:0 or sim.
func (d *Device) Name() string { return d.backend.Name() }

// Why tells what was tried when the device was opened, and why this one was chosen.
func (d *Device) Why() string { return strings.Join(d.why, "\n") }

// Close frees all tensors, programs and pooled memory of the device. It waits for nothing: a run in progress keeps
// its memory and Close returns an error. What is still open becomes unusable, not dangerous: its next use says closed.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("tandem: close %s: %w", d.Name(), ErrClosed)
	}
	if len(d.active) > 0 {
		return fmt.Errorf("tandem: close %s: %d runs are still in progress", d.Name(), len(d.active))
	}
	d.closed = true
	var errs []error
	for s := range d.tensor {
		s.gen.Add(1)
		if !s.wrapped {
			d.give(s.view.Block)
		}
	}
	clear(d.tensor)
	for p := range d.progs {
		errs = append(errs, p.free())
	}
	errs = append(errs, d.trim())
	for _, c := range d.cores {
		errs = append(errs, c.stream.Close())
	}
	d.cores = nil
	if d.trace != nil {
		errs = append(errs, d.trace.close())
	}
	return errors.Join(append(errs, d.backend.Close())...)
}

// Trim returns pooled memory to the system.
func (d *Device) Trim() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trim()
}

func (d *Device) trim() error {
	var errs []error
	for i := range d.pool {
		for _, b := range d.pool[i] {
			errs = append(errs, d.drop(b))
		}
		d.pool[i] = nil
	}
	return errors.Join(errs...)
}

// drop returns one block to the backend; d.mu is held.
func (d *Device) drop(b *op.Block) error {
	d.stats.Reserved -= b.Size
	return d.backend.Free(b)
}

// Size classes: four to an octave from 64 bytes on, so that at most a fifth of a block is unused.
const classes = 4*50 + 1

// maxBlock is the most bytes of one block, that of a Program: the size of the last class.
const maxBlock = 1 << 56

func class(size int) int {
	if size <= 64 {
		return 0
	}
	n := uint(size - 1)
	e := bits.Len(n) - 1 // 2^e <= n
	return 4*(e-6) + int(n>>(e-2)&3) + 1
}

// classSize is the largest size of class c.
func classSize(c int) int {
	if c == 0 {
		return 64
	}
	e, q := (c-1)/4+6, (c-1)%4
	return (1<<e + (q+1)<<(e-2))
}

// take and give move blocks between the pool and one holder; d.mu is held.
func (d *Device) take(size int) (*op.Block, error) {
	if d.closed {
		return nil, op.Errorf(ErrClosed, "device %s is closed", d.Name())
	}
	c := class(size)
	if p := d.pool[c]; len(p) > 0 {
		b := p[len(p)-1]
		d.pool[c] = p[:len(p)-1]
		d.stats.PoolHits++
		d.use(b.Size)
		return b, nil
	}
	want := classSize(c)
	if d.budget > 0 && d.stats.Reserved+want > d.budget {
		if err := d.trim(); err != nil {
			return nil, err
		}
	}
	if d.budget > 0 && d.stats.Reserved+want > d.budget {
		return nil, d.exhausted(size, nil)
	}
	b, err := d.backend.Alloc(want)
	if err != nil {
		if err := d.trim(); err != nil {
			return nil, err
		}
		if b, err = d.backend.Alloc(want); err != nil {
			return nil, d.exhausted(size, err)
		}
	}
	b.Size = want
	d.stats.Reserved += want
	d.stats.PoolMisses++
	d.use(want)
	return b, nil
}

func (d *Device) use(size int) {
	d.stats.Live += size
	d.stats.Peak = max(d.stats.Peak, d.stats.Live)
}

func (d *Device) give(b *op.Block) {
	b.Shared, b.Refs = false, 0
	d.stats.Live -= b.Size
	c := class(b.Size)
	d.pool[c] = append(d.pool[c], b)
}

// exhausted is the error for a block that does not fit, with a table of what takes the room.
func (d *Device) exhausted(size int, cause error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes wanted, %d live", size, d.stats.Live)
	if d.budget > 0 {
		fmt.Fprintf(&b, ", budget %d", d.budget)
	}
	if cause != nil {
		fmt.Fprintf(&b, ": %v", cause)
	}
	var open []*slot
	held := d.stats.Live
	for s := range d.tensor {
		if !s.wrapped {
			open = append(open, s)
			held -= s.view.Block.Size
		}
	}
	slices.SortFunc(open, func(a, b *slot) int { return b.view.Block.Size - a.view.Block.Size })
	for i, s := range open {
		if i == 10 {
			fmt.Fprintf(&b, "\n  and %d more tensors", len(open)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %12d bytes  %v", s.view.Block.Size, s.view.Type)
	}
	fmt.Fprintf(&b, "\n  %12d bytes  temporaries and programs", held)
	return op.Errorf(ErrOutOfMemory, "%s", b.String())
}

// begin lends an arena to a run.
func (d *Device) begin(ctx context.Context) (*core, error) {
	if d == nil {
		return nil, fmt.Errorf("tandem: run: %w", errNoDevice)
	}
	if ctx == nil {
		return nil, fmt.Errorf("tandem: run on %s: the context is nil: %w", d.Name(), ErrScope)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("tandem: run: device %s is closed: %w", d.Name(), ErrClosed)
	}
	var c *core
	if n := len(d.cores); n > 0 {
		c, d.cores = d.cores[n-1], d.cores[:n-1]
	} else {
		s, err := d.backend.Stream()
		if err != nil {
			return nil, fmt.Errorf("tandem: run: %w (%s)", err, d.Name())
		}
		c = newCore(d, s)
	}
	c.start(ctx)
	d.active[c] = d.epoch
	return c, nil
}

// end waits for the work of an arena, after an error too, for it uses memory that others get next. Then it takes back
// the arena, its blocks, and whatever was closed before the oldest arena still running began.
func (d *Device) end(c *core) error {
	err := c.sync()
	c.reset()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.active, c)
	c.returnFree()
	d.stats.add(&c.stats)
	c.stats = Stats{}
	d.cores = append(d.cores, c)
	oldest := d.epoch + 1
	for _, e := range d.active {
		oldest = min(oldest, e)
	}
	keep := d.limbo[:0]
	for _, l := range d.limbo {
		if l.epoch < oldest {
			d.give(l.block)
		} else {
			keep = append(keep, l)
		}
	}
	d.limbo = keep
	return err
}

// retireBlock gives back the memory of a tensor or program that was closed, when no run can still use it; d.mu is held.
func (d *Device) retireBlock(b *op.Block) {
	if len(d.active) == 0 {
		d.give(b)
		return
	}
	d.limbo = append(d.limbo, dying{b, d.epoch})
	d.epoch++
}

// Run calls f with a scope whose temporaries end with it. It returns the scope's first error, else f's; work that was
// enqueued has ended by then. When ctx ends, ops that have not begun fail with its error, and long ones stop.
func (d *Device) Run(ctx context.Context, f func(*Scope) error) (err error) {
	if f == nil {
		return fmt.Errorf("tandem: run: %w", errNoFunc)
	}
	c, err := d.begin(ctx)
	if err != nil {
		return err
	}
	defer c.finish(&err)
	return c.call(f)
}

// finish ends the run of an arena; an error of work still under way counts if err is nil.
func (c *core) finish(err *error) {
	if late := c.dev.end(c); *err == nil {
		*err = late
	}
}

// call runs f on the root scope and reports the sticky error first.
func (c *core) call(f func(*Scope) error) error {
	err := f(&c.root)
	switch {
	case c.err != nil:
		return c.err
	case err != nil:
		return err
	case c.pending != 0:
		return fmt.Errorf("tandem: a scope from Into was never used: %w", ErrScope)
	}
	return nil
}

// sync waits for the stream and gives its error a device.
func (c *core) sync() error {
	if err := c.stream.Sync(); err != nil {
		return &OpError{Op: "sync", Device: c.dev.Name(), Err: err}
	}
	return nil
}
