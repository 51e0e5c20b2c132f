// Command example_pca moves a gonum program to a tandem.Device: the principal components of Fashion-MNIST, first with
// gonum's own BLAS and then, after one line, with Tandem's.
//
//	apt-get install dataset-fashion-mnist     # Debian's package of the data set, MIT licence
//	go run ./blas/example_pca -n 10000
//
// It prints the share of the variance that each component explains, how far the two answers are apart, and both times.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/blas"
)

func main() {
	images := flag.String("images", fashion, "images in the MNIST format, gzipped")
	n := flag.Int("n", 10000, "how many of the images")
	k := flag.Int("k", 5, "how many components")
	flag.Parse()
	x, err := readImages(*images, *n)
	if err == nil {
		err = compare(os.Stdout, x, *k)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "example_pca:", err)
		os.Exit(1)
	}
}

// compare analyses x twice and reports.
func compare(w io.Writer, x *mat.Dense, k int) error {
	blas64.Use(gonum.Implementation{})
	start := time.Now()
	before, err := analyse(x, k)
	if err != nil {
		return err
	}
	native := time.Since(start)

	dev, err := tandem.Open()
	if err != nil {
		return err
	}
	defer dev.Close()
	impl, err := blas.New(dev)
	if err != nil {
		return err
	}
	blas64.Use(impl) // the one line
	defer blas64.Use(gonum.Implementation{})
	start = time.Now()
	after, err := analyse(x, k)
	if err != nil {
		return err
	}
	ours := time.Since(start)

	rows, cols := x.Dims()
	fmt.Fprintf(w, "%d observations of %d variables, %d components, on %s\n", rows, cols, k, dev.Name())
	for i := range k {
		fmt.Fprintf(w, "  component %d explains %5.2f %%\n", i+1, 100*after.share[i])
	}
	variance, direction, scores := before.distance(after)
	fmt.Fprintf(w, "largest difference: variance %.1e, direction %.1e, scores %.1e\n", variance, direction, scores)
	fmt.Fprintf(w, "gonum  %8.3f s\ntandem %8.3f s\n", native.Seconds(), ours.Seconds())
	return nil
}
