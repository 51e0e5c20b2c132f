package tandem_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/tandem-compute/tandem"
)

// open is what every example begins with; on a machine with a GPU it could as well be tandem.Open().
func open() *tandem.Device {
	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	return dev
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func Example() {
	dev := open()
	defer dev.Close()
	a := must(tandem.FromSlice(dev, []float32{1, 2, 3, 4}, 2, 2))
	b := must(tandem.FromSlice(dev, []float32{5, 6, 7, 8}, 2, 2))
	out := make([]float32, 4)
	err := dev.Run(context.Background(), func(s *tandem.Scope) error {
		return tandem.Read(s, s.MatMul(a, b), out)
	})
	fmt.Println(out, err)
	// Output: [19 22 43 50] <nil>
}

func ExampleDevice_Compile() {
	dev := open()
	defer dev.Close()
	x := must(tandem.FromSlice(dev, []float32{1, 2, 3}, 3))
	total := must(tandem.Zeros(dev, tandem.F32, 3))
	out := make([]float32, 3)
	step, err := dev.Compile(func(s *tandem.Scope) error {
		s.Into(total).Add(total, s.Mul(x, x))
		return tandem.Read(s, total, out)
	})
	if err != nil {
		log.Fatal(err)
	}
	defer step.Close()
	for range 3 {
		if err := step.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(out, step.Price().Nodes, "nodes")
	// Output: [3 12 27] 3 nodes
}

func ExampleScope_Backward() {
	dev := open()
	defer dev.Close()
	w := must(tandem.FromSlice(dev, []float32{1, -1}, 2))
	lr := must(tandem.FromSlice(dev, []float32{0.25}, 1))
	descend := must(dev.Compile(func(s *tandem.Scope) error {
		s.Record(w)
		loss := s.Sum(s.Square(s.SubScalar(w, 3))) // least at 3
		s.Backward(loss, func(p, grad tandem.Tensor) { s.Into(p).SubScaled(p, grad, lr) })
		return nil
	}))
	defer descend.Close()
	for range 3 {
		if err := descend.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(must(tandem.ReadAll[float32](w)))
	// Output: [2.75 2.5]
}

func ExampleOpError() {
	dev := open()
	defer dev.Close()
	a := must(tandem.Zeros(dev, tandem.F32, 128, 64))
	b := must(tandem.Zeros(dev, tandem.F32, 32, 256))
	err := dev.Run(context.Background(), func(s *tandem.Scope) error {
		y := s.MatMul(a, b)
		s.Softmax(y) // does nothing any more
		return nil
	})
	fmt.Println(err)
	var oe *tandem.OpError
	fmt.Println(errors.As(err, &oe) && oe.Op == "matmul", errors.Is(err, tandem.ErrShape))
	// Output:
	// tandem: matmul: a is f32[128,64], b is f32[32,256]: inner dimensions 64 and 32 differ (cpu)
	// true true
}

func ExampleOpenNull() {
	dev := must(tandem.OpenNull())
	defer dev.Close()
	x := must(tandem.Empty(dev, tandem.BF16, 1, 8192))
	w := must(tandem.Empty(dev, tandem.BF16, 8192, 28672))
	p := must(dev.Compile(func(s *tandem.Scope) error { s.SiLU(s.MatMul(x, w)); return nil }))
	defer p.Close()
	h100 := tandem.Machine{FlopsPerSec: 990e12, BytesPerSec: 3.35e12}
	fmt.Printf("%d nodes, at least %.0f µs\n", p.Price().Nodes, 1e6*p.Price().Seconds(h100))
	// Output: 2 nodes, at least 140 µs
}

func ExampleCustomOp() {
	dev := open()
	defer dev.Close()
	cube := &tandem.CustomOp{
		Name:  "cube",
		Shape: func(in []tandem.Type) ([]tandem.Type, error) { return in[:1], nil },
		Run: func(in, out []tandem.HostView) error {
			x, err := tandem.Slice[float32](in[0])
			if err != nil {
				return err
			}
			y, err := tandem.Slice[float32](out[0])
			for i := range y {
				y[i] = x[i] * x[i] * x[i]
			}
			return err
		},
		Gradient: func(g *tandem.Grad) { g.To(0, g.Mul(g.D(0), g.MulScalar(g.Square(g.In(0)), 3))) },
	}
	x := must(tandem.FromSlice(dev, []float32{1, 2}, 2))
	var grad [2]float32
	err := dev.Run(context.Background(), func(s *tandem.Scope) error {
		s.Record(x)
		return tandem.Read(s, s.Gradients(s.Sum(s.Do(cube, x)), x)[0], grad[:])
	})
	fmt.Println(grad, err)
	// Output: [3 12] <nil>
}

func ExampleGroup() {
	a, b := open(), open()
	defer a.Close()
	defer b.Close()
	group := must(tandem.NewGroup(a, b))
	x := must(tandem.FromSlice(a, []float32{1, 2}, 2))
	y := must(tandem.FromSlice(b, []float32{3, 4}, 2))
	err := group.AllReduce(context.Background(), tandem.SumOfRanks, x, y)
	fmt.Println(must(tandem.ReadAll[float32](x)), must(tandem.ReadAll[float32](y)), err)
	// Output: [4 6] [4 6] <nil>
}
