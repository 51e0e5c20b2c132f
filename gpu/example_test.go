//go:build cuda && cgo && linux

package gpu_test

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tandem-compute/tandem/gpu"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/sim"
)

// With the simulator as the driver, the kernels run where there is no GPU.
func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output: [5 7 9]
}

func example() error {
	if err := sim.Install(sim.Config{}); err != nil {
		return err
	}
	defer sim.Uninstall()
	b, _, err := gpu.Open(0, gpu.Options{Name: "sim", Explain: sim.Faulted})
	if err != nil {
		return err
	}
	defer b.Close()
	s, err := b.Stream()
	if err != nil {
		return err
	}
	defer s.Close()
	t := op.Make(op.F32, 3)
	x, err := b.Alloc(t.Bytes())
	if err != nil {
		return err
	}
	defer b.Free(x)

	v, n := op.View{Type: t, Block: x}, new(op.Node)
	n.Set(&op.Iota{N: 3, DType: op.F32, Start: 5, Step: 2}, 0, 1)
	n.Out[0] = v
	if n.Kernel, err = b.Supports(n.Op, nil, []op.Type{t}); err != nil {
		return err
	}
	if err := s.Exec(n); err != nil {
		return err
	}
	bits := make([]byte, t.Bytes())
	if err := s.Download(bits, &v); err != nil {
		return err
	}
	var y [3]float32
	for i := range y {
		y[i] = math.Float32frombits(binary.LittleEndian.Uint32(bits[4*i:]))
	}
	fmt.Println(y)
	return nil
}
