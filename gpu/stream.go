//go:build cuda && cgo && linux

package gpu

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/cuda"
	"github.com/tandem-compute/tandem/internal/op"
)

// stream is a CUDA stream that no other stream waits for.
type stream struct {
	*Backend
	queue   cu.Stream
	words   [maxWords]uint64 // the parameters of the launch in progress
	staging staging
	own     layouts
	layouts *layouts // own, or a graph's while it is captured
}

const maxWords = 40

func (b *Backend) Stream() (op.Stream, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := b.bind(); err != nil {
		return nil, err
	}
	q, err := cu.MakeStream(cu.NonBlocking)
	if err != nil {
		return nil, b.fail("cuStreamCreate", err)
	}
	s := &stream{Backend: b, queue: q}
	s.layouts = &s.own
	return s, nil
}

// Begin has nothing to remember: a kernel on its way cannot be stopped, and between ops the caller looks at its context.
func (s *stream) Begin(context.Context) {}

func (s *stream) Exec(n *op.Node) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.bind(); err != nil {
		return err
	}
	return n.Kernel.Run(s, n)
}

// Sync waits for everything enqueued and returns the error of what failed meanwhile.
func (s *stream) Sync() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.bind(); err != nil {
		return err
	}
	return s.wait()
}

func (s *stream) wait() error { return s.fail("cuStreamSynchronize", s.queue.Synchronize()) }

// Close waits for the stream's work and frees what the stream owns, whatever fails on the way.
func (s *stream) Close() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.bind(); err != nil {
		return err
	}
	return errors.Join(s.wait(), s.staging.free(s.Backend), s.own.free(s.Backend), s.fail("cuStreamDestroy", s.queue.Destroy()))
}

// dim is the size of a grid or block.
type dim = [3]int

// threads is the block of all kernels that do not say otherwise.
var threads = dim{256, 1, 1}

// maxGridYZ is the most blocks that a grid has along y and z. Tests lower it to see launches cut in pieces.
var maxGridYZ = 1<<16 - 1

// launch enqueues a kernel. The context is current. A parameter is a word: an address, or a scalar in its low bytes.
func (s *stream) launch(k *symbol, grid, block dim, words ...uint64) error {
	f, err := s.function(k)
	if err != nil {
		return err
	}
	n := copy(s.words[:], words)
	if err := cuda.Launch(f, cuda.Shape{Grid: grid, Block: block}, s.queue, s.words[:n]); err != nil {
		return fmt.Errorf("kernel %s: %w", k.name, s.fail("cuLaunchKernel", err))
	}
	return nil
}

// flat is the grid of kernels whose threads stride over n elements, four at a time: enough blocks to fill the device.
func (s *stream) flat(n int) dim { return dim{min(ceil(n, 1024), 8*s.sms), 1, 1} }

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// at is the address of a view's first element; an empty view may have no block.
func at(v *op.View) uint64 {
	if v.Block == nil {
		return 0
	}
	return v.Block.Addr + uint64(v.Off)
}
