package main

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"gonum.org/v1/gonum/mat"
)

// fashion is where Debian's dataset-fashion-mnist puts the test images.
const fashion = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"

// readImages reads the first n images of a gzipped file in the MNIST format, one to a row, with pixels from 0 to 1.
func readImages(path string, n int) (*mat.Dense, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x, err := decode(z, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func decode(r io.Reader, n int) (*mat.Dense, error) {
	var head struct{ Magic, Images, Rows, Cols uint32 }
	if err := binary.Read(r, binary.BigEndian, &head); err != nil {
		return nil, err
	}
	const unsignedBytes3D, most = 0x803, 1 << 12
	switch {
	case head.Magic != unsignedBytes3D:
		return nil, fmt.Errorf("the magic number is %#x, that of images %#x", head.Magic, unsignedBytes3D)
	case head.Rows == 0 || head.Rows > most || head.Cols == 0 || head.Cols > most:
		return nil, fmt.Errorf("images of %d by %d pixels", head.Rows, head.Cols)
	case n < 1 || n > int(head.Images):
		return nil, fmt.Errorf("%d images wanted, it holds %d", n, head.Images)
	}
	pixels := int(head.Rows * head.Cols)
	x, row := mat.NewDense(n, pixels, nil), make([]byte, pixels)
	for i := range n {
		if _, err := io.ReadFull(r, row); err != nil {
			return nil, err
		}
		for j, p := range row {
			x.Set(i, j, float64(p)/255)
		}
	}
	return x, nil
}
