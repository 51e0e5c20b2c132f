package blas_test

import (
	"fmt"
	"log"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/blas"
)

// One line moves a gonum program.
func Example() {
	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	impl, err := blas.New(dev)
	if err != nil {
		log.Fatal(err)
	}
	blas64.Use(impl)
	defer blas64.Use(gonum.Implementation{})

	ones := mat.NewDense(200, 300, nil)
	ones.Apply(func(_, _ int, _ float64) float64 { return 1 }, ones)
	var product mat.Dense
	product.Mul(ones, ones.T())
	fmt.Println(product.At(0, 0), product.At(199, 199))
	// Output: 300 300
}

// A matrix of gonum as a tensor, without a copy on a host device.
func ExampleFromDense() {
	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	m := mat.NewDense(2, 2, []float64{1, 2, 3, 4})
	x, err := blas.FromDense(dev, m)
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	err = tandem.Write(x, []float64{5, 6, 7, 8})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mat.Formatted(m))
	// Output:
	// ⎡5  6⎤
	// ⎣7  8⎦
}
