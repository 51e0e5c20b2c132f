//go:build cuda && cgo && linux

package gpu

import (
	"fmt"
	"math"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/op"
)

// perSize is one kernel for each element size of 1, 2, 4 and 8 bytes, by the size.
type perSize [9]*symbol

// sizes makes a symbol for each size; %d in the pattern is its bits.
func sizes(family, pattern string) (p perSize) {
	for _, size := range []int{1, 2, 4, 8} {
		p[size] = entry(family, fmt.Sprintf(pattern, 8*size))
	}
	return p
}

var (
	fills        = sizes("convert", "fill_b%d")
	copyStrideds = sizes("convert", "copy_strided_b%d")
	transposes   = sizes("convert", "transpose_b%d")
	iotas        = entries("convert", "iota_%v", numbers...)
	casts        = castSymbols()
)

func castSymbols() (from [op.Bool + 1]perType) {
	for _, d := range op.DTypes {
		from[d] = entries("convert", "cast_"+d.String()+"_%v", op.DTypes...)
	}
	return from
}

func pickFill(p *op.Fill, _, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(fill)
}

func fill(st op.Stream, n *op.Node) error {
	return st.(*stream).fill(&n.Out[0], n.Op.(*op.Fill).Value)
}

// fill sets every element of a contiguous view.
func (s *stream) fill(y *op.View, value float64) error {
	count := y.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(fills[y.DType.Size()], s.flat(count), threads, at(y), uint64(count), element(value, y.DType))
}

func pickIota(p *op.Iota, _, out []op.Type) (op.Kernel, error) {
	if err := contiguous(out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(arange)
}

func arange(st op.Stream, n *op.Node) error {
	s, p, y := st.(*stream), n.Op.(*op.Iota), &n.Out[0]
	count := y.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(iotas[y.DType], s.flat(count), threads, at(y), uint64(count), math.Float64bits(p.Start), math.Float64bits(p.Step))
}

// pickCopy takes any strides.
func pickCopy(p *op.Copy, in, out []op.Type) (op.Kernel, error) {
	if contiguous(in, out) != nil {
		if err := indexed(p, in[0].Elems()); err != nil {
			return op.Kernel{}, err
		}
	}
	return kernel(copyElements)
}

func copyElements(st op.Stream, n *op.Node) error {
	y, x := &n.Out[0], &n.In[0]
	return st.(*stream).move(at(y), &y.Type, at(x), &x.Type)
}

// smallestTile is the side from which on a transposition goes through shared memory.
const smallestTile = 16

// move copies elements between layouts of one shape and dtype.
func (s *stream) move(to uint64, y *op.Type, from uint64, x *op.Type) error {
	count, size := x.Elems(), x.DType.Size()
	if count == 0 {
		return nil
	}
	loop := axesOf(y, y, x)
	if loop.contiguous() {
		return s.fail("cuMemcpyDtoDAsync", cu.MemcpyDtoDAsync(cu.DevicePtr(to), cu.DevicePtr(from), int64(count*size), s.queue))
	}
	if done, err := s.transpose(&loop, to, from, size); done {
		return err
	}
	layout, err := s.address(&loop)
	if err != nil {
		return err
	}
	return s.launch(copyStrideds[size], s.flat(count), threads, to, from, uint64(count), layout)
}

// transpose copies if the loop is over matrices that one side has by rows and the other by columns.
func (s *stream) transpose(x *axes, to, from uint64, size int) (done bool, err error) {
	row, col, batch := x.rank-2, x.rank-1, 1 // of the output
	if x.rank < 2 || x.rank > 3 || x.stride[0][col] != 1 || x.stride[1][row] != 1 || min(x.size[row], x.size[col]) < smallestTile {
		return false, nil
	}
	var toBatch, fromBatch int
	if x.rank == 3 {
		batch, toBatch, fromBatch = x.size[0], x.stride[0][0], x.stride[1][0]
	}
	cols, rows := x.size[row], x.size[col] // of the input
	grid := dim{ceil(cols, 32), ceil(rows, 32), batch}
	if grid[1] > maxGridYZ || batch > maxGridYZ {
		return false, nil
	}
	return true, s.launch(transposes[size], grid, dim{32, 8, 1}, to, from, uint64(rows), uint64(cols),
		uint64(x.stride[0][row]), uint64(x.stride[1][col]), uint64(toBatch), uint64(fromBatch))
}

func pickCast(p *op.Cast, in, out []op.Type) (op.Kernel, error) {
	if err := contiguous(in, out); err != nil {
		return op.Kernel{}, err
	}
	return kernel(cast)
}

func cast(st op.Stream, n *op.Node) error {
	s, x, y := st.(*stream), &n.In[0], &n.Out[0]
	count := x.Elems()
	if count == 0 {
		return nil
	}
	return s.launch(casts[x.DType][y.DType], s.flat(count), threads, at(y), at(x), uint64(count))
}
