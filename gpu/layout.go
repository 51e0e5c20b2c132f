//go:build cuda && cgo && linux

package gpu

import (
	"errors"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/op"
)

// axes are the dimensions of a loop over several operands at once, outermost first, merged wherever all of them allow.
type axes struct {
	rank   int
	size   [op.MaxRank]int
	stride [4][op.MaxRank]int // of each operand, in elements
	n      int                // operands
}

// axesOf is the loop over a shape and the operands that broadcast to it. A nil operand does not move.
func axesOf(shape *op.Type, operands ...*op.Type) (x axes) {
	x.n = len(operands)
	var strides [4][op.MaxRank]int
	for k, t := range operands {
		if t != nil {
			strides[k] = t.StridesIn(shape)
		}
	}
	for d, size := range shape.Dims[:shape.Rank] {
		if size != 1 {
			x.add(size, &strides, d)
		}
	}
	if x.rank == 0 {
		x.rank, x.size[0] = 1, 1
	}
	return x
}

// add puts dimension d inside the others, into the last one if every operand walks through both in equal steps.
func (x *axes) add(size int, strides *[4][op.MaxRank]int, d int) {
	last := x.rank - 1
	merge := last >= 0
	for k := range x.n {
		merge = merge && x.stride[k][last] == strides[k][d]*size
	}
	if !merge {
		last++
		x.rank, x.size[last] = x.rank+1, 1
	}
	x.size[last] *= size
	for k := range x.n {
		x.stride[k][last] = strides[k][d]
	}
}

// contiguous reports whether every operand is read front to back.
func (x *axes) contiguous() bool {
	for k := range x.n {
		if x.size[0] != 1 && x.stride[k][0] != 1 {
			return false
		}
	}
	return x.rank == 1
}

// layout is a loop as kernels read it; kernels/elementwise.cuh has the same structure. Axes count from the end. Kernels
// of fewer operands read fewer strides.
type layout struct {
	rank   uint32
	size   [op.MaxRank]uint32
	_      uint32
	stride [4][op.MaxRank]int64
}

const layoutSize = int(unsafe.Sizeof(layout{}))

func (x *axes) layout() (l layout) {
	first := op.MaxRank - x.rank
	l.rank = uint32(x.rank)
	for d := range x.rank {
		l.size[first+d] = uint32(x.size[d])
		for k := range x.n {
			l.stride[k][first+d] = int64(x.stride[k][d])
		}
	}
	return l
}

// layouts keeps layouts in device memory, so that a loop which was met before costs a look-up. A stream forgets all of
// them when its slab is full; a graph, which refers to them by address, takes as many slabs as it needs.
type layouts struct {
	known map[layout]uint64
	slabs []uint64
	used  int // places of the last slab
}

const (
	placeSize = 256 // of a layout, aligned
	places    = 256 // in a slab
)

func (l *layouts) free(b *Backend) error {
	var errs []error
	for _, slab := range l.slabs {
		errs = append(errs, b.fail("cuMemFree", cu.MemFree(cu.DevicePtr(slab))))
	}
	*l = layouts{}
	return errors.Join(errs...)
}

// address is where in device memory the layout of a loop lies; 0 stands for contiguous operands.
func (s *stream) address(x *axes) (uint64, error) {
	if x.contiguous() {
		return 0, nil
	}
	l, key := s.layouts, x.layout()
	if a, ok := l.known[key]; ok {
		return a, nil
	}
	a, err := s.place()
	if err != nil {
		return 0, err
	}
	if err := s.put(a, unsafe.Slice((*byte)(unsafe.Pointer(&key)), layoutSize)); err != nil {
		return 0, err
	}
	l.known[key], l.used = a, l.used+1
	return a, nil
}

// place is free room for one layout.
func (s *stream) place() (uint64, error) {
	l := s.layouts
	switch {
	case len(l.slabs) == 0 || l.used == places && l != &s.own:
		p, err := cu.MemAlloc(places * placeSize)
		if err != nil {
			return 0, s.fail("cuMemAlloc", err)
		}
		l.slabs, l.used = append(l.slabs, uint64(p)), 0
		if l.known == nil {
			l.known = map[layout]uint64{}
		}
	case l.used == places: // kernels under way may read what is to be overwritten
		if err := s.wait(); err != nil {
			return 0, err
		}
		clear(l.known)
		l.used = 0
	}
	return l.slabs[len(l.slabs)-1] + uint64(l.used*placeSize), nil
}
